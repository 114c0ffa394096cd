/**
 * Implements a run: everything that a `Reconnection` does from `start` to its end. RFC 6455 §7.2.3 says when to wait. backoff.ts computes
 * how long. Each run has its own state, so that a stopped run cannot affect the next run.
 *
 * connecting → open → waiting → connecting …     stop(): any → closing
 */

import { processTimers } from '../transport/timers.ts';
import { type BackoffTimes, firstWait, readBackoff, waitAfter } from './backoff.ts';
import { warn } from './callback.ts';
import { connect } from './client.ts';
import type { CloseInfo } from './close-info.ts';
import type { ConnectOptions } from './connect-options.ts';
import type { Connection } from './connection.ts';
import { errorOf, isHopeless, type ReconnectCause, toError } from './reconnect-cause.ts';
import { type ConnectionOwner, report, wrapHandlers } from './reconnect-handlers.ts';
import {
  checkAttempt,
  type ReconnectClock,
  type ReconnectSettings,
  type ReconnectUrl,
} from './reconnect-options.ts';
import type { WaitingMessages } from './reconnect-queue.ts';

// Milliseconds. A connection that ends earlier does not show that the server works. An overloaded or hostile server might close each
// connection immediately.
const STEADY_AFTER = 5_000;

/** What all runs of one `Reconnection` share. A run is the time from `start` to the end. */
export interface RunContext<Data> {
  readonly url: ReconnectUrl;
  readonly options: ReconnectSettings<Data, string | Buffer>;
  readonly clock: ReconnectClock;
  readonly random: () => number;
  readonly queue: WaitingMessages;
  /** Is called when the run has ended. */
  finished(): void;
}

/** The functions that settle the Promise of `start`. */
export interface FirstConnection<Data> {
  resolve(connection: Connection<Data>): void;
  reject(error: unknown): void;
}

type Dial<Data> = NonNullable<ReconnectSettings<Data>['dial']>;

export class ReconnectRun<Data> implements ConnectionOwner<Data> {
  readonly #context: RunContext<Data>;
  readonly #aborter = new AbortController();
  #state: 'connecting' | 'open' | 'waiting' | 'closing' = 'connecting';
  #connection: Connection<Data> | null = null;
  #retries = 0;
  #openedAt = 0;
  /** The number of connections in a row that were each lost within `STEADY_AFTER`. A failed attempt sets this number to 0. */
  #brief = 0;
  #timer: unknown = null;
  /** Settles when the current attempt has ended. An attempt that fails has ended when its socket is closed. */
  #attempted: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  /** Is called when the connection has ended. `stop` sets this function. */
  #onClosed: (() => void) | null = null;
  /** Settles the Promise of `start`. Null after the Promise was settled. */
  #first: FirstConnection<Data> | null;
  /** The last error that the `open` handler threw. If it throws for a connection, `start` does not resolve with this connection. */
  #openError: Error | null = null;
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

  /** Starts an attempt to connect. */
  begin(): void {
    this.#state = 'connecting';
    void this.#attempt();
  }

