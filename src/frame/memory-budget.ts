/**
 * Limits the total memory of many connections (RFC 6455 §10.4). The limit `maxMessageSize` in assembler.ts is for a single message.
 * charge.ts counts each piece of memory. If the budget has little room, reading-turns.ts decides which connections are read.
 */

import { ReadingTurns } from './reading-turns.ts';
import type { BudgetReader, Share } from './share.ts';

// The function is stored when this file loads, so that fake timers in an application's tests do not affect it.
const monotonic: () => number = performance.now.bind(performance);

/** 256 MiB. */
export const DEFAULT_MEMORY_BUDGET = 268_435_456;

/**
 * Counts the memory of connections: unfinished messages, messages that wait for the application, and send queues.
 *
 * If more than three quarters of the limit are used, connections with messages in pieces are read in turns. During its turn, a connection
 * has enough room for its message. A connection that waits for its turn is not read, but loses no data. If other connections wait and a
 * message arrives at less than 4 KiB/s for more than 2 seconds, this message is aborted. Its connection closes with 1013.
 */
export class MemoryBudget {
  /** The limit in bytes. `Infinity` means that there is no limit. */
  limit: number;
  /**
   * Is called when a connection must wait, and no other connection is waiting. After that, the transport calls `review`
   * every 500 ms until `isWaiting` is false. @internal
   */
  onWaiting: (() => void) | null = null;
  readonly #turns: ReadingTurns;
  #used = 0;
  #unread = 0;

  /**
   * @param now returns the milliseconds of a monotonic clock @default performance.now
   * @throws {RangeError} if the limit is NaN, negative or not a number
   */
  constructor(limit: number = DEFAULT_MEMORY_BUDGET, now: () => number = monotonic) {
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw new RangeError(`the limit is ${String(limit)}, not a number of bytes`);
    }
    this.limit = limit;
    this.#turns = new ReadingTurns(this, now);
  }

  /** The number of bytes that count now. It can exceed the limit by one message, and by data that connections have already read. */
  get used(): number {
    return this.#used;
  }

  /** The bytes of `used` that wait for the application. @internal */
  get unread(): number {
    return this.#unread;
  }

  /** True if memory is scarce: more than three quarters of the limit are used. Then connections are read in turns. @internal */
  get isScarce(): boolean {
    return this.#used > this.limit * 0.75;
  }

  /** True if a connection is not read because the budget has no room. */
  get isWaiting(): boolean {
    return this.#turns.isWaiting;
  }

  /** Adds `bytes` to `used`. `bytes` may be negative. @internal */
  count(bytes: number, isUnread = false): void {
    this.#used += bytes;
    if (isUnread) this.#unread += bytes;
    if (bytes < 0) this.#turns.wake();
  }

  /** Creates the object that counts the unfinished messages of one connection (share.ts). @internal */
  share(reader: BudgetReader): Share {
    return this.#turns.share(reader);
  }

  /**
   * Aborts unfinished messages that arrive too slowly, and gives turns to the next connections. The library calls this every 500 ms while a
   * connection waits. If you use `Endpoint` with your own transport, you must call it once a second.
   */
  review(): void {
    this.#turns.review();
  }
}

/** The default budget. All connections share it, except connections with another budget. */
export const processMemoryBudget: MemoryBudget = new MemoryBudget();
