/**
 * Decompresses one message: RFC 1951 §3.2, RFC 7692 §7.2.2. The bytes may come from an attacker. So every array index is bounded, and every
 * iteration of a loop reads at least one bit of input. The output limit is checked while the output grows. The caller appends the message
 * to the window.
 */

import { MAX_FINAL_BLOCKS } from '../message-end.ts';
import { BitReader, pastEnd } from './bit-reader.ts';
import {
  buildTable,
  ENTRY_END,
  ENTRY_INVALID,
  ENTRY_LINK,
  ENTRY_LITERAL,
  FIXED_DISTANCE_LENGTHS,
  FIXED_LITERAL_LENGTHS,
} from './huffman.ts';
import { InflateError } from './inflate-error.ts';
import {
  CODE_LENGTH_ORDER,
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  END_OF_BLOCK,
  LENGTH_BASE,
  LENGTH_EXTRA,
  LITERAL_SYMBOLS,
} from './symbols.ts';
import type { Window } from './window.ts';

/** The maximum number of input bytes that may produce no output. This limits empty blocks: they cost time and contain no data. */
const MAX_IDLE_INPUT = 1 << 20;

/** The size of the output buffer that all messages share, in bytes. A larger output gets a separate buffer. */
const SCRATCH_SIZE = 1 << 16;

/** One byte of input gives at most this number of bytes of output: four matches of 258 bytes, with two bits of input each. */
const MAX_PER_BYTE = 1032;

const LITERAL_ROOT = 9;
const DISTANCE_ROOT = 7;

// The tables are large enough for all valid codes: 286 symbols with 9 root bits need at most 852 entries. 30 symbols with 6 root bits need
// at most 592 entries.
const FIXED_LITERALS = new Int32Array(512);
const FIXED_DISTANCES = new Int32Array(32);
const literalTable = new Int32Array(1024);
const distanceTable = new Int32Array(1024);
const codeLengthTable = new Int32Array(128);

// The meanings of the symbols, as entries of the decoding tables.
const literalValues = new Int32Array(288).fill(ENTRY_INVALID);
for (let literal = 0; literal < 256; literal++) literalValues[literal] = (literal << 16) | ENTRY_LITERAL;
literalValues[END_OF_BLOCK] = ENTRY_END;
for (let symbol = 0; symbol < LENGTH_BASE.length; symbol++)
  literalValues[257 + symbol] = (LENGTH_BASE[symbol]! << 16) | (LENGTH_EXTRA[symbol]! << 4);
const distanceValues = new Int32Array(32).fill(ENTRY_INVALID);
for (let symbol = 0; symbol < DISTANCE_SYMBOLS; symbol++)
  distanceValues[symbol] = (DISTANCE_BASE[symbol]! << 16) | (DISTANCE_EXTRA[symbol]! << 4);
const codeLengthValues = Int32Array.from({ length: 19 }, (_, symbol) => symbol << 16);

buildTable(FIXED_LITERAL_LENGTHS, 0, 288, literalValues, LITERAL_ROOT, false, FIXED_LITERALS);
buildTable(FIXED_DISTANCE_LENGTHS, 0, 32, distanceValues, 5, false, FIXED_DISTANCES);

const codeLengths = new Uint8Array(19);
const lengths = new Uint8Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);

const NOTHING = new Uint8Array(0);
const scratch = new Uint8Array(SCRATCH_SIZE);
const reader = new BitReader(NOTHING);
let output: Uint8Array<ArrayBuffer> = scratch;
/** The number of bytes that are written to `output`. */
let written = 0;
let maxOutput = 0;

function corrupt(message: string): InflateError {
  return new InflateError('corrupt', message);
}

/**
 * Decompresses one message.
 * @param input the received payload. Do not append the four bytes 00 00 ff ff of RFC 7692 §7.2.2.
 * @param window the earlier messages of the peer. Null if context takeover is off. This function does not change the window.
 * @param maxLength the maximum number of bytes of output.
 * @returns the message, in a separate Buffer.
 * @throws InflateError if the payload is invalid or the message is too big
 */
export function inflate(input: Uint8Array, window: Window | null, maxLength: number): Buffer {
  written = 0;
  // A normal sender compresses an empty message to one byte (7692 §7.2.3.6). We also accept zero bytes as an empty message.
  if (input.length === 0) return Buffer.alloc(0);
  output = scratch;
  maxOutput = maxLength;
  reader.reset(input);
  const history = window === null ? NOTHING : window.buffer;
  const historyStart = window === null ? 0 : window.start;
  const historyEnd = window === null ? 0 : window.end;
  try {
    inflateBlocks(history, historyStart, historyEnd);
    return ownCopy();
  } finally {
    output = scratch;
    reader.reset(NOTHING);
  }
}

