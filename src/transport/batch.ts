/**
 * Holds, in order, the bytes that one connection sends in one turn of the event loop. Small frames are written directly into a slab (a
 * buffer from the pool in slabs.ts). Large payloads are not copied. A batch has a slab only while the batch holds bytes. outbox.ts decides
 * when and how the bytes go to the socket.
 */

import { Borrowed } from './borrowed.ts';
import { abandonSlab, acquireSlab, MAX_SLAB_SIZE, releaseSlab } from './slabs.ts';

/**
 * A piece of the bytes in a batch. A `Uint8Array` is memory that no code changes any more. A `Borrowed` is a payload that belongs to the
 * application. We do not read this payload before we write it to the socket.
 */
export type Chunk = Uint8Array | Borrowed;

const EMPTY: Buffer = Buffer.alloc(0);

export class Batch {
  // `Outbox.reserve` has to return an object with `buffer` and `offset`. `reserve` returns this batch, so no object is allocated for a
  // frame.
  buffer: Buffer = EMPTY;
  offset = 0;

  /** The number of bytes in the batch. */
  size = 0;
  /**
   * The slab (a buffer from the pool) that frames are written into, or null. The bytes from `#start` to `offset` in the slab are not in
   * `#chunks` yet.
   */
  #slab: Buffer | null = null;
  #start = 0;
  /** The size of the slab (a pooled buffer) in bytes. 0 if there is no slab. */
  #capacity = 0;
  /** The number of used bytes in the previous slab. The next slab has at least this size. */
  #expected = 0;
  /** The pieces of the batch, in order. Null while all bytes are one continuous part of one slab. */
  #chunks: Chunk[] | null = null;

  get hasSlab(): boolean {
    return this.#slab !== null;
  }

  /** True if all bytes of the batch are one continuous part of one slab (a pooled buffer). */
  get isPart(): boolean {
    return this.#chunks === null;
  }

  /** Returns true if `size` bytes can be written at `buffer[offset…]`. */
  hasRoom(size: number): boolean {
    return this.offset + size <= this.#capacity;
  }

  /** Returns true if `grow` can make room for `size` more bytes. */
  canGrow(size: number): boolean {
    return this.offset + size <= MAX_SLAB_SIZE;
  }

  /**
   * Gets a slab (a buffer from the pool) with room for `size` more bytes. If the batch already has a slab, the content moves to the new
   * slab. Then one write can send the whole batch.
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

  /** Adds `size` bytes that the caller has written at `buffer[offset…]`, and then `payload`. */
  append(payload: Chunk, size: number): void {
    this.offset += size;
    const chunks = this.#seal();
    if (payload.length > 0) chunks.push(payload);
    this.size += size + payload.length;
  }

  /**
   * Stops writing into the slab (a buffer from the pool), because it is full. The bytes stay in the batch. The garbage collector frees the
   * slab later.
   */
  abandon(): void {
    this.#seal();
    const slab = this.leaveSlab();
    if (slab !== null) abandonSlab(slab);
  }

  /** Takes all bytes out of the batch. Call this only if `isPart` is true, and call `leaveSlab` afterwards. */
  takePart(): Buffer {
    this.size = 0;
    return this.#part();
  }

  /** Takes all bytes out of the batch, as chunks. Call `leaveSlab` afterwards. */
  takeChunks(): Chunk[] {
    const chunks = this.#seal();
    this.#chunks = null;
    this.size = 0;
    return chunks;
  }

  /**
   * Takes all bytes out of the batch, as chunks. The bytes in the slab (a buffer from the pool) are copied, and the slab goes back to the
   * pool.
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

  /**
   * Removes the slab (a buffer from the pool) from the batch.
   * @returns the removed slab, which the caller has to release. Null if the batch had no slab
   */
  leaveSlab(): Buffer | null {
    const slab = this.#slab;
    this.#expected = this.offset;
    this.#slab = null;
    // The pool may drop the slab later. So this batch must not keep a reference to the slab.
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

  /** Makes a chunk from the bytes of the slab that are not in `#chunks` yet, and adds this chunk to `#chunks`. */
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

/** Copies the chunks that use memory of `slab`. Each copy replaces its chunk. Only chunks from the index `from` on are copied. */
export function copyOutOf(slab: Buffer, chunks: Chunk[], from = 0): void {
  for (let index = from; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (!(chunk instanceof Borrowed) && chunk.buffer === slab.buffer) chunks[index] = new Uint8Array(chunk);
  }
}

/** Changes the chunks that use memory of the slab `from`. After the change, they use the same bytes of the slab `to`. */
function moveChunks(from: Buffer, to: Buffer, chunks: Chunk[]): void {
  for (let index = 0; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (chunk instanceof Borrowed || chunk.buffer !== from.buffer) continue;
    chunks[index] = to.subarray(chunk.byteOffset, chunk.byteOffset + chunk.length);
  }
}
