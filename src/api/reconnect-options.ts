/** Defines and checks the options and handlers of a `Reconnection`, and the clock that tests can replace. */

import { type Backoff, backoffSpecs, readBackoff } from './backoff.ts';
import { type ConnectOptions, connectSpecs } from './connect-options.ts';
import type { ConnectionHandlers } from './handlers.ts';
import { checkHandlers, checkOptions } from './option-names.ts';
import { callback, custom, flag, limit, type SpecsOf, type ValuesOf } from './option-spec.ts';
import type { ReconnectCause } from './reconnect-cause.ts';

/** The clock of a `Reconnection`. Tests can pass their own clock. */
export interface ReconnectClock {
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Milliseconds since any fixed moment. @default `performance.now` */
  elapsed?(): number;
}

/** The handlers of the application. `open` and `close` are called once for each connection. */
export interface ReconnectHandlers<Data = undefined, Text extends string | Buffer = string>
  extends ConnectionHandlers<Data, Text> {
  /**
   * Called when an attempt failed and another attempt follows.
   * @param retries the number of attempts that have failed since the last connection
   * @param wait milliseconds until the next attempt
   */
  failed?(error: Error, retries: number, wait: number): unknown;
  /** Called when no further attempt follows: `shouldReconnect` did not return true. */
  ended?(cause: ReconnectCause): unknown;
}

type SocketMaker = Extract<ConnectOptions['socket'], (...target: never[]) => unknown>;

/**
 * The `connect` options for one attempt. `socket` is a function, since a socket serves one connection only. With `text: 'bytes'` a text
 * message is a Buffer, so `Text` must include Buffer.
 */
export type AttemptOptions<Data = undefined, Text extends string | Buffer = string> = Omit<
  ConnectOptions<Data>,
  'handlers' | 'signal' | 'socket' | 'text'
> & {
  readonly socket?: SocketMaker | undefined;
  readonly text?: 'string' | (Buffer extends Text ? 'bytes' : never) | undefined;
};

/**
 * Options for `connect`, or a function that returns them. The function is called before each attempt, and can supply a new token, for
 * example.
 */
export type AttemptSource<Data = undefined, Text extends string | Buffer = string> =
  | AttemptOptions<Data, Text>
  | (() => AttemptOptions<Data, Text> | PromiseLike<AttemptOptions<Data, Text>>);

/**
 * The options of a `Reconnection`. The option `connect` supplies the `data` of each connection, so it is required if `Data` does not
 * include undefined.
 */
export type ReconnectOptions<Data = undefined, Text extends string | Buffer = string> = ReconnectSettings<
  Data,
  Text
> &
  (undefined extends Data ? unknown : { readonly connect: AttemptSource<Data, Text> });

export interface ReconnectSettings<Data = undefined, Text extends string | Buffer = string> {
  /** The handlers for the events of all connections, and the handlers `failed` and `ended`. */
  readonly handlers?: ReconnectHandlers<Data, Text> | undefined;
  /** The `connect` options for each attempt, or a function that returns them. */
  readonly connect?: AttemptSource<Data, Text> | undefined;
  /** The times to wait, or a function that returns them. The function is called before each wait. */
  readonly backoff?: (Backoff | (() => Backoff)) | undefined;
  /**
   * Returns true to make another attempt. Called when a connection was closed or an attempt failed. Called again after the wait, right
   * before the next attempt.
   * @param cause `{ kind: 'closed', info }` with the `CloseInfo`, or `{ kind: 'failed', error }`
   * @param retries the number of failed attempts since the last connection, including this attempt
   * @default always, but not after invalid options or an invalid URL
   */
  readonly shouldReconnect?: ((cause: ReconnectCause, retries: number) => boolean) | undefined;
  /**
   * Whether the client tries again if the first attempt fails. If false, the reconnection ends when the first attempt fails. @default true
   */
  readonly retryFirst?: boolean | undefined;
  /** The number of bytes that may wait to be sent while there is no connection. @default 1 MiB */
  readonly maxQueued?: number | undefined;
  /** True: the process may end while the `Reconnection` waits or is connected. @default false */
  readonly unref?: boolean | undefined;
  /** A clock for tests. @default the clock of the process */
  readonly clock?: ReconnectClock | undefined;
  /** For tests: returns a number from 0 up to, but not including, 1. @default a CSPRNG */
  readonly random?: (() => number) | undefined;
  /** For tests: makes the connections. @default `connect` */
  readonly dial?: ((url: string | URL, options: ConnectOptions<Data>) => Promise<unknown>) | undefined;
}

