/**
 * Collects zlib's output for one message. The length of the output is not known in advance, so the limit is checked for each piece of
 * output (RFC 6455 §10.4). The pieces are joined only at the end, by `take`. So a message that is too large is refused before its pieces
 * are copied.
 */

/** The maximum number of bytes of output: a Buffer can have this size on every supported version of Node. */
export const MAX_BUFFER: number = 2 ** 31 - 1;

const NOTHING: Uint8Array = new Uint8Array(0);

export class Output {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds a piece of output. If the output would exceed the limit, does not add the piece and returns false. */
  append(piece: Buffer): boolean {
    if (this.length + piece.length > this.#limit) return false;
    this.length += piece.length;
    // zlib allocates buffers of 16 or 64 KiB. If the piece uses less than half of its buffer, we copy the piece. So a short message does
    // not keep the whole buffer in memory.
    if (piece.length > 0)
      this.#pieces.push(piece.length * 2 < piece.buffer.byteLength ? Buffer.from(piece) : piece);
    return true;
  }

  /** Returns the last `size` bytes of the plaintext: `before`, followed by the output so far. */
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

  /** Returns the last bytes of the output: at least `size` bytes, or the whole output if the output is shorter. */
  end(size: number): Uint8Array {
    const last = this.#pieces.at(-1);
    return last !== undefined && last.length >= size ? last : this.lastBytes(NOTHING, size);
  }

  /** Returns the first `length` bytes of the output as one Buffer. */
  take(length: number): Buffer {
    const [first] = this.#pieces;
    return this.#pieces.length === 1 ? first!.subarray(0, length) : Buffer.concat(this.#pieces, length);
  }
}