function ownCopy(): Buffer {
  // If the output has a separate buffer and fills more than half of it, the output is returned without a copy.
  if (output !== scratch && written > output.length >>> 1) return Buffer.from(output.buffer, 0, written);
  const copy = Buffer.allocUnsafe(written);
  copy.set(output.subarray(0, written));
  return copy;
}

function inflateBlocks(history: Uint8Array, historyStart: number, historyEnd: number): void {
  const end = reader.input.length;
  let idleSince = 0;
  let writtenThen = 0;
  let finalBlocks = 0;
  for (;;) {
    const isFinal = reader.take(1);
    switch (reader.take(2)) {
      case 0:
        reader.alignToByte();
        // This is the end of the message: an empty stored block. The sender omits the block's length fields (7692 §7.2.2).
        if (reader.position === end) return;
        copyStored();
        break;
      case 1:
        inflateSymbols(FIXED_LITERALS, LITERAL_ROOT, FIXED_DISTANCES, 5, history, historyStart, historyEnd);
        break;
      case 2: {
        const roots = readTables();
        inflateSymbols(
          literalTable,
          roots >>> 4,
          distanceTable,
          roots & 15,
          history,
          historyStart,
          historyEnd,
        );
        break;
      }
      default:
        throw corrupt('Block type 3 does not exist.');
    }
    if (isFinal !== 0) {
      // A final block ends at a byte boundary. Other blocks may follow (7692 §7.2.3.4).
      reader.alignToByte();
      if (reader.position === end) return;
      if (++finalBlocks > MAX_FINAL_BLOCKS) throw corrupt('There are too many final blocks.');
    }
    if (written !== writtenThen) {
      writtenThen = written;
      idleSince = reader.position;
    } else if (reader.position - idleSince > MAX_IDLE_INPUT) {
      throw new InflateError('no-output', 'The compressed data consists of empty blocks.');
    }
  }
}

/** Reads a stored block: the length fields, and then the content, which is copied to the output (1951 §3.2.4). */
function copyStored(): void {
  const length = reader.take(16);
  if (reader.take(16) !== (length ^ 0xffff)) throw corrupt('The length of a stored block is damaged.');
  const from = reader.position;
  const to = from + length;
  if (to > reader.input.length) throw corrupt('The compressed data ends too early.');
  if (written + length > output.length || written + length > maxOutput) grow(length);
  output.set(reader.input.subarray(from, to), written);
  written += length;
  reader.position = to;
}

/** Makes room for `length` more bytes of output. Throws if these bytes would exceed the limit. */
function grow(length: number): void {
  const needed = written + length;
  if (needed > maxOutput) throw new InflateError('too-big', 'The message inflates to more than is allowed.');
  if (needed <= output.length) return;
  // Allocates a buffer for the largest possible output, so that the output is never copied again. The operating system provides memory only
  // for the part that is written.
  const coming = (reader.input.length - reader.position + 8) * MAX_PER_BYTE;
  const grown = new Uint8Array(Math.min(maxOutput, needed + coming));
  grown.set(output.subarray(0, written));
  output = grown;
}

/**
 * Reads the codes of a block (1951 §3.2.7). @returns the index bits of the literal table × 16, plus the index bits of the distance table
 */
function readTables(): number {
  const literals = reader.take(5) + 257;
  const distances = reader.take(5) + 1;
  const transmitted = reader.take(4) + 4;
  if (literals > LITERAL_SYMBOLS || distances > DISTANCE_SYMBOLS) throw corrupt('Too many symbols.');
  codeLengths.fill(0);
  for (let index = 0; index < transmitted; index++) codeLengths[CODE_LENGTH_ORDER[index]!] = reader.take(3);
  const root = buildTable(codeLengths, 0, 19, codeLengthValues, 7, false, codeLengthTable);
  if (root < 0) throw corrupt('The code lengths have no valid code.');
  readLengths(literals + distances, root);
  if (lengths[END_OF_BLOCK] === 0) throw corrupt('A block has no end.');
  const literalRoot = buildTable(lengths, 0, literals, literalValues, LITERAL_ROOT, true, literalTable);
  if (literalRoot < 0) throw corrupt('The literals have no valid code.');
  const distanceRoot = buildTable(
    lengths,
    literals,
    distances,
    distanceValues,
    DISTANCE_ROOT,
    true,
    distanceTable,
  );
  if (distanceRoot < 0) throw corrupt('The distances have no valid code.');
  return (literalRoot << 4) | distanceRoot;
}

/**
 * Reads the code lengths of the literals and then of the distances, as one sequence. A repetition may continue from the literals into the
 * distances.
 */
