/**
 * Tables for the symbols of compressed blocks. RFC 1951 §3.2.5: a length or a distance is a symbol with extra bits. RFC 1951 §3.2.7: other
 * symbols transmit the code lengths of a block.
 */

/** The number of literal/length symbols with a meaning. The fixed codes include two more symbols, 286 and 287, which must not occur. */
export const LITERAL_SYMBOLS = 286;
/** The number of distance symbols with a meaning. The fixed codes include two more symbols, 30 and 31, which must not occur. */
export const DISTANCE_SYMBOLS = 30;
/** The literal/length symbol that ends a block. */
export const END_OF_BLOCK = 256;

const MIN_MATCH = 3;
export const MAX_MATCH = 258;

/** The number of extra bits of each length symbol from 257 to 285. */
export const LENGTH_EXTRA: Uint8Array = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
);
/** The shortest match length of each symbol from 257 to 285. */
export const LENGTH_BASE: Uint16Array = basesOf(LENGTH_EXTRA, MIN_MATCH);
// The length 258 has a separate symbol, 285. Without this line, symbol 285 would mean the length 259.
LENGTH_BASE[28] = MAX_MATCH;

/** The number of extra bits of each distance symbol from 0 to 29. */
export const DISTANCE_EXTRA: Uint8Array = Uint8Array.of(
  ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
);
/** The shortest distance of each symbol from 0 to 29. */
export const DISTANCE_BASE: Uint16Array = basesOf(DISTANCE_EXTRA, 1);

/** The order in which a block transmits the lengths of the codes for the symbols 0 to 18 (1951 §3.2.7). */
export const CODE_LENGTH_ORDER: Uint8Array = Uint8Array.of(
  ...[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15],
);

/** For each match length from 3 to 258, the length symbol − 257. */
export const LENGTH_SYMBOL: Uint8Array = new Uint8Array(MAX_MATCH + 1);
for (let symbol = 0; symbol < LENGTH_BASE.length; symbol++)
  LENGTH_SYMBOL.fill(symbol, LENGTH_BASE[symbol], LENGTH_BASE[symbol]! + (1 << LENGTH_EXTRA[symbol]!));
LENGTH_SYMBOL[MAX_MATCH] = 28;

/**
 * The symbol of each distance. Up to distance 256, the index is distance − 1. For a greater distance, the index is 256 + ((distance − 1)
 * >>> 7), because the lowest 7 bits do not change the symbol.
 */
export const DISTANCE_SYMBOL: Uint8Array = new Uint8Array(512);
for (let symbol = 0; symbol < DISTANCE_BASE.length; symbol++) {
  const from = DISTANCE_BASE[symbol]! - 1;
  const to = from + (1 << DISTANCE_EXTRA[symbol]!);
  if (to <= 256) DISTANCE_SYMBOL.fill(symbol, from, to);
  else DISTANCE_SYMBOL.fill(symbol, 256 + (from >>> 7), 256 + (to >>> 7));
}

function basesOf(extra: Uint8Array, first: number): Uint16Array {
  const bases = new Uint16Array(extra.length);
  let base = first;
  for (let symbol = 0; symbol < extra.length; symbol++) {
    bases[symbol] = base;
    base += 1 << extra[symbol]!;
  }
  return bases;
}
