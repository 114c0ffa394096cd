/**
 * Finds repetitions: RFC 1951 §4 (hash chains, and lazy matching: a match is dropped if the next byte starts a longer
 * one). Turns plaintext into the literals and matches of one block and counts their symbols.
 * An index remembers where four bytes were seen. It holds positions modulo 65,536 and is a hint only: an entry may be
 * overwritten, or stand for bytes that are gone, so a distance is held to the history and every byte is compared.
 */

import { DISTANCE_SYMBOL, END_OF_BLOCK, LENGTH_SYMBOL, MAX_MATCH } from './symbols.ts';

/** Bytes that are hashed. Matches of three bytes hardly pay, and their hashes would crowd the chains. */
const HASHED = 4;
/** Places that are compared before the best one is taken. */
const MOST_PROBES = 8;
/** A match of this length is taken without looking at more places. */
const NICE_LENGTH = 64;
/** A match of this length is taken without looking at the next byte. */
const LAZY_LENGTH = 16;
/** Positions that an index remembers at most, which are 16 KiB for the chains and 8 KiB for their heads. */
const MOST_POSITIONS = 8192;
const FIRST_POSITIONS = 1024;
/** After messages that another engine took, so much of the window is read again. */
const MOST_CAUGHT_UP = 4096;

/** Literals and matches of one block; a message with more has several blocks. */
export const MOST_TOKENS = 16384;

/** Below 256 a literal, else a match: length × 32,768 + distance less 1. */
export const tokens: Uint32Array = new Uint32Array(MOST_TOKENS);
/** How often each symbol of the literal/length alphabet occurs in the block, the end of the block included. */
export const literalCounts: Uint16Array = new Uint16Array(288);
/** How often each distance symbol occurs in the block. */
export const distanceCounts: Uint16Array = new Uint16Array(32);
/** How many of `tokens` are set. */
export let tokenCount = 0;

/** Where things stand in a text. All positions are stream positions modulo 65,536. */
export class MatchIndex {
  /** Hash → last position; always a power of two entries. */
  heads: Uint16Array;
  /** Position modulo its length → the position before it with the same hash. */
  previous: Uint16Array;
  /** Stream position up to which everything was entered. */
  covered = 0;

  constructor(positions: number) {
    this.heads = new Uint16Array(positions >>> 1);
    this.previous = new Uint16Array(positions);
  }

  get retained(): number {
    return this.heads.byteLength + this.previous.byteLength;
  }

  /** Brings the index to the size that a text of `length` bytes wants; what was entered is forgotten if it grows. */
  fit(length: number, windowSize: number): void {
    const most = Math.min(MOST_POSITIONS, windowSize);
    let positions = this.previous.length;
    if (positions >= most || positions >= length) return;
    while (positions < most && positions < length) positions *= 2;
    this.heads = new Uint16Array(positions >>> 1);
    this.previous = new Uint16Array(positions);
    this.covered = 0;
  }

  /**
   * Enters what stands in `text[from, to)` and was not entered yet.
   * @param base stream position of `text[0]`.
   */
  catchUp(text: Uint8Array, from: number, to: number, base: number): void {
    const { heads, previous } = this;
    const shift = Math.clz32(heads.length) + 1;
    const mask = previous.length - 1;
    let at = Math.max(from, this.covered - base, to - MOST_CAUGHT_UP);
    // `to` itself is where the next message begins, so the last bytes are hashed together with its first ones.
    const last = Math.min(to, text.length - HASHED + 1);
    for (; at < last; at++) {
      const hash = hashOf(
        text[at]! | (text[at + 1]! << 8) | (text[at + 2]! << 16) | (text[at + 3]! << 24),
        shift,
      );
      const position = (at + base) & 0xffff;
      previous[position & mask] = heads[hash]!;
      heads[hash] = position;
    }
  }
}

/** Bytes of memory that the index of a window of 2^bits bytes holds at most. */
export function largestIndex(bits: number): number {
  return 3 * Math.min(MOST_POSITIONS, 2 ** bits);
}

/** An index for a window of this size. */
export function indexFor(windowSize: number): MatchIndex {
  return new MatchIndex(Math.min(FIRST_POSITIONS, windowSize));
}

/** Spreads four bytes over the heads (Fibonacci hashing). */
function hashOf(bytes: number, shift: number): number {
  return Math.imul(bytes, 0x9e3779b1) >>> shift;
}

