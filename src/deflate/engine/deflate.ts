/**
 * Compression of one message: RFC 1951 §3.2, ended as RFC 7692 §7.2.1 asks.
 * Each block is stored, or has the fixed codes, or codes of its own, whichever takes the fewest bits.
 * Leaves the window to its owner, see window.ts.
 */

import { BitWriter } from './bit-writer.ts';
import {
  assignCodes,
  buildLengths,
  FIXED_DISTANCE_LENGTHS,
  FIXED_LITERAL_LENGTHS,
  MAX_CODE_BITS,
} from './huffman.ts';
import {
  distanceCounts,
  findMatches,
  indexFor,
  literalCounts,
  MatchIndex,
  tokenCount,
  tokens,
} from './matcher.ts';
import {
  CODE_LENGTH_ORDER,
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  DISTANCE_SYMBOL,
  DISTANCE_SYMBOLS,
  END_OF_BLOCK,
  LENGTH_BASE,
  LENGTH_EXTRA,
  LENGTH_SYMBOL,
  LITERAL_SYMBOLS,
} from './symbols.ts';
import type { Window } from './window.ts';

const MOST_STORED = 0xffff;

const writer = new BitWriter(1 << 16);
/** History and message, where they do not fit into the window's own buffer. */
let joined = new Uint8Array(0);
/** Memory beyond this is given back after a message that needed it. */
const MOST_KEPT = 1 << 17;

/** For messages without context. Positions go on from message to message, so nothing has to be cleared in between. */
const sharedIndex = new MatchIndex(32768);
let sharedPosition = 0;

const fixedLiteralCodes = new Uint16Array(288);
const fixedDistanceCodes = new Uint16Array(32);
assignCodes(FIXED_LITERAL_LENGTHS, 288, fixedLiteralCodes);
assignCodes(FIXED_DISTANCE_LENGTHS, 32, fixedDistanceCodes);

// The codes of the current block, and how they are transmitted.
const literalLengths = new Uint8Array(288);
const literalCodes = new Uint16Array(288);
const distanceLengths = new Uint8Array(32);
const distanceCodes = new Uint16Array(32);
const codeLengthCounts = new Uint16Array(19);
const codeLengthLengths = new Uint8Array(19);
const codeLengthCodes = new Uint16Array(19);
/** Symbols 0 to 18 of §3.2.7, each with the value of its extra bits × 32. */
const transmitted = new Uint16Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
let transmittedCount = 0;
let literalsSent = 0;
let distancesSent = 0;
let codeLengthsSent = 0;

/**
 * Deflates one message.
 * @param window what was sent before, or null without context takeover; not changed. Append the message to it once it
 *   is certain to be sent.
 * @param windowBits how far references may reach where there is no window: 2^windowBits bytes (7692 §7.1.2).
 * @returns the payload without the four bytes that RFC 7692 §7.2.1 removes; memory that belongs to the caller.
 */
export function deflate(input: Uint8Array, window: Window | null, windowBits = 15): Uint8Array {
  writer.position = 0;
  if (input.length !== 0) {
    if (window === null) deflateAlone(input, 2 ** windowBits);
    else deflateInContext(input, window);
  }
  // 7692 §7.2.1: an empty stored block, of which the two length fields are not sent. §7.2.3.6: alone it is 00.
  writer.reserve(2);
  writer.put(0, 3);
  writer.alignToByte();
  const result = writer.buffer.slice(0, writer.position);
  if (writer.buffer.length > MOST_KEPT) writer.buffer = new Uint8Array(MOST_KEPT);
  return result;
}

function deflateAlone(input: Uint8Array, farthest: number): void {
  const { length } = input;
  // Entries of earlier messages are farther away than this one is long, as long as positions do not wrap around.
  if (sharedPosition + length > 0xffff) {
    sharedIndex.heads.fill(0);
    sharedPosition = 1;
  }
  deflateText(input, 0, 0, length, sharedPosition, sharedIndex, farthest);
  sharedPosition += length;
}

