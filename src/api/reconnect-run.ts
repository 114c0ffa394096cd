/**
 * One run of a `Reconnection`, from `start` to the end: attempts, connections and the waits between them. RFC 6455 §7.2.3 says when to wait; how
 * long is backoff.ts. A run that was stopped must not touch the next one, so everything that belongs to it is here.
 *
 *   connecting → open → waiting → connecting …     stop(): any → closing
 */

import { inspect } from 'node:util';
import { HandshakeError } from '../handshake/error.ts';
import { type Backoff, checkBackoff, firstWait, waitAfter } from './backoff.ts';
import { isThenable, warn } from './callback.ts';
import { connect } from './client.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { ReconnectClock, ReconnectOptions, ReconnectUrl } from './reconnect-options.ts';
import type { WaitingMessages } from './reconnect-queue.ts';

// A shorter connection proves nothing about the server's health: one that is overloaded, or hostile, accepts and closes.
const STEADY_AFTER = 5_000;

/** What the runs of one `Reconnection` share. */
export interface RunContext<Data> {
  readonly url: ReconnectUrl;
  readonly options: ReconnectOptions<Data>;
  readonly clock: ReconnectClock;
  readonly random: () => number;
  readonly queue: WaitingMessages;
  /** The run is over. */
  finished(): void;
}

/** Settles the Promise of `start`. */
export interface FirstConnection<Data> {
  resolve(connection: Connection<Data>): void;
  reject(error: unknown): void;
}

export class ReconnectRun<Data> {
  readonly #context: RunContext<Data>;
  readonly #aborter = new AbortController();
  #state: 'connecting' | 'open' | 'waiting' | 'closing' = 'connecting';
  #connection: Connection<Data> | null = null;
  /** Whether the peer's Close frame came first. */
  #byPeer = false;
  #retries = 0;
  /** When the connection was opened. */
  #openedAt = 0;
  /** Connections that were lost at once, one after the other without a failed attempt. */
  #brief = 0;
  #timer: unknown = null;
  /** Settles when the attempt that is in progress has a connection, or no socket any more. */
  #attempted: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  /** Called when the connection that is being closed is closed. */
  #onClosed: (() => void) | null = null;
  /** Null once there was a connection. */
  #first: FirstConnection<Data> | null;
  #isFinished = false;

  constructor(context: RunContext<Data>, first: FirstConnection<Data>) {
    this.#context = context;
    this.#first = first;
  }

  get state(): 'connecting' | 'open' | 'waiting' | 'closing' {
    return this.#state;
  }

  get connection(): Connection<Data> | null {
    return this.#connection;
  }

  get retries(): number {
    return this.#retries;
  }

  get isStopping(): boolean {
    return this.#stopping !== null;
  }

  /** Begins an attempt. */
  begin(): void {
    this.#state = 'connecting';
    void this.#attempt();
  }

