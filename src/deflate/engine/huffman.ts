/**
 * Huffman codes: RFC 1951 §3.2.2 (the code lengths define the codes completely) and RFC 1951 §3.2.6 (fixed codes). `buildLengths` computes
 * the code lengths from the frequencies of the symbols. From the code lengths, `assignCodes` computes the codes for a sender, and
 * `buildTable` builds the decoding table for a receiver. We store the first bit of a code in the lowest bit, as in the sent bytes
 * (1951 §3.1.1).
 */

/** The maximum length of a code in the literal/length and distance alphabets. */
export const MAX_CODE_BITS = 15;

// The lengths of the fixed codes (1951 §3.2.6). All 288 literal/length symbols and all 32 distance symbols have a code, including four
// symbols that must not occur.
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
 * Computes the codes of the symbols from `lengths[0, count)` (1951 §3.2.2), and writes them to `codes`. An entry is the code with its bits
 * in reverse order, plus the code length × 65,536. A symbol with length 0 has no code, and its entry is not changed.
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
  /** `symbols[0, size)` lists the symbols that occur, in the order of their first occurrence. */
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

// The working memory of `buildLengths`: `sorted` lists the symbols in the order of increasing frequency. The other three arrays describe
// the tree.
const sorted = new Uint16Array(MAX_SYMBOLS);
const weight = new Uint32Array(2 * MAX_SYMBOLS);
const parent = new Uint16Array(2 * MAX_SYMBOLS);
const depth = new Uint8Array(2 * MAX_SYMBOLS);
/** Symbols with a frequency below this number are sorted with counting sort. The few other symbols are sorted with insertion sort. */
const COUNTED = 32;
const place = new Uint16Array(COUNTED + 1);

/** Fills `sorted` with the symbols of `tally`, in the order of increasing frequency. */
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
 * Chooses code lengths for the symbols of `tally`: builds Huffman's tree, and then limits the lengths to `limit` bits. If only one symbol
 * occurs, its code has one bit (1951 §3.2.7). A symbol that does not occur has the length 0.
 * @returns the total number of bits for all occurrences of all symbols.
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
  // The nodes 0 to size-1 are the leaves, in the order of their weight. The inner nodes follow in the order of creation, which is also the
  // order of their weight. So the lightest node is always the next leaf or the next inner node.
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
  // A leaf that is deeper than `limit` gets the length `limit`. After this step, there may be too many short codes. The next loop corrects
  // this.
  let filled = 0;
  for (let node = 0; node < size; node++) {
    const deep = depth[parent[node]!]! + 1;
    const bits = deep < limit ? deep : limit;
    countOfLength[bits]!++;
    filled += 1 << (limit - bits);
  }
  // While `filled` exceeds 2^limit, there are too many short codes. Each step takes one leaf with fewer than `limit` bits, and one of the
  // deepest leaves. Both become children of a new inner node, which replaces the first leaf. So both codes have one bit more than the code
  // of the first leaf.
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
 * Decoding tables. The next `rootBits` bits of the input are the index of an entry. If the code is longer, this entry refers to a second
 * table. An entry has these bits:
 * - 0–3: the number of bits of the code
 * - 4–7: the number of extra bits. In a reference: the number of index bits of the second table
 * - 8–11: the kind of entry
 * - 16–31: the literal, or the base of the length or distance. In a reference: the start of the second table
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
 * Builds the decoding table for the code lengths `lengths[from, from + count)`.
 * @param values the meaning of each symbol: an entry of the table without bits 0–3.
 * @param rootBits the maximum number of index bits of the first table. If all codes are shorter, the table has fewer index bits.
 * @param mayBeIncomplete true if it is valid that there is no code, or only one code of one bit (1951 §3.2.7).
 * @returns the number of index bits of the first table, or -1 if the code lengths are invalid.
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
    // There is no code, or only one code: the bit 0. Any other bit in the input is invalid.
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
  let linked = -1; // The first bits of the codes in the current second table.
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
          // Finds the number of index bits of the second table. It has to be enough for the longest code that begins with the same `root`
          // bits as this code.
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
      // Adds one to the code. The bits of the code are reversed, so the addition begins at the high end: the ones there become 0, and the
      // next bit becomes 1.
      let bit = 1 << (bits - 1);
      while ((code & bit) !== 0) bit >>>= 1;
      code = (code & (bit - 1)) | bit;
    }
    // The codes in the table so far do not depend on the next bit of the input. So their entries must exist for both values of this bit: 0
    // (these entries exist) and 1 (they are copied here).
    if (bits < root) repeatFront(table, 1 << bits);
  }
  return root;
}
