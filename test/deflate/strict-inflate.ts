/**
 * The decompressor of a peer. It uses no code of src/, and reads RFC 1951 bit by bit with a window of exactly 2^bits bytes. It throws if a
 * match reaches back farther than the window, if the data ends too early, or if the data is not valid DEFLATE data. Its input is a message
 * as RFC 7692 §7.2.1 sends it.
 */

const lengthBases = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
];
lengthBases.push(131, 163, 195, 227, 258);
const lengthExtras = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical Huffman code: the number of codes of each length, and the symbols in the order of their codes. */
interface Code {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

function codeOf(lengths: readonly number[]): Code {
  const counts = new Array<number>(16).fill(0);
  for (const length of lengths) counts[length]!++;
  const symbols: number[] = [];
  for (let length = 1; length < 16; length++) {
    for (const [symbol, its] of lengths.entries()) if (its === length) symbols.push(symbol);
  }
  let room = 1;
  for (let length = 1; length < 16; length++) {
    room = room * 2 - counts[length]!;
    if (room < 0) throw new Error('too many codes');
  }
  return { counts, symbols };
}

const fixedLiterals = codeOf(
  Array.from({ length: 288 }, (_, n) => (n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8)),
);
const fixedDistances = codeOf(new Array<number>(30).fill(5));

/** Decompresses the messages of one direction of a connection. */
export class StrictInflate {
  readonly size: number;
  readonly takeover: boolean;
  /** The greatest distance of all matches so far. */
  farthest = 0;
  #history: Uint8Array = new Uint8Array(0);
  #input: Uint8Array = new Uint8Array(0);
  #bit = 0;
  #output: Uint8Array = new Uint8Array(0);
  #length = 0;

  constructor(bits: number, takeover: boolean) {
    this.size = 2 ** bits;
    this.takeover = takeover;
  }

  /** Decompresses a message that was sent with RSV1. */
  message(payload: Uint8Array): Buffer {
    // 7692 §7.2.2: the receiver appends four bytes.
    this.#input = Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]);
    this.#bit = 0;
    this.#output = new Uint8Array(Math.max(1024, payload.length * 4));
    this.#length = 0;
    const end = this.#input.length * 8;
    while (this.#bit < end) {
      const isFinal = this.#number(1) === 1;
      const type = this.#number(2);
      if (type === 0) this.#stored();
      else if (type === 1) this.#symbols(fixedLiterals, fixedDistances);
      else if (type === 2) this.#ownCodes();
      else throw new Error('block type 3');
      if (isFinal) {
        this.#align();
        // If a final block ends exactly here, the four appended bytes do not belong to a block.
        if (this.#bit === end - 32) break;
      }
    }
    const message = Buffer.from(this.#output.subarray(0, this.#length));
    if (this.takeover) {
      const all = Buffer.concat([this.#history, message]);
      this.#history = all.subarray(Math.max(0, all.length - this.size));
    }
    return message;
  }

  #align(): void {
    this.#bit = Math.ceil(this.#bit / 8) * 8;
  }

  #number(count: number): number {
    let value = 0;
    for (let n = 0; n < count; n++) {
      const byte = this.#input[this.#bit >> 3];
      if (byte === undefined) throw new Error('cut off');
      value |= ((byte >> (this.#bit & 7)) & 1) << n;
      this.#bit++;
    }
    return value;
  }

  #put(byte: number): void {
    if (this.#length === this.#output.length) {
      const grown = new Uint8Array(this.#length * 2);
      grown.set(this.#output);
      this.#output = grown;
    }
    this.#output[this.#length++] = byte;
  }

  #stored(): void {
    this.#align();
    const length = this.#number(16);
    if (this.#number(16) !== 0xffff - length) throw new Error('the length of a stored block');
    for (let n = 0; n < length; n++) this.#put(this.#number(8));
  }

  #symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length < 16; length++) {
      code |= this.#number(1);
      const count = counts[length]!;
      if (code - first < count) return symbols[index + code - first]!;
      index += count;
      first = (first + count) * 2;
      code *= 2;
    }
    throw new Error('no such code');
  }

  #symbols(literals: Code, distances: Code): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#put(symbol);
        continue;
      }
      const length = lengthBases[symbol - 257]! + this.#number(lengthExtras[symbol - 257]!);
      const far = this.#symbol(distances);
      const extra = far < 2 ? 0 : (far >> 1) - 1;
      const distance = 1 + (far < 2 ? far : (2 + (far & 1)) * 2 ** extra) + this.#number(extra);
      this.#copy(length, distance);
    }
  }

  #copy(length: number, distance: number): void {
    // P25: a match must not refer back beyond the window.
    if (distance > this.size) throw new Error(`a distance of ${distance} in a window of ${this.size}`);
    if (distance > this.#length + this.#history.length) throw new Error('before the beginning');
    this.farthest = Math.max(this.farthest, distance);
    for (let n = 0; n < length; n++) {
      const from = this.#length - distance;
      this.#put(from >= 0 ? this.#output[from]! : this.#history[this.#history.length + from]!);
    }
  }

  #ownCodes(): void {
    const literals = this.#number(5) + 257;
    const distances = this.#number(5) + 1;
    const count = this.#number(4) + 4;
    const short = new Array<number>(19).fill(0);
    for (let n = 0; n < count; n++) short[order[n]!] = this.#number(3);
    const code = codeOf(short);
    const lengths: number[] = [];
    while (lengths.length < literals + distances) {
      const symbol = this.#symbol(code);
      if (symbol < 16) lengths.push(symbol);
      else {
        const value = symbol === 16 ? lengths.at(-1)! : 0;
        const times =
          symbol === 16 ? 3 + this.#number(2) : symbol === 17 ? 3 + this.#number(3) : 11 + this.#number(7);
        for (let n = 0; n < times; n++) lengths.push(value);
      }
    }
    if (lengths.length !== literals + distances) throw new Error('too many lengths');
    this.#symbols(codeOf(lengths.slice(0, literals)), codeOf(lengths.slice(literals)));
  }
}
