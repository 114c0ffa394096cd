/**
 * A limit on what many connections hold together (RFC 6455 §10.4: an endpoint protects itself against its limits).
 * What one connection may hold is `maxMessageSize`, see assembler.ts.
 */

import { ProtocolError } from './violation.ts';

/** Somebody who holds an unfinished message. */
export interface BudgetHolder {
  /** Bytes held at the moment. */
  readonly heldBytes: number;
  /** Asked to give up its message: the memory is released before this returns. */
  shed(error: ProtocolError): void;
}

/** 256 MiB. */
export const DEFAULT_MEMORY_BUDGET = 268_435_456;

/** Counts the bytes of unfinished messages and of send queues; beyond the limit the largest unfinished message goes. */
export class MemoryBudget {
  /** Bytes. `Infinity` switches the limit off. */
  limit: number;
  #used = 0;
  readonly #holders = new Set<BudgetHolder>();

  /** @throws {RangeError} for a limit that bounds nothing: NaN, a negative number */
  constructor(limit: number = DEFAULT_MEMORY_BUDGET) {
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw new RangeError(`the limit is ${String(limit)}, not a number of bytes`);
    }
    this.limit = limit;
  }

  /** Bytes counted now. */
  get used(): number {
    return this.#used;
  }

  /**
   * Counts `bytes` more for an unfinished message.
   * @throws {ProtocolError} WS_MEMORY_BUDGET where the budget is spent and no other message is larger than this one.
   */
  reserve(holder: BudgetHolder, bytes: number): void {
    while (this.#used + bytes > this.limit) {
      const largest = this.#largest();
      // The one that asks counts with what it would hold: it goes itself before it drives out a smaller one.
      if (largest === null || largest === holder || largest.heldBytes < holder.heldBytes + bytes) {
        throw new ProtocolError('WS_MEMORY_BUDGET');
      }
      this.#holders.delete(largest);
      largest.shed(new ProtocolError('WS_MEMORY_BUDGET'));
    }
    this.#used += bytes;
    this.#holders.add(holder);
  }

  /** An unfinished message is done with, or given up. */
  release(holder: BudgetHolder, bytes: number): void {
    this.#used -= bytes;
    this.#holders.delete(holder);
  }

  /** A send queue grew or, with a negative number, shrank. Its own limit is the send cap; here it only counts. */
  countQueued(bytes: number): void {
    this.#used += bytes;
    while (bytes > 0 && this.#used > this.limit) {
      const largest = this.#largest();
      if (largest === null) return;
      this.#holders.delete(largest);
      largest.shed(new ProtocolError('WS_MEMORY_BUDGET'));
    }
  }

  #largest(): BudgetHolder | null {
    let largest: BudgetHolder | null = null;
    for (const holder of this.#holders) {
      if (largest === null || holder.heldBytes > largest.heldBytes) largest = holder;
    }
    return largest;
  }
}

/** The budget of the process, which every connection shares unless it is given another. */
export const processMemoryBudget: MemoryBudget = new MemoryBudget();
