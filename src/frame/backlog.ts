/** Stores received chunks, in order, until they can be processed. Counts their memory (RFC 6455 §10.4). */

import { Charge } from './charge.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** The waiting chunks of one connection. */
export class Backlog {
  readonly #charge: Charge;
  #chunks: Buffer[] = [];
  /** The bytes of the first chunk before this offset are already processed. */
  #start = 0;

  constructor(budget: MemoryBudget) {
    this.#charge = new Charge(budget);
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Adds a chunk at the end. @param isBorrowed true if the transport will reuse the chunk's memory. If so, a copy is added */
  push(chunk: Buffer, isBorrowed: boolean): void {
    this.#chunks.push(isBorrowed ? Buffer.from(chunk) : chunk);
    this.#count(chunk.length);
  }

  /** Adds a chunk before all other chunks. Its bytes before `start` are already processed. @param isBorrowed the same as for `push` */
  unshift(chunk: Buffer, start: number, isBorrowed: boolean): void {
    const kept = isBorrowed ? Buffer.from(chunk.subarray(start)) : chunk;
    this.#chunks.unshift(kept);
    this.#start = isBorrowed ? 0 : start;
    this.#count(kept.length);
  }

  /** Removes the first chunk, and passes it to `process`. Bytes before `start` are already processed. */
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
