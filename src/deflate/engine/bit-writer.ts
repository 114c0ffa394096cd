/**
 * Writes bits into bytes: RFC 1951 §3.1.1 (the first bit is the lowest bit of a byte). deflate.ts writes headers with `put`. For speed, its
 * loop over symbols copies the writer's fields to local variables, and writes them back at the end. Call `reserve` before you write: `put`
 * does not enlarge the buffer.
 */

export class BitWriter {
  buffer: Uint8Array;
  /** The index of the next byte to write. */
  position = 0;
  /** The bits that do not fill a byte yet. The lowest bit is the first bit. */
  held = 0;
  /** The number of bits in `held`: 0 to 7. */
  count = 0;

  constructor(size: number) {
    this.buffer = new Uint8Array(size);
  }

  /** Enlarges the buffer if fewer than `size` bytes are free. */
  reserve(size: number): void {
    const needed = this.position + size;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    grown.set(this.buffer.subarray(0, this.position));
    this.buffer = grown;
  }

  /** Appends the lowest `count` bits of `value`. `count` is at most 16. All other bits of `value` must be 0. */
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
