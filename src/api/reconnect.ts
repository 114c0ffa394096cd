/**
 * A client that connects again: RFC 6455 §7.2.3 (wait a random time first, then longer each time).
 * Each connection is one of `connect`; here is when the next one is tried, and what waits to be sent meanwhile.
 *
 *   stopped → connecting → open → waiting → connecting …     stop(): any → closing → stopped
 */

import { inspect } from 'node:util';
import { HandshakeError } from '../handshake/error.ts';
import { checkClose } from '../transport/socket.ts';
import { isThenable, warn } from './callback.ts';
import { type ConnectOptions, connect, connectOptionNames } from './client.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { ConnectionHandlers } from './handlers.ts';
import { type Message, type SendOptions, toBytes } from './message.ts';
import { checkHandlers, checkOptions, type OptionNames } from './option-names.ts';
import { positive } from './options.ts';

/** How long to wait before a new attempt; milliseconds. */
export interface Backoff {
  /**
   * Behind a lost connection: a random time up to this. Where the one before was lost at once as well, within 5 s of being open,
   * it is as if the attempts had failed. @default 5000
   */
  readonly first?: number;
  /** After the first failed attempt; twice as long after each further one. @default 1000 */
  readonly base?: number;
  /** The longest. @default 60000 */
  readonly max?: number;
  /** The shortest after a failed attempt. @default 0 */
  readonly min?: number;
  /** Which part of the wait after a failed attempt is random, 0 to 1. @default 0.5 */
  readonly jitter?: number;
}

