/**
 * Reads bits from bytes: RFC 1951 §3.1.1 (the first bit is the lowest bit of a byte). inflate.ts reads headers with `take`. For speed, its
 * loops over symbols copy the reader's fields to local variables, and write them back at the end.
 * A loop may load more bits than it needs. So the reader supplies up to three zero bytes after the end of the input. An invalid message may
 * use these zero bits. Then the loop soon needs a fourth zero byte, and the reader throws.
 */

import { InflateError } from './inflate-error.ts';

export class BitReader {
  input: Uint8Array;
  /** The next byte to load. */
  position = 0;
  /** The bits that are loaded but not taken. The lowest bit is the next bit. */
  held = 0;
  /** The number of bits in `held`: 0 to 27. So bit 31, the sign bit, is never used. */
  count = 0;

  constructor(input: Uint8Array) {
    this.input = input;
  }

  /** Begins to read another input. */
  reset(input: Uint8Array): void {
    this.input = input;
    this.position = 0;
    this.held = 0;
    this.count = 0;
  }

  /** Returns the next `count` bits as a number. `count` is at most 16. */
  take(count: number): number {
    while (this.count < count) {
      const { position, input } = this;
      this.held |=
        (position < input.length ? input[position]! : pastEnd(position - input.length)) << this.count;
      this.position = position + 1;
      this.count += 8;
    }
    const value = this.held & ((1 << count) - 1);
    this.held >>= count;
    this.count -= count;
    return value;
  }

  /**
   * Skips the unread bits of the current byte, and sets `position` to the next byte. Whole bytes that are loaded but not taken are given
   * back: `position` moves back.
   */
  alignToByte(): void {
    this.position -= this.count >>> 3;
    this.held = 0;
    this.count = 0;
  }
}

/**
 * Returns the value of a byte after the end of the input: 0 for the first three bytes. If a loop loads a fourth byte, it has already used
 * bits that do not exist. So this function throws.
 */
export function pastEnd(distance: number): number {
  if (distance > 2) throw new InflateError('corrupt', 'The compressed data ends too early.');
  return 0;
}
