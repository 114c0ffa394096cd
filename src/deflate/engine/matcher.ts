/**
 * Finds repetitions in plaintext: RFC 1951 §4. `findMatches` converts plaintext to the literals and matches of one block, and counts their
 * symbols. (A literal is one byte. A match is a reference to earlier bytes.) Lazy matching: if a longer match starts at the next byte, the
 * current match is dropped.
 * An index with hash chains lists the positions at which each sequence of four bytes occurred. The index is only a hint: an entry may be
 * overwritten, or may point to bytes that have left the window. So every match is checked byte by byte, and its distance is checked too.
 */

import { Tally } from './huffman.ts';
import { DISTANCE_SYMBOL, END_OF_BLOCK, LENGTH_SYMBOL, MAX_MATCH } from './symbols.ts';

/** A hash is computed from this number of bytes. With three bytes, the chains would be longer, and a match of three bytes saves little. */
const HASHED = 4;
/** The maximum number of earlier positions that are compared. The longest match among them is taken. */
const MAX_PROBES = 32;
/** If the match at the previous byte is at least this long, only `FEW_PROBES` positions are compared at the current byte. */
const GOOD_LENGTH = 6;
const FEW_PROBES = 8;
/** If a match is at least this long, no other positions are compared. */
const NICE_LENGTH = 64;
/** If a match is at least this long, it is taken at once: the matcher does not look for a longer match at the next byte. */
const LAZY_LENGTH = 16;
/** The maximum number of positions in an index. An index of this size needs 24 KiB: 16 KiB for `previous`, and 8 KiB for `heads`. */
const MAX_POSITIONS = 8192;
const FIRST_POSITIONS = 1024;
/** The maximum number of literals and matches in one block. A message with more literals and matches has several blocks. */
export const MAX_TOKENS = 16384;

/** The literals and matches of a block. A value below 256 is a literal. Any other value is a match: length × 32,768 + distance − 1. */
export const tokens: Uint32Array = new Uint32Array(MAX_TOKENS);
/** Counts the symbols of the literal/length alphabet in the block, including the symbol for the end of the block. */
export const literals: Tally = new Tally(288);
/** Counts the distance symbols in the block. */
export const distances: Tally = new Tally(32);
/** The number of literals and matches in the current block. They are at the start of `tokens`. */
export let tokenCount = 0;

/**
 * An index of the positions at which each sequence of four bytes occurred. A position is counted from the start of the first message,
 * modulo 65,536.
 */
export class MatchIndex {
  /** For each hash, the last position with this hash. The length is always a power of two. */
  heads: Uint16Array;
  /** For each position, the previous position with the same hash. The array index is the position modulo the length of this array. */
  previous: Uint16Array;
  /** The first position that is not in the index yet. (Not modulo 65,536.) */
  covered = 0;

  constructor(positions: number) {
    this.heads = new Uint16Array(positions >>> 1);
    this.previous = new Uint16Array(positions);
  }

  get retained(): number {
    return this.heads.byteLength + this.previous.byteLength;
  }

  /** Enlarges the index so that it suits a text of `length` bytes. Enlarging removes all entries. */
  fit(length: number, windowSize: number): void {
    const most = Math.min(MAX_POSITIONS, windowSize);
    let positions = this.previous.length;
    if (positions >= most || positions >= length) return;
    while (positions < most && positions < length) positions *= 2;
    this.heads = new Uint16Array(positions >>> 1);
    this.previous = new Uint16Array(positions);
    this.covered = 0;
  }

  /**
   * Adds the positions of `text[from, to)` that are not in the index yet.
   * @param base the position of `text[0]`, counted from the start of the first message.
   */
  catchUp(text: DataView, from: number, to: number, base: number): void {
    const { heads, previous } = this;
    const shift = Math.clz32(heads.length) + 1;
    const mask = previous.length - 1;
    let at = Math.max(from, this.covered - base, to - MAX_POSITIONS);
    // The next message begins at `to`. The last sequences may include its first bytes.
    const last = Math.min(to, text.byteLength - HASHED + 1);
    for (; at < last; at++) {
      const hash = hashOf(text.getInt32(at, true), shift);
      const position = (at + base) & 0xffff;
      previous[position & mask] = heads[hash]!;
      heads[hash] = position;
    }
  }
}

/** Returns the maximum memory, in bytes, of the index of a window of 2^bits bytes. */
export function largestIndex(bits: number): number {
  return 3 * Math.min(MAX_POSITIONS, 2 ** bits);
}

/** Creates an index for a window of `windowSize` bytes. */
export function indexFor(windowSize: number): MatchIndex {
  return new MatchIndex(Math.min(FIRST_POSITIONS, windowSize));
}

/** Returns the hash of four bytes (Fibonacci hashing). The result is an index of `heads`. */
function hashOf(bytes: number, shift: number): number {
  return Math.imul(bytes, 0x9e3779b1) >>> shift;
}

/** Counts a literal. @returns its value in `tokens` */
function literalToken(literal: number): number {
  literals.add(literal);
  return literal;
}