/** Time, as `Reconnection` needs it: for tests. */
export interface ReconnectClock {
  setTimeout(callback: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Milliseconds since any moment. @default `performance.now` */
  elapsed?(): number;
}

/** Where a `Reconnection` is: 'waiting' between a lost connection, or a failed attempt, and the next attempt. */
export type ReconnectionState = 'stopped' | 'connecting' | 'open' | 'waiting' | 'closing';

/** What an application hears of all the connections: `open` and `close` once for each. */
export interface ReconnectHandlers<Data = undefined> extends ConnectionHandlers<Data> {
  /**
   * An attempt failed, and another follows.
   * @param retries how many have failed since the last connection
   * @param wait milliseconds until the next one
   */
  failed?(error: Error, retries: number, wait: number): unknown;
  /** There will be no further attempt, because `shouldReconnect` said so. */
  ended?(cause: CloseInfo | Error): unknown;
}

/** What one attempt uses. */
export type AttemptOptions<Data = undefined> = Omit<ConnectOptions<Data>, 'handlers' | 'signal' | 'socket'>;

export interface ReconnectOptions<Data = undefined> {
  readonly handlers?: ReconnectHandlers<Data>;
  /** Options for `connect`, or what makes them for each attempt: a new token, say. */
  readonly connect?: AttemptOptions<Data> | (() => AttemptOptions<Data> | PromiseLike<AttemptOptions<Data>>);
  /** How long to wait; a function is asked each time. */
  readonly backoff?: Backoff | (() => Backoff);
  /**
   * Asked when a connection is closed, whoever closed it, or an attempt failed; and again when the wait is over.
   * @param cause how the connection ended, or why the attempt failed
   * @param retries failed attempts since the last connection, this one included
   * @default always, but not after a TypeError, a RangeError, or the HandshakeError of a URL: what can't be stays so
   */
  shouldReconnect?(cause: CloseInfo | Error, retries: number): boolean;
  /** Whether the first attempt is repeated too; otherwise its failure ends all. @default true */
  readonly retryFirst?: boolean;
  /** Bytes that may wait to be sent while there is no connection. @default 1048576 */
  readonly maxQueued?: number;
  /** Whether the process may end while this waits or is connected. @default false */
  readonly unref?: boolean;
  /** For tests. @default the process's own */
  readonly clock?: ReconnectClock;
  /** For tests: 0 up to, but not including, 1. @default a CSPRNG */
  readonly random?: () => number;
  /** For tests. @default `connect` */
  readonly dial?: (url: string | URL, options: ConnectOptions<Data>) => Promise<unknown>;
}

const reconnectOptionNames: OptionNames<ReconnectOptions> = {
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

const backoffNames: OptionNames<Backoff> = { first: true, base: true, max: true, min: true, jitter: true };

/** What became of a message: on its way, kept for the next connection, or not taken because too much waits. */
export type SendOutcome = 'sent' | 'queued' | 'refused';

// From here on setTimeout fires at once.
const LONGEST_WAIT = 2_147_483_647;

// What a waiting message costs beside its bytes, so that empty ones are bounded as well.
const MESSAGE_COST = 128;

// 100 ms · 2^26 is two months: what doubles any further only overflows.
const MAX_DOUBLINGS = 26;

// A connection that lasted no longer says nothing of the server's health: one that is overloaded, or hostile, accepts and closes.
const STEADY_AFTER = 5_000;

const systemClock: ReconnectClock = {
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** From start() to the end: what is left of a run that was stopped must not touch the next one. */
interface Run<Data> {
  readonly aborter: AbortController;
  connection: Connection<Data> | null;
  /** Whether the peer's Close frame came first. */
  byPeer: boolean;
  retries: number;
  /** When the connection was opened. */
  openedAt: number;
  /** Connections that were lost at once, one after the other without a failed attempt. */
  brief: number;
  timer: unknown;
  /** Settles when the attempt under way has a connection, or has no socket any more. */
  attempt: Promise<unknown>;
  stopping: Promise<void> | null;
  /** The connection that is being closed is closed. */
  onClosed: (() => void) | null;
  /** Of `start`, until the first connection. */
  first: { resolve(connection: Connection<Data>): void; reject(error: unknown): void } | null;
}

interface WaitingMessage {
  readonly message: Message;
  readonly options: SendOptions | undefined;
  readonly size: number;
}

/** One connection after the other to the same server, until it is stopped. */
export class Reconnection<Data = undefined> {
  readonly #url: string | URL | (() => string | URL | PromiseLike<string | URL>);
  readonly #options: ReconnectOptions<Data>;
  readonly #handlers: ReconnectHandlers<Data>;
  readonly #clock: ReconnectClock;
  readonly #random: () => number;
  readonly #maxQueued: number;
  #run: Run<Data> | null = null;
  #state: ReconnectionState = 'stopped';
  #queue: WaitingMessage[] = [];
  #queued = 0;

  /**
   * Does nothing yet: see `start`.
   * @param url a function is asked before each attempt
   * @throws {RangeError | TypeError} for options that can't be
   */
  constructor(
    url: string | URL | (() => string | URL | PromiseLike<string | URL>),
    options: ReconnectOptions<Data> = {},
  ) {
    checkOptions('reconnect', options, reconnectOptionNames);
    if (options.handlers !== undefined) checkHandlers(options.handlers);
    if (typeof options.connect === 'object') checkOptions('connect', options.connect, connectOptionNames);
    this.#url = url;
    this.#options = options;
    this.#handlers = options.handlers ?? {};
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? randomFraction;
    this.#maxQueued = positive('maxQueued', options.maxQueued, 1_048_576);
    if (typeof options.backoff !== 'function') checkBackoff(options.backoff ?? {});
  }

  get state(): ReconnectionState {
    return this.#state;
  }

  /** Whether it was started, and neither stopped nor ended: during a wait too. */
  get isActive(): boolean {
    return this.#run !== null;
  }

  /** The connection that there is, or null. */
  get connection(): Connection<Data> | null {
    return this.#run?.connection ?? null;
  }

  /** Attempts that failed since the last connection. */
  get retries(): number {
    return this.#run?.retries ?? 0;
  }

  /** Bytes that wait for a connection, with 128 for each message. */
  get queuedAmount(): number {
    return this.#queued;
  }

  /**
   * Connects.
   * @returns the first connection, when it is there
   * @throws the error of the attempt after which there will be no other; an `AbortError` where it is stopped before; a
   *   TypeError where it has been started already
   */
  start(): Promise<Connection<Data>> {
    if (this.#run !== null) return Promise.reject(new TypeError('already started'));
    return new Promise((resolve, reject) => {
      const run: Run<Data> = {
        aborter: new AbortController(),
        connection: null,
        byPeer: false,
        retries: 0,
        openedAt: 0,
        brief: 0,
        timer: null,
        attempt: Promise.resolve(),
        stopping: null,
        onClosed: null,
        first: { resolve, reject },
      };
      this.#run = run;
      this.#begin(run);
    });
  }

  /**
   * Sends, or keeps the message for the next connection. Behind a lost connection nobody knows what of that which was sent has
   * arrived: it is not sent again.
   * @returns 'refused' where it is not started, or more than `maxQueued` would wait
   * @throws as `Connection.send`
   */
  send(message: Message, options?: SendOptions): SendOutcome {
    const { connection } = this;
    if (connection?.state === 'open') {
      connection.send(message, options);
      return 'sent';
    }
    const bytes = typeof message === 'string' ? null : toBytes(message);
    const size = MESSAGE_COST + (bytes === null ? Buffer.byteLength(message as string) : bytes.length);
    if (this.#run === null || this.#run.stopping !== null || this.#queued + size > this.#maxQueued) {
      return 'refused';
    }
    // A copy: what was passed is its owner's again.
    this.#queue.push({ message: bytes === null ? message : new Uint8Array(bytes), options, size });
    this.#queued += size;
    return 'queued';
  }

  /**
   * Ends it, whatever it is doing: the attempt is given up, the connection closed with this code and reason; what waits to be
   * sent is dropped. May be started again.
   * @returns when nothing is left: no socket, no timer, and no handler is called any more
   * @throws {RangeError} as `Connection.close`
   */
  stop(code = 1000, reason = ''): Promise<void> {
    const run = this.#run;
    if (run === null) return Promise.resolve();
    if (run.stopping !== null) return run.stopping;
    checkClose(code, reason);
    const { connection } = run;
    const closed =
      connection === null
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            run.onClosed = resolve;
          });
    run.stopping = closed.then(() => run.attempt).then(() => this.#finish(run));
    this.#state = 'closing';
    this.#cancelWait(run);
    this.#dropQueue();
    run.aborter.abort();
    this.#rejectFirst(run, run.aborter.signal.reason);
    connection?.close(code, reason);
    return run.stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  // ---- attempts ----

  #begin(run: Run<Data>): void {
    this.#state = 'connecting';
    void this.#attempt(run);
  }

  async #attempt(run: Run<Data>): Promise<void> {
    const { dial = connect } = this.#options;
    try {
      const url = typeof this.#url === 'function' ? await this.#url() : this.#url;
      const options =
        typeof this.#options.connect === 'function' ? await this.#options.connect() : this.#options.connect;
      if (run.stopping !== null) return;
      const dialed = dial(url, {
        ...options,
        ...(this.#options.unref === true ? { unref: true } : null),
        handlers: this.#handlersOf(run),
        signal: run.aborter.signal,
      });
      // What `stop` waits for. Not for the application's own functions above: those may take forever.
      run.attempt = dialed.then(ignore, ignore);
      await dialed;
    } catch (error) {
      if (run.stopping === null) this.#failed(run, error);
    }
  }

  #failed(run: Run<Data>, thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(inspect(thrown, { customInspect: false }));
    run.retries++;
    run.brief = 0;
    const isFinal = run.first !== null && this.#options.retryFirst === false;
    if (isFinal || !this.#isWanted(error, run.retries)) {
      this.#end(run, error, !isFinal);
      return;
    }
    const wait = this.#waitAfter(run.retries);
    this.#wait(run, error, wait);
    this.#report(() => this.#handlers.failed?.(error, run.retries, wait));
  }

  #isWanted(cause: CloseInfo | Error, retries: number): boolean {
    const { shouldReconnect } = this.#options;
    if (shouldReconnect === undefined) return !isHopeless(cause);
    try {
      return shouldReconnect.call(this.#options, cause, retries) === true;
    } catch (error) {
      warn(error);
      return false;
    }
  }

  // ---- waiting ----

  /** §7.2.3: the first wait is random … */
  #firstWait(): number {
    return Math.min(this.#backoff().first * this.#random(), LONGEST_WAIT);
  }

  /** §7.2.3: … and the others grow, by truncated binary exponential back-off. */
  #waitAfter(retries: number): number {
    const { base, min, max, jitter } = this.#backoff();
    const doublings = retries - 1;
    const full = doublings >= MAX_DOUBLINGS ? max : Math.min(base * 2 ** doublings, max);
    return Math.min(Math.max(full * (1 - jitter * this.#random()), min), LONGEST_WAIT);
  }

  #backoff(): Required<Backoff> {
    const { backoff = {} } = this.#options;
    try {
      return checkBackoff(typeof backoff === 'function' ? backoff() : backoff);
    } catch (error) {
      // Reported, and no reason to give up.
      warn(error);
      return checkBackoff({});
    }
  }

  #now(): number {
    return this.#clock.elapsed?.() ?? performance.now();
  }

  #wait(run: Run<Data>, cause: CloseInfo | Error, wait: number): void {
    this.#state = 'waiting';
    const timer = this.#clock.setTimeout(() => {
      run.timer = null;
      // What was true before a long wait need not be any more.
      if (this.#isWanted(cause, run.retries)) this.#begin(run);
      else this.#end(run, cause, true);
    }, wait);
    run.timer = timer;
    if (this.#options.unref === true) (timer as Partial<NodeJS.Timeout>).unref?.();
  }

  #cancelWait(run: Run<Data>): void {
    if (run.timer !== null) this.#clock.clearTimeout(run.timer);
    run.timer = null;
  }