// The options of `connect` that are not options of an attempt.
const { handlers, signal, ...attemptOptionNames } = connectSpecs;
const attemptPlaces: ReadonlyMap<string, string> = new Map([
  ['handlers', 'put it beside connect'],
  ['signal', 'call stop()'],
]);

/**
 * Checks the `connect` options of an attempt.
 * @throws {TypeError} for options that an attempt does not have, and for a `socket` that is not a function
 */
export function checkAttempt(options: AttemptOptions<unknown, string | Buffer>): void {
  checkOptions('connect', options, attemptOptionNames, attemptPlaces);
  const { socket } = options;
  if (socket === undefined || typeof socket === 'function') return;
  throw new TypeError(
    'connect.socket has to be a function that makes a socket: each attempt needs one of its own',
  );
}

type ReconnectValues = ValuesOf<
  ReconnectSettings<unknown, string | Buffer>,
  Exclude<keyof ReconnectSettings, 'retryFirst' | 'maxQueued' | 'unref'>
>;

export const reconnectSpecs: SpecsOf<ReconnectSettings<unknown, string | Buffer>, ReconnectValues> = {
  handlers: custom<ReconnectHandlers<unknown, string | Buffer>>(
    'an object',
    {
      text: 'The handlers for the events of all connections. `ReconnectHandlers` has [those of a connection](api.md#handlers) and two more: `failed(error, retries, wait)` is called when an attempt has failed and another attempt follows in `wait` ms, and `ended(cause)` is called when no other attempt follows.',
    },
    (value) => checkHandlers(value as object),
  ),
  connect: custom<AttemptSource<unknown, string | Buffer>>(
    'an object, or a function',
    {
      text: '`AttemptOptions`: the options of `connect` except `handlers` and `signal`. `socket` has to be a function, which is called for each attempt. The value may also be a function that returns `AttemptOptions`; it is called before each attempt. TypeScript requires this option, with `data`, if `Data` does not include undefined.',
    },
    (value) => {
      if (typeof value !== 'function') checkAttempt(value as AttemptOptions<unknown, string | Buffer>);
    },
  ),
  backoff: custom<Backoff | (() => Backoff)>(
    'an object, or a function',
    {
      text: 'How long to wait before an attempt: a `Backoff`, or a function that returns a `Backoff` and is called before each wait.',
      members: backoffSpecs,
    },
    (value) => {
      if (typeof value !== 'function') readBackoff(value as Backoff);
    },
  ),
  shouldReconnect: callback<NonNullable<ReconnectSettings['shouldReconnect']>>(
    '(cause, retries) => boolean',
    {
      defaultText: 'always, but not after invalid options or an invalid URL',
      text: "Says whether to try again. Called when a connection was closed or an attempt has failed, and again when the wait is over. Another attempt follows only if the result is exactly `true`. The cause, a `ReconnectCause`, is `{ kind: 'closed', info }` with the `CloseInfo`, or `{ kind: 'failed', error }`. By default, only a `TypeError`, a `RangeError` or an invalid URL ends the attempts, since the next attempt would fail in the same way.",
    },
  ),
  retryFirst: flag({
    default: true,
    text: 'Whether another attempt follows if the first attempt fails. With `false`, a failure of the first attempt ends the reconnection: `start()` rejects, and no event is reported.',
  }),
  maxQueued: limit('bytes', {
    default: 1_048_576,
    text: 'How many bytes of messages may wait while there is no connection. Each message counts with its size and 128 bytes more.',
  }),
  unref: flag({
    default: false,
    text: 'Whether the process may end while the `Reconnection` waits or is connected.',
  }),
  clock: custom<ReconnectClock>('a `ReconnectClock`', {
    defaultText: 'the clock of the process',
    text: 'For tests: a clock with `setTimeout`, `clearTimeout` and `elapsed`.',
  }),
  random: callback<() => number>('() => number', {
    defaultText: 'a CSPRNG',
    text: 'For tests: returns a number from 0 up to, but not including, 1.',
  }),
  dial: callback<NonNullable<ReconnectSettings<unknown>['dial']>>('(url, options) => Promise', {
    defaultText: '`connect`',
    text: 'For tests: makes the connections.',
  }),
};

/** The URL to connect to, or a function that returns it. The function is called before each attempt. */
export type ReconnectUrl = string | URL | (() => string | URL | PromiseLike<string | URL>);
