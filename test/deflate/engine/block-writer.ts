/** Writes DEFLATE blocks with any header and any symbols. Tests can use blocks that no compressor would write. */

/** Returns the bits of a string of 0 and 1, in the order in which a decompressor reads them. The string may contain spaces. */
export function bytesOf(bits: string): Buffer {
  const all = bits.replace(/\s/g, '');
  const bytes = Buffer.alloc(Math.ceil(all.length / 8));
  for (let at = 0; at < all.length; at++) if (all[at] === '1') bytes[at >> 3]! |= 1 << (at & 7);
  return bytes;
}

/** Returns the bits of a number, with the lowest bit first. */
export function number(value: number, count: number): string {
  let bits = '';
  for (let at = 0; at < count; at++) bits += (value >> at) & 1;
  return bits;
}

/** Returns the bits of a Huffman code, with the highest bit first. */
function code(value: number, count: number): string {
  return value.toString(2).padStart(count, '0');
}

/** Returns the bits of a symbol in the fixed literal/length code. */
export function fixedSymbol(symbol: number): string {
  if (symbol < 144) return code(0x30 + symbol, 8);
  if (symbol < 256) return code(0x190 + symbol - 144, 9);
  if (symbol < 280) return code(symbol - 256, 7);
  return code(0xc0 + symbol - 280, 8);
}

/** Returns the symbol of a length, the number of its extra bits, and the value of these bits. */
export function lengthSymbol(length: number): [number, number, number] {
  if (length === 258) return [285, 0, 0];
  if (length < 11) return [254 + length, 0, 0];
  const extra = Math.floor(Math.log2(length - 3)) - 2;
  const step = (length - 3) >> extra;
  return [257 + 4 * extra + step, extra, length - 3 - (step << extra)];
}

/** Returns the symbol of a distance, the number of its extra bits, and the value of these bits. */
export function distanceSymbol(distance: number): [number, number, number] {
  if (distance < 3) return [distance - 1, 0, 0];
  const extra = Math.floor(Math.log2(distance - 1)) - 1;
  const step = (distance - 1) >> extra;
  return [2 * extra + step, extra, distance - 1 - (step << extra)];
}

/** Returns the bits of a match in the fixed codes. */
export function fixedMatch(length: number, distance: number): string {
  const [symbol, extra, value] = lengthSymbol(length);
  const [far, farExtra, farValue] = distanceSymbol(distance);
  return fixedSymbol(symbol) + number(value, extra) + code(far, 5) + number(farValue, farExtra);
}

/** Returns the bits of a distance symbol in the fixed code, without extra bits. */
export function fixedDistance(symbol: number): string {
  return code(symbol, 5);
}

/** Returns the bits of the header of a block. */
export function header(final: boolean, type: number): string {
  return `${final ? 1 : 0}${number(type, 2)}`;
}