  // ---- connections ----

  /** The application's handlers, as far as it has them, around our own; and only for this run's connection. */
  #handlersOf(run: Run<Data>): ConnectionHandlers<Data> {
    const theirs = this.#handlers;
    // A stopped run may get a connection that was opened in the same moment: nobody hears of it.
    const isCurrent = (connection: Connection<Data>): boolean => run.connection === connection;
    const ours: ConnectionHandlers<Data> = {
      open: (connection) => this.#opened(run, connection),
      closing: (connection, byPeer) => {
        if (!isCurrent(connection)) return undefined;
        run.byPeer = byPeer;
        return theirs.closing?.(connection, byPeer);
      },
      close: (connection, code, reason, wasClean) => {
        if (!isCurrent(connection)) return undefined;
        const hasEnded = this.#lost(run, { code, reason, wasClean, byPeer: run.byPeer });
        try {
          return theirs.close?.(connection, code, reason, wasClean);
        } finally {
          hasEnded();
        }
      },
    };
    if (theirs.message !== undefined) {
      ours.message = (connection, ...rest) =>
        isCurrent(connection) ? theirs.message?.(connection, ...rest) : undefined;
    }
    if (theirs.fragment !== undefined) {
      ours.fragment = (connection) => (isCurrent(connection) ? theirs.fragment?.(connection) : undefined);
    }
    if (theirs.ping !== undefined) {
      ours.ping = (connection, payload) =>
        isCurrent(connection) ? theirs.ping?.(connection, payload) : undefined;
    }
    if (theirs.pong !== undefined) {
      ours.pong = (connection, payload) =>
        isCurrent(connection) ? theirs.pong?.(connection, payload) : undefined;
    }
    if (theirs.drain !== undefined) {
      ours.drain = (connection) => (isCurrent(connection) ? theirs.drain?.(connection) : undefined);
    }
    if (theirs.error !== undefined) {
      ours.error = (connection, error) =>
        isCurrent(connection) ? theirs.error?.(connection, error) : undefined;
    }
    return ours;
  }

  #opened(run: Run<Data>, connection: Connection<Data>): unknown {
    if (run.stopping !== null) {
      connection.terminate();
      return undefined;
    }
    run.connection = connection;
    run.byPeer = false;
    run.retries = 0;
    run.openedAt = this.#now();
    this.#state = 'open';
    // What `open` sends, a greeting or a login, goes before what has waited.
    const result = this.#handlers.open?.(connection);
    if (connection.state === 'open') this.#sendQueue(connection);
    const { first } = run;
    run.first = null;
    first?.resolve(connection);
    return result;
  }

  /** @returns what is to be done behind the `close` handler */
  #lost(run: Run<Data>, info: CloseInfo): () => void {
    run.connection = null;
    if (run.stopping !== null) return () => run.onClosed?.();
    const isBrief = this.#now() - run.openedAt < STEADY_AFTER;
    run.brief = isBrief ? run.brief + 1 : 0;
    if (this.#isWanted(info, 0)) {
      // §7.2.3: clients that come back at once, again and again, are what an abnormal closure must not lead to.
      this.#wait(run, info, run.brief > 1 ? this.#waitAfter(run.brief - 1) : this.#firstWait());
      return () => {};
    }
    this.#finish(run);
    return () => this.#report(() => this.#handlers.ended?.(info));
  }

  // ---- the end ----

  #end(run: Run<Data>, cause: CloseInfo | Error, report: boolean): void {
    this.#finish(run);
    this.#rejectFirst(run, cause);
    if (report) this.#report(() => this.#handlers.ended?.(cause));
  }

  #finish(run: Run<Data>): void {
    if (this.#run !== run) return;
    this.#run = null;
    this.#state = 'stopped';
    this.#dropQueue();
  }

  #rejectFirst(run: Run<Data>, error: unknown): void {
    const { first } = run;
    run.first = null;
    first?.reject(error);
  }

  /** A handler that belongs to no connection: what it throws closes none. */
  #report(handler: () => unknown): void {
    try {
      const result = handler();
      if (isThenable(result)) result.then(undefined, warn);
    } catch (error) {
      warn(error);
    }
  }

  // ---- the queue ----

  #sendQueue(connection: Connection<Data>): void {
    const queue = this.#queue;
    this.#dropQueue();
    for (const { message, options } of queue) connection.send(message, options);
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#queued = 0;
  }
}