  /** Gives up what is in progress; the connection is closed with this code and reason. @returns when nothing is left */
  stop(code: number, reason: string): Promise<void> {
    if (this.#stopping !== null) return this.#stopping;
    const connection = this.#connection;
    const closed =
      connection === null
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            this.#onClosed = resolve;
          });
    this.#stopping = closed.then(() => this.#attempted).then(() => this.#finish());
    this.#state = 'closing';
    this.#cancelWait();
    this.#context.queue.drop();
    this.#aborter.abort();
    this.#rejectFirst(this.#aborter.signal.reason);
    connection?.close(code, reason);
    return this.#stopping;
  }

  // ---- attempts ----

  async #attempt(): Promise<void> {
    const { url: source, options } = this.#context;
    const { dial = connect } = options;
    try {
      const url = typeof source === 'function' ? await source() : source;
      const attempt = typeof options.connect === 'function' ? await options.connect() : options.connect;
      if (this.isStopping) return;
      const dialed = dial(url, {
        ...attempt,
        ...(options.unref === true ? { unref: true } : null),
        handlers: this.#wrapHandlers(),
        signal: this.#aborter.signal,
      });
      // `stop` waits for this, but not for the application's functions above: they may take forever.
      this.#attempted = dialed.then(ignore, ignore);
      await dialed;
    } catch (error) {
      if (!this.isStopping) this.#failed(error);
    }
  }

  #failed(thrown: unknown): void {
    const { options } = this.#context;
    const error = thrown instanceof Error ? thrown : new Error(inspect(thrown, { customInspect: false }));
    this.#retries++;
    this.#brief = 0;
    const isFinal = this.#first !== null && options.retryFirst === false;
    if (isFinal || !this.#isWanted(error, this.#retries)) {
      this.#end(error, !isFinal);
      return;
    }
    const wait = this.#waitAfter(this.#retries);
    this.#wait(error, wait);
    report(() => options.handlers?.failed?.(error, this.#retries, wait));
  }

  #isWanted(cause: CloseInfo | Error, retries: number): boolean {
    const { options } = this.#context;
    if (options.shouldReconnect === undefined) return !isHopeless(cause);
    try {
      return options.shouldReconnect(cause, retries) === true;
    } catch (error) {
      warn(error);
      return false;
    }
  }

  // ---- waiting ----

  #backoff(): Required<Backoff> {
    const { backoff = {} } = this.#context.options;
    try {
      return checkBackoff(typeof backoff === 'function' ? backoff() : backoff);
    } catch (error) {
      // It is reported, and no reason to give up.
      warn(error);
      return checkBackoff({});
    }
  }

  #waitAfter(retries: number): number {
    return waitAfter(retries, this.#backoff(), this.#context.random());
  }

  #wait(cause: CloseInfo | Error, wait: number): void {
    const { clock, options } = this.#context;
    this.#state = 'waiting';
    const timer = clock.setTimeout(() => {
      this.#timer = null;
      // What was true before a long wait may have changed.
      if (this.#isWanted(cause, this.#retries)) this.begin();
      else this.#end(cause, true);
    }, wait);
    this.#timer = timer;
    if (options.unref === true) (timer as Partial<NodeJS.Timeout>).unref?.();
  }

  #cancelWait(): void {
    if (this.#timer !== null) this.#context.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #now(): number {
    return this.#context.clock.elapsed?.() ?? performance.now();
  }

  // ---- connections ----

  /** The application's handlers, as far as there are any, within this run's; and only for this run's connection. */
  #wrapHandlers(): ConnectionHandlers<Data> {
    const theirs = this.#context.options.handlers ?? {};
    const ours: ConnectionHandlers<Data> = {
      open: (connection) => this.#opened(connection),
      closing: (connection, byPeer) => {
        if (connection !== this.#connection) return undefined;
        this.#byPeer = byPeer;
        return theirs.closing?.(connection, byPeer);
      },
      close: (connection, code, reason, wasClean) => {
        if (connection !== this.#connection) return undefined;
        const hasEnded = this.#lost({ code, reason, wasClean, byPeer: this.#byPeer });
        try {
          return theirs.close?.(connection, code, reason, wasClean);
        } finally {
          hasEnded();
        }
      },
    };
    for (const name of ['message', 'fragment', 'ping', 'pong', 'drain', 'error'] as const) {
      if (theirs[name] === undefined) continue;
      // A stopped run may get a connection that was opened in the same moment: the application is not notified of it.
      ours[name] = (connection: Connection<Data>, ...rest: never[]) =>
        connection === this.#connection
          ? (theirs as Record<string, AnyHandler<Data>>)[name]?.(connection, ...rest)
          : undefined;
    }
    return ours;
  }

  #opened(connection: Connection<Data>): unknown {
    if (this.isStopping) {
      connection.terminate();
      return undefined;
    }
    this.#connection = connection;
    this.#byPeer = false;
    this.#retries = 0;
    this.#openedAt = this.#now();
    this.#state = 'open';
    // What `open` sends, a greeting or a login, goes before what has waited.
    const result = this.#context.options.handlers?.open?.(connection);
    if (connection.state === 'open') {
      this.#context.queue.flush((message, options) => connection.send(message, options));
    }
    const first = this.#first;
    this.#first = null;
    first?.resolve(connection);
    return result;
  }

  /** @returns what is to be done after the `close` handler */
  #lost(info: CloseInfo): () => void {
    this.#connection = null;
    if (this.isStopping) return () => this.#onClosed?.();
    const isBrief = this.#now() - this.#openedAt < STEADY_AFTER;
    this.#brief = isBrief ? this.#brief + 1 : 0;
    if (this.#isWanted(info, 0)) {
      // §7.2.3: an abnormal closure must not lead to clients that come back at once, again and again.
      const wait =
        this.#brief > 1
          ? this.#waitAfter(this.#brief - 1)
          : firstWait(this.#backoff(), this.#context.random());
      this.#wait(info, wait);
      return ignore;
    }
    this.#finish();
    return () => report(() => this.#context.options.handlers?.ended?.(info));
  }

  // ---- the end ----

  #end(cause: CloseInfo | Error, isReported: boolean): void {
    this.#finish();
    this.#rejectFirst(cause);
    if (isReported) report(() => this.#context.options.handlers?.ended?.(cause));
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#context.queue.drop();
    this.#context.finished();
  }

  #rejectFirst(error: unknown): void {
    const first = this.#first;
    this.#first = null;
    first?.reject(error);
  }
}

type AnyHandler<Data> = (connection: Connection<Data>, ...rest: never[]) => unknown;

/** Calls a handler that belongs to no connection: what it throws closes none. */
function report(handler: () => unknown): void {
  try {
    const result = handler();
    if (isThenable(result)) result.then(undefined, warn);
  } catch (error) {
    warn(error);
  }
}

/** Whether the same attempt can only fail again. */
export function isHopeless(cause: unknown): boolean {
  if (cause instanceof HandshakeError) return cause.stage === 'url';
  return cause instanceof TypeError || cause instanceof RangeError;
}

function ignore(): void {}
