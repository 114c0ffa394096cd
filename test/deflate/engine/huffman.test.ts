import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assignCodes,
  buildLengths,
  buildTable,
  ENTRY_INVALID,
  ENTRY_LINK,
  FIXED_LITERAL_LENGTHS,
  Tally,
} from '../../../src/deflate/engine/huffman.ts';
import { randomFrom } from './samples.ts';

function tallyOf(frequencies: readonly number[]): Tally {
  const tally = new Tally(frequencies.length);
  for (const [symbol, frequency] of frequencies.entries())
    for (let count = 0; count < frequency; count++) tally.add(symbol);
  return tally;
}

/**
 * Returns the number of bits with a Huffman code without a limit. This number is the sum of the weights of all inner nodes. Repeated
 * sorting finds these nodes.
 */
function leastBits(frequencies: readonly number[]): number {
  const weights = frequencies.filter((frequency) => frequency > 0);
  let bits = weights.length === 1 ? (weights[0] ?? 0) : 0;
  while (weights.length > 1) {
    weights.sort((a, b) => b - a);
    const sum = (weights.pop() ?? 0) + (weights.pop() ?? 0);
    weights.push(sum);
    bits += sum;
  }
  return bits;
}

/** Returns the number of bits with the best code of at most `limit` bits. Uses the package-merge algorithm (Larmore and Hirschberg). */
function leastBitsWithin(limit: number, frequencies: readonly number[]): number {
  const coins = frequencies.filter((frequency) => frequency > 0).sort((a, b) => a - b);
  let packages = coins;
  for (let bits = 1; bits < limit; bits++) {
    const pairs = [];
    for (let at = 0; at + 1 < packages.length; at += 2)
      pairs.push((packages[at] ?? 0) + (packages[at + 1] ?? 0));
    packages = [...coins, ...pairs].sort((a, b) => a - b);
  }
  return packages.slice(0, 2 * coins.length - 2).reduce((sum, weight) => sum + weight, 0);
}

const kraft = (lengths: Uint8Array): number =>
  lengths.reduce((sum, length) => sum + (length === 0 ? 0 : 2 ** -length), 0);

/** Returns a code of `assignCodes` in the notation of the RFC. */
const written = (code: number): string =>
  (code & 0xffff)
    .toString(2)
    .padStart(code >>> 16, '0')
    .split('')
    .reverse()
    .join('');

describe('Huffman code lengths from frequencies', () => {
  test('a code is complete and within the limit, and the code is optimal if the limit shortens no length', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 3 }), fc.nat({ max: 200 })), {
          minLength: 1,
          maxLength: 286,
        }),
        (frequencies) => {
          const lengths = new Uint8Array(288).fill(9);
          const used = frequencies.filter((frequency) => frequency > 0).length;
          const bits = buildLengths(tallyOf(frequencies), 15, lengths);
          expect(bits).toBe(frequencies.reduce((sum, n, symbol) => sum + n * (lengths[symbol] ?? 0), 0));
          for (const [symbol, length] of lengths.entries())
            expect(length > 0).toBe((frequencies[symbol] ?? 0) > 0);
          if (used > 1) expect(kraft(lengths)).toBe(1);
          expect(bits).toBe(leastBits(frequencies));
        },
      ),
      { numRuns: 200 },
    );
  });

  test.each([
    [7, 19],
    [15, 22],
  ])(
    'with a limit of %i bits, no code is longer, even for %i symbols that need longer codes without a limit',
    (limit, symbols) => {
      const frequencies = [1, 1];
      while (frequencies.length < symbols)
        frequencies.push((frequencies.at(-1) ?? 0) + (frequencies.at(-2) ?? 0));
      const lengths = new Uint8Array(symbols);
      const tally = tallyOf(frequencies.map((frequency) => Math.min(frequency, 20_000)));
      const bits = buildLengths(tally, limit, lengths);
      expect(Math.max(...lengths)).toBe(limit);
      expect(kraft(lengths)).toBe(1);
      // These frequencies are the worst case of the fast algorithm. With usual frequencies, the loss is a thousand times smaller.
      expect(bits).toBeLessThanOrEqual(leastBitsWithin(limit, [...tally.counts]) * 1.15);
      for (let symbol = 1; symbol < symbols; symbol++)
        expect(lengths[symbol]).toBeLessThanOrEqual(lengths[symbol - 1] ?? 0);
    },
  );

  test('the code for code lengths has at most seven bits per symbol, and its result is at most 0.5 % above the best result', () => {
    const random = randomFrom(1);
    let ours = 0;
    let best = 0;
    for (let count = 0; count < 500; count++) {
      const frequencies = Array.from({ length: 19 }, () => Math.floor(random() ** 4 * 120));
      const lengths = new Uint8Array(19);
      ours += buildLengths(tallyOf(frequencies), 7, lengths);
      best += leastBitsWithin(7, frequencies);
      expect(kraft(lengths)).toBe(1);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(7);
    }
    expect(ours).toBeGreaterThanOrEqual(best);
    expect(ours).toBeLessThanOrEqual(best * 1.005);
  });

  test('a single symbol gets a code of one bit, and without symbols there is no code', () => {
    const lengths = new Uint8Array(30);
    expect(buildLengths(tallyOf([0, 0, 5]), 15, lengths)).toBe(5);
    expect([...lengths.subarray(0, 4)]).toEqual([0, 0, 1, 0]);
    expect(buildLengths(tallyOf([0, 0]), 15, lengths)).toBe(0);
    expect(lengths.every((length) => length === 0)).toBe(true);
  });

  test('a tally (the frequencies of symbols) lists its symbols in the order of their first use, and is empty after clear()', () => {
    const tally = tallyOf([0, 2, 0, 1]);
    tally.add(2);
    expect([...tally.symbols.subarray(0, tally.size)]).toEqual([1, 3, 2]);
    tally.clear();
    expect(tally.size).toBe(0);
    expect(tally.counts.every((count) => count === 0)).toBe(true);
  });
});

