/**
 * The LZ77 window of one direction of a connection: the last bytes of plaintext. The next compressed message can refer to them. RFC 1951 §2
 * allows references to earlier blocks. RFC 7692 §7.1.2 limits how far they reach back, and §7.2.1 allows references to earlier messages
 * (context takeover). The window is the whole state of a compression context, so each message can use any engine. Our engine reads the
 * bytes in place, and zlib gets them as a dictionary. No engine changes the history. The codec appends a sent message when it is certain to
 * be sent. It appends a received message when it is decompressed.
 */

import type { MatchIndex } from './matcher.ts';

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/**
 * The size in bytes of the first buffer. The buffer doubles in size when it is full, so a connection with few messages uses little memory.
 */
const FIRST_CAPACITY = 1024;

/**
 * Returns the number of free bytes after a full window. With these bytes, most small messages can be added without moving the whole window.
 */
const slackOf = (size: number): number => Math.max(size >>> 3, 512);

/** Returns the maximum number of bytes of memory that a window of 2^bits bytes holds, without the compressor's index. */
export function largestWindow(bits: number): number {
  return 2 ** bits + slackOf(2 ** bits);
}

/** Holds the plaintext that was sent or received: the last `size` bytes at most. */
export class Window {
  /** The largest distance of a reference: 2^bits bytes, 256 to 32,768. */
  readonly size: number;
  /** The history is `buffer[start, end)`. The bytes from `end` on are free, and their content is unspecified. */
  buffer: Uint8Array = EMPTY;
  /** A view of the same memory, from which words at any position can be read. */
  view: DataView = EMPTY_VIEW;
  start = 0;
  end = 0;
  /** The number of bytes that were appended since the window was created or cleared. */
  total = 0;
  /** The compressor's index of positions. Null until the compressor first uses the window. */
  index: MatchIndex | null = null;

  /**
   * @param bits the negotiated window bits, 8 to 15 (7692 §7.1.2).
   * @throws RangeError for any other value.
   */
  constructor(bits: number) {
    if (!(Number.isInteger(bits) && bits >= 8 && bits <= 15))
      throw new RangeError(`window bits are 8 to 15, not ${bits}`);
    this.size = 1 << bits;
  }

  /** The number of bytes of history, at most `size`. */
  get length(): number {
    return this.end - this.start;
  }

  /** The number of bytes of memory that the window holds, including the compressor's index. */
  get retained(): number {
    return this.buffer.byteLength + (this.index === null ? 0 : this.index.retained);
  }

  /** The history, for zlib's option `dictionary`. The returned view is valid until the next call of `append` or `reserve`. */
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
    // `start` moves forward first. So `reserve` keeps only the bytes that stay in the window.
    const surplus = this.end - this.start + length - this.size;
    if (surplus > 0) this.start += surplus;
    if (!this.reserve(length)) throw new Error('unreachable: a full window has room');
    this.buffer.set(plaintext, this.end);
    this.end += length;
  }

  /**
   * Makes room for `length` bytes at `buffer[end]`: moves the history to the start of the buffer, or enlarges the buffer.
   * @returns false, and changes nothing, if this needs more memory than a full window and its free bytes.
   */
  reserve(length: number): boolean {
    const kept = this.end - this.start;
    if (this.end + length <= this.buffer.length) return true;
    const most = this.size + slackOf(this.size);
    if (kept + length > most) return false;
    let capacity = Math.max(this.buffer.length, FIRST_CAPACITY);
    while (capacity < kept + length) capacity *= 2;
    // If the buffer had exactly the size of a full window, every message would require moving the window.
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
