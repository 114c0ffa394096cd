/**
 * Huffman codes: RFC 1951 §3.2.2, §3.2.6 (canonical codes, which their lengths define completely, and the fixed codes).
 * There are three conversions: frequencies → lengths (the sender chooses; at most 15 or 7 bits), lengths → codes, and
 * lengths → a table for decoding on a receiver. Codes are stored with their first bit lowest, as 1951 §3.1.1 packs them.
 */

/** The length of the longest code of the literal/length and distance alphabets. */
export const MAX_CODE_BITS = 15;

// 1951 §3.2.6: the fixed codes. All 288 and 32 symbols have a code, although not all of them may occur.
export const FIXED_LITERAL_LENGTHS: Uint8Array = new Uint8Array(288)
  .fill(8, 0, 144)
  .fill(9, 144, 256)
  .fill(7, 256, 280)
  .fill(8, 280, 288);
export const FIXED_DISTANCE_LENGTHS: Uint8Array = new Uint8Array(32).fill(5);

const MAX_SYMBOLS = 288;

const countOfLength = new Uint16Array(MAX_CODE_BITS + 1);
const nextCode = new Uint16Array(MAX_CODE_BITS + 2);

/** Byte → the same bits in reverse order. */
const reversedByte = new Uint8Array(256);
for (let byte = 1; byte < 256; byte++)
  reversedByte[byte] = (reversedByte[byte >>> 1]! >>> 1) | ((byte & 1) << 7);

/**
 * 1951 §3.2.2: sets `codes` for the symbols of `lengths[0, count)`: the code with its bits reversed, plus its length × 65,536.
 * Symbols of length 0 have no code: their entries of `codes` are not changed.
 */
export function assignCodes(lengths: Uint8Array, count: number, codes: Uint32Array): void {
  countOfLength.fill(0);
  for (let symbol = 0; symbol < count; symbol++) {
    const length = lengths[symbol]!;
    if (length !== 0) countOfLength[length]!++;
  }
  let code = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    code = (code + countOfLength[bits - 1]!) << 1;
    nextCode[bits] = code;
  }
  for (let symbol = 0; symbol < count; symbol++) {
    const length = lengths[symbol]!;
    if (length === 0) continue;
    const next = nextCode[length]!++;
    const reversed = ((reversedByte[next & 0xff]! << 8) | reversedByte[next >>> 8]!) >>> (16 - length);
    codes[symbol] = reversed | (length << 16);
  }
}

/** Counts how often each symbol of an alphabet occurs, and lists the symbols that occur. */
export class Tally {
  readonly counts: Uint16Array;
  /** The symbols that occur, `symbols[0, size)`, in the order of their first occurrence. */
  readonly symbols: Uint16Array;
  size = 0;

  constructor(alphabet: number) {
    this.counts = new Uint16Array(alphabet);
    this.symbols = new Uint16Array(alphabet);
  }

  add(symbol: number): void {
    const before = this.counts[symbol]!;
    if (before === 0) this.symbols[this.size++] = symbol;
    this.counts[symbol] = before + 1;
  }

  clear(): void {
    const { counts, symbols, size } = this;
    for (let index = 0; index < size; index++) counts[symbols[index]!] = 0;
    this.size = 0;
  }
}

// Working memory of buildLengths: the symbols by rising frequency, then the tree above them.
const sorted = new Uint16Array(MAX_SYMBOLS);
const weight = new Uint32Array(2 * MAX_SYMBOLS);
const parent = new Uint16Array(2 * MAX_SYMBOLS);
const depth = new Uint8Array(2 * MAX_SYMBOLS);
/** Frequencies below this number are sorted by counting; the few higher ones are sorted by insertion. */
const COUNTED = 32;
const place = new Uint16Array(COUNTED + 1);

