/**
 * Compresses one message: RFC 1951 §3.2, RFC 7692 §7.2.1. There are three forms of a block: stored, with the fixed codes, or with codes for
 * this block only. The smallest form is used. The caller appends the message to the window.
 */

import { BitWriter } from './bit-writer.ts';
import {
  assignCodes,
  buildLengths,
  FIXED_DISTANCE_LENGTHS,
  FIXED_LITERAL_LENGTHS,
  MAX_CODE_BITS,
  Tally,
} from './huffman.ts';
import { distances, findMatches, indexFor, literals, MatchIndex, tokenCount, tokens } from './matcher.ts';
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

const MAX_STORED = 0xffff;

const writer = new BitWriter(1 << 16);
/** A buffer for the plaintext of a message. It is used if there is no window, or if the window's buffer has no room for the message. */
let scratch = new Uint8Array(1 << 14);
let scratchView = new DataView(scratch.buffer);
/** After a message, a buffer with more bytes than this is replaced by a buffer of this size. */
const MAX_KEPT = 1 << 17;

/**
 * The indexes for messages without context. The positions of a message continue after the positions of the previous message. So the index
 * need not be cleared for each message.
 */
const smallIndex = new MatchIndex(2048);
const largeIndex = new MatchIndex(32768);

const fixedLiteralCodes = new Uint32Array(288);
const fixedDistanceCodes = new Uint32Array(32);
assignCodes(FIXED_LITERAL_LENGTHS, 288, fixedLiteralCodes);
assignCodes(FIXED_DISTANCE_LENGTHS, 32, fixedDistanceCodes);

// The codes of the current block, and the symbols that transmit the code lengths.
const literalLengths = new Uint8Array(288);
const literalCodes = new Uint32Array(288);
const distanceLengths = new Uint8Array(32);
const distanceCodes = new Uint32Array(32);
const codeLengthTally = new Tally(19);
const codeLengthLengths = new Uint8Array(19);
const codeLengthCodes = new Uint32Array(19);
/**
 * The symbols that transmit the code lengths (1951 §3.2.7). Each entry is a symbol from 0 to 18, plus the value of the symbol's extra bits
 * × 32.
 */
const transmitted = new Uint16Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
let transmittedCount = 0;
/** The code lengths of the literals, followed by the code lengths of the distances. */
const sentLengths = new Uint8Array(288 + 32);
let literalsSent = 0;
let distancesSent = 0;
let codeLengthsSent = 0;

/**
 * Compresses one message.
 * @param window the messages that were sent before. Null if context takeover is off. This function does not append the message: the caller
 *   appends it when it is certain that the message is sent.
 * @param windowBits only used if `window` is null: a reference then has a distance of at most 2^windowBits bytes (7692 §7.1.2).
 * @returns the payload, without the four bytes that RFC 7692 §7.2.1 removes, in a separate Buffer.
 */
export function deflate(input: Uint8Array, window: Window | null, windowBits = 15): Buffer {
  writer.position = 0;
  if (input.length !== 0) {
    if (window === null) deflateAlone(input, 2 ** windowBits);
    else deflateInContext(input, window);
  }
  // Every message ends with an empty stored block. The block's two length fields are not sent (7692 §7.2.1). So an empty message is the
  // single byte 00 (7692 §7.2.3.6).
  writer.reserve(2);
  writer.put(0, 3);
  writer.alignToByte();
  const result = Buffer.allocUnsafe(writer.position);
  result.set(writer.buffer.subarray(0, writer.position));
  releaseScratch();
  return result;
}

function deflateAlone(input: Uint8Array, farthest: number): void {
  const { length } = input;
  // Small messages use the small index, which fits into the L1 cache of the processor.
  const index = length <= smallIndex.previous.length ? smallIndex : largeIndex;
  // An entry of an earlier message points to a position before the start of this message, so it never gives a match. If a position of this
  // message would exceed 65,535, the index is cleared, and the positions start again at 1.
  if (index.covered + length > 0xffff) {
    index.heads.fill(0);
    index.covered = 1;
  }
  reserveScratch(length);
  scratch.set(input);
  deflateText(scratch, scratchView, 0, 0, length, index.covered, index, farthest);
  index.covered += length;
}

