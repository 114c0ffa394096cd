/**
 * Reads bits from bytes: RFC 1951 §3.1.1 (the first bit is the lowest bit of a byte). inflate.ts reads headers with `take`. The loops over
 * symbols in inflate.ts copy the reader's fields to local variables, and write them back at the end. After the end of the input, the reader
 * supplies up to three zero bytes. So a loop can load more bits than it needs. A valid message ends exactly where the input ends. If a loop
 * uses these zero bits, the message is invalid. The loop then soon loads more bytes than the reader supplies, and fails.
 */

import { InflateError } from './inflate-error.ts';

export class BitReader {
  input: Uint8Array;
  /** The next byte to load. */
  position = 0;
  /** The bits that were loaded, but not taken yet. The lowest bit is the next one. */
  held = 0;
  /** The number of bits in `held`: 0 to 27. So they never reach the sign bit of a number. */
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

  /** Returns the next `count` bits, at most 16, as a number. */
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
   * Skips the unread bits of the current byte. Then `position` is the index of the next byte. Bytes that were loaded, but not read, are
   * returned to the input.
   */
  alignToByte(): void {
    this.position -= this.count >>> 3;
    this.held = 0;
    this.count = 0;
  }
}

/**
 * Returns 0 for the byte at `distance` bytes after the end of the input. A loop may load three such bytes without using them. If a loop
 * loads more, it has used bits that do not exist, so this function throws.
 */
export function pastEnd(distance: number): number {
  if (distance > 2) throw new InflateError('corrupt', 'The compressed data ends too early.');
  return 0;
}
