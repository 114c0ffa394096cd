/**
 * The LZ77 window of one direction of a connection: the last bytes of plaintext (the history). The next compressed message can refer to
 * them. RFC 1951 §2 allows references to earlier blocks. RFC 7692 §7.2.1 allows references to earlier messages (context takeover), and
 * RFC 7692 §7.1.2 limits their distance.
 * There is no other state between messages, so each message can use any engine. Our engine reads the window, and zlib gets the window as a
 * dictionary. An engine does not change the history. codec.ts appends a sent message when it is certain that the message is sent. It
 * appends a received message after decompression.
 */

import type { MatchIndex } from './matcher.ts';

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/**
 * The size of the first buffer, in bytes. A full buffer is replaced by a buffer of double size. So a connection with few messages needs
 * little memory.
 */
const FIRST_CAPACITY = 1024;

/**
 * Returns the number of extra bytes in the buffer of a full window. With these extra bytes, most small messages can be appended without
 * moving the whole history.
 */
const slackOf = (size: number): number => Math.max(size >>> 3, 512);

/** Returns the maximum memory, in bytes, of a window of 2^bits bytes. The compressor's index is not included. */
export function largestWindow(bits: number): number {
  return 2 ** bits + slackOf(2 ** bits);
}

/** Holds at most the last `size` bytes of the plaintext that was sent or received. */
export class Window {
  /** The largest distance of a reference, in bytes: 2^bits, which is 256 to 32,768. */
  readonly size: number;
  /** The history is `buffer[start, end)`. The bytes from `end` on are free. */
  buffer: Uint8Array = EMPTY;
  /** A view of the same memory, to read four bytes at once. */
  view: DataView = EMPTY_VIEW;
  start = 0;
  end = 0;
  /** The total number of appended bytes. `clear` resets it to 0. */
  total = 0;
  /** The compressor's index of repeated sequences (matcher.ts). Null until the compressor first uses the window. */
  index: MatchIndex | null = null;

  /**
   * @param bits the negotiated window bits, 8 to 15 (7692 §7.1.2).
   * @throws RangeError if `bits` is invalid.
   */
  constructor(bits: number) {
    if (!(Number.isInteger(bits) && bits >= 8 && bits <= 15))
      throw new RangeError(`window bits are 8 to 15, not ${bits}`);
    this.size = 1 << bits;
  }

  /** The number of bytes of the history. This is at most `size`. */
  get length(): number {
    return this.end - this.start;
  }

  /** The memory of the window in bytes, including the compressor's index. */
  get retained(): number {
    return this.buffer.byteLength + (this.index === null ? 0 : this.index.retained);
  }

  /** The history, for zlib's option `dictionary`. This is a view, which is valid until the next call of `append` or `reserve`. */
  get history(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  /** Adds the plaintext of a message to the history. The window keeps only the last `size` bytes of the history. */
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
    // We move `start` forward first, so that `reserve` copies only the bytes that stay in the window.
    const surplus = this.end - this.start + length - this.size;
    if (surplus > 0) this.start += surplus;
    if (!this.reserve(length)) throw new Error('unreachable: a full window has room');
    this.buffer.set(plaintext, this.end);
    this.end += length;
  }

  /**
   * Makes room for `length` bytes at `buffer[end]`: moves the history to the start of the buffer, or enlarges the buffer.
   * @returns false if the buffer would exceed the maximum size. In this case, nothing is changed.
   */
  reserve(length: number): boolean {
    const kept = this.end - this.start;
    if (this.end + length <= this.buffer.length) return true;
    const most = this.size + slackOf(this.size);
    if (kept + length > most) return false;
    let capacity = Math.max(this.buffer.length, FIRST_CAPACITY);
    while (capacity < kept + length) capacity *= 2;
    // With a buffer of exactly the window's size, each new message would require moving the whole history.
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

  /** Removes the whole history and frees the memory. */
  clear(): void {
    this.buffer = EMPTY;
    this.view = EMPTY_VIEW;
    this.start = 0;
    this.end = 0;
    this.total = 0;
    this.index = null;
  }
}
