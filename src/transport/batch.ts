/**
 * What one connection sends within a turn of the event loop, in order: small frames, serialized in place into a slab, and large
 * payloads, kept as they are. It holds a slab only while it has something; where the bytes go is outbox.ts.
 */

import { Borrowed } from './borrowed.ts';
import { abandonSlab, acquireSlab, MAX_SLAB_SIZE, releaseSlab } from './slabs.ts';

/** Memory that nothing else changes any more, or what is read only when it leaves. */
export type Chunk = Uint8Array | Borrowed;

const EMPTY: Buffer = Buffer.alloc(0);

export class Batch {
  // What `ByteSink.reserve` returns: no allocation for a frame.
  buffer: Buffer = EMPTY;
  offset = 0;

  /** Bytes of it. */
  size = 0;
  /** The slab that frames are written into, or null. Its bytes [start, offset) are not in `#chunks`. */
  #slab: Buffer | null = null;
  #start = 0;
  /** Bytes of the slab, 0 without one. */
  #capacity = 0;
  /** What was needed of the last slab: it is the size of the next one. */
  #expected = 0;
  /** Parts of slabs and large payloads in order, if the slab alone does not tell. */
  #chunks: Chunk[] | null = null;

  get hasSlab(): boolean {
    return this.#slab !== null;
  }

  /** Whether it is one part of a slab, and nothing else. */
  get isPart(): boolean {
    return this.#chunks === null;
  }

  /** Whether `size` bytes can be written at `buffer[offset…]`. */
  hasRoom(size: number): boolean {
    return this.offset + size <= this.#capacity;
  }

  /** Whether `grow` can make room for `size` bytes. */
  canGrow(size: number): boolean {
    return this.offset + size <= MAX_SLAB_SIZE;
  }

  /** Begins a slab, or moves what the slab holds to a larger one: what leaves is one part, however much it is. */
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

  /** Adds the first `size` of the reserved bytes, then `payload`. */
  append(payload: Chunk, size: number): void {
    this.offset += size;
    const chunks = this.#seal();
    if (payload.length > 0) chunks.push(payload);
    this.size += size + payload.length;
  }

  /** The full slab stays in the batch, and is left to the garbage collector when that has left. */
  abandon(): void {
    this.#seal();
    const slab = this.leave();
    if (slab !== null) abandonSlab(slab);
  }

  /** The bytes of a batch that is one part of a slab. `leave` the slab afterwards. */
  takePart(): Buffer {
    this.size = 0;
    return this.#part();
  }

  /** All of it as chunks. `leave` the slab afterwards. */
  takeChunks(): Chunk[] {
    const chunks = this.#seal();
    this.#chunks = null;
    this.size = 0;
    return chunks;
  }

  /** As `takeChunks`, in memory of its own: the slab goes to others. */
  takeApart(): Chunk[] {
    const chunks = this.takeChunks();
    const slab = this.leave();
    if (slab !== null) {
      copyOutOf(slab, chunks);
      releaseSlab(slab);
    }
    return chunks;
  }

  /** What is added from now on goes to another slab. @returns the slab, which is the caller's to release */
  leave(): Buffer | null {
    const slab = this.#slab;
    this.#expected = this.offset;
    this.#slab = null;
    // A slab that the pool drops must not stay alive here.
    this.buffer = EMPTY;
    this.#capacity = 0;
    this.#start = 0;
    this.offset = 0;
    return slab;
  }

  clear(): void {
    this.#chunks = null;
    this.size = 0;
    const slab = this.leave();
    if (slab !== null) releaseSlab(slab);
  }

  /** What the slab holds becomes a chunk. */
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

/** Replaces each of `chunks` that lies in `slab`, from `from` on, by a copy. */
export function copyOutOf(slab: Buffer, chunks: Chunk[], from = 0): void {
  for (let index = from; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (!(chunk instanceof Borrowed) && chunk.buffer === slab.buffer) chunks[index] = new Uint8Array(chunk);
  }
}

/** Replaces each of `chunks` that lies in `from` by the same part of `to`. */
function moveChunks(from: Buffer, to: Buffer, chunks: Chunk[]): void {
  for (let index = 0; index < chunks.length; index++) {
    const chunk = chunks[index]!;
    if (chunk instanceof Borrowed || chunk.buffer !== from.buffer) continue;
    chunks[index] = to.subarray(chunk.byteOffset, chunk.byteOffset + chunk.length);
  }
}
