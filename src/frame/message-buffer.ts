/**
 * Holds the payload of one message that arrives in pieces (RFC 6455 §5.4). Pieces are copied into memory that grows with the bytes that
 * have arrived. The announced size alone allocates no memory. So the memory does not depend on the framing. A million fragments of one byte
 * need as much memory as one fragment of a million bytes. Payload that is still masked is unmasked while it is copied (§5.3).
 */

import { freeMemory } from './free-memory.ts';
import { copyMaskedPart } from './mask.ts';

const FIRST_CAPACITY = 1024;

// While memory is scarce, the unused part of a message's memory is limited. The limit is an eighth of the message's bytes, plus this many
// bytes.
const SMALL_STEP = 4096;

// A message with fewer bytes than this may be allocated from Node's buffer pool, whose memory several buffers share.
const POOLED = 4096;

/** Collects the pieces of one message at a time. */
export class MessageBuffer {
  /** The number of payload bytes that are stored. */
  length = 0;
  #buffer: Buffer | null = null;

  /** Bytes of memory that are allocated for the payload. */
  get held(): number {
    return this.#buffer === null ? 0 : this.#buffer.length;
  }

  /**
   * Adds `piece[start, end)`.
   * @param key the masking key for the first byte of the piece; 0 if the piece is not masked
   * @param limit the maximum number of bytes of the message
   * @param size the size of the message if it is known; else 0
   * @param isScarce whether memory is scarce (see `MemoryBudget`). If so, the buffer grows by small steps, which cost more copies
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

  /** Returns the whole payload in one piece, and leaves this buffer empty. */
  take(): Buffer {
    const buffer = this.#buffer;
    const { length } = this;
    this.clear();
    if (buffer === null) return Buffer.alloc(0);
    if (length === buffer.length) return buffer;
    // A view costs no copy, but it keeps the unused rest of the memory alive as long as the message. So at most a quarter of the memory may
    // be unused.
    if (length * 4 >= buffer.length * 3) return buffer.subarray(0, length);
    // A large message must not come from Node's pool: it would keep the rest of the pool alive.
    const exact = length < POOLED ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    buffer.copy(exact, 0, 0, length);
    freeMemory(buffer);
    return exact;
  }

  /** Frees the memory that is allocated but not filled yet, if it is at least `SMALL_STEP` bytes. */
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
    // The memory doubles, but stays within the message's size, or within its limit while the size is not known. So the old and the new
    // memory together stay below twice the limit.
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
