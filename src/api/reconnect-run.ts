/**
 * Implements a run: everything that a `Reconnection` does from `start` to its end. RFC 6455 §7.2.3 says when to wait; backoff.ts computes
 * how long. A stopped run must not affect the next run, so each run has its own state.
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

// Milliseconds. A connection that ends earlier does not show that the server works: an overloaded or hostile server may close each
// connection immediately.
const STEADY_AFTER = 5_000;

/** The values that the runs of one `Reconnection` share. */
export interface RunContext<Data> {
  readonly url: ReconnectUrl;
  readonly options: ReconnectSettings<Data, string | Buffer>;
  readonly clock: ReconnectClock;
  readonly random: () => number;
  readonly queue: WaitingMessages;
  /** Called when the run is over. */
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
  /** The number of connections in a row that were lost within `STEADY_AFTER`, without a failed attempt between them. */
  #brief = 0;
  #timer: unknown = null;
  /** Settles when the current attempt has succeeded, or has failed and its socket is closed. */
  #attempted: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;
  /** `stop` sets this function, which is called when the connection has ended. */
  #onClosed: (() => void) | null = null;
  /** Null once the Promise of `start` is settled. */
  #first: FirstConnection<Data> | null;
  /** The last error that the `open` handler threw. A connection with such an error does not fulfill the Promise of `start`. */
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

  /** Begins an attempt. */
  begin(): void {
    this.#state = 'connecting';
    void this.#attempt();
  }

  /**
   * Stops the run: aborts the attempt or the wait, or closes the connection with this code and reason.
   * @returns a Promise that is fulfilled once the attempt, the wait or the connection has ended
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
    // The types of the API require `data` if `Data` does not include undefined. The compiler cannot verify this inside the class, so a cast
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
      // `stop` waits for this Promise. It does not wait for `source` and `options.connect`: a Promise of the application may never settle.
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
      // The run continues: the error is reported, and the default times are used.
      warn(error);
      return readBackoff();
    }
  }

  #waitAfter(retries: number): number {
    return waitAfter(retries, this.#backoff(), this.#context.random());
  }

  /** Begins to wait. @returns false if the run was stopped meanwhile, by a function of the application such as `shouldReconnect` */
  #wait(cause: ReconnectCause, wait: number): boolean {
    if (this.isStopping) return false;
    const { clock, options } = this.#context;
    this.#state = 'waiting';
    const timer = clock.setTimeout(() => {
      this.#timer = null;
      // During a long wait the answer of `shouldReconnect` may have changed, so the function is called again.
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
    // The messages that the `open` handler sends, such as a login, go before the messages in the queue.
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

  /** Is called when the connection is closed. @returns a function that the caller calls after the `close` handler */
  lost(info: CloseInfo): () => void {
    this.#connection = null;
    if (this.isStopping) return () => this.#onClosed?.();
    this.#state = 'waiting';
    const isBrief = this.#now() - this.#openedAt < STEADY_AFTER;
    this.#brief = isBrief ? this.#brief + 1 : 0;
    const cause: ReconnectCause = { kind: 'closed', info };
    if (this.#isWanted(cause, 0)) {
      // §7.2.3: after an abnormal closure, clients must not reconnect at once, again and again.
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
   * Ends the run, since no further attempt follows. @returns a function that calls the `ended` handler, or does nothing if `stop` was
   * called
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