/**
 * Connects, and connects again whenever the connection is lost, until `stop` is called.
 * @param url ws: or wss:; a function is asked before each attempt
 * @returns at once; its `start` was called, and `handlers.open` says when there is a connection. Without an `ended` handler, options
 *   that can't be, or a URL that is none, are a process warning
 * @throws {RangeError | TypeError} for options that can't be
 */
export function reconnect<Data = undefined>(
  url: string | URL | (() => string | URL | PromiseLike<string | URL>),
  options: ReconnectOptions<Data> = {},
): Reconnection<Data> {
  const reconnection = new Reconnection(url, options);
  // Whoever wants to know hears `failed` and `ended`. What can never succeed must not vanish.
  reconnection.start().catch((error: unknown) => {
    if (options.handlers?.ended === undefined && isHopeless(error)) warn(error);
  });
  return reconnection;
}

/** Whether the same attempt can only fail again. */
function isHopeless(cause: unknown): boolean {
  if (cause instanceof HandshakeError) return cause.stage === 'url';
  return cause instanceof TypeError || cause instanceof RangeError;
}

/** @throws {RangeError | TypeError} for anything that is no time, or no fraction */
function checkBackoff(backoff: Backoff): Required<Backoff> {
  checkOptions('backoff', backoff, backoffNames);
  const { first = 5_000, base = 1_000, max = 60_000, min = 0, jitter = 0.5 } = backoff;
  for (const [name, value] of Object.entries({ first, base, max, min })) {
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new RangeError(`backoff.${name} is ${String(value)}, not a number of milliseconds`);
    }
  }
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) {
    throw new RangeError(`backoff.jitter is ${String(jitter)}, not 0 to 1`);
  }
  return { first, base, max, min, jitter };
}

function ignore(): void {}

/** From 0 up to, but not including, 1: clients that lost the same server must not come back together. */
function randomFraction(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}
