/**
 * Implements `Reconnection`, a client that connects again when its connection is lost: RFC 6455 §7.2.3 (the first wait is random, and later
 * waits become longer). `connect` makes each connection, reconnect-run.ts decides when to try again, and reconnect-queue.ts holds the
 * messages that wait for a connection.
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

/** The state of a `Reconnection`. From a lost connection or a failed attempt to the next attempt, the state is 'waiting'. */
export type ReconnectionState = 'stopped' | 'connecting' | 'open' | 'waiting' | 'closing';

/**
 * The result of `send`: the message was sent, kept for the next connection, or refused. A message is refused in two cases: more than
 * `maxQueued` bytes would wait, or the reconnection is stopped or about to stop.
 */
export type SendOutcome = 'sent' | 'queued' | 'refused';

// These functions are read when this file loads. So fake timers in an application's tests do not stop a reconnection. Tests can pass fake
// timers as the option `clock`.
const { setTimeout, clearTimeout } = globalThis;

const systemClock: ReconnectClock = {
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Keeps a connection to a server: whenever the connection is lost, the client connects again, until `stop` is called. */
export class Reconnection<Data = undefined> {
  readonly #context: RunContext<Data>;
  readonly #queue: WaitingMessages;
  #run: ReconnectRun<Data> | null = null;

  /**
   * Makes a reconnection that has not been started: call `start` to connect.
   * @param url the URL, or a function that is called before each attempt
   * @throws {RangeError | TypeError} for invalid options
   */
  constructor(url: ReconnectUrl, ...none: undefined extends Data ? [] : [options: never]);
  constructor(url: ReconnectUrl, options: ReconnectOptions<Data>);
  // With `text: 'bytes'`, text messages are Buffers, like binary messages.
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

  /** Whether the reconnection was started, and has not ended since then. Also true during a wait, and until `stop` has finished. */
  get isActive(): boolean {
    return this.#run !== null;
  }

  /** The connection that is open or closing, or null. */
  get connection(): Connection<Data> | null {
    return this.#run?.connection ?? null;
  }

  /** The number of attempts that failed since the last connection. */
  get retries(): number {
    return this.#run?.retries ?? 0;
  }

  /** The number of bytes of the messages that wait for a connection, plus 128 for each message. */
  get queuedAmount(): number {
    return this.#queue.size;
  }

  /**
   * Connects.
   * @returns a Promise of the first connection, fulfilled once the connection is open. The Promise rejects with the error of the last
   *   attempt if no other attempt follows. It rejects with an `AbortError` if `stop` is called first, and with a TypeError if the
   *   reconnection was already started
   */
  start(): Promise<Connection<Data>> {
    if (this.#run !== null) return Promise.reject(new TypeError('already started'));
    return new Promise((resolve, reject) => {
      this.#run = new ReconnectRun(this.#context, { resolve, reject });
      this.#run.begin();
    });
  }

  /**
   * Sends the message, or keeps it for the next connection. No message is sent twice. So messages that were sent shortly before a
   * connection was lost may never arrive.
   * @returns 'sent', 'queued' or 'refused', see `SendOutcome`
   * @throws the same errors as `Connection.send`
   */
  send(message: Message, options?: SendOptions): SendOutcome {
    const { connection } = this;
    if (connection?.state === 'open') {
      connection.send(message, options);
      return 'sent';
    }
    const data = typeof message === 'string' ? message : toBytes(message);
    // The options are checked now. A later check would be made inside the `open` event, where an error would close the new connection.
    checkSendOptions(options);
    if (this.#run === null || this.#run.isStopping) return 'refused';
    return this.#queue.push(data, options) ? 'queued' : 'refused';
  }

  /**
   * Ends the reconnection in any state. Aborts the attempt or the wait, closes the connection with this code and reason, and drops waiting
   * messages. `start` may be called again.
   * @returns a Promise that is fulfilled when all sockets are closed and all timers are cleared. No handler is called after that
   * @throws {RangeError} for a code that may not be sent, or a reason of more than 123 bytes
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
 * Connects to a server. Whenever the connection is lost, the client connects again, until `stop` is called.
 * @param url a ws: or wss: URL, or a function that returns the URL and is called before each attempt
 * @returns a reconnection that was started. The function does not wait for a connection: the `open` handler is called later. An error that
 *   no attempt can avoid, such as an invalid URL, is reported to `ended`. Without this handler, it becomes a process warning
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
  // The handler `ended` receives the reason why no other attempt follows. Without this handler, a warning must report an attempt that can
  // never succeed.
  reconnection.start().catch((error: unknown) => {
    if (options.handlers?.ended === undefined && isHopeless(error)) warn(error);
  });
  return reconnection;
}
