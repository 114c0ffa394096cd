/**
 * Stores the payload of one message that arrives in pieces (RFC 6455 §5.4). The pieces are copied into a buffer. The buffer grows with the
 * bytes that have arrived, not with the size that a frame header announces. So a million fragments of one byte need as much memory as one
 * fragment of a million bytes. Masked payload is unmasked while it is copied (§5.3).
 */

import { freeMemory } from './free-memory.ts';
import { copyMaskedPart } from './mask.ts';

const FIRST_CAPACITY = 1024;

// If memory is scarce, the unused part of a buffer is at most an eighth of the message, plus `SMALL_STEP` bytes.
const SMALL_STEP = 4096;

// A message with fewer bytes than this may be allocated from Node's buffer pool (memory that several buffers share).
const POOLED = 4096;

/** Collects the pieces of one message at a time. */
export class MessageBuffer {
  /** The number of stored payload bytes. */
  length = 0;
  #buffer: Buffer | null = null;

  /** The size of the buffer, in bytes. */
  get held(): number {
    return this.#buffer === null ? 0 : this.#buffer.length;
  }

  /**
   * Adds `piece[start, end)`.
   * @param key the masking key, rotated so that it begins at the first byte of the piece, or 0 if the piece is not masked
   * @param limit the maximum number of bytes of the message
   * @param size the size of the message, or 0 if it is not known
   * @param isScarce true if memory is scarce (see `MemoryBudget`). If so, the buffer grows in small steps: this saves memory, but copies
   *   more often
   */
  append(
    piece: Buffer,
    start: number,
    end: number,
    key: number,
    limit: number,
    size: number,
    isScarce = false,
  ): void {
    const needed = this.length + (end - start);
    const held = this.#buffer;
    const target = held === null || needed > held.length ? this.#grow(needed, limit, size, isScarce) : held;
    if (key === 0) piece.copy(target, this.length, start, end);
    else copyMaskedPart(piece, start, end, target, this.length, key);
    this.length = needed;
  }

  /** Returns the whole payload as one Buffer, and removes it from this object. */
  take(): Buffer {
    const buffer = this.#buffer;
    const { length } = this;
    this.clear();
    if (buffer === null) return Buffer.alloc(0);
    if (length === buffer.length) return buffer;
    // A view needs no copy, but it also keeps the unused part of the buffer in memory. So we return a view only if at most a quarter is
    // unused.
    if (length * 4 >= buffer.length * 3) return buffer.subarray(0, length);
    // A large message must not come from Node's buffer pool, because it would keep the rest of the pool in memory.
    const exact = length < POOLED ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    buffer.copy(exact, 0, 0, length);
    freeMemory(buffer);
    return exact;
  }

  /** If the unused part of the buffer has at least `SMALL_STEP` bytes, frees it. */
  shrink(): void {
    const before = this.#buffer;
    if (before === null || before.length - this.length < SMALL_STEP) return;
    const exact = Buffer.allocUnsafeSlow(this.length);
    before.copy(exact, 0, 0, this.length);
    freeMemory(before);
    this.#buffer = exact;
  }

  clear(): void {
    this.length = 0;
    this.#buffer = null;
  }

  #grow(needed: number, limit: number, size: number, isScarce: boolean): Buffer {
    const before = this.#buffer;
    // The size of the buffer doubles, up to the size of the message. If this size is not known, the buffer grows up to the limit. So the
    // old and the new buffer together need less than twice the limit.
    const doubled = Math.max(FIRST_CAPACITY, size === 0 ? this.held * 2 : needed * 2);
    const wanted = isScarce ? Math.min(doubled, needed + (needed >> 3) + SMALL_STEP) : doubled;
    const buffer = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(wanted, size === 0 ? limit : size)));
    if (before !== null) {
      before.copy(buffer, 0, 0, this.length);
      freeMemory(before);
    }
    this.#buffer = buffer;
    return buffer;
  }
}
