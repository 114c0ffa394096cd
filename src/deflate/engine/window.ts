/**
 * The LZ77 window of one direction of a connection: RFC 1951 §2 (back references reach into earlier blocks), RFC 7692 §7.1.2 (how far) and
 * §7.2.1 (references may reach into earlier messages: context takeover). The last bytes of plaintext are the whole state of a compression
 * context, so any engine can take the next message. Our engine reads these bytes in place; zlib takes them as a dictionary. No engine
 * changes the history: the codec appends a message once the message is certain to be sent, or was inflated.
 */

import type { MatchIndex } from './matcher.ts';

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/** Bytes of the first buffer. The buffer doubles as plaintext arrives, so a connection with few messages keeps little memory. */
const FIRST_CAPACITY = 1024;

/** Returns the room after a full window. Because of this room, a small message does not move the whole window each time. */
const slackOf = (size: number): number => Math.max(size >>> 3, 512);

/** Returns the most bytes of memory that a window of 2^bits bytes holds, without the compressor's index. */
export function largestWindow(bits: number): number {
  return 2 ** bits + slackOf(2 ** bits);
}

/** Holds the last `size` bytes, or fewer, of the plaintext that was sent or received. */
export class Window {
  /** The largest distance: 2^bits bytes, 256 to 32,768. */
  readonly size: number;
  /** The history is `buffer[start, end)`; the bytes from `end` on are free room, with unspecified content. */
  buffer: Uint8Array = EMPTY;
  /** A view of the same memory, to read words at any position. */
  view: DataView = EMPTY_VIEW;
  start = 0;
  end = 0;
  /** Bytes appended since the window was created or cleared. */
  total = 0;
  /** The compressor's index of positions; null until it is used. */
  index: MatchIndex | null = null;

  /**
   * @param bits the negotiated window bits, 8 to 15 (7692 §7.1.2).
   * @throws RangeError for other bits.
   */
  constructor(bits: number) {
    if (!(Number.isInteger(bits) && bits >= 8 && bits <= 15))
      throw new RangeError(`window bits are 8 to 15, not ${bits}`);
    this.size = 1 << bits;
  }

  /** Bytes of history, at most `size`. */
  get length(): number {
    return this.end - this.start;
  }

  /** Bytes of memory held, the compressor's index included. */
  get retained(): number {
    return this.buffer.byteLength + (this.index === null ? 0 : this.index.retained);
  }

  /** The history as zlib's `dictionary`: a view, valid until the next call of `append` or `reserve`. */
  get history(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  /** Adds a message's plaintext; only the last `size` bytes are kept. */
  append(plaintext: Uint8Array): void {
    const length = plaintext.length;
    this.total += length;
    if (length >= this.size) {
      this.end = 0;
      this.start = 0;
      this.reserve(this.size);
      this.buffer.set(plaintext.subarray(length - this.size));
      this.end = this.size;
      return;
    }
    // Only the bytes that stay in the window have to be kept while room is made.
    const surplus = this.end - this.start + length - this.size;
    if (surplus > 0) this.start += surplus;
    if (!this.reserve(length)) throw new Error('unreachable: a full window has room');
    this.buffer.set(plaintext, this.end);
    this.end += length;
  }

  /**
   * Makes room for `length` bytes at `buffer[end]`, by moving the history or growing the buffer.
   * @returns false, without any change, if the room would take more memory than a full window and its slack.
   */
  reserve(length: number): boolean {
    const kept = this.end - this.start;
    if (this.end + length <= this.buffer.length) return true;
    const most = this.size + slackOf(this.size);
    if (kept + length > most) return false;
    let capacity = Math.max(this.buffer.length, FIRST_CAPACITY);
    while (capacity < kept + length) capacity *= 2;
    // A full window in a buffer of exactly its size would move for every message.
    if (kept === this.size || capacity > most) capacity = most;
    if (capacity > this.buffer.length) {
      const grown = new Uint8Array(capacity);
      grown.set(this.buffer.subarray(this.start, this.end));
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    } else {
      this.buffer.copyWithin(0, this.start, this.end);
    }
    this.start = 0;
    this.end = kept;
    return true;
  }

  /** Forgets everything and frees the memory. */
  clear(): void {
    this.buffer = EMPTY;
    this.view = EMPTY_VIEW;
    this.start = 0;
    this.end = 0;
    this.total = 0;
    this.index = null;
  }
}