function deflateInContext(input: Uint8Array, window: Window): void {
  const { length } = input;
  const { size, total } = window;
  const inPlace = window.reserve(length);
  const from = inPlace ? window.start : 0;
  const start = from + window.length;
  const end = start + length;
  if (!inPlace) {
    reserveScratch(end);
    scratch.set(window.history);
  }
  const text = inPlace ? window.buffer : scratch;
  const view = inPlace ? window.view : scratchView;
  text.set(input, start);
  window.index ??= indexFor(size);
  const { index } = window;
  index.fit(end - from, size);
  const base = total - start;
  index.catchUp(view, from, start, base);
  deflateText(text, view, from, start, end, base & 0xffff, index, size);
  index.covered = total + length;
}

function reserveScratch(size: number): void {
  if (size <= scratch.length) return;
  scratch = new Uint8Array(size);
  scratchView = new DataView(scratch.buffer);
}

/** Replaces large buffers, which a large message needed, by smaller buffers. */
function releaseScratch(): void {
  if (writer.buffer.length > MAX_KEPT) writer.buffer = new Uint8Array(MAX_KEPT);
  if (scratch.length <= MAX_KEPT) return;
  scratch = new Uint8Array(MAX_KEPT);
  scratchView = new DataView(scratch.buffer);
}

function deflateText(
  text: Uint8Array,
  view: DataView,
  from: number,
  start: number,
  end: number,
  base: number,
  index: MatchIndex,
  farthest: number,
): void {
  for (let at = start; at < end; ) {
    const next = findMatches(view, from, at, end, base, index, farthest);
    putBlock(text, at, next);
    at = next;
  }
}

function putBlock(text: Uint8Array, from: number, to: number): void {
  const fixedBits = bitsWithFixedCodes();
  const extraBits = bitsBesideCodes();
  const dynamicBits = estimateOwnCodes() < fixedBits ? chooseCodes() : fixedBits;
  // Each stored block begins with three bits and padding to a byte boundary. The padding of the first stored block depends on the current
  // bit position.
  const length = to - from;
  const padding = -(writer.count + 3) & 7;
  const storedBits = 3 + padding + 8 * (length + 4) + 40 * (Math.ceil(length / MAX_STORED) - 1);
  const codedBits = 3 + extraBits + (dynamicBits < fixedBits ? dynamicBits : fixedBits);
  writer.reserve(((codedBits < storedBits ? codedBits : storedBits) >>> 3) + 8);
  if (storedBits <= codedBits) {
    putStored(text, from, to);
  } else if (dynamicBits < fixedBits) {
    writer.put(2 << 1, 3);
    putCodes();
    putTokens(literalCodes, distanceCodes);
  } else {
    writer.put(1 << 1, 3);
    putTokens(fixedLiteralCodes, fixedDistanceCodes);
  }
}

function bitsWithFixedCodes(): number {
  let bits = 0;
  for (let index = 0; index < literals.size; index++) {
    const symbol = literals.symbols[index]!;
    bits += literals.counts[symbol]! * FIXED_LITERAL_LENGTHS[symbol]!;
  }
  for (let index = 0; index < distances.size; index++)
    bits += 5 * distances.counts[distances.symbols[index]!]!;
  return bits;
}

/** Returns the number of extra bits of all lengths and distances. This number is the same for fixed and other codes. */
function bitsBesideCodes(): number {
  let bits = 0;
  for (let index = 0; index < literals.size; index++) {
    const symbol = literals.symbols[index]!;
    if (symbol > END_OF_BLOCK) bits += literals.counts[symbol]! * LENGTH_EXTRA[symbol - 257]!;
  }
  for (let index = 0; index < distances.size; index++) {
    const symbol = distances.symbols[index]!;
    bits += distances.counts[symbol]! * DISTANCE_EXTRA[symbol]!;
  }
  return bits;
}

/** For each n, the value n × log2(n). `entropyOf` needs these values. */
const weightedLog = Float64Array.from({ length: 256 }, (_, n) => (n === 0 ? 0 : n * Math.log2(n)));

/**
 * Estimates the minimum number of bits of this block if it gets separate codes. The estimate is the entropy of the symbols plus the size of
 * the codes.
 */
function estimateOwnCodes(): number {
  return entropyOf(literals) + entropyOf(distances) + 90 + 3.3 * (literals.size + distances.size);
}

function entropyOf(tally: Tally): number {
  const { counts, symbols, size } = tally;
  let all = 0;
  let saved = 0;
  for (let index = 0; index < size; index++) {
    const count = counts[symbols[index]!]!;
    all += count;
    saved += count < 256 ? weightedLog[count]! : count * Math.log2(count);
  }
  return all === 0 ? 0 : all * Math.log2(all) - saved;
}

