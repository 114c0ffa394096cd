/**
 * A charge counts one piece of memory from its allocation until its last holder releases it (RFC 6455 §10.4). A charge moves together with
 * its memory: from the assembler to the inbox, from a queue to the socket. If many connections hold the same memory, such as a frame of a
 * broadcast, one charge has many holders. So the memory is counted once.
 */

import type { MemoryBudget } from './memory-budget.ts';

/** Bytes that count in a `MemoryBudget` until they are released. A new charge has one holder. */
export class Charge {
  readonly #budget: MemoryBudget;
  readonly #isUnread: boolean;
  #bytes = 0;
  #holders = 1;

  /** @param isUnread whether the memory holds data that the application has not read yet */
  constructor(budget: MemoryBudget, bytes = 0, isUnread = false) {
    this.#budget = budget;
    this.#isUnread = isUnread;
    this.resize(bytes);
  }

  /** Bytes counted now; 0 after the charge is released. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sets the number of bytes after the memory grew or shrank. This never fails. A released charge stays at 0 bytes. */
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

  /** Removes a holder. After the last holder is removed, the bytes no longer count, and further calls do nothing. */
  release(): void {
    if (this.#holders === 0) return;
    if (this.#holders === 1) this.resize(0);
    this.#holders--;
  }
}
