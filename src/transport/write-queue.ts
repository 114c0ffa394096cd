/**
 * What waits while a socket takes no more, in order. It goes to the socket in slices of bounded size, so that slow progress can
 * be told from none, and one peer's 16 MiB do not sit in the socket's own queue, out of reach of our accounting.
 */

import type { Writable } from 'node:stream';
import { Borrowed, WRITE_SIZE } from './borrowed.ts';

/** Memory that nothing else changes any more, or what is read only when it leaves. */
export type Chunk = Uint8Array | Borrowed;

const EMPTY: Uint8Array = new Uint8Array(0);

export class WriteQueue {
  #chunks: Chunk[] = [];
  /** Where the first one that waits is. */
  #head = 0;
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Chunks that wait. */
  get length(): number {
    return this.#chunks.length - this.#head;
  }

  get isEmpty(): boolean {
    return this.#head === this.#chunks.length;
  }

  /** Adds `chunks`, of `size` bytes together. The array belongs to the queue from now on. */
  add(chunks: Chunk[], size: number): void {
    if (this.isEmpty) {
      this.#chunks = chunks;
      this.#head = 0;
    } else {
      for (const chunk of chunks) this.#chunks.push(chunk);
    }
    this.#bytes += size;
  }

  /**
   * Writes the next slice.
   * @returns memory that can be used again, by `giveBack`, once the socket has taken everything
   * @throws {PayloadChangedError}
   */
  writeSome(socket: Writable): Buffer | null {
    let copy: Buffer | null = null;
    let room = WRITE_SIZE;
    while (!this.isEmpty && room > 0) {
      const chunk = this.#chunks[this.#head]!;
      const size = Math.min(chunk.length, room);
      room -= size;
      this.#bytes -= size;
      if (chunk instanceof Borrowed) {
        copy = chunk.take(size);
        if (chunk.length === 0) this.#chunks[this.#head++] = EMPTY;
        socket.write(copy);
      } else if (size < chunk.length) {
        this.#chunks[this.#head] = chunk.subarray(size);
        socket.write(chunk.subarray(0, size));
      } else {
        this.#chunks[this.#head++] = EMPTY;
        socket.write(chunk);
      }
    }
    return copy;
  }

  /** Gives back the room of what was written. */
  compact(): void {
    if (this.isEmpty) {
      this.#chunks = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Puts chunks that lie in `slab` into separate memory: the slab is needed for others. */
  leave(slab: Buffer): void {
    copyOutOf(slab, this.#chunks, this.#head);
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}

/** Replaces each of `chunks` that lies in `slab`, from `from` on, by a copy. */
export function copyOutOf(slab: Buffer, chunks: Chunk[], from = 0): void {
  for (let index = from; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (chunk instanceof Uint8Array && chunk.buffer === slab.buffer) chunks[index] = new Uint8Array(chunk);
  }
}