/** Fills `sorted` with the symbols of a tally by rising frequency. */
function sortByFrequency(tally: Tally): void {
  const { counts, symbols, size } = tally;
  place.fill(0);
  for (let index = 0; index < size; index++) {
    const frequency = counts[symbols[index]!]!;
    place[frequency < COUNTED ? frequency : COUNTED]!++;
  }
  let next = 0;
  for (let frequency = 1; frequency <= COUNTED; frequency++) {
    const here = place[frequency]!;
    place[frequency] = next;
    next += here;
  }
  const firstLarge = place[COUNTED]!;
  let large = firstLarge;
  for (let index = 0; index < size; index++) {
    const symbol = symbols[index]!;
    const frequency = counts[symbol]!;
    if (frequency < COUNTED) {
      sorted[place[frequency]!++] = symbol;
      continue;
    }
    let slot = large++;
    while (slot > firstLarge && counts[sorted[slot - 1]!]! > frequency) {
      sorted[slot] = sorted[slot - 1]!;
      slot--;
    }
    sorted[slot] = symbol;
  }
}

/**
 * Chooses code lengths for the symbols of a tally: builds Huffman's tree, then limits its depth to `limit` bits. A single symbol gets one
 * bit (1951 §3.2.7). The other lengths are set to 0.
 * @returns the number of bits that all symbols take together.
 */
export function buildLengths(tally: Tally, limit: number, lengths: Uint8Array): number {
  const { counts, size } = tally;
  lengths.fill(0);
  if (size === 0) return 0;
  sortByFrequency(tally);
  if (size === 1) {
    lengths[sorted[0]!] = 1;
    return counts[sorted[0]!]!;
  }
  // Leaves are 0 … size-1. Inner nodes follow in the order of their creation, which is also the order of their weight. So the two
  // lightest nodes are always the next leaves or the next inner nodes.
  for (let leaf = 0; leaf < size; leaf++) weight[leaf] = counts[sorted[leaf]!]!;
  const root = 2 * size - 2;
  let leaf = 0;
  let inner = size;
  for (let made = size; made <= root; made++) {
    const first = leaf < size && (inner >= made || weight[leaf]! <= weight[inner]!) ? leaf++ : inner++;
    const second = leaf < size && (inner >= made || weight[leaf]! <= weight[inner]!) ? leaf++ : inner++;
    weight[made] = weight[first]! + weight[second]!;
    parent[first] = made;
    parent[second] = made;
  }
  countOfLength.fill(0);
  depth[root] = 0;
  for (let node = root - 1; node >= size; node--) depth[node] = depth[parent[node]!]! + 1;
  // Leaves that are too deep are moved up to the limit. After this move the code may be too full, see below.
  let filled = 0;
  for (let node = 0; node < size; node++) {
    const deep = depth[parent[node]!]! + 1;
    const bits = deep < limit ? deep : limit;
    countOfLength[bits]!++;
    filled += 1 << (limit - bits);
  }
  // The code is too full as long as `filled` is over the limit. In each step, an inner node replaces a leaf
  // that is not at the limit. This leaf and one of the deepest leaves become the children of the node.
  for (; filled > 1 << limit; filled--) {
    let bits = limit - 1;
    while (countOfLength[bits] === 0) bits--;
    countOfLength[bits]!--;
    countOfLength[bits + 1]! += 2;
    countOfLength[limit]!--;
  }
  let next = 0;
  let total = 0;
  for (let bits = limit; bits > 0; bits--) {
    for (let left = countOfLength[bits]!; left > 0; left--) {
      lengths[sorted[next]!] = bits;
      total += bits * weight[next++]!;
    }
  }
  return total;
}

/*
 * Decoding tables. The next `rootBits` bits of input select an entry; a longer code leads to a second table.
 * An entry: bits 0–3: the number of bits of the code; 4–7: the number of extra bits (or of index bits of the second table);
 * 8–11: the kind of entry; 16–31: the literal, the base of the length or distance, or the start of the second table.
 */