describe('Huffman codes from code lengths', () => {
  test('the lengths in the example of RFC 1951 §3.2.2 give the codes of the example', () => {
    const codes = new Uint32Array(8);
    const lengths = Uint8Array.of(3, 3, 3, 3, 3, 2, 4, 4);
    assignCodes(lengths, 8, codes);
    expect([...codes].map(written)).toEqual('010 011 100 101 110 00 1110 1111'.split(' '));
  });

  test('the lengths of the fixed codes give the codes of RFC 1951 §3.2.6', () => {
    const codes = new Uint32Array(288);
    assignCodes(FIXED_LITERAL_LENGTHS, 288, codes);
    const shown = [0, 143, 144, 255, 256, 279, 280, 287].map((symbol) => written(codes[symbol] ?? 0));
    expect(shown).toEqual(
      '00110000 10111111 110010000 111111111 0000000 0010111 11000000 11000111'.split(' '),
    );
  });
});

describe('the decoding table from code lengths', () => {
  const values = Int32Array.from({ length: 288 }, (_, symbol) => symbol << 16);

  /** Returns the symbol that the lowest bits of `bits` stand for in a table. */
  function lookUp(table: Int32Array, root: number, bits: number): { symbol: number; length: number } {
    let entry = table[bits & ((1 << root) - 1)] ?? 0;
    if ((entry & ENTRY_LINK) === 0) return { symbol: entry >>> 16, length: entry & 15 };
    entry = table[(entry >>> 16) + ((bits >>> root) & ((1 << ((entry >>> 4) & 15)) - 1))] ?? 0;
    return { symbol: entry >>> 16, length: root + (entry & 15) };
  }

  test('the decoding table finds the symbol of every code, whatever bits follow the code', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 2 }), fc.nat({ max: 3000 })), {
          minLength: 2,
          maxLength: 286,
        }),
        fc.integer({ min: 5, max: 9 }),
        fc.nat({ max: 20 }),
        (frequencies, rootBits, from) => {
          if (frequencies.filter((frequency) => frequency > 0).length < 2) return;
          const count = frequencies.length;
          const lengths = new Uint8Array(from + 288);
          const own = new Uint8Array(288);
          buildLengths(tallyOf(frequencies), 15, own);
          lengths.set(own, from);
          const codes = new Uint32Array(288);
          assignCodes(own, count, codes);
          const table = new Int32Array(2048).fill(-1);
          const root = buildTable(lengths, from, count, values, rootBits, false, table);
          expect(root).toBe(Math.min(rootBits, Math.max(...own)));
          for (let symbol = 0; symbol < count; symbol++) {
            const length = own[symbol] ?? 0;
            if (length === 0) continue;
            for (const above of [0, 0x7fff, 0x5a5a])
              expect(lookUp(table, root, ((codes[symbol] ?? 0) & 0xffff) | (above << length))).toEqual({
                symbol,
                length,
              });
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('the largest possible tables fit into the reserved memory', () => {
    // A tree with one short code at each step has long codes in as many second tables as possible.
    const lengths = new Uint8Array(288);
    const table = new Int32Array(1024).fill(-1);
    let most = 0;
    for (let seed = 0; seed < 300; seed++) {
      // Random divisions of the leaves of a complete code can give any complete code.
      const leaves = [0];
      let state = seed;
      while (leaves.length < 286) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        const pick =
          (seed & 1) === 0 ? (state >>> 8) % leaves.length : leaves.length - 1 - ((state >>> 8) % 20);
        const leaf = leaves[Math.max(0, pick)] ?? 0;
        if (leaf === 15) {
          const shorter = leaves.findIndex((length) => length < 15);
          const length = leaves.splice(shorter, 1)[0] ?? 0;
          leaves.push(length + 1, length + 1);
          continue;
        }
        leaves.splice(Math.max(0, pick), 1, leaf + 1, leaf + 1);
      }
      lengths.fill(0);
      lengths.set(leaves);
      table.fill(-1);
      expect(buildTable(lengths, 0, 288, values, 9, true, table)).toBe(9);
      most = Math.max(most, table.indexOf(-1) === -1 ? 1024 : table.indexOf(-1));
    }
    expect(most).toBeGreaterThan(512);
    expect(most).toBeLessThanOrEqual(852);
  });

  test.each([
    ['too many codes are refused', [1, 1, 1], false, -1],
    ['too many long codes are refused', [2, 2, 2, 2, 15], true, -1],
    ['too few codes are refused', [2, 2, 2], true, -1],
    ['a single code of two bits is refused', [0, 2], true, -1],
    ['a single code of one bit is refused if the code must be complete', [0, 1], false, -1],
    ['a table without codes is refused if the code must be complete', [0, 0], false, -1],
    ['a single code of one bit is accepted if the code may be incomplete', [0, 1], true, 1],
    ['a table without codes is accepted if the code may be incomplete', [0, 0], true, 1],
  ])('%s', (_name, lengths, mayBeIncomplete, root) => {
    const table = new Int32Array(16);
    expect(buildTable(Uint8Array.from(lengths), 0, lengths.length, values, 9, mayBeIncomplete, table)).toBe(
      root,
    );
    if (root === 1) expect((table[1] ?? 0) & ENTRY_INVALID).toBe(ENTRY_INVALID);
  });
});
