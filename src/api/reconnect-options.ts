/**
 * What an application tells a `Reconnection`: options, handlers, and the clock that tests replace. What they do is reconnect-run.ts.
 */

import type { Backoff } from './backoff.ts';
import { type ConnectOptions, connectOptionNames } from './client.ts';
import type { CloseInfo } from './close-info.ts';
import type { ConnectionHandlers } from './handlers.ts';
import { checkOptions, type OptionNames } from './option-names.ts';

/** Time, as `Reconnection` needs it: for tests. */
export interface ReconnectClock {
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Milliseconds since any moment. @default `performance.now` */
  elapsed?(): number;
}

/** Why another attempt is due: a connection was closed, by either end, or an attempt failed. */
export type ReconnectCause =
  | { readonly kind: 'closed'; readonly info: CloseInfo }
  | { readonly kind: 'failed'; readonly error: Error };

/** What an application is notified of: `open` and `close` once for each connection. */
export interface ReconnectHandlers<Data = undefined> extends ConnectionHandlers<Data> {
  /**
   * An attempt failed, and another follows.
   * @param retries how many have failed since the last connection
   * @param wait milliseconds until the next one
   */
  failed?(error: Error, retries: number, wait: number): unknown;
  /** There will be no further attempt, because `shouldReconnect` said so. */
  ended?(cause: ReconnectCause): unknown;
}

/** What one attempt uses. */
export type AttemptOptions<Data = undefined> = Omit<ConnectOptions<Data>, 'handlers' | 'signal' | 'socket'>;

export interface ReconnectOptions<Data = undefined> {
  readonly handlers?: ReconnectHandlers<Data> | undefined;
  /** Options for `connect`, or a function that makes them for each attempt: with a new token, for example. */
  readonly connect?:
    | (AttemptOptions<Data> | (() => AttemptOptions<Data> | PromiseLike<AttemptOptions<Data>>))
    | undefined;
  /** How long to wait; a function is called each time. */
  readonly backoff?: (Backoff | (() => Backoff)) | undefined;
  /**
   * Called when a connection is closed, by either end, or an attempt failed; and again when the wait is over.
   * @param cause `{ kind: 'closed', info }` with the `CloseInfo`, or `{ kind: 'failed', error }`
   * @param retries failed attempts since the last connection, this one included
   * @default always, but not after a TypeError, a RangeError, or the HandshakeError of a URL: these can only fail again
   */
  shouldReconnect?(cause: ReconnectCause, retries: number): boolean;
  /** Whether the first attempt is repeated too; otherwise its failure is the end. @default true */
  readonly retryFirst?: boolean | undefined;
  /** Bytes that may wait to be sent while there is no connection. @default 1048576 */
  readonly maxQueued?: number | undefined;
  /** Whether the process may end while this waits or is connected. @default false */
  readonly unref?: boolean | undefined;
  /** For tests. @default the process's own */
  readonly clock?: ReconnectClock | undefined;
  /** For tests: 0 up to, but not including, 1. @default a CSPRNG */
  readonly random?: (() => number) | undefined;
  /** For tests. @default `connect` */
  readonly dial?: ((url: string | URL, options: ConnectOptions<Data>) => Promise<unknown>) | undefined;
}

export const reconnectOptionNames: OptionNames<ReconnectOptions> = {
  handlers: true,
  connect: true,
  backoff: true,
  shouldReconnect: true,
  retryFirst: true,
  maxQueued: true,
  unref: true,
  clock: true,
  random: true,
  dial: true,
};

// What `connect` takes, and an attempt does not.
const { handlers, signal, ...attemptOptionNames } = connectOptionNames;
const attemptPlaces: ReadonlyMap<string, string> = new Map([
  ['handlers', 'put it beside connect'],
  ['signal', 'call stop()'],
]);

/** @throws {TypeError} for options of `connect` that would be ignored */
export function checkAttempt(options: AttemptOptions<unknown>): void {
  checkOptions('connect', options, attemptOptionNames, attemptPlaces);
}

/** The URL to connect to; a function is called before each attempt. */
export type ReconnectUrl = string | URL | (() => string | URL | PromiseLike<string | URL>);
