/** Holds the chunks that wait while reading is stopped, in order. Counts their memory (RFC 6455 §10.4). */

import { Charge } from './charge.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** The chunks of one connection that wait. */
export class Backlog {
  readonly #charge: Charge;
  #chunks: Buffer[] = [];
  /** The offset in the first chunk of the bytes that have not been processed. */
  #start = 0;

  constructor(budget: MemoryBudget) {
    this.#charge = new Charge(budget);
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Adds a chunk at the end. @param isBorrowed whether the chunk belongs to the transport: a copy is added */
  push(chunk: Buffer, isBorrowed: boolean): void {
    this.#chunks.push(isBorrowed ? Buffer.from(chunk) : chunk);
    this.#count(chunk.length);
  }

  /** Puts a chunk before all others. Its bytes before `start` were already processed. @param isBorrowed the same as for `push` */
  unshift(chunk: Buffer, start: number, isBorrowed: boolean): void {
    const kept = isBorrowed ? Buffer.from(chunk.subarray(start)) : chunk;
    this.#chunks.unshift(kept);
    this.#start = isBorrowed ? 0 : start;
    this.#count(kept.length);
  }

  /** Removes the first chunk, and passes it to `process`. `start` is the offset of its first byte that has not been processed. */
  next(process: (chunk: Buffer, start: number) => void): void {
    const chunk = this.#chunks.shift()!;
    const start = this.#start;
    this.#start = 0;
    this.#count(-chunk.length);
    process(chunk, start);
  }

  clear(): void {
    this.#chunks = [];
    this.#start = 0;
    this.#charge.resize(0);
  }

  #count(bytes: number): void {
    this.#charge.resize(this.#charge.bytes + bytes);
  }
}