function deflateInContext(input: Uint8Array, window: Window): void {
  const { length } = input;
  const { size, total } = window;
  let text: Uint8Array;
  let from: number;
  let start: number;
  const inPlace = window.reserve(length);
  if (inPlace) {
    text = window.buffer;
    from = window.start;
    start = window.end;
  } else {
    const { history } = window;
    if (joined.length < history.length + length) joined = new Uint8Array(history.length + length);
    text = joined;
    text.set(history);
    from = 0;
    start = history.length;
  }
  text.set(input, start);
  const end = start + length;
  window.index ??= indexFor(size);
  const { index } = window;
  index.fit(end - from, size);
  const base = total - start;
  index.catchUp(text, from, start, base);
  deflateText(text, from, start, end, base & 0xffff, index, size);
  index.covered = total + length;
  if (joined.length > MOST_KEPT) joined = new Uint8Array(0);
}

function deflateText(
  text: Uint8Array,
  from: number,
  start: number,
  end: number,
  base: number,
  index: MatchIndex,
  farthest: number,
): void {
  for (let at = start; at < end; ) {
    const next = findMatches(text, from, at, end, base, index, farthest);
    putBlock(text, at, next);
    at = next;
  }
}

function putBlock(text: Uint8Array, from: number, to: number): void {
  let fixedBits = 0;
  let extraBits = 0;
  for (let symbol = 0; symbol < LITERAL_SYMBOLS; symbol++)
    fixedBits += literalCounts[symbol]! * FIXED_LITERAL_LENGTHS[symbol]!;
  for (let symbol = 0; symbol < LENGTH_EXTRA.length; symbol++)
    extraBits += literalCounts[257 + symbol]! * LENGTH_EXTRA[symbol]!;
  for (let symbol = 0; symbol < DISTANCE_SYMBOLS; symbol++) {
    fixedBits += distanceCounts[symbol]! * 5;
    extraBits += distanceCounts[symbol]! * DISTANCE_EXTRA[symbol]!;
  }
  const dynamicBits = chooseCodes();
  // The padding of the first stored block depends on where it starts; the others start at a byte.
  const length = to - from;
  const storedBits = 7 + 8 * (length + 5 * Math.ceil(length / MOST_STORED));
  const codedBits = 3 + extraBits + (dynamicBits < fixedBits ? dynamicBits : fixedBits);
  writer.reserve(((codedBits < storedBits ? codedBits : storedBits) >>> 3) + 8);
  if (storedBits <= codedBits) {
    putStored(text, from, to);
  } else if (dynamicBits < fixedBits) {
    writer.put(2 << 1, 3);
    putCodes();
    putTokens(literalCodes, literalLengths, distanceCodes, distanceLengths);
  } else {
    writer.put(1 << 1, 3);
    putTokens(fixedLiteralCodes, FIXED_LITERAL_LENGTHS, fixedDistanceCodes, FIXED_DISTANCE_LENGTHS);
  }
}

/** 1951 §3.2.4. */
function putStored(text: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const length = Math.min(to - at, MOST_STORED);
    writer.put(0, 3);
    writer.alignToByte();
    writer.put(length, 16);
    writer.put(length ^ 0xffff, 16);
    writer.buffer.set(text.subarray(at, at + length), writer.position);
    writer.position += length;
    at += length;
  }
}

/** Builds the block's own codes; returns the bits that they and the symbols take, without extra bits. */
function chooseCodes(): number {
  buildLengths(literalCounts, LITERAL_SYMBOLS, MAX_CODE_BITS, literalLengths);
  buildLengths(distanceCounts, DISTANCE_SYMBOLS, MAX_CODE_BITS, distanceLengths);
  literalsSent = LITERAL_SYMBOLS;
  while (literalLengths[literalsSent - 1] === 0) literalsSent--;
  // §3.2.7: without any match, one distance code of zero bits is sent.
  distancesSent = DISTANCE_SYMBOLS;
  while (distancesSent > 1 && distanceLengths[distancesSent - 1] === 0) distancesSent--;
  let bits = 14 + transmitLengths();
  buildLengths(codeLengthCounts, 19, 7, codeLengthLengths);
  codeLengthsSent = 19;
  while (codeLengthLengths[CODE_LENGTH_ORDER[codeLengthsSent - 1]!] === 0) codeLengthsSent--;
  if (codeLengthsSent < 4) codeLengthsSent = 4;
  bits += 3 * codeLengthsSent;
  for (let symbol = 0; symbol < 19; symbol++) bits += codeLengthCounts[symbol]! * codeLengthLengths[symbol]!;
  for (let symbol = 0; symbol < literalsSent; symbol++)
    bits += literalCounts[symbol]! * literalLengths[symbol]!;
  for (let symbol = 0; symbol < distancesSent; symbol++)
    bits += distanceCounts[symbol]! * distanceLengths[symbol]!;
  return bits;
}

