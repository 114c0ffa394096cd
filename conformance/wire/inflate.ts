/**
 * A simple and slow inflater (RFC 1951) for the judge (this test program). It checks how far back each reference goes, which zlib does not
 * check inside one call. It also reads the data after a final block, because RFC 7692 §7.2.3.4 allows a sender to continue there.
 */

/** The size of the window, and the plaintext to which references may reach. */
export interface InflateOptions {
  /** In bytes. @default 32768 */
  readonly windowSize?: number;
  /** The plaintext before this message, if the context is kept. */
  readonly dictionary?: Buffer;
}

/** What the inflater has read. */
export interface Inflated {
  readonly output: Buffer;
  /** The largest distance of a reference, or 0 without references. */
  readonly maxDistance: number;
  /** The largest distance of a reference into the dictionary, in bytes from the end of the dictionary. 0 without such references. */
  readonly dictionaryReach: number;
  /** The kind of each block, in order. */
  readonly blocks: readonly ('stored' | 'fixed' | 'dynamic')[];
  /** True if any block had BFINAL set. */
  readonly final: boolean;
}

class BitReader {
  readonly data: Buffer;
  position = 0;
  private held = 0;
  private count = 0;

  constructor(data: Buffer) {
    this.data = data;
  }

  bits(size: number): number {
    while (this.count < size) {
      const byte = this.data[this.position++];
      if (byte === undefined) throw new Error('the DEFLATE data ends within a block');
      this.held |= byte << this.count;
      this.count += 8;
    }
    const value = this.held & ((1 << size) - 1);
    this.held >>>= size;
    this.count -= size;
    return value;
  }

  /** Moves to the beginning of the next byte. Whole bytes that were already read into `held` are returned to the input. */
  align(): void {
    this.position -= this.count >> 3;
    this.held = 0;
    this.count = 0;
  }

  get atEnd(): boolean {
    return this.count === 0 && this.position >= this.data.length;
  }
}

/** A canonical Huffman code: the number of codes of each length, and the symbols in the order of their codes. */
interface Huffman {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

function huffmanOf(lengths: readonly number[]): Huffman {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  let left = 1;
  for (let length = 1; length < 16; length++) {
    left = left * 2 - counts[length]!;
    if (left < 0) throw new Error('an over-subscribed Huffman code');
  }
  const offsets = new Uint16Array(16);
  for (let length = 1; length < 15; length++) offsets[length + 1] = offsets[length]! + counts[length]!;
  const symbols = new Uint16Array(lengths.length);
  for (const [symbol, length] of lengths.entries()) if (length > 0) symbols[offsets[length]!++] = symbol;
  return { counts, symbols };
}

function decode(reader: BitReader, { counts, symbols }: Huffman): number {
  let code = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length < 16; length++) {
    code |= reader.bits(1);
    const count = counts[length]!;
    if (code - count < first) return symbols[index + code - first]!;
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  throw new Error('a code that is in no Huffman table');
}

// RFC 1951 §3.2.5.
const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase = Array.from({ length: 30 }, (_, i) =>
  i < 4 ? i + 1 : ((2 + (i & 1)) << ((i >> 1) - 1)) + 1,
);
const distanceExtra = Array.from({ length: 30 }, (_, i) => (i < 4 ? 0 : (i >> 1) - 1));
const codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const fixedLiterals = huffmanOf(
  Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
);
const fixedDistances = huffmanOf(Array.from({ length: 30 }, () => 5));

function dynamicCodes(reader: BitReader): readonly [Huffman, Huffman] {
  const literals = reader.bits(5) + 257;
  const distances = reader.bits(5) + 1;
  const used = reader.bits(4) + 4;
  if (literals > 286 || distances > 30) throw new Error('too many codes in a dynamic block');
  const lengths: number[] = Array.from({ length: 19 }, () => 0);
  for (const symbol of codeOrder.slice(0, used)) lengths[symbol] = reader.bits(3);
  const code = huffmanOf(lengths);
  const all: number[] = [];
  while (all.length < literals + distances) {
    const symbol = decode(reader, code);
    if (symbol < 16) all.push(symbol);
    else {
      const previous = all.at(-1);
      if (symbol === 16 && previous === undefined) throw new Error('nothing to repeat in a dynamic block');
      const times =
        symbol === 16 ? 3 + reader.bits(2) : symbol === 17 ? 3 + reader.bits(3) : 11 + reader.bits(7);
      for (let i = 0; i < times; i++) all.push(symbol === 16 ? previous! : 0);
    }
  }
  if (all.length > literals + distances) throw new Error('a repetition beyond the codes of a dynamic block');
  return [huffmanOf(all.slice(0, literals)), huffmanOf(all.slice(literals))];
}

/** A buffer that grows when it is full. */
class Output {
  bytes: Buffer;
  length: number;

