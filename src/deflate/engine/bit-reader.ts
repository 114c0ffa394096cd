/**
 * Bits out of bytes: RFC 1951 §3.1.1 (bytes are filled from their lowest bit up).
 * Headers are read with `take`. The loop over a block's symbols keeps the fields in local variables and puts them back.
 * After the end come zero bits, as many as looking ahead may ask for. A reader that takes them can no longer arrive at the
 * end, where alone a message is complete, and soon asks for more than there are.
 */

import { InflateError } from './inflate-error.ts';

export class BitReader {
  input: Uint8Array;
  /** The next byte to load. */
  position = 0;
  /** Loaded bits that were not taken, the next one lowest. */
  held = 0;
  /** How many those are: 0 to 27, so that they never reach the sign. */
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

  /** The next `count` bits as a number, at most 16. */
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

  /** Drops the rest of a byte that was begun and gives loaded bytes back; `position` is then the next byte. */
  alignToByte(): void {
    this.position -= this.count >>> 3;
    this.held = 0;
    this.count = 0;
  }
}

/**
 * The byte that is `distance` bytes after the end: zero. Three can be loaded without being used; a reader that asks for more
 * has taken bits that are not there.
 */
export function pastEnd(distance: number): number {
  if (distance > 2) throw new InflateError('corrupt', 'The compressed data ends too early.');
  return 0;
}
