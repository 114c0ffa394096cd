/**
 * Limits the memory that many connections hold together (RFC 6455 §10.4 asks an endpoint to enforce its own limits). The limit
 * `maxMessageSize` in assembler.ts is for a single message. charge.ts counts each piece of memory. reading-turns.ts decides which
 * connections are read while the budget has little room.
 */

import { ReadingTurns } from './reading-turns.ts';
import type { BudgetReader, Share } from './share.ts';

// The clock is taken when this file is loaded. So the fake timers of an application's tests do not affect it.
const monotonic: () => number = performance.now.bind(performance);

/** 256 MiB. */
export const DEFAULT_MEMORY_BUDGET = 268_435_456;

/**
 * Counts the bytes that connections hold: unfinished messages, messages that wait for the application, send queues.
 *
 * While more than three quarters of the limit are used, connections whose messages arrive in pieces are read in turns. So a message finds
 * room during its turn. A connection that waits for its turn is not read, and loses no data. A message is aborted if it arrives at less
 * than 4 KiB/s for over 2 seconds while other connections wait. The connection of an aborted message closes with 1013.
 */
export class MemoryBudget {
  /** The limit in bytes. `Infinity` disables it. */
  limit: number;
  /**
   * Called when one connection has to wait and no connection waited before. Then the transport calls `review` every 500 ms until
   * `isWaiting` is false. @internal
   */
  onWaiting: (() => void) | null = null;
  readonly #turns: ReadingTurns;
  #used = 0;
  #unread = 0;

  /**
   * @param now a clock in milliseconds that never jumps. @default performance.now
   * @throws {RangeError} for a limit that is NaN, negative or not a number
   */
  constructor(limit: number = DEFAULT_MEMORY_BUDGET, now: () => number = monotonic) {
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw new RangeError(`the limit is ${String(limit)}, not a number of bytes`);
    }
    this.limit = limit;
    this.#turns = new ReadingTurns(this, now);
  }

  /** The number of bytes counted now. It can exceed the limit by one message, plus the data that each connection had already read. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of `used` that wait for the application to read them. @internal */
  get unread(): number {
    return this.#unread;
  }

  /** Whether over three quarters of the limit are used. If so, memory is scarce, and connections are read in turns. @internal */
  get isScarce(): boolean {
    return this.#used > this.limit * 0.75;
  }

  /** Whether at least one connection is not read because the budget has no room. */
  get isWaiting(): boolean {
    return this.#turns.isWaiting;
  }

  /** Adds `bytes`, which may be negative. Called by `Charge`. @internal */
  count(bytes: number, isUnread = false): void {
    this.#used += bytes;
    if (isUnread) this.#unread += bytes;
    if (bytes < 0) this.#turns.wake();
  }

  /** Creates an object that counts the messages that one connection receives (share.ts). @internal */
  share(reader: BudgetReader): Share {
    return this.#turns.share(reader);
  }

  /**
   * Aborts unfinished messages that arrive too slowly, and gives turns to the next connections. The library calls this method every 500 ms
   * while a connection waits. If you run an `Endpoint` on your own transport, your code must call it, once a second.
   */
  review(): void {
    this.#turns.review();
  }
}

/** The budget of the process, which every connection uses unless it has another budget. */
export const processMemoryBudget: MemoryBudget = new MemoryBudget();
