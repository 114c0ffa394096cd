/**
 * A second decompressor, for tests. It implements RFC 1951 bit by bit, as literally as possible, and without code of src/. Its window has
 * exactly 2^bits bytes, so it refuses references that reach back farther. It also reports why a stream is invalid.
 */

export interface Inflated {
  readonly bytes: Buffer;
  /** The greatest distance of any match, or 0 if there was no match. */
  readonly farthest: number;
  /** The field BTYPE of each block, including the empty block at the end of the message. */
  readonly blocks: readonly number[];
  /** The length and distance of each match. */
  readonly matches: readonly (readonly [length: number, distance: number])[];
}

export class Invalid extends Error {}

interface Code {
  /** Maps "length:code" to a symbol. */
  readonly symbols: ReadonlyMap<string, number>;
}

class Bits {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  bit(): number {
    const byte = this.bytes[this.at >> 3];
    if (byte === undefined) throw new Invalid('truncated');
    const bit = (byte >> (this.at & 7)) & 1;
    this.at++;
    return bit;
  }

  number(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value += this.bit() * 2 ** i;
    return value;
  }

  align(): void {
    this.at = Math.ceil(this.at / 8) * 8;
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length * 8;
  }
}

/** Builds the codes from their lengths (RFC 1951 §3.2.2). Refuses the same lengths as zlib. */
function codeOf(lengths: readonly number[], lonely: boolean): Code {
  let room = 0;
  for (const length of lengths) if (length > 0) room += 2 ** -length;
  const used = lengths.filter((length) => length > 0);
  if (room > 1) throw new Invalid('over-subscribed code');
  if (room < 1 && !(lonely && used.every((length) => length === 1) && used.length < 2))
    throw new Invalid('incomplete code');
  const symbols = new Map<string, number>();
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    code *= 2;
    for (const [symbol, its] of lengths.entries())
      if (its === length) symbols.set(`${length}:${code++}`, symbol);
  }
  return { symbols };
}

function symbolFrom(bits: Bits, { symbols }: Code): number {
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    code = code * 2 + bits.bit();
    const symbol = symbols.get(`${length}:${code}`);
    if (symbol !== undefined) return symbol;
  }
  throw new Invalid('no such code');
}

/** Returns the base and the number of extra bits of a length symbol. */
function lengthOf(symbol: number): [number, number] {
  const n = symbol - 257;
  if (n < 0 || n > 28) throw new Invalid('no such length');
  if (n === 28) return [258, 0];
  if (n < 8) return [3 + n, 0];
  const extra = (n >> 2) - 1;
  return [3 + ((4 + (n & 3)) << extra), extra];
}

/** Returns the base and the number of extra bits of a distance symbol. */
function distanceOf(symbol: number): [number, number] {
  if (symbol > 29) throw new Invalid('no such distance');
  if (symbol < 2) return [1 + symbol, 0];
  const extra = (symbol >> 1) - 1;
  return [1 + ((2 + (symbol & 1)) << extra), extra];
}

const fixedLiterals = Array.from({ length: 288 }, (_, n) => (n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8));
const fixedDistances = Array.from({ length: 32 }, () => 5);

/**
 * Decompresses one message of RFC 7692, without 00 00 ff ff at its end.
 * @param history the plaintext before the message
 * @param most the greatest allowed distance, by default 32,768
 * @throws Invalid
 */
export function referenceInflate(
  input: Uint8Array,
  history: Uint8Array = Buffer.alloc(0),
  most = 32768,
): Inflated {
  const output: number[] = [...history];
  const bits = new Bits(input);
  const blocks: number[] = [];
  const matches: [number, number][] = [];
  let farthest = 0;
  const done = (): Inflated => ({
    bytes: Buffer.from(output.slice(history.length)),
    farthest,
    blocks,
    matches,
  });
  if (input.length === 0) return done();
  for (;;) {
    const final = bits.bit();
    const type = bits.number(2);
    blocks.push(type);
    if (type === 3) throw new Invalid('block type 3');
    if (type === 0) {
      bits.align();
      if (bits.atEnd) return done();
      const length = bits.number(16);
      if (bits.number(16) !== 0xffff - length) throw new Invalid('stored length');
      for (let i = 0; i < length; i++) output.push(bits.number(8));
    } else {
      const [literals, distances] =
        type === 1 ? [codeOf(fixedLiterals, false), codeOf(fixedDistances, false)] : ownCodes(bits);
      for (;;) {
        const symbol = symbolFrom(bits, literals);
        if (symbol === 256) break;
        if (symbol < 256) {
          output.push(symbol);
          continue;
        }
        const [lengthBase, lengthExtra] = lengthOf(symbol);
        const length = lengthBase + bits.number(lengthExtra);
        const [distanceBase, distanceExtra] = distanceOf(symbolFrom(bits, distances));
        const distance = distanceBase + bits.number(distanceExtra);
        if (distance > output.length || distance > most) throw new Invalid('too far back');
        if (distance > farthest) farthest = distance;
        matches.push([length, distance]);
        for (let i = 0; i < length; i++) output.push(output[output.length - distance] ?? -1);
      }
    }
    if (final === 1) {
      bits.align();
      if (bits.atEnd) return done();
    }
  }
}

function ownCodes(bits: Bits): [Code, Code] {
  const literals = bits.number(5) + 257;
  const distances = bits.number(5) + 1;
  const transmitted = bits.number(4) + 4;
  if (literals > 286 || distances > 30) throw new Invalid('too many symbols');
  const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  const short = new Array<number>(19).fill(0);
  for (const symbol of order.slice(0, transmitted)) short[symbol] = bits.number(3);
  const code = codeOf(short, false);
  const lengths: number[] = [];
  while (lengths.length < literals + distances) {
    const symbol = symbolFrom(bits, code);
    if (symbol < 16) {
      lengths.push(symbol);
      continue;
    }
    const last = lengths.at(-1);
    if (symbol === 16 && last === undefined) throw new Invalid('nothing to repeat');
    const value = symbol === 16 ? (last ?? 0) : 0;
    const times =
      symbol === 16 ? 3 + bits.number(2) : symbol === 17 ? 3 + bits.number(3) : 11 + bits.number(7);
    for (let i = 0; i < times; i++) lengths.push(value);
  }
  if (lengths.length > literals + distances) throw new Invalid('too many lengths');
  if (lengths[256] === 0) throw new Invalid('no end of block');
  return [codeOf(lengths.slice(0, literals), true), codeOf(lengths.slice(literals), true)];
}