export const ENTRY_LITERAL = 0x100;
export const ENTRY_END = 0x200;
export const ENTRY_LINK = 0x400;
export const ENTRY_INVALID = 0x800;

const offsets = new Uint16Array(MAX_CODE_BITS + 2);

/** Copies `table[0, size)` to `table[size, 2 × size)`. */
function repeatFront(table: Int32Array, size: number): void {
  if (size >= 64) table.copyWithin(size, 0, size);
  else for (let at = 0; at < size; at++) table[size + at] = table[at]!;
}

/**
 * Builds the table for `lengths[from, from + count)`.
 * @param values the meaning of each symbol, as an entry without its bit count.
 * @param rootBits the most index bits of the first table; fewer are used if all codes are shorter.
 * @param mayBeIncomplete whether a single code of one bit, or no code at all, is allowed (1951 §3.2.7).
 * @returns the number of index bits of the first table, or -1 if these lengths are not a valid code: too many codes, or too few.
 */
export function buildTable(
  lengths: Uint8Array,
  from: number,
  count: number,
  values: Int32Array,
  rootBits: number,
  mayBeIncomplete: boolean,
  table: Int32Array,
): number {
  countOfLength.fill(0);
  for (let at = from; at < from + count; at++) {
    const length = lengths[at]!;
    if (length !== 0) countOfLength[length]!++;
  }
  let longest = MAX_CODE_BITS;
  while (longest > 0 && countOfLength[longest] === 0) longest--;
  let left = 1;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    left = (left << 1) - countOfLength[bits]!;
    if (left < 0) return -1;
  }
  if (left > 0) {
    if (!mayBeIncomplete || longest > 1) return -1;
    // There is no code, or only one code of one bit: all other bits in the input are invalid.
    table.fill(ENTRY_INVALID | 1, 0, 2);
    for (let symbol = 0; symbol < count; symbol++)
      if (lengths[from + symbol] === 1) table[0] = values[symbol]! | 1;
    return 1;
  }
  offsets[1] = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) offsets[bits + 1] = offsets[bits]! + countOfLength[bits]!;
  for (let symbol = 0; symbol < count; symbol++) {
    const length = lengths[from + symbol]!;
    if (length !== 0) sorted[offsets[length]!++] = symbol;
  }
  const root = longest < rootBits ? longest : rootBits;
  const rootMask = (1 << root) - 1;
  let code = 0; // The code with its bits reversed: in the bit order of the input.
  let next = 0;
  let tableEnd = 1 << root;
  let linked = -1; // The first bits that lead to the current second table.
  let second = 0;
  let secondBits = 0;
  for (let bits = 1; bits <= longest; bits++) {
    for (let remaining = countOfLength[bits]!; remaining > 0; remaining--) {
      const symbol = sorted[next++]!;
      if (bits <= root) {
        table[code] = values[symbol]! | bits;
      } else {
        if ((code & rootMask) !== linked) {
          linked = code & rootMask;
          second = tableEnd;
          // The second table gets as many index bits as the longest code with these first bits needs.
          secondBits = bits - root;
          let room = (1 << secondBits) - remaining;
          while (room > 0 && root + secondBits < longest) {
            secondBits++;
            room = (room << 1) - countOfLength[root + secondBits]!;
          }
          tableEnd += 1 << secondBits;
          table[linked] = (second << 16) | ENTRY_LINK | (secondBits << 4) | root;
        }
        const entry = values[symbol]! | (bits - root);
        for (let at = code >>> root; at < 1 << secondBits; at += 1 << (bits - root))
          table[second + at] = entry;
      }
      // Adds one to the reversed code: clears the set bits from its end, then sets the bit before them.
      let bit = 1 << (bits - 1);
      while ((code & bit) !== 0) bit >>>= 1;
      code = (code & (bit - 1)) | bit;
    }
    // The entries so far are valid for both values of the next bit.
    if (bits < root) repeatFront(table, 1 << bits);
  }
  return root;
}