/** 1951 §3.2.7: writes both rows of code lengths as symbols with repetitions; returns the extra bits these take. */
function transmitLengths(): number {
  const all = literalsSent + distancesSent;
  codeLengthCounts.fill(0);
  transmittedCount = 0;
  let extraBits = 0;
  for (let at = 0; at < all; ) {
    const length = lengthAt(at);
    let run = 1;
    while (at + run < all && lengthAt(at + run) === length) run++;
    at += run;
    if (length === 0) {
      while (run >= 11) {
        const times = run < 138 ? run : 138;
        transmit(18, times - 11);
        extraBits += 7;
        run -= times;
      }
      if (run >= 3) {
        transmit(17, run - 3);
        extraBits += 3;
        run = 0;
      }
    } else if (run > 3) {
      transmit(length, 0);
      run--;
      while (run >= 3) {
        const times = run < 6 ? run : 6;
        transmit(16, times - 3);
        extraBits += 2;
        run -= times;
      }
    }
    for (; run > 0; run--) transmit(length, 0);
  }
  return extraBits;
}

function lengthAt(index: number): number {
  return index < literalsSent ? literalLengths[index]! : distanceLengths[index - literalsSent]!;
}

function transmit(symbol: number, extra: number): void {
  codeLengthCounts[symbol]!++;
  transmitted[transmittedCount++] = symbol | (extra << 5);
}

/** 1951 §3.2.7: the header of a block with codes of its own. */
function putCodes(): void {
  assignCodes(literalLengths, literalsSent, literalCodes);
  assignCodes(distanceLengths, distancesSent, distanceCodes);
  assignCodes(codeLengthLengths, 19, codeLengthCodes);
  writer.put(literalsSent - 257, 5);
  writer.put(distancesSent - 1, 5);
  writer.put(codeLengthsSent - 4, 4);
  for (let index = 0; index < codeLengthsSent; index++)
    writer.put(codeLengthLengths[CODE_LENGTH_ORDER[index]!]!, 3);
  for (let index = 0; index < transmittedCount; index++) {
    const symbol = transmitted[index]! & 31;
    writer.put(codeLengthCodes[symbol]!, codeLengthLengths[symbol]!);
    if (symbol >= 16) writer.put(transmitted[index]! >>> 5, symbol === 16 ? 2 : symbol === 17 ? 3 : 7);
  }
}

/** 1951 §3.2.3: the symbols of the block, its end included. */
function putTokens(
  codes: Uint16Array,
  lengths: Uint8Array,
  distanceCodesOf: Uint16Array,
  distanceLengthsOf: Uint8Array,
): void {
  const { buffer } = writer;
  let { position, held, count } = writer;
  for (let index = 0; index < tokenCount; index++) {
    const token = tokens[index]!;
    if (token < 256) {
      held |= codes[token]! << count;
      count += lengths[token]!;
    } else {
      const length = token >>> 15;
      const lengthSymbol = LENGTH_SYMBOL[length]!;
      held |= codes[257 + lengthSymbol]! << count;
      count += lengths[257 + lengthSymbol]!;
      held |= (length - LENGTH_BASE[lengthSymbol]!) << count;
      count += LENGTH_EXTRA[lengthSymbol]!;
      while (count >= 8) {
        buffer[position++] = held;
        held >>>= 8;
        count -= 8;
      }
      const distance = token & 0x7fff;
      const symbol = DISTANCE_SYMBOL[distance < 256 ? distance : 256 + (distance >>> 7)]!;
      held |= distanceCodesOf[symbol]! << count;
      count += distanceLengthsOf[symbol]!;
      while (count >= 8) {
        buffer[position++] = held;
        held >>>= 8;
        count -= 8;
      }
      held |= (distance + 1 - DISTANCE_BASE[symbol]!) << count;
      count += DISTANCE_EXTRA[symbol]!;
    }
    while (count >= 8) {
      buffer[position++] = held;
      held >>>= 8;
      count -= 8;
    }
  }
  writer.position = position;
  writer.held = held;
  writer.count = count;
  writer.put(codes[END_OF_BLOCK]!, lengths[END_OF_BLOCK]!);
}