/** Counts a match. @returns its value in `tokens` */
function matchToken(length: number, distance: number): number {
  literals.add(257 + LENGTH_SYMBOL[length]!);
  distances.add(DISTANCE_SYMBOL[distance <= 256 ? distance - 1 : 256 + ((distance - 1) >>> 7)]!);
  return (length << 15) | (distance - 1);
}

/**
 * Fills `tokens`, `literals` and `distances` with the next block.
 * @param text contains the history, from `from` to `start`, and the bytes to compress, from `start` to `end`.
 * @param base the position of `text[0]`, counted from the start of the first message, modulo 65,536.
 * @param farthest the maximum distance of a match.
 * @returns the index in `text` at which the block ends: `end`, or less if the block is full.
 */
export function findMatches(
  text: DataView,
  from: number,
  start: number,
  end: number,
  base: number,
  index: MatchIndex,
  farthest: number,
): number {
  const { heads, previous } = index;
  const shift = Math.clz32(heads.length) + 1;
  const mask = previous.length - 1;
  literals.clear();
  distances.clear();
  literals.add(END_OF_BLOCK);
  let count = 0;
  /** The last index at which four bytes can be hashed. */
  const last = end - HASHED;
  // The match that starts at the previous byte. If there is no match, its length is 0. The match is dropped if a longer match starts at the
  // current byte.
  let heldLength = 0;
  let heldDistance = 0;
  let at = start;
  while (at <= last && count < MAX_TOKENS - 8) {
    const word = text.getInt32(at, true);
    const hash = hashOf(word, shift);
    const position = (at + base) & 0xffff;
    let candidate = heads[hash]!;
    heads[hash] = position;
    previous[position & mask] = candidate;

    const reach = at - from < farthest ? at - from : farthest;
    let length = heldLength === 0 ? HASHED - 1 : heldLength;
    let distance = 0;
    let back = (position - candidate) & 0xffff;
    if (back !== 0 && back <= reach && length < end - at) {
      const most = end - at < MAX_MATCH ? end - at : MAX_MATCH;
      // Every match that is longer than `length` contains these four bytes.
      let wanted = text.getInt32(at + length - 3, true);
      let nearer = 0;
      // Along a chain, the distances increase. If a distance does not increase, the entry was overwritten, and the search ends.
      for (
        let probes = heldLength < GOOD_LENGTH ? MAX_PROBES : FEW_PROBES;
        back > nearer && back <= reach;
      ) {
        const place = at - back;
        if (text.getInt32(place + length - 3, true) === wanted && text.getInt32(place, true) === word) {
          const same = commonLength(text, place, at, most);
          if (same > length) {
            length = same;
            distance = back;
            if (same >= NICE_LENGTH || same === most) break;
            wanted = text.getInt32(at + length - 3, true);
          }
        }
        if (--probes === 0 || back > mask) break;
        nearer = back;
        candidate = previous[candidate & mask]!;
        back = (position - candidate) & 0xffff;
      }
    }

    if (distance === 0) {
      if (heldLength === 0) {
        tokens[count++] = literalToken(word & 0xff);
        at++;
        continue;
      }
      // No match at the current byte is longer than the match at the previous byte. So the match at the previous byte is taken.
      length = heldLength;
      distance = heldDistance;
      at--;
    } else {
      if (heldLength !== 0) tokens[count++] = literalToken(text.getUint8(at - 1));
      if (length < LAZY_LENGTH) {
        heldLength = length;
        heldDistance = distance;
        at++;
        continue;
      }
    }
    tokens[count++] = matchToken(length, distance);
    // Adds the positions inside this match to the index, so that later matches can refer to them. If the match started at the previous
    // byte, its second position is already in the index.
    const next = at + length;
    const stop = next <= last ? next : last + 1;
    for (at += heldLength === 0 ? 1 : 2; at < stop; at++) {
      const inside = hashOf(text.getInt32(at, true), shift);
      const insidePosition = (at + base) & 0xffff;
      previous[insidePosition & mask] = heads[inside]!;
      heads[inside] = insidePosition;
    }
    heldLength = 0;
    at = next;
  }
  if (heldLength !== 0) {
    tokens[count++] = matchToken(heldLength, heldDistance);
    at += heldLength - 1;
  }
  if (at > last) for (; at < end; at++) tokens[count++] = literalToken(text.getUint8(at));
  tokenCount = count;
  return at;
}

/**
 * Compares the bytes at `place` with the bytes at `at`. Returns the number of equal bytes, at most `most`. The caller has already compared
 * the first four bytes.
 */
function commonLength(text: DataView, place: number, at: number, most: number): number {
  let same = 4;
  for (; same <= most - 4; same += 4) {
    const difference = text.getInt32(place + same, true) ^ text.getInt32(at + same, true);
    // The four bytes are read as a little-endian number. So the lowest different bit is in the first different byte.
    if (difference !== 0) return same + ((31 - Math.clz32(difference & -difference)) >>> 3);
  }
  while (same < most && text.getUint8(place + same) === text.getUint8(at + same)) same++;
  return same;
}
