/**
 * The payload of one message that arrives in pieces: RFC 6455 §5.4. It takes what has arrived, never what was announced: small pieces
 * are copied into memory that grows, so a million fragments of one byte cost what one fragment costs; a large piece stays in the
 * chunk that it came in, still masked, until the message is whole, and is then unmasked while it is copied (§5.3).
 */

import { copyMaskedPart } from './mask.ts';

// The first memory of small pieces.
const FIRST_CAPACITY = 1024;

// From here on a piece stays where it is, if it is at least half of that memory.
const KEEP_FROM = 8192;

/** A large piece in its chunk, or small ones in memory of their own. */
interface Segment {
  readonly bytes: Buffer;
  /** The masking key of its first byte; 0 if it is not masked. */
  readonly key: number;
}

/** Collects the pieces of one message at a time. */
export class MessageBuffer {
  /** Payload bytes that are here. */
  length = 0;
  /** Bytes of memory that they take. */
  held = 0;
  /** What comes before `#open`; null for nothing. */
  #segments: Segment[] | null = null;
  /** Where small pieces are copied to, unmasked, and how much of it is filled. */
  #open: Buffer | null = null;
  #filled = 0;

  /**
   * Adds `piece[start, end)`. The memory of a large piece must not change until the message is taken or cleared.
   * @param key the masking key of its first byte; 0 if it is not masked
   * @param limit bytes that the message can have at most
   * @param size its size, if that is known; else 0
   */
  append(piece: Buffer, start: number, end: number, key: number, limit: number, size: number): void {
    const added = end - start;
    this.length += added;
    if (this.length === size && this.#segments !== null) {
      this.#join(piece, start, end, key);
    } else if (this.#keeps(piece, added, limit)) {
      this.#seal().push({ bytes: piece.subarray(start, end), key });
      this.held += piece.buffer.byteLength;
    } else {
      const target = this.#room(added, limit, size);
      copyPart(piece, start, end, target, this.#filled, key);
      this.#filled += added;
    }
  }

  /** All of it in one piece. Nothing is here afterwards. */
  take(): Buffer {
    if (this.#segments !== null) this.#join(NOTHING, 0, 0, 0);
    const buffer = this.#open;
    const { length } = this;
    this.clear();
    if (buffer === null) return Buffer.alloc(0);
    if (length === buffer.length) return buffer;
    // A view is free, but would keep the rest of the memory as long as the message.
    if (length * 4 >= buffer.length * 3) return buffer.subarray(0, length);
    return Buffer.from(buffer.subarray(0, length));
  }

  clear(): void {
    this.length = 0;
    this.held = 0;
    this.#segments = null;
    this.#open = null;
    this.#filled = 0;
  }

  #keeps(piece: Buffer, added: number, limit: number): boolean {
    const { byteLength } = piece.buffer;
    return added >= KEEP_FROM && added * 2 >= byteLength && this.held + byteLength <= limit;
  }

  /** What was copied so far becomes a segment, in memory of its exact size. */
  #seal(): Segment[] {
    this.#segments ??= [];
    const open = this.#open;
    if (open !== null) {
      const bytes = Buffer.allocUnsafeSlow(this.#filled);
      open.copy(bytes, 0, 0, this.#filled);
      this.#segments.push({ bytes, key: 0 });
      this.held -= open.length - bytes.length;
      this.#open = null;
      this.#filled = 0;
    }
    return this.#segments;
  }

  /** Memory with room for `added` bytes after what is filled. */
  #room(added: number, limit: number, size: number): Buffer {
    const before = this.#open;
    const needed = this.#filled + added;
    const capacity = before === null ? 0 : before.length;
    if (before !== null && needed <= capacity) return before;
    const others = this.held - capacity;
    // Doubling, but not beyond the limit: the old and the new memory together stay below twice the limit.
    const doubled = Math.min(Math.max(capacity * 2, FIRST_CAPACITY), limit - others);
    const expected = size === 0 ? doubled : Math.min(doubled, size - this.length + needed);
    const buffer = Buffer.allocUnsafeSlow(Math.max(needed, expected));
    before?.copy(buffer, 0, 0, this.#filled);
    this.#open = buffer;
    this.held += buffer.length - capacity;
    return buffer;
  }

  /** All segments, and one piece more, into memory of their exact size. */
  #join(piece: Buffer, start: number, end: number, key: number): void {
    const whole = Buffer.allocUnsafeSlow(this.length);
    let offset = 0;
    for (const segment of this.#segments!) {
      copyPart(segment.bytes, 0, segment.bytes.length, whole, offset, segment.key);
      offset += segment.bytes.length;
    }
    if (this.#open !== null) {
      this.#open.copy(whole, offset, 0, this.#filled);
      offset += this.#filled;
    }
    copyPart(piece, start, end, whole, offset, key);
    this.#segments = null;
    this.#open = whole;
    this.#filled = this.length;
    this.held = whole.length;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

function copyPart(
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  offset: number,
  key: number,
): void {
  if (key === 0) source.copy(target, offset, start, end);
  else copyMaskedPart(source, start, end, target, offset, key);
}
