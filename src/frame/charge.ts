/**
 * A charge counts one piece of memory in the memory budget, from its allocation until its release (RFC 6455 §10.4). If many connections use
 * the same memory, such as a frame of a broadcast, they share one charge. These connections are the holders of the charge. So this memory
 * is counted only once, until the last holder releases it.
 */

import type { MemoryBudget } from './memory-budget.ts';

/** Bytes that count in a `MemoryBudget` until all holders have released them. A new charge has one holder. */
export class Charge {
  readonly #budget: MemoryBudget;
  readonly #isUnread: boolean;
  #bytes = 0;
  #holders = 1;

  /** @param isUnread true if the memory holds data that the application has not read yet */
  constructor(budget: MemoryBudget, bytes = 0, isUnread = false) {
    this.#budget = budget;
    this.#isUnread = isUnread;
    this.resize(bytes);
  }

  /** The number of bytes that count now; 0 after the release. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sets the number of bytes. This never fails, even if the budget has no room. A released charge stays at 0 bytes. */
  resize(bytes: number): void {
    if (this.#holders === 0) return;
    const difference = bytes - this.#bytes;
    if (difference === 0) return;
    this.#bytes = bytes;
    this.#budget.count(difference, this.#isUnread);
  }

  /** Adds a holder. */
  hold(): void {
    if (this.#holders > 0) this.#holders++;
  }

  /** Removes a holder. After the last holder, the bytes no longer count, and later calls do nothing. */
  release(): void {
    if (this.#holders === 0) return;
    if (this.#holders === 1) this.resize(0);
    this.#holders--;
  }
}
