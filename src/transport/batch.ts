/**
 * Holds the bytes that one connection sends within a turn of the event loop, in order. Small frames are serialized directly into a slab (a
 * buffer from the pool in slabs.ts); large payloads are not copied. A batch has a slab only while it holds bytes. outbox.ts decides when
 * and how the bytes go to the socket.
 */

import { Borrowed } from './borrowed.ts';
import { abandonSlab, acquireSlab, MAX_SLAB_SIZE, releaseSlab } from './slabs.ts';

/**
 * Bytes of a batch: memory that no other code changes any more, or a borrowed payload. A borrowed payload is read only when the socket
 * takes it.
 */
export type Chunk = Uint8Array | Borrowed;

const EMPTY: Buffer = Buffer.alloc(0);

export class Batch {
  // `ByteSink.reserve` returns the batch itself, with `buffer` and `offset`. So sending a frame allocates no object.
  buffer: Buffer = EMPTY;
  offset = 0;

  /** The number of bytes in the batch. */
  size = 0;
  /** The slab that frames are written into, or null. Its bytes [start, offset) are not in `#chunks`. */
  #slab: Buffer | null = null;
  #start = 0;
  /** The size of the slab in bytes; 0 if there is no slab. */
  #capacity = 0;
  /** How many bytes of the last slab were used. The first slab of the next batch is at least this large. */
  #expected = 0;
  /** Parts of slabs and large payloads, in order. Null while all bytes lie in one part of one slab. */
  #chunks: Chunk[] | null = null;

  get hasSlab(): boolean {
    return this.#slab !== null;
  }

  /** Whether all bytes of the batch lie in one part of one slab. */
  get isPart(): boolean {
    return this.#chunks === null;
  }

  /** Returns whether `size` bytes can be written at `buffer[offset…]`. */
  hasRoom(size: number): boolean {
    return this.offset + size <= this.#capacity;
  }

  /** Returns whether `grow` can make room for `size` bytes. */
  canGrow(size: number): boolean {
    return this.offset + size <= MAX_SLAB_SIZE;
  }

  /**
   * Acquires a slab with room for `size` more bytes. If the batch has a slab already, its content moves to the new slab. So the batch can
   * leave in one write.
   */
  grow(size: number): void {
    const old = this.#slab;
    const slab = acquireSlab(Math.max(this.offset + size, old === null ? this.#expected : old.length * 2));
    this.#slab = slab;
    this.buffer = slab;
    this.#capacity = slab.length;
    if (old === null) return;
    old.copy(slab, 0, 0, this.offset);
    if (this.#chunks !== null) moveChunks(old, slab, this.#chunks);
    releaseSlab(old);
  }

  commit(size: number): void {
    this.offset += size;
    this.size += size;
  }

  /** Adds the first `size` reserved bytes, and after them `payload`. */
  append(payload: Chunk, size: number): void {
    this.offset += size;
    const chunks = this.#seal();
    if (payload.length > 0) chunks.push(payload);
    this.size += size + payload.length;
  }

  /**
   * Stops writing into the slab, which is full. Its bytes stay in the batch, and the garbage collector frees the slab after the batch has
   * left.
   */
  abandon(): void {
    this.#seal();
    const slab = this.leaveSlab();
    if (slab !== null) abandonSlab(slab);
  }

  /** Returns the bytes of the batch if `isPart`. Call `leaveSlab` afterwards. */
  takePart(): Buffer {
    this.size = 0;
    return this.#part();
  }

  /** Returns the whole batch as chunks. Call `leaveSlab` afterwards. */
  takeChunks(): Chunk[] {
    const chunks = this.#seal();
    this.#chunks = null;
    this.size = 0;
    return chunks;
  }

  /**
   * Returns the whole batch as chunks, none of which lies in the slab: the bytes of the slab are copied. The slab is released, so other
   * connections may use it.
   */
  takeApart(): Chunk[] {
    const chunks = this.takeChunks();
    const slab = this.leaveSlab();
    if (slab !== null) {
      copyOutOf(slab, chunks);
      releaseSlab(slab);
    }
    return chunks;
  }

  /** Removes the slab from the batch: later frames go to another slab. @returns the slab, which the caller has to release, or null */
  leaveSlab(): Buffer | null {
    const slab = this.#slab;
    this.#expected = this.offset;
    this.#slab = null;
    // If the pool drops the slab, this batch must not keep the slab's memory alive.
    this.buffer = EMPTY;
    this.#capacity = 0;
    this.#start = 0;
    this.offset = 0;
    return slab;
  }

  clear(): void {
    this.#chunks = null;
    this.size = 0;
    const slab = this.leaveSlab();
    if (slab !== null) releaseSlab(slab);
  }

  /** Adds the bytes of the slab that are not yet in `#chunks` as a chunk. */
  #seal(): Chunk[] {
    this.#chunks ??= [];
    if (this.offset > this.#start) this.#chunks.push(this.#part());
    return this.#chunks;
  }

  #part(): Buffer {
    const part = this.#slab!.subarray(this.#start, this.offset);
    this.#start = this.offset;
    return part;
  }
}

/** Replaces each chunk that lies in `slab` by a copy, beginning at the index `from` of `chunks`. */
export function copyOutOf(slab: Buffer, chunks: Chunk[], from = 0): void {
  for (let index = from; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (!(chunk instanceof Borrowed) && chunk.buffer === slab.buffer) chunks[index] = new Uint8Array(chunk);
  }
}

/** Replaces each chunk that lies in the slab `from` by the same part of the slab `to`. */
function moveChunks(from: Buffer, to: Buffer, chunks: Chunk[]): void {
  for (let index = 0; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (chunk instanceof Borrowed || chunk.buffer !== from.buffer) continue;
    chunks[index] = to.subarray(chunk.byteOffset, chunk.byteOffset + chunk.length);
  }
}
