/**
 * A limit on what many connections hold together (RFC 6455 §10.4: an endpoint protects itself against its limits).
 * What one connection may hold is `maxMessageSize`, see assembler.ts; what each piece of memory costs is charge.ts; which
 * connection is read while there is no room is reading-turns.ts.
 */

import { ReadingTurns } from './reading-turns.ts';
import type { BudgetReader, Share } from './share.ts';

// Taken once: fake timers of an application's tests do not move it.
const monotonic: () => number = performance.now.bind(performance);

/** 256 MiB. */
export const DEFAULT_MEMORY_BUDGET = 268_435_456;

/**
 * Counts the bytes that connections hold: unfinished messages, messages that wait for the application, send queues.
 *
 * From three quarters of the limit on, connections whose messages arrive in pieces are read in turns, so that each message
 * that has its turn finds room; the others are not read meanwhile, and lose nothing. Only a message that keeps others
 * waiting for over 2 seconds while it arrives at less than 4 KiB/s is given up: its connection closes with 1013.
 */
export class MemoryBudget {
  /** Bytes. `Infinity` switches the limit off. */
  limit: number;
  /** Called when a connection begins to wait: `review` is to be called once a second until `isWaiting` is false. @internal */
  onWaiting: (() => void) | null = null;
  readonly #turns: ReadingTurns;
  #used = 0;
  #unread = 0;

  /**
   * @param now a clock in milliseconds that never jumps. @default performance.now
   * @throws {RangeError} for a limit that bounds nothing: NaN, a negative number
   */
  constructor(limit: number = DEFAULT_MEMORY_BUDGET, now: () => number = monotonic) {
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw new RangeError(`the limit is ${String(limit)}, not a number of bytes`);
    }
    this.limit = limit;
    this.#turns = new ReadingTurns(this, now);
  }

  /** Bytes counted now. May pass the limit by a message, and by what each connection had read already. */
  get used(): number {
    return this.#used;
  }

  /** How many of them wait for the application to read them. @internal */
  get unread(): number {
    return this.#unread;
  }

  /** Whether connections are read in turns. @internal */
  get isScarce(): boolean {
    return this.#used > this.limit * 0.75;
  }

  /** Whether a connection is not read for want of room. */
  get isWaiting(): boolean {
    return this.#turns.isWaiting;
  }

  /** Called by `Charge`. @internal */
  count(bytes: number, isUnread = false): void {
    this.#used += bytes;
    if (isUnread) this.#unread += bytes;
    if (bytes < 0) this.#turns.wake();
  }

  /** The part of the budget that one connection's receiving has. @internal */
  share(reader: BudgetReader): Share {
    return this.#turns.share(reader);
  }

  /**
   * Gives up unfinished messages that keep others waiting, and gives turns to the next. The library calls it once a second while a
   * connection waits; an `Endpoint` on a transport of your own needs you to.
   */
  review(): void {
    this.#turns.review();
  }
}

/** The budget of the process, which every connection shares unless it is given another. */
export const processMemoryBudget: MemoryBudget = new MemoryBudget();