/** Writes stored blocks (1951 §3.2.4). */
function putStored(text: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const length = Math.min(to - at, MAX_STORED);
    writer.put(0, 3);
    writer.alignToByte();
    writer.put(length, 16);
    writer.put(length ^ 0xffff, 16);
    writer.buffer.set(text.subarray(at, at + length), writer.position);
    writer.position += length;
    at += length;
  }
}

/** Chooses codes for this block. @returns the number of bits of the codes and the symbols, without extra bits */
function chooseCodes(): number {
  let bits = buildLengths(literals, MAX_CODE_BITS, literalLengths);
  bits += buildLengths(distances, MAX_CODE_BITS, distanceLengths);
  literalsSent = LITERAL_SYMBOLS;
  while (literalLengths[literalsSent - 1] === 0) literalsSent--;
  // If the block has no match, one distance code with the length 0 is transmitted (1951 §3.2.7).
  distancesSent = DISTANCE_SYMBOLS;
  while (distancesSent > 1 && distanceLengths[distancesSent - 1] === 0) distancesSent--;
  bits += 14 + transmitLengths();
  bits += buildLengths(codeLengthTally, 7, codeLengthLengths);
  codeLengthsSent = 19;
  while (codeLengthLengths[CODE_LENGTH_ORDER[codeLengthsSent - 1]!] === 0) codeLengthsSent--;
  return bits + 3 * codeLengthsSent;
}

/**
 * Converts the code lengths of literals and distances to the symbols 0 to 18. The symbols 16 to 18 mean repetitions (1951 §3.2.7).
 * @returns the number of extra bits of these symbols
 */
function transmitLengths(): number {
  const all = literalsSent + distancesSent;
  sentLengths.set(literalLengths);
  for (let symbol = 0; symbol < distancesSent; symbol++)
    sentLengths[literalsSent + symbol] = distanceLengths[symbol]!;
  codeLengthTally.clear();
  transmittedCount = 0;
  let extraBits = 0;
  for (let at = 0; at < all; ) {
    const length = sentLengths[at]!;
    const first = at++;
    while (at < all && sentLengths[at] === length) at++;
    let run = at - first;
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

function transmit(symbol: number, extra: number): void {
  codeLengthTally.add(symbol);
  transmitted[transmittedCount++] = symbol | (extra << 5);
}

/** Writes the codes of the block (1951 §3.2.7). */
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
    writer.put(codeLengthCodes[symbol]! & 0xffff, codeLengthLengths[symbol]!);
    if (symbol >= 16) writer.put(transmitted[index]! >>> 5, symbol === 16 ? 2 : symbol === 17 ? 3 : 7);
  }
}

/** Writes the literals and matches of the block, and then the symbol for the end of the block (1951 §3.2.3). */
function putTokens(codes: Uint32Array, distanceCodesOf: Uint32Array): void {
  const { buffer } = writer;
  let { position, held, count } = writer;
  for (let index = 0; index < tokenCount; index++) {
    const token = tokens[index]!;
    if (token < 256) {
      const code = codes[token]!;
      held |= (code & 0xffff) << count;
      count += code >>> 16;
    } else {
      // `held` has at most 7 bits here. A length adds a code of at most 15 bits, and at most 5 extra bits.
      const length = token >>> 15;
      const lengthSymbol = LENGTH_SYMBOL[length]!;
      let code = codes[257 + lengthSymbol]!;
      held |= (code & 0xffff) << count;
      count += code >>> 16;
      held |= (length - LENGTH_BASE[lengthSymbol]!) << count;
      count += LENGTH_EXTRA[lengthSymbol]!;
      while (count >= 8) {
        buffer[position++] = held;
        held >>= 8;
        count -= 8;
      }
      // A distance adds a code of at most 15 bits, and at most 13 extra bits.
      const distance = token & 0x7fff;
      const symbol = DISTANCE_SYMBOL[distance < 256 ? distance : 256 + (distance >>> 7)]!;
      code = distanceCodesOf[symbol]!;
      held |= (code & 0xffff) << count;
      count += code >>> 16;
      while (count >= 8) {
        buffer[position++] = held;
        held >>= 8;
        count -= 8;
      }
      held |= (distance + 1 - DISTANCE_BASE[symbol]!) << count;
      count += DISTANCE_EXTRA[symbol]!;
    }
    while (count >= 8) {
      buffer[position++] = held;
      held >>= 8;
      count -= 8;
    }
  }
  writer.position = position;
  writer.held = held;
  writer.count = count;
  const end = codes[END_OF_BLOCK]!;
  writer.put(end & 0xffff, end >>> 16);
}
