/**
 * Writes bits into bytes: RFC 1951 §3.1.1 (bytes are filled from their lowest bit up).
 * Headers are written with `put`. The loop over a block's symbols keeps the fields in local variables and writes them
 * back. `reserve` makes room first: writing itself never grows the buffer.
 */

export class BitWriter {
  buffer: Uint8Array;
  /** The next byte to write. */
  position = 0;
  /** Bits that do not fill a byte yet. The first bit is the lowest. */
  held = 0;
  /** The number of bits in `held`: 0 to 7. */
  count = 0;

  constructor(size: number) {
    this.buffer = new Uint8Array(size);
  }

  /** Makes room for `size` more bytes. */
  reserve(size: number): void {
    const needed = this.position + size;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    grown.set(this.buffer.subarray(0, this.position));
    this.buffer = grown;
  }

  /** Appends the lowest `count` bits of `value`. `count` is at most 16, and the other bits of `value` must be 0. */
  put(value: number, count: number): void {
    this.held |= value << this.count;
    this.count += count;
    while (this.count >= 8) {
      this.buffer[this.position++] = this.held;
      this.held >>= 8;
      this.count -= 8;
    }
  }

  /** Fills the rest of a partly written byte with zero bits. */
  alignToByte(): void {
    if (this.count === 0) return;
    this.buffer[this.position++] = this.held;
    this.held = 0;
    this.count = 0;
  }
}