/**
 * Fills `tokens` and the counts with the next block.
 * @param text the history `text[from, start)` and what is to be compressed, `text[start, end)`.
 * @param base stream position of `text[0]`, modulo 65,536.
 * @param farthest the greatest distance.
 * @returns how far it came: `end`, or less if the block is full.
 */
export function findMatches(
  text: Uint8Array,
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
  literalCounts.fill(0);
  distanceCounts.fill(0);
  literalCounts[END_OF_BLOCK] = 1;
  let count = 0;
  let at = start;
  // A match that was found at the byte before, and waits for a longer one here.
  let heldLength = 0;
  let heldDistance = 0;
  /** The last place where four bytes can be hashed. */
  const last = end - HASHED;
  while (at <= last && count < MOST_TOKENS - HASHED) {
    const hash = hashOf(
      text[at]! | (text[at + 1]! << 8) | (text[at + 2]! << 16) | (text[at + 3]! << 24),
      shift,
    );
    const position = (at + base) & 0xffff;
    let candidate = heads[hash]!;
    heads[hash] = position;
    previous[position & mask] = candidate;

    const most = end - at < MAX_MATCH ? end - at : MAX_MATCH;
    const reach = at - from < farthest ? at - from : farthest;
    let length = heldLength === 0 ? HASHED - 1 : heldLength;
    let distance = 0;
    if (length < most) {
      let wanted = text[at + length]!;
      let nearer = 0;
      let back = (position - candidate) & 0xffff;
      // Along a chain distances grow; where they don't, the chain was overwritten.
      for (let probes = MOST_PROBES; back > nearer && back <= reach; ) {
        const place = at - back;
        if (text[place + length] === wanted && text[place] === text[at]) {
          let same = 1;
          while (same < most && text[place + same] === text[at + same]) same++;
          if (same > length) {
            length = same;
            distance = back;
            if (same >= NICE_LENGTH || same === most) break;
            wanted = text[at + length]!;
          }
        }
        if (--probes === 0 || back > mask) break;
        nearer = back;
        candidate = previous[candidate & mask]!;
        back = (position - candidate) & 0xffff;
      }
    }

    if (distance !== 0 && length < LAZY_LENGTH) {
      // Longer than what was held, or the first: held in its turn, and the byte before is a literal.
      if (heldLength !== 0) {
        const literal = text[at - 1]!;
        tokens[count++] = literal;
        literalCounts[literal]!++;
      }
      heldLength = length;
      heldDistance = distance;
      at++;
      continue;
    }
    if (distance === 0 && heldLength === 0) {
      const literal = text[at]!;
      tokens[count++] = literal;
      literalCounts[literal]!++;
      at++;
      continue;
    }
    let next = at + length;
    if (distance === 0) {
      length = heldLength;
      distance = heldDistance;
      next = at - 1 + length;
    } else if (heldLength !== 0) {
      const literal = text[at - 1]!;
      tokens[count++] = literal;
      literalCounts[literal]!++;
    }
    heldLength = 0;
    tokens[count++] = (length << 15) | (distance - 1);
    literalCounts[257 + LENGTH_SYMBOL[length]!]!++;
    distanceCounts[DISTANCE_SYMBOL[distance <= 256 ? distance - 1 : 256 + ((distance - 1) >>> 7)]!]!++;
    // The bytes inside a match can start later ones.
    const lastInside = next - 1 < last ? next - 1 : last;
    for (at++; at <= lastInside; at++) {
      const inside = hashOf(
        text[at]! | (text[at + 1]! << 8) | (text[at + 2]! << 16) | (text[at + 3]! << 24),
        shift,
      );
      const insidePosition = (at + base) & 0xffff;
      previous[insidePosition & mask] = heads[inside]!;
      heads[inside] = insidePosition;
    }
    at = next;
  }
  if (heldLength !== 0) {
    tokens[count++] = (heldLength << 15) | (heldDistance - 1);
    literalCounts[257 + LENGTH_SYMBOL[heldLength]!]!++;
    distanceCounts[
      DISTANCE_SYMBOL[heldDistance <= 256 ? heldDistance - 1 : 256 + ((heldDistance - 1) >>> 7)]!
    ]!++;
    at += heldLength - 1;
  }
  if (at > last) {
    for (; at < end && count < MOST_TOKENS; at++) {
      const literal = text[at]!;
      tokens[count++] = literal;
      literalCounts[literal]!++;
    }
  }
  tokenCount = count;
  return at;
}
