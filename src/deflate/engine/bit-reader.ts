/**
 * Reads bits from bytes: RFC 1951 §3.1.1 (bytes are filled from their lowest bit up). Headers are read with `take`. The loop over a block's
 * symbols keeps the fields in local variables and writes them back. After the end of the input, the reader supplies some zero bits, so
 * that a loop can look ahead. A valid message ends exactly where the input ends. If a loop takes the added zero bits, the message is not
 * valid: the loop soon asks for more bits than the reader supplies, and fails.
 */

import { InflateError } from './inflate-error.ts';

export class BitReader {
  input: Uint8Array;
  /** The next byte to load. */
  position = 0;
  /** Loaded bits that were not taken yet. The next bit is the lowest. */
  held = 0;
  /** The number of bits in `held`: 0 to 27, so that the bits never reach the sign bit of a number. */
  count = 0;

  constructor(input: Uint8Array) {
    this.input = input;
  }

  /** Starts over with another input. */
  reset(input: Uint8Array): void {
    this.input = input;
    this.position = 0;
    this.held = 0;
    this.count = 0;
  }

  /** Takes the next `count` bits, at most 16, as a number. */
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

  /** Drops the rest of a partly read byte, and returns whole loaded bytes to the input. Afterwards, `position` is the next byte. */
  alignToByte(): void {
    this.position -= this.count >>> 3;
    this.held = 0;
    this.count = 0;
  }
}

/**
 * Returns the byte that is `distance` bytes after the end of the input: zero. Three such bytes can be loaded without being used. A
 * reader that asks for more has taken bits that do not exist.
 */
export function pastEnd(distance: number): number {
  if (distance > 2) throw new InflateError('corrupt', 'The compressed data ends too early.');
  return 0;
}