  constructor(dictionary: Buffer) {
    this.bytes = Buffer.alloc(Math.max(65_536, dictionary.length * 2));
    dictionary.copy(this.bytes);
    this.length = dictionary.length;
  }

  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.alloc(2 * (this.length + size));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

/**
 * Reads DEFLATE blocks until the data ends at a byte boundary after a block.
 * @throws {Error} if the bytes are not valid DEFLATE data, or if a reference goes beyond the window
 */
export function inflate(data: Buffer, options: InflateOptions = {}): Inflated {
  const { windowSize = 32_768, dictionary = Buffer.alloc(0) } = options;
  const reader = new BitReader(data);
  const out = new Output(dictionary);
  const blocks: ('stored' | 'fixed' | 'dynamic')[] = [];
  let maxDistance = 0;
  let dictionaryReach = 0;
  let final = false;

  const copy = (length: number, distance: number): void => {
    if (distance > windowSize)
      throw new Error(`a reference ${distance} bytes back, beyond a window of ${windowSize}`);
    if (distance > out.length)
      throw new Error(`a reference ${distance} bytes back, where there are ${out.length}`);
    maxDistance = Math.max(maxDistance, distance);
    dictionaryReach = Math.max(dictionaryReach, dictionary.length - (out.length - distance));
    out.reserve(length);
    const { bytes } = out;
    for (let to = out.length, end = to + length; to < end; to++) bytes[to] = bytes[to - distance]!;
    out.length += length;
  };
  const compressed = (literals: Huffman, distances: Huffman): void => {
    for (;;) {
      const symbol = decode(reader, literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        out.reserve(1);
        out.bytes[out.length++] = symbol;
        continue;
      }
      const base = lengthBase[symbol - 257];
      if (base === undefined) throw new Error('a length code that does not exist');
      const length = base + reader.bits(lengthExtra[symbol - 257]!);
      const code = decode(reader, distances);
      copy(length, distanceBase[code]! + reader.bits(distanceExtra[code]!));
    }
  };
  const stored = (): void => {
    reader.align();
    const length = reader.bits(16);
    if (length !== (reader.bits(16) ^ 0xffff)) throw new Error('a stored block whose lengths do not match');
    reader.align();
    if (reader.position + length > data.length)
      throw new Error('the DEFLATE data ends within a stored block');
    out.reserve(length);
    data.copy(out.bytes, out.length, reader.position, reader.position + length);
    out.length += length;
    reader.position += length;
  };

  while (!reader.atEnd) {
    const last = reader.bits(1) === 1;
    const type = reader.bits(2);
    if (type === 3) throw new Error('a block of the reserved type');
    blocks.push((['stored', 'fixed', 'dynamic'] as const)[type]!);
    if (type === 0) stored();
    else if (type === 1) compressed(fixedLiterals, fixedDistances);
    else compressed(...dynamicCodes(reader));
    if (last) {
      final = true;
      reader.align();
      // 7692 §7.2.3.4: an empty block should follow a final block. Otherwise the four bytes that the receiver appended are not a complete
      // block, and this function does not read them.
      if (data.length - reader.position === 4) break;
    }
  }
  const output = Buffer.from(out.bytes.subarray(dictionary.length, out.length));
  return { output, maxDistance, dictionaryReach: Math.max(0, dictionaryReach), blocks, final };
}
