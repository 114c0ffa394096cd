/**
 * A client that connects again: RFC 6455 §7.2.3 (wait a random time first, then longer each time).
 * Each connection is made by `connect`; when the next one is tried is reconnect-run.ts; what waits to be sent meanwhile is reconnect-queue.ts.
 *
 *   stopped → connecting → open → waiting → connecting …     stop(): any → closing → stopped
 */

import { checkClose } from '../transport/socket.ts';
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

/** The state of a `Reconnection`: 'waiting' between a lost connection, or a failed attempt, and the next attempt. */
export type ReconnectionState = 'stopped' | 'connecting' | 'open' | 'waiting' | 'closing';

/** What became of a message: sent, kept for the next connection, or refused because too much waits. */
export type SendOutcome = 'sent' | 'queued' | 'refused';

// Taken once: the fake timers of an application's tests do not stop a reconnection, unless they are passed as `clock`.
const { setTimeout, clearTimeout } = globalThis;

const systemClock: ReconnectClock = {
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** One connection after the other to the same server, until it is stopped. */
export class Reconnection<Data = undefined> {
  readonly #context: RunContext<Data>;
  readonly #queue: WaitingMessages;
  #run: ReconnectRun<Data> | null = null;

  /**
   * Does nothing yet: see `start`.
   * @param url a function is called before each attempt
   * @throws {RangeError | TypeError} for invalid options
   */
  constructor(url: ReconnectUrl, ...none: undefined extends Data ? [] : [options: never]);
  constructor(url: ReconnectUrl, options: ReconnectOptions<Data>);
  // With `text: 'bytes'` a text message is a Buffer too.
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

  /** Whether it was started, and neither stopped nor ended: during a wait too. */
  get isActive(): boolean {
    return this.#run !== null;
  }

  /** The open, or closing, connection; or null. */
  get connection(): Connection<Data> | null {
    return this.#run?.connection ?? null;
  }

  /** Attempts that failed since the last connection. */
  get retries(): number {
    return this.#run?.retries ?? 0;
  }

  /** Bytes that wait for a connection, with 128 for each message. */
  get queuedAmount(): number {
    return this.#queue.size;
  }

  /**
   * Connects.
   * @returns the first connection, once it is open
   * @throws the error of the attempt after which there will be no other; an `AbortError` if it is stopped before; a
   *   TypeError if it has been started already
   */
  start(): Promise<Connection<Data>> {
    if (this.#run !== null) return Promise.reject(new TypeError('already started'));
    return new Promise((resolve, reject) => {
      this.#run = new ReconnectRun(this.#context, { resolve, reject });
      this.#run.begin();
    });
  }

  /**
   * Sends, or keeps the message for the next connection. After a lost connection it is not known which messages have
   * arrived: none is sent again.
   * @returns 'refused' if it is not started, or more than `maxQueued` would wait
   * @throws as `Connection.send`
   */
  send(message: Message, options?: SendOptions): SendOutcome {
    const { connection } = this;
    if (connection?.state === 'open') {
      connection.send(message, options);
      return 'sent';
    }
    const data = typeof message === 'string' ? message : toBytes(message);
    // At the call: thrown when the message leaves, the error would close a connection that is not at fault.
    checkSendOptions(options);
    if (this.#run === null || this.#run.isStopping) return 'refused';
    return this.#queue.push(data, options) ? 'queued' : 'refused';
  }

  /**
   * Ends it in any state: the attempt is given up, the connection is closed with this code and reason, and what waits to be
   * sent is dropped. May be started again.
   * @returns when nothing is left: no socket, no timer, and no handler is called any more
   * @throws {RangeError} as `Connection.close`
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
 * Connects, and connects again whenever the connection is lost, until `stop` is called.
 * @param url ws: or wss:; a function is called before each attempt
 * @returns at once; its `start` was called, and `handlers.open` says when there is a connection. Without an `ended` handler, invalid
 *   options, or an invalid URL, are a process warning
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
  // `failed` and `ended` report errors. What can never succeed must not vanish without them.
  reconnection.start().catch((error: unknown) => {
    if (options.handlers?.ended === undefined && isHopeless(error)) warn(error);
  });
  return reconnection;
}