  /**
   * Stops the run. Aborts the attempt or the wait, or closes the connection with this code and reason.
   * @returns a Promise, which resolves when the attempt, the wait or the connection has ended
   */
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
    // The types of the API require `data` if `Data` does not include undefined. The compiler cannot check this inside the class, so a cast
    // is needed.
    const dial: Dial<Data> = options.dial ?? (connect as Dial<Data>);
    try {
      const url = typeof source === 'function' ? await source() : source;
      const attempt = typeof options.connect === 'function' ? await options.connect() : options.connect;
      if (this.isStopping) return;
      if (attempt !== undefined) checkAttempt(attempt);
      const dialed = dial(url, {
        ...attempt,
        ...(options.unref === true ? { unref: true } : null),
        handlers: wrapHandlers(options.handlers ?? {}, this),
        signal: this.#aborter.signal,
      } as ConnectOptions<Data>);
      // `stop` waits for this Promise. It does not wait for `source` and `options.connect`, because a Promise of the application might
      // never settle.
      this.#attempted = dialed.then(ignore, ignore);
      await dialed;
    } catch (error) {
      if (!this.isStopping) this.#failed(error);
    }
  }

  #failed(thrown: unknown): void {
    const { options } = this.#context;
    const error = toError(thrown);
    const cause: ReconnectCause = { kind: 'failed', error };
    this.#retries++;
    this.#brief = 0;
    const isFinal = this.#first !== null && options.retryFirst === false;
    if (isFinal || !this.#isWanted(cause, this.#retries)) {
      this.#end(cause, !isFinal);
      return;
    }
    const wait = this.#waitAfter(this.#retries);
    if (this.#wait(cause, wait)) {
      report(() => options.handlers?.failed?.(error, this.#retries, wait));
    }
  }

  #isWanted(cause: ReconnectCause, retries: number): boolean {
    const { options } = this.#context;
    if (options.shouldReconnect === undefined) return cause.kind === 'closed' || !isHopeless(cause.error);
    try {
      return options.shouldReconnect(cause, retries) === true;
    } catch (error) {
      warn(error);
      return false;
    }
  }

  // ---- waiting ----

  #backoff(): BackoffTimes {
    const { backoff = {} } = this.#context.options;
    try {
      return readBackoff(typeof backoff === 'function' ? backoff() : backoff);
    } catch (error) {
      // The error is reported. The run continues with the default times.
      warn(error);
      return readBackoff();
    }
  }

  #waitAfter(retries: number): number {
    return waitAfter(retries, this.#backoff(), this.#context.random());
  }

  /** Starts to wait. @returns false if a function of the application, such as `shouldReconnect`, has stopped the run in the meantime */
  #wait(cause: ReconnectCause, wait: number): boolean {
    if (this.isStopping) return false;
    const { clock, options } = this.#context;
    this.#state = 'waiting';
    const timer = clock.setTimeout(() => {
      this.#timer = null;
      // The answer of `shouldReconnect` can change during a long wait. So the function is called again.
      if (!this.#isWanted(cause, this.#retries)) this.#end(cause, true);
      else if (!this.isStopping) this.begin();
    }, wait);
    this.#timer = timer;
    if (options.unref === true) (timer as Partial<NodeJS.Timeout>).unref?.();
    return true;
  }

  #cancelWait(): void {
    if (this.#timer !== null) this.#context.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #now(): number {
    return this.#context.clock.elapsed?.() ?? processTimers.now();
  }

  // ---- connections ----

  /** Is called when a connection is open. @returns the result of the `open` handler */
  opened(connection: Connection<Data>): unknown {
    if (this.isStopping) {
      connection.terminate();
      return undefined;
    }
    this.#connection = connection;
    this.#retries = 0;
    this.#openedAt = this.#now();
    this.#state = 'open';
    // The `open` handler can send messages, such as a login. They are sent before the messages of the queue.
    const result = this.#callOpen(connection);
    this.#context.queue.flush(connection);
    const first = this.#first;
    this.#first = null;
    first?.resolve(connection);
    return result;
  }

  #callOpen(connection: Connection<Data>): unknown {
    try {
      return this.#context.options.handlers?.open?.(connection);
    } catch (thrown) {
      this.#openError = toError(thrown);
      throw thrown;
    }
  }

  /** Is called when the connection is closed. @returns a function that has to be called after the `close` handler */
  lost(info: CloseInfo): () => void {
    this.#connection = null;
    if (this.isStopping) return () => this.#onClosed?.();
    this.#state = 'waiting';
    const isBrief = this.#now() - this.#openedAt < STEADY_AFTER;
    this.#brief = isBrief ? this.#brief + 1 : 0;
    const cause: ReconnectCause = { kind: 'closed', info };
    if (this.#isWanted(cause, 0)) {
      // §7.2.3: after an abnormal closure, a client must not connect again immediately and repeatedly.
      const wait =
        this.#brief > 1
          ? this.#waitAfter(this.#brief - 1)
          : firstWait(this.#backoff(), this.#context.random());
      this.#wait(cause, wait);
      return ignore;
    }
    return this.#finishFor(cause);
  }

  // ---- the end ----

  #end(cause: ReconnectCause, isReported: boolean): void {
    const hasEnded = this.#finishFor(cause);
    if (isReported) hasEnded();
  }

  /**
   * Ends the run, because no further attempt follows.
   * @returns a function that calls the `ended` handler. If `stop` was called, the returned function does nothing
   */
  #finishFor(cause: ReconnectCause): () => void {
    if (this.isStopping) return ignore;
    this.#finish();
    this.#rejectFirst(errorOf(cause, this.#openError));
    return () => report(() => this.#context.options.handlers?.ended?.(cause));
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

function ignore(): void {}