function readLengths(count: number, root: number): void {
  const { input } = reader;
  const end = input.length;
  const mask = (1 << root) - 1;
  let { position, held, count: bits } = reader;
  let done = 0;
  while (done < count) {
    while (bits < 14) {
      held |= (position < end ? input[position]! : pastEnd(position - end)) << bits;
      position++;
      bits += 8;
    }
    const entry = codeLengthTable[held & mask]!;
    held >>= entry & 15;
    bits -= entry & 15;
    const symbol = entry >>> 16;
    if (symbol < 16) {
      lengths[done++] = symbol;
      continue;
    }
    let repeated = 0;
    let times: number;
    if (symbol === 16) {
      if (done === 0) throw corrupt('There is no code length to repeat.');
      repeated = lengths[done - 1]!;
      times = 3 + (held & 3);
      held >>= 2;
      bits -= 2;
    } else if (symbol === 17) {
      times = 3 + (held & 7);
      held >>= 3;
      bits -= 3;
    } else {
      times = 11 + (held & 127);
      held >>= 7;
      bits -= 7;
    }
    if (done + times > count) throw corrupt('Too many code lengths.');
    for (; times > 0; times--) lengths[done++] = repeated;
  }
  reader.position = position;
  reader.held = held;
  reader.count = bits;
}

/** Reads literals and matches up to the end of the block (1951 §3.2.3). */
function inflateSymbols(
  literalCodes: Int32Array,
  literalRoot: number,
  distanceCodes: Int32Array,
  distanceRoot: number,
  history: Uint8Array,
  historyStart: number,
  historyEnd: number,
): void {
  const { input } = reader;
  const end = input.length;
  const literalMask = (1 << literalRoot) - 1;
  const distanceMask = (1 << distanceRoot) - 1;
  let { position, held, count } = reader;
  let target = output;
  let out = written;
  let limit = Math.min(target.length, maxOutput);
  for (;;) {
    // A length code has at most 15 bits, and then at most 5 extra bits.
    while (count < 20) {
      held |= (position < end ? input[position]! : pastEnd(position - end)) << count;
      position++;
      count += 8;
    }
    let entry = literalCodes[held & literalMask]!;
    if ((entry & ENTRY_LINK) !== 0) {
      held >>= literalRoot;
      count -= literalRoot;
      entry = literalCodes[(entry >>> 16) + (held & ((1 << ((entry >>> 4) & 15)) - 1))]!;
    }
    held >>= entry & 15;
    count -= entry & 15;
    if ((entry & ENTRY_LITERAL) !== 0) {
      if (out === limit) {
        reader.position = position;
        written = out;
        grow(1);
        target = output;
        limit = Math.min(target.length, maxOutput);
      }
      target[out++] = entry >>> 16;
      continue;
    }
    if ((entry & (ENTRY_END | ENTRY_INVALID)) !== 0) {
      if ((entry & ENTRY_INVALID) !== 0) throw corrupt('A code is not a literal or a length.');
      reader.position = position;
      reader.held = held;
      reader.count = count;
      written = out;
      return;
    }
    let extra = (entry >>> 4) & 15;
    let length = (entry >>> 16) + (held & ((1 << extra) - 1));
    held >>= extra;
    count -= extra;

    // A distance code has at most 15 bits, and then at most 13 extra bits.
    while (count < 15) {
      held |= (position < end ? input[position]! : pastEnd(position - end)) << count;
      position++;
      count += 8;
    }
    entry = distanceCodes[held & distanceMask]!;
    if ((entry & ENTRY_LINK) !== 0) {
      held >>= distanceRoot;
      count -= distanceRoot;
      entry = distanceCodes[(entry >>> 16) + (held & ((1 << ((entry >>> 4) & 15)) - 1))]!;
    }
    if ((entry & ENTRY_INVALID) !== 0) throw corrupt('A code is not a distance.');
    held >>= entry & 15;
    count -= entry & 15;
    extra = (entry >>> 4) & 15;
    while (count < extra) {
      held |= (position < end ? input[position]! : pastEnd(position - end)) << count;
      position++;
      count += 8;
    }
    const distance = (entry >>> 16) + (held & ((1 << extra) - 1));
    held >>= extra;
    count -= extra;

    if (out + length > limit) {
      reader.position = position;
      written = out;
      grow(length);
      target = output;
      limit = Math.min(target.length, maxOutput);
    }
    if (distance > out) {
      // The match starts in an earlier message, and may continue in the current message.
      let from = historyEnd - (distance - out);
      if (from < historyStart) throw corrupt('A distance reaches back too far.');
      while (length > 0 && from < historyEnd) {
        target[out++] = history[from++]!;
        length--;
      }
    }
    // The bytes are copied one by one, because a match may refer to bytes that it has just written.
    for (let from = out - distance; length > 0; length--) target[out++] = target[from++]!;
  }
}
