/**
 * The payload of one message that arrives in pieces: RFC 6455 §5.4. Pieces are copied into memory that grows with what has arrived,
 * never with what was announced, so a message costs its bytes whatever the framing: a million fragments of one byte cost what one
 * fragment costs. What is still masked is unmasked while it is copied (§5.3).
 */

import { freeMemory } from './free-memory.ts';
import { copyMaskedPart } from './mask.ts';

const FIRST_CAPACITY = 1024;

// While memory is scarce, what a message takes beyond its bytes is an eighth of them and this.
const SMALL_STEP = 4096;

// Below this, a message shares memory with others.
const POOLED = 4096;

/** Collects the pieces of one message at a time. */
export class MessageBuffer {
  /** Payload bytes that are here. */
  length = 0;
  #buffer: Buffer | null = null;

  /** Bytes of memory that they take. */
  get held(): number {
    return this.#buffer === null ? 0 : this.#buffer.length;
  }

  /**
   * Adds `piece[start, end)`.
   * @param key the masking key of its first byte; 0 if it is not masked
   * @param limit bytes that the message can have at most
   * @param size its size, if that is known; else 0
   * @param isScarce whether memory is: then the message grows by small steps, which cost more copies
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

  /** All of it in one piece. Nothing is here afterwards. */
  take(): Buffer {
    const buffer = this.#buffer;
    const { length } = this;
    this.clear();
    if (buffer === null) return Buffer.alloc(0);
    if (length === buffer.length) return buffer;
    // A view is free, but would keep the rest of the memory as long as the message.
    if (length * 4 >= buffer.length * 3) return buffer.subarray(0, length);
    // Not from Node's pool, of which a large message would keep the rest.
    const exact = length < POOLED ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
    buffer.copy(exact, 0, 0, length);
    freeMemory(buffer);
    return exact;
  }

  /** Gives back memory that nothing is in yet. */
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
    // Twice what is here, but not beyond what the message can have: the old and the new memory together stay below twice the limit.
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
