/** Defines and checks the options and the handlers of a `Reconnection`. Defines the interface of its clock, which tests can replace. */

import { type Backoff, backoffSpecs, readBackoff } from './backoff.ts';
import { type ConnectOptions, connectSpecs } from './connect-options.ts';
import type { ConnectionHandlers } from './handlers.ts';
import { checkHandlers, checkOptions } from './option-names.ts';
import { callback, custom, flag, limit, type SpecsOf, type ValuesOf } from './option-spec.ts';
import type { ReconnectCause } from './reconnect-cause.ts';

/** The clock of a `Reconnection`. Tests can replace it. */
export interface ReconnectClock {
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Returns milliseconds since a fixed moment. @default `performance.now` */
  elapsed?(): number;
}

/** The handlers of the application. `open` and `close` are called for each connection. */
export interface ReconnectHandlers<Data = undefined, Text extends string | Buffer = string>
  extends ConnectionHandlers<Data, Text> {
  /**
   * Is called when an attempt has failed and another attempt will follow.
   * @param retries the number of attempts that have failed since the last connection
   * @param wait milliseconds until the next attempt
   */
  failed?(error: Error, retries: number, wait: number): unknown;
  /** Is called when no further attempt will follow, because `shouldReconnect` did not return true. */
  ended?(cause: ReconnectCause): unknown;
}

type SocketMaker = Extract<ConnectOptions['socket'], (...target: never[]) => unknown>;

/**
 * The options of `connect` for one attempt. `socket` has to be a function, because each attempt needs a new socket. With `text: 'bytes'`, a
 * text message is a Buffer, so `Text` has to include Buffer.
 */
export type AttemptOptions<Data = undefined, Text extends string | Buffer = string> = Omit<
  ConnectOptions<Data>,
  'handlers' | 'signal' | 'socket' | 'text'
> & {
  readonly socket?: SocketMaker | undefined;
  readonly text?: 'string' | (Buffer extends Text ? 'bytes' : never) | undefined;
};

/**
 * The options of `connect`, or a function that returns them. The function is called before each attempt. So it can supply a new token, for
 * example.
 */
export type AttemptSource<Data = undefined, Text extends string | Buffer = string> =
  | AttemptOptions<Data, Text>
  | (() => AttemptOptions<Data, Text> | PromiseLike<AttemptOptions<Data, Text>>);

/** The options of a `Reconnection`. If `Data` does not include undefined, the option `connect` is required, because it contains `data`. */
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
  /** The times to wait before an attempt, or a function that returns them. The function is called before each wait. */
  readonly backoff?: (Backoff | (() => Backoff)) | undefined;
  /**
   * Returns true if another attempt shall follow. Is called when a connection was closed, or when an attempt has failed. Is called again
   * after the wait, directly before the next attempt.
   * @param cause `{ kind: 'closed', info }` with the `CloseInfo`, or `{ kind: 'failed', error }`
   * @param retries the number of attempts that have failed since the last connection
   * @default always, but not after invalid options or an invalid URL
   */
  readonly shouldReconnect?: ((cause: ReconnectCause, retries: number) => boolean) | undefined;
  /**
   * If true, a failed first attempt is followed by another attempt. If false, the reconnection ends when the first attempt fails.
   * @default true
   */
  readonly retryFirst?: boolean | undefined;
  /** The maximum number of bytes of messages that may wait while there is no connection. @default 1 MiB */
  readonly maxQueued?: number | undefined;
  /** If true, the process may end while the `Reconnection` waits or is connected. @default false */
  readonly unref?: boolean | undefined;
  /** A clock for tests. @default the clock of the process */
  readonly clock?: ReconnectClock | undefined;
  /** For tests: a function that returns a number from 0 up to, but not including, 1. @default a CSPRNG */
  readonly random?: (() => number) | undefined;
  /** For tests: a function that makes the connections. @default `connect` */
  readonly dial?: ((url: string | URL, options: ConnectOptions<Data>) => Promise<unknown>) | undefined;
}

// `handlers` and `signal` are options of `connect`, but not of an attempt.
const { handlers, signal, ...attemptOptionNames } = connectSpecs;
const attemptPlaces: ReadonlyMap<string, string> = new Map([
  ['handlers', 'put it beside connect'],
  ['signal', 'call stop()'],
]);

/**
 * Checks the options of `connect` for an attempt.
 * @throws {TypeError} for an option that an attempt does not have, and for a `socket` that is not a function
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
      text: 'The handlers for the events of all connections (`ReconnectHandlers`). They are the [handlers of a connection](api.md#handlers) and two further handlers. `failed(error, retries, wait)` is called when an attempt has failed and another attempt follows in `wait` ms. `ended(cause)` is called when no other attempt follows.',
    },
    (value) => checkHandlers(value as object),
  ),
  connect: custom<AttemptSource<unknown, string | Buffer>>(
    'an object, or a function',
    {
      text: 'The options of `connect` for each attempt (`AttemptOptions`), except `handlers` and `signal`. `socket` has to be a function, which is called for each attempt. Instead of an object, the value may be a function that returns such an object. The library calls this function before each attempt. If the type `Data` does not include undefined, TypeScript requires this option with its member `data`.',
    },
    (value) => {
      if (typeof value !== 'function') checkAttempt(value as AttemptOptions<unknown, string | Buffer>);
    },
  ),
  backoff: custom<Backoff | (() => Backoff)>(
    'an object, or a function',
    {
      text: 'The times to wait before an attempt (`Backoff`), or a function that returns these times. The function is called before each wait.',
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
      text: "Returns `true` if another attempt shall follow. Any other value ends the reconnection. The function is called when a connection was closed, or when an attempt has failed. It is called again when the wait is over. `cause` (a `ReconnectCause`) is `{ kind: 'closed', info }` with the `CloseInfo`, or `{ kind: 'failed', error }`. By default, the reconnection ends only after a `TypeError`, a `RangeError` or an invalid URL, because the next attempt would fail too.",
    },
  ),
  retryFirst: flag({
    default: true,
    text: 'If `true`, another attempt follows when the first attempt has failed. If `false`, the reconnection ends when the first attempt fails. `start()` then rejects, and neither `failed` nor `ended` is called.',
  }),
  maxQueued: limit('bytes', {
    default: 1_048_576,
    text: 'The maximum number of bytes of messages that may wait while there is no connection. Each message counts as its size plus 128 bytes.',
  }),
  unref: flag({
    default: false,
    text: 'If `true`, the `Reconnection` does not keep the process alive, neither while it waits nor while it is connected.',
  }),
  clock: custom<ReconnectClock>('a `ReconnectClock`', {
    defaultText: 'the clock of the process',
    text: 'For tests: a clock with `setTimeout`, `clearTimeout` and `elapsed`.',
  }),
  random: callback<() => number>('() => number', {
    defaultText: 'a CSPRNG',
    text: 'For tests: a function that returns a number from 0 up to, but not including, 1.',
  }),
  dial: callback<NonNullable<ReconnectSettings<unknown>['dial']>>('(url, options) => Promise', {
    defaultText: '`connect`',
    text: 'For tests: a function that makes the connections.',
  }),
};

/** The URL to connect to, or a function that returns the URL. The function is called before each attempt. */
export type ReconnectUrl = string | URL | (() => string | URL | PromiseLike<string | URL>);
