/**
 * Collects zlib's output for one message. The length of the output is not known in advance. So the limit is checked each time the output
 * grows (RFC 6455 §10.4). The output stays in the pieces that zlib returned until `take` joins them. So if a message is refused for its
 * size, its output is never held twice.
 */

/** The maximum number of bytes of output. On every Node version that we support, a Buffer can have about this many bytes. */
export const MAX_BUFFER: number = 2 ** 31 - 1;

const NOTHING: Uint8Array = new Uint8Array(0);

export class Output {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds a piece of output. @returns false, and does not add the piece, if the output would exceed the limit */
  append(piece: Buffer): boolean {
    if (this.length + piece.length > this.#limit) return false;
    this.length += piece.length;
    // zlib allocates 16 or 64 KiB at a time. A piece that uses less than half of this memory is copied. So a short message does not keep
    // the whole memory.
    if (piece.length > 0)
      this.#pieces.push(piece.length * 2 < piece.buffer.byteLength ? Buffer.from(piece) : piece);
    return true;
  }

  /** Returns the last `size` bytes of the sequence that consists of `before` and the output so far. */
  lastBytes(before: Uint8Array, size: number): Buffer {
    const last: Uint8Array[] = [];
    let missing = size;
    for (let index = this.#pieces.length - 1; index >= 0 && missing > 0; index--) {
      const piece = this.#pieces[index]!.subarray(-missing);
      last.push(piece);
      missing -= piece.length;
    }
    if (missing > 0) last.push(before.subarray(-missing));
    return Buffer.concat(last.reverse());
  }

  /** Returns the last bytes of the output: at least `size` bytes, or the whole output if it is shorter. */
  end(size: number): Uint8Array {
    const last = this.#pieces.at(-1);
    return last !== undefined && last.length >= size ? last : this.lastBytes(NOTHING, size);
  }

  /** Returns the first `length` bytes, in one Buffer. */
  take(length: number): Buffer {
    const [first] = this.#pieces;
    return this.#pieces.length === 1 ? first!.subarray(0, length) : Buffer.concat(this.#pieces, length);
  }
}
