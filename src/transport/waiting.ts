/**
 * Holds the bytes that wait for a socket, in order. The bytes are in chunks of three kinds: parts of slabs (pooled buffers), large
 * payloads, and borrowed payloads, which still belong to the application. The methods take out any number of bytes.
 */

import { type Chunk, copyOutOf } from './batch.ts';
import { Borrowed } from './borrowed.ts';

const EMPTY: Uint8Array = new Uint8Array(0);

export class Waiting {
  /** The number of bytes that wait. */
  size = 0;
  /** The chunks, in order. Null until a chunk waits. */
  #chunks: Chunk[] | null = null;
  /** The index of the first chunk that waits. */
  #head = 0;

  /** @param size the number of bytes in `chunks` */
  add(chunks: Chunk[], size: number): void {
    if (this.#chunks === null) this.#chunks = chunks;
    else for (const chunk of chunks) this.#chunks.push(chunk);
    this.size += size;
  }

  /** Copies every chunk that uses memory of `slab` (a pooled buffer). Each copy replaces its chunk. */
  leaveSlab(slab: Buffer): void {
    if (this.#chunks !== null) copyOutOf(slab, this.#chunks, this.#head);
  }

  /**
   * Takes out at most `size` bytes, without a copy. The caller has to use the bytes immediately. If they belong to the application, the
   * application can change them later.
   * @throws {PayloadChangedError}
   */
  next(size: number): Uint8Array {
    const part = this.#advance(size);
    this.size -= part.length;
    return part;
  }

  /** Returns true if at least one of the next `size` bytes belongs to a borrowed payload. */
  isBorrowed(size: number): boolean {
    for (let left = size, at = this.#head; left > 0; at++) {
      const chunk = this.#chunks![at]!;
      if (chunk instanceof Borrowed) return true;
      left -= chunk.length;
    }
    return false;
  }

  /**
   * Takes out the next `size` bytes, and copies them to the beginning of `memory`.
   * @throws {PayloadChangedError} in this case, `this.size` still counts all of these bytes
   */
  copy(size: number, memory: Buffer): void {
    for (let at = 0; at < size; ) {
      const part = this.#advance(size - at);
      memory.set(part, at);
      at += part.length;
    }
    this.size -= size;
  }

  /**
   * Takes out the next `size` bytes as one part. If the bytes lie in one chunk, they are not copied. Otherwise they are copied to `memory`.
   * @throws {PayloadChangedError} in this case, `this.size` still counts all of these bytes
   */
  join(size: number, memory: Buffer): Uint8Array {
    const first = this.#chunks![this.#head]!;
    if (first.length >= size) return this.next(size);
    this.copy(size, memory);
    return memory.subarray(0, size);
  }

  /** Shortens the list of chunks if most of its chunks were taken out already. Call this from time to time. */
  tidy(): void {
    if (this.size === 0) this.clear();
    else if (this.#chunks !== null && this.#head > 1024 && this.#head * 2 > this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.size = 0;
    this.#chunks = null;
    this.#head = 0;
  }

  #advance(size: number): Uint8Array {
    const chunks = this.#chunks!;
    const chunk = chunks[this.#head]!;
    if (chunk instanceof Borrowed) {
      const part = chunk.next(Math.min(size, chunk.length));
      if (chunk.length === 0) chunks[this.#head++] = EMPTY;
      return part;
    }
    if (chunk.length <= size) {
      chunks[this.#head++] = EMPTY;
      return chunk;
    }
    chunks[this.#head] = chunk.subarray(size);
    return chunk.subarray(0, size);
  }
}
