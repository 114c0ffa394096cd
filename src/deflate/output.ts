/**
 * What comes out of zlib for one message: of unknown length, so that its limit holds while it grows (RFC 6455 §10.4). It is kept
 * in the pieces it came in: what is refused for its size was never held twice.
 */

/** What one Buffer can hold, near enough, on any Node we support. Bytes. */
export const MAX_BUFFER: number = 2 ** 31 - 1;

const NOTHING: Uint8Array = new Uint8Array(0);

export class Output {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False, and nothing taken, if the limit would be passed. */
  append(piece: Buffer): boolean {
    if (this.length + piece.length > this.#limit) return false;
    this.length += piece.length;
    // zlib makes room for 16 or 64 KiB at a time: a message of a few bytes must not keep that.
    if (piece.length > 0)
      this.#pieces.push(piece.length * 2 < piece.buffer.byteLength ? Buffer.from(piece) : piece);
    return true;
  }

  /** The last `size` bytes of what came before and what came out so far. */
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

  /** Some of the last bytes that came out, at least `size` of them if there were so many. */
  end(size: number): Uint8Array {
    const last = this.#pieces.at(-1);
    return last !== undefined && last.length >= size ? last : this.lastBytes(NOTHING, size);
  }

  /** The first `length` bytes, in memory of their own. */
  take(length: number): Buffer {
    const [first] = this.#pieces;
    return this.#pieces.length === 1 ? first!.subarray(0, length) : Buffer.concat(this.#pieces, length);
  }
}
