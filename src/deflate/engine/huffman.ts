/**
 * Huffman codes: RFC 1951 §3.2.2 (canonical codes: the lengths of the codes define the codes completely) and
 * RFC 1951 §3.2.6 (fixed codes).
 * `buildLengths` chooses the lengths of codes from the frequencies of symbols, with at most 15 or 7 bits. From the lengths, `assignCodes`
 * makes the codes, and `buildTable` makes the table with which a receiver decodes. The first bit of a stored code is its lowest bit, as in
 * the bytes that are sent (1951 §3.1.1).
 */

/** The maximum length of a code in the literal/length and distance alphabets. */
export const MAX_CODE_BITS = 15;

// The lengths of the fixed codes (1951 §3.2.6). All 288 literal/length symbols and all 32 distance symbols have a code. Some of these
// symbols must not occur.
export const FIXED_LITERAL_LENGTHS: Uint8Array = new Uint8Array(288)
  .fill(8, 0, 144)
  .fill(9, 144, 256)
  .fill(7, 256, 280)
  .fill(8, 280, 288);
export const FIXED_DISTANCE_LENGTHS: Uint8Array = new Uint8Array(32).fill(5);

const MAX_SYMBOLS = 288;

const countOfLength = new Uint16Array(MAX_CODE_BITS + 1);
const nextCode = new Uint16Array(MAX_CODE_BITS + 2);

/** For each byte, the byte with the same bits in reverse order. */
const reversedByte = new Uint8Array(256);
for (let byte = 1; byte < 256; byte++)
  reversedByte[byte] = (reversedByte[byte >>> 1]! >>> 1) | ((byte & 1) << 7);

/**
 * Makes the codes of the symbols from `lengths[0, count)` (1951 §3.2.2). An entry of `codes` is the code with its bits reversed, plus the
 * length of the code × 65,536. Symbols of length 0 have no code, and their entries of `codes` are not changed.
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
  /** `symbols[0, size)` has the symbols that occur, in the order of their first occurrence. */
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

// The working memory of `buildLengths`: `sorted` has the symbols in the order of increasing frequency. The other arrays have the tree.
const sorted = new Uint16Array(MAX_SYMBOLS);
const weight = new Uint32Array(2 * MAX_SYMBOLS);
const parent = new Uint16Array(2 * MAX_SYMBOLS);
const depth = new Uint8Array(2 * MAX_SYMBOLS);
/** Symbols with a frequency below this number are sorted by counting. The few symbols with a higher frequency are sorted by insertion. */
const COUNTED = 32;
const place = new Uint16Array(COUNTED + 1);

/** Fills `sorted` with the symbols of a tally, in the order of increasing frequency. */
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
 * Chooses code lengths for the symbols of a tally: builds Huffman's tree, and then limits the lengths to `limit` bits. If only one symbol
 * occurs, its code has one bit (1951 §3.2.7). Symbols that do not occur have the length 0.
 * @returns the number of bits that all occurrences of the symbols take together.
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
  // The nodes 0 to size-1 are the leaves, in the order of their weight. The inner nodes follow in the order of their creation, which is
  // also the order of their weight. So each of the two lightest nodes is always the next leaf or the next inner node.
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
  // Leaves that are deeper than `limit` get the length `limit`. After this step there may be too many short codes, which the loop below
  // corrects.
  let filled = 0;
  for (let node = 0; node < size; node++) {
    const deep = depth[parent[node]!]! + 1;
    const bits = deep < limit ? deep : limit;
    countOfLength[bits]!++;
    filled += 1 << (limit - bits);
  }
  // There are too many short codes as long as `filled` exceeds 2^limit. Each step replaces a leaf above the limit by an inner node. This
  // leaf and one of the deepest leaves become the children of the inner node. Both codes have one bit more than the replaced leaf had.
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
 * Decoding tables. The next `rootBits` bits of input are the index of an entry. For a longer code, this entry refers to a second table.
 * The bits of an entry: 0–3 are the number of bits of the code. 4–7 are the number of extra bits, or of index bits of the second table.
 * 8–11 are the kind of entry. 16–31 are the literal, the base of the length or distance, or the start of the second table.
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
 * Builds the decoding table for the codes with the lengths `lengths[from, from + count)`.
 * @param values the meaning of each symbol: an entry of the table, without the number of bits of the code.
 * @param rootBits the maximum number of index bits of the first table. If all codes are shorter, fewer bits are used.
 * @param mayBeIncomplete whether there may be no code, or only one code of one bit (1951 §3.2.7).
 * @returns the number of index bits of the first table. -1 if the lengths give too many or too few codes.
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
    // There is no code, or only one code of one bit. Any other bit in the input is invalid.
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
  let code = 0; // The code with its bits reversed, which is the order of the bits in the input.
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
          // The second table has as many index bits as the longest code that begins with these bits needs.
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
      // Adds one to the reversed code: clears the set bits at its end, and then sets the bit before them.
      let bit = 1 << (bits - 1);
      while ((code & bit) !== 0) bit >>>= 1;
      code = (code & (bit - 1)) | bit;
    }
    // The codes in the table so far do not use the next bit, so a receiver must find their entries with both values of this bit. The
    // entries exist for one value, and are copied here for the other value.
    if (bits < root) repeatFront(table, 1 << bits);
  }
  return root;
}
