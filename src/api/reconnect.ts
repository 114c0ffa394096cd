/**
 * Implements `Reconnection`, a client that connects again when its connection is lost (RFC 6455 §7.2.3). The first wait is random, and
 * later waits become longer. `connect` makes each connection. reconnect-run.ts decides when another attempt follows. reconnect-queue.ts
 * stores the messages that wait for a connection.
 *
 * stopped → connecting → open → waiting → connecting …     stop(): any → closing → stopped
 */

import { checkClose } from '../transport/argument-checks.ts';
import { randomFraction } from './backoff.ts';
import { warn } from './callback.ts';
import type { Connection } from './connection.ts';
import { checkSendOptions, type Message, type SendOptions, toBytes } from './message.ts';
import { readOptions } from './option-spec.ts';
import { isHopeless } from './reconnect-cause.ts';
import {
  type ReconnectClock,
  type ReconnectOptions,
  type ReconnectSettings,
  type ReconnectUrl,
  reconnectSpecs,
} from './reconnect-options.ts';
import { WaitingMessages } from './reconnect-queue.ts';
import { ReconnectRun, type RunContext } from './reconnect-run.ts';

/** The state of a `Reconnection`. It is 'waiting' after a lost connection or a failed attempt, until the next attempt begins. */
export type ReconnectionState = 'stopped' | 'connecting' | 'open' | 'waiting' | 'closing';

/**
 * The result of `send`. The message was sent, or it is kept for the next connection, or it was refused. A message is refused if more than
 * `maxQueued` bytes would wait. It is also refused if the reconnection was not started, or was stopped.
 */
export type SendOutcome = 'sent' | 'queued' | 'refused';

// These functions are read when this file is loaded. So fake timers in an application's tests do not affect a reconnection. Tests can pass
// fake timers as the option `clock`.
const { setTimeout, clearTimeout } = globalThis;

const systemClock: ReconnectClock = {
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Keeps a connection to a server. When the connection is lost, the client connects again. This continues until `stop` is called. */
export class Reconnection<Data = undefined> {
  readonly #context: RunContext<Data>;
  readonly #queue: WaitingMessages;
  #run: ReconnectRun<Data> | null = null;

  /**
   * Makes a reconnection that is not started yet. Call `start` to connect.
   * @param url the URL, or a function that returns the URL. The function is called before each attempt
   * @throws {RangeError | TypeError} for invalid options
   */
  constructor(url: ReconnectUrl, ...none: undefined extends Data ? [] : [options: never]);
  constructor(url: ReconnectUrl, options: ReconnectOptions<Data>);
  // With `text: 'bytes'`, text messages are Buffers too.
  constructor(url: ReconnectUrl, options: ReconnectOptions<Data, string | Buffer>);
  constructor(url: ReconnectUrl, options: ReconnectSettings<Data, string | Buffer> = {}) {
    const { maxQueued } = readOptions('reconnect', options, reconnectSpecs, 'client');
    this.#queue = new WaitingMessages(maxQueued);
    this.#context = {
      url,
      options,
      clock: options.clock ?? systemClock,
      random: options.random ?? randomFraction,
      queue: this.#queue,
      finished: () => {
        this.#run = null;
      },
    };
  }

  get state(): ReconnectionState {
    return this.#run?.state ?? 'stopped';
  }

  /** True if the reconnection was started and has not ended. Remains true during a wait, and until `stop` has finished. */
  get isActive(): boolean {
    return this.#run !== null;
  }

  /** The connection that is open or closing. Null if there is none. */
  get connection(): Connection<Data> | null {
    return this.#run?.connection ?? null;
  }

  /** The number of attempts that have failed since the last connection. */
  get retries(): number {
    return this.#run?.retries ?? 0;
  }

  /** The number of bytes of the messages that wait for a connection. Each message counts as its size plus 128 bytes. */
  get queuedAmount(): number {
    return this.#queue.size;
  }

  /**
   * Connects to the server.
   * @returns a Promise, which resolves with the first connection when it is open. If no further attempt follows, the Promise rejects with
   *   the error of the last attempt. If `stop` is called before the Promise settles, it rejects with an `AbortError`. If the reconnection
   *   was already started, the Promise rejects with a TypeError
   */
  start(): Promise<Connection<Data>> {
    if (this.#run !== null) return Promise.reject(new TypeError('already started'));
    return new Promise((resolve, reject) => {
      this.#run = new ReconnectRun(this.#context, { resolve, reject });
      this.#run.begin();
    });
  }

  /**
   * Sends a message, or keeps it for the next connection. No message is sent twice. So messages that are sent shortly before a connection
   * is lost might never arrive.
   * @returns 'sent', 'queued' or 'refused' (see `SendOutcome`)
   * @throws the same errors as `Connection.send`
   */
  send(message: Message, options?: SendOptions): SendOutcome {
    const { connection } = this;
    if (connection?.state === 'open') {
      connection.send(message, options);
      return 'sent';
    }
    const data = typeof message === 'string' ? message : toBytes(message);
    // Invalid options must throw here. If they were checked when the next connection opens, the error would close that connection.
    checkSendOptions(options);
    if (this.#run === null || this.#run.isStopping) return 'refused';
    return this.#queue.push(data, options) ? 'queued' : 'refused';
  }

  /**
   * Ends the reconnection in any state. Aborts the attempt or the wait. Closes the connection with this code and reason. Drops the waiting
   * messages. `start` can be called again later.
   * @returns a Promise, which resolves when all sockets are closed and all timers are cleared. After that, no handler is called
   * @throws {RangeError} for a code that must not be sent, or a reason of more than 123 bytes
   */
  stop(code = 1000, reason = ''): Promise<void> {
    if (this.#run === null) return Promise.resolve();
    if (!this.#run.isStopping) checkClose(code, reason);
    return this.#run.stop(code, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Connects to a server. When the connection is lost, the client connects again. This continues until `stop` is called.
 * @param url a ws: or wss: URL, or a function that returns the URL. The function is called before each attempt
 * @returns a reconnection that was started. This function does not wait for a connection: the `open` handler is called later. If no attempt
 *   can succeed, for example because the URL is invalid, the handler `ended` is called. Without this handler, the error becomes a process
 *   warning
 * @throws {RangeError | TypeError} for invalid options
 */
export function reconnect<Data = undefined>(
  url: ReconnectUrl,
  ...none: undefined extends Data ? [] : [options: never]
): Reconnection<Data>;
export function reconnect<Data = undefined>(
  url: ReconnectUrl,
  options: ReconnectOptions<Data>,
): Reconnection<Data>;
export function reconnect<Data = undefined>(
  url: ReconnectUrl,
  options: ReconnectOptions<Data, string | Buffer>,
): Reconnection<Data>;
export function reconnect<Data>(
  url: ReconnectUrl,
  options: ReconnectSettings<Data, string | Buffer> = {},
): Reconnection<Data> {
  const reconnection = new Reconnection<Data>(url, options as ReconnectOptions<Data, string | Buffer>);
  // The handler `ended` receives the reason why no further attempt follows. If this handler is absent and no attempt can succeed, the
  // process gets a warning.
  reconnection.start().catch((error: unknown) => {
    if (options.handlers?.ended === undefined && isHopeless(error)) warn(error);
  });
  return reconnection;
}
