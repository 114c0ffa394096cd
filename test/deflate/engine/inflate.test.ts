import { constants } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inflate } from '../../../src/deflate/engine/inflate.ts';
import { InflateError } from '../../../src/deflate/engine/inflate-error.ts';
import { Window } from '../../../src/deflate/engine/window.ts';
import {
  bytesOf,
  fixedDistance,
  fixedMatch,
  fixedSymbol,
  header,
  lengthSymbol,
  number,
} from './block-writer.ts';
import { Invalid, referenceInflate } from './reference-inflate.ts';
import { copies, jsonText, kinds, randomBytes, randomFrom, zlibDeflate, zlibInflate } from './samples.ts';

const LIMIT = 1 << 24;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function windowOf(bits: number, history: Uint8Array): Window {
  const window = new Window(bits);
  window.append(history);
  return window;
}

/** Returns the decompressed bytes, or the reason for the refusal. */
function outcome(input: Uint8Array, window: Window | null = null, limit = LIMIT): string {
  try {
    return `bytes ${Buffer.from(inflate(input, window, limit)).toString('hex')}`;
  } catch (error) {
    if (!(error instanceof InflateError)) throw error;
    return error.reason;
  }
}

function referenceOutcome(input: Uint8Array, history: Uint8Array = Buffer.alloc(0)): string {
  try {
    return `bytes ${referenceInflate(input, history).bytes.toString('hex')}`;
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    return 'corrupt';
  }
}

/**
 * Checks that our engine and the reference decompressor have the same outcome. zlib must accept all input that our engine accepts, and may
 * accept more.
 */
function expectAgreement(input: Uint8Array, history: Uint8Array = Buffer.alloc(0)): string {
  const ours = outcome(input, history.length === 0 ? null : windowOf(15, history));
  expect(ours).toBe(referenceOutcome(input, history));
  let zlib: string;
  try {
    zlib = `bytes ${zlibInflate(input, history).toString('hex')}`;
  } catch {
    zlib = 'corrupt';
  }
  if (zlib === 'corrupt') expect(ours).toBe('corrupt');
  // zlib stops at a final block. Only our engine reads the data after a final block.
  else if (ours !== 'corrupt') expect(ours.startsWith(zlib)).toBe(true);
  return ours;
}

describe('the examples of RFC 7692 §7.2.3', () => {
  test.each([
    ['P27: one block with fixed codes is inflated', 'f2 48 cd c9 c9 07 00', 'Hello'],
    ['P24: a stored block is inflated', '00 05 00 fa ff 48 65 6c 6c 6f 00', 'Hello'],
    ['P24: a final block is inflated', 'f3 48 cd c9 c9 07 00 00', 'Hello'],
    ['P24: a final block that ends the data is inflated', 'f3 48 cd c9 c9 07 00', 'Hello'],
    ['P24: two blocks are inflated', 'f2 48 05 00 00 00 ff ff ca c9 c9 07 00', 'Hello'],
    ['P29: an empty message is inflated', '00', ''],
    ['P29: no data at all is inflated to an empty message', '', ''],
  ])('%s', (_name, data, message) => {
    expect(text(inflate(hex(data), null, LIMIT))).toBe(message);
  });

  test('P27, P28: a second message may refer to the first message', () => {
    const window = windowOf(15, Buffer.from('Hello'));
    expect(text(inflate(hex('f2 00 11 00 00'), window, LIMIT))).toBe('Hello');
    expect(outcome(hex('f2 00 11 00 00'), null)).toBe('corrupt');
  });

  test('P24: a message is decompressed correctly if other blocks follow a final block', () => {
    const window = windowOf(15, Buffer.from('Hello'));
    const again = Buffer.concat([hex('f3 00 11 00'), hex('f3 48 cd c9 c9 07 00'), hex('f2 00 11 00 00')]);
    expect(text(inflate(again, window, LIMIT))).toBe('HelloHelloHello');
  });
});

describe('decompressing the output of zlib', () => {
  const strategies = {
    default: constants.Z_DEFAULT_STRATEGY,
    filtered: constants.Z_FILTERED,
    'Huffman only': constants.Z_HUFFMAN_ONLY,
    'run lengths': constants.Z_RLE,
    'fixed codes': constants.Z_FIXED,
  };
  const flushes = {
    sync: constants.Z_SYNC_FLUSH,
    full: constants.Z_FULL_FLUSH,
    final: constants.Z_FINISH,
  };
  const lengths = [1, 2, 3, 17, 258, 1000, 5000, 70_000];

  for (const [kind, make] of Object.entries(kinds)) {
    test(`P24, P27: with every level, strategy, memory level and flush, the output of zlib is decompressed correctly (${kind})`, () => {
      const random = randomFrom(7);
      for (const length of lengths) {
        const message = make(length, random);
        for (const strategy of Object.values(strategies)) {
          for (const level of length > 5000 ? [0, 6] : [0, 1, 3, 6, 9]) {
            const options = { level, strategy, memLevel: 1 + Math.floor(random() * 9) };
            for (const finishFlush of Object.values(flushes)) {
              const data = zlibDeflate(message, Buffer.alloc(0), { ...options, finishFlush });
              expect(message.equals(inflate(data, null, message.length))).toBe(true);
            }
          }
        }
      }
    });
  }

  test('P27, P28: messages with a context are decompressed correctly at every window size', () => {
    const random = randomFrom(8);
    for (let bits = 9; bits <= 15; bits++) {
      const window = new Window(bits);
      for (let count = 0; count < 60; count++) {
        const make = Object.values(kinds)[count % 8] ?? jsonText;
        const message = make(Math.floor(random() ** 3 * 6000), random);
        const data = zlibDeflate(message, window.history, { windowBits: bits, level: 1 + (count % 9) });
        const inflated = inflate(data, window, LIMIT);
        expect(message.equals(inflated)).toBe(true);
        window.append(inflated);
      }
    }
  });

  test('messages of every length from 0 to 600 bytes are decompressed correctly', () => {
    const random = randomFrom(9);
    for (let length = 0; length <= 600; length++) {
      const message = jsonText(length, random);
      expect(message.equals(inflate(zlibDeflate(message, Buffer.alloc(0)), null, length))).toBe(true);
    }
  });
});

describe('matches of every length and every distance', () => {
  const history = randomBytes(32768, randomFrom(3));

  test.each([0, 1, 300])(
    'matches with the lengths 3 to 258 are decompressed correctly after %i bytes of history',
    (known) => {
      const before = history.subarray(0, known);
      for (let length = 3; length <= 258; length++) {
        for (const distance of [1, 2, 3, length - 1, length, length + 1, 300]) {
          const bits =
            header(false, 1) +
            [...'some bytes first'].map((letter) => fixedSymbol(letter.charCodeAt(0))).join('') +
            fixedMatch(length, distance) +
            fixedSymbol(256) +
            header(false, 0);
          const input = bytesOf(bits);
          const window = windowOf(15, before);
          expect(outcome(input, window)).toBe(referenceOutcome(input, before));
        }
      }
    },
  );

  test('P28: the smallest and the greatest distance of each distance symbol are read correctly', () => {
    const window = windowOf(15, history);
    for (let symbol = 0; symbol < 30; symbol++) {
      const extra = symbol < 2 ? 0 : (symbol >> 1) - 1;
      const base = symbol < 2 ? symbol + 1 : ((2 + (symbol & 1)) << extra) + 1;
      for (const distance of [base, base + (1 << extra) - 1]) {
        const input = bytesOf(
          `${header(false, 1)}${fixedMatch(9, distance)}${fixedSymbol(256)}${header(false, 0)}`,
        );
        const found = Buffer.from(inflate(input, window, LIMIT));
        const from = history.length - distance;
        const expected = Buffer.from(
          Array.from({ length: 9 }, (_, at) => history[from + (at % distance)] ?? 0),
        );
        expect(found.equals(expected)).toBe(true);
      }
    }
  });

  test.each([8, 9, 12, 15])(
    'P28: with %i window bits, a reference that reaches back beyond the window is refused',
    (bits) => {
      const size = 1 << bits;
      const window = windowOf(bits, history);
      const at = (distance: number): Buffer =>
        bytesOf(`${header(false, 1)}${fixedMatch(3, distance)}${fixedSymbol(256)}${header(false, 0)}`);
      expect(text(inflate(at(size), window, LIMIT))).toBe(text(history.subarray(-size).subarray(0, 3)));
      if (bits < 15) expect(outcome(at(size + 1), window)).toBe('corrupt');
      const fresh = windowOf(bits, history.subarray(0, 100));
      expect(text(inflate(at(100), fresh, LIMIT))).toBe(text(history.subarray(0, 3)));
      expect(outcome(at(101), fresh)).toBe('corrupt');
    },
  );

  test('a match cannot refer to memory before or after the history', () => {
    const window = windowOf(9, history);
    window.append(history.subarray(0, 100));
    expect(window.start).toBeGreaterThan(0);
    window.buffer.fill(0xee, 0, window.start);
    window.buffer.fill(0xee, window.end);
    expect(window.end).toBeGreaterThan(600);
    for (let distance = 1; distance <= window.end + 1; distance++) {
      const input = bytesOf(
        `${header(false, 1)}${fixedMatch(258, distance)}${fixedSymbol(256)}${header(false, 0)}`,
      );
      expect(outcome(input, window)).toBe(referenceOutcome(input, window.history));
    }
  });
});

describe('P31: valid and invalid blocks that the test writes bit by bit', () => {
  const letters = 'abc'.split('').map((letter) => fixedSymbol(letter.charCodeAt(0)));

  /** Returns the header of a block with dynamic codes. In the code for code lengths, each used symbol has four bits. */
  function ownCodes(literals: number, distances: number, lengths: string): string {
    // The lengths 0 to 12 and the three repetitions (symbols 16 to 18) have four bits each.
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    const four = order.map((symbol) => number(symbol <= 12 || symbol >= 16 ? 4 : 0, 3)).join('');
    return (
      header(false, 2) + number(literals - 257, 5) + number(distances - 1, 5) + number(15, 4) + four + lengths
    );
  }
  /** Returns one symbol in the code of code lengths. */
  const symbol = (value: number): string => (value <= 12 ? value : value - 3).toString(2).padStart(4, '0');
  const zeros = (count: number): string => symbol(18) + number(count - 11, 7);

  test.each<[string, string, string]>([
    ['block type 3', header(false, 3), 'corrupt'],
    ['length symbol 286', header(false, 1) + letters[0] + fixedSymbol(286), 'corrupt'],
    ['length symbol 287', header(false, 1) + letters[0] + fixedSymbol(287), 'corrupt'],
    ...[30, 31].map((far): [string, string, string] => [
      `distance symbol ${far}`,
      header(false, 1) + letters.join('') + fixedSymbol(lengthSymbol(3)[0]) + fixedDistance(far),
      'corrupt',
    ]),
    [
      'a stored length that does not match its complement',
      `${header(false, 0)}00000${number(1, 16)}${number(0, 16)}`,
      'corrupt',
    ],
    ['a distance before the first byte', header(false, 1) + letters[0] + fixedMatch(3, 2), 'corrupt'],
    [
      'dynamic codes that are valid',
      `${ownCodes(257, 1, symbol(1) + zeros(138) + zeros(117) + symbol(1) + symbol(0))}0001${header(false, 0)}`,
      'bytes 000000',
    ],
    [
      'one distance code that is used',
      `${ownCodes(258, 1, symbol(1) + zeros(138) + zeros(117) + symbol(2) + symbol(2) + symbol(1))}0110 10${header(false, 0)}`,
      'bytes 00000000',
    ],
    [
      'the unused code beside a single distance code',
      `${ownCodes(258, 1, symbol(1) + zeros(138) + zeros(117) + symbol(2) + symbol(2) + symbol(1))}0111 10${header(false, 0)}`,
      'corrupt',
    ],
    [
      'a match without any distance code',
      `${ownCodes(258, 1, symbol(1) + zeros(138) + zeros(117) + symbol(2) + symbol(2) + symbol(0))}0110 10${header(false, 0)}`,
      'corrupt',
    ],
    ['no end of block', ownCodes(257, 1, symbol(1) + symbol(1) + zeros(138) + zeros(118)), 'corrupt'],
    [
      'too many literal codes',
      ownCodes(257, 1, symbol(1) + symbol(1) + zeros(138) + zeros(116) + symbol(1) + symbol(0)),
      'corrupt',
    ],
    [
      'too few literal codes',
      ownCodes(257, 1, symbol(2) + zeros(138) + zeros(117) + symbol(2) + symbol(0)),
      'corrupt',
    ],
    [
      'too few distance codes',
      ownCodes(257, 2, symbol(1) + zeros(138) + zeros(117) + symbol(1) + symbol(2) + symbol(2)),
      'corrupt',
    ],
    ['a repetition without a previous length', ownCodes(257, 1, symbol(16) + number(0, 2)), 'corrupt'],
    [
      'a repetition that continues after the last length',
      ownCodes(257, 1, zeros(138) + zeros(138)),
      'corrupt',
    ],
    [
      'a repetition that continues by one after the last length',
      `${ownCodes(257, 2, symbol(1) + zeros(138) + zeros(117) + symbol(1) + symbol(16) + number(0, 2))}1${header(false, 0)}`,
      'corrupt',
    ],
    [
      '286 literals and 30 distances',
      `${ownCodes(286, 30, symbol(1) + zeros(138) + zeros(117) + symbol(1) + zeros(29) + zeros(30))}1${header(false, 0)}`,
      'bytes ',
    ],
    [
      '287 literals',
      `${ownCodes(287, 30, symbol(1) + zeros(138) + zeros(117) + symbol(1) + zeros(30) + zeros(30))}1${header(false, 0)}`,
      'corrupt',
    ],
    [
      '31 distances',
      `${ownCodes(286, 31, symbol(1) + zeros(138) + zeros(117) + symbol(1) + zeros(29) + zeros(31))}1${header(false, 0)}`,
      'corrupt',
    ],
    ['too many code length codes', `${header(false, 2)}${number(0, 14)}100100100100`, 'corrupt'],
    ['code lengths without a code', `${header(false, 2)}${number(0, 14)}000000000000`, 'corrupt'],
  ])('our engine, the reference and zlib agree on the outcome: %s', (_name, bits, expected) => {
    const input = bytesOf(bits);
    expect(outcome(input)).toBe(expected);
    // If a stream is invalid, it is also invalid when more bytes follow.
    if (expected === 'corrupt') expect(expectAgreement(bytesOf(bits + '0'.repeat(64)))).toBe('corrupt');
    expectAgreement(input);
  });

  const history = jsonText(300, randomFrom(5));
  const random = randomFrom(6);
  const streams: Record<string, Buffer> = {
    'fixed codes': zlibDeflate(jsonText(60, random), history, { strategy: constants.Z_FIXED }),
    'own codes': zlibDeflate(jsonText(200, random), history),
    stored: zlibDeflate(jsonText(40, random), history, { level: 0 }),
    'run lengths': zlibDeflate(Buffer.alloc(700, 'ab'), history, { strategy: constants.Z_RLE }),
    'final block': zlibDeflate(jsonText(90, random), history, { finishFlush: constants.Z_FINISH }),
    'two final blocks': Buffer.concat([hex('f3 48 cd c9 c9 07 00'), hex('f3 00 11 00'), hex('00')]),
    'three blocks': hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'),
  };
  for (const [name, stream] of Object.entries(streams)) {
    test(`if any single bit of a stream is flipped, our engine has the same outcome as the reference decompressor (${name})`, () => {
      for (let bit = 0; bit < stream.length * 8; bit++) {
        const damaged = Buffer.from(stream);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        expectAgreement(damaged, history);
      }
    });

    test(`if a stream is cut off at any byte, our engine has the same outcome as the reference decompressor (${name})`, () => {
      for (let length = 0; length <= stream.length; length++)
        expectAgreement(stream.subarray(0, length), history);
      expect(outcome(stream, windowOf(15, history)).startsWith('bytes')).toBe(true);
    });
  }

  test('for any bytes, our engine has the same outcome as the reference decompressor', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 3 }), (input, type) => {
        // This avoids the block type 3 in the first bits, which would make most of these inputs invalid at once.
        if (input.length > 0) input[0] = (input[0]! & 0xf8) | [0, 2, 4, 5][type]!;
        seen.add(expectAgreement(input).slice(0, 5));
      }),
      { numRuns: 4000 },
    );
    expect([...seen].sort()).toEqual(['bytes', 'corru']);
  });

  test('after damaged messages, the context can still be used', () => {
    const window = windowOf(12, copies(5000, randomFrom(11)));
    const message = copies(900, randomFrom(12));
    const data = zlibDeflate(message, window.history, { windowBits: 12 });
    for (let count = 0; count < 500; count++) {
      const damaged = Buffer.from(data);
      damaged[Math.floor(random() * data.length)]! ^= 1 + Math.floor(random() * 255);
      expect(outcome(damaged, window)).toBe(referenceOutcome(damaged, window.history));
    }
    expect(message.equals(inflate(data, window, LIMIT))).toBe(true);
  });
});

describe('the limits of output and memory', () => {
  test.each<[string, Buffer, number]>([
    ['literals', zlibDeflate(randomBytes(500, randomFrom(1), 90), Buffer.alloc(0), { strategy: 2 }), 500],
    ['matches', zlibDeflate(Buffer.alloc(10_000), Buffer.alloc(0)), 10_000],
    ['stored block', zlibDeflate(Buffer.alloc(3000), Buffer.alloc(0), { level: 0 }), 3000],
    ['output larger than the shared buffer', zlibDeflate(Buffer.alloc(200_000), Buffer.alloc(0)), 200_000],
  ])('the output limit is exact for %s', (_name, data, length) => {
    expect(inflate(data, null, length).length).toBe(length);
    expect(outcome(data, null, length - 1)).toBe('too-big');
    expect(outcome(data, null, 0)).toBe('too-big');
    expect(outcome(hex('00'), null, 0)).toBe('bytes ');
  });

  test('decompressing a bomb uses at most 256 KiB more memory than the limit of the message', () => {
    const bomb = zlibDeflate(Buffer.alloc(10 << 20), Buffer.alloc(0));
    const before = process.memoryUsage().arrayBuffers;
    expect(outcome(bomb, null, 1 << 20)).toBe('too-big');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan((1 << 20) + (256 << 10));
  });

  test('output that is larger than the shared buffer is complete, and a later message does not change this output', () => {
    const random = randomFrom(20);
    for (const length of [65_535, 65_536, 65_537, 100_000, 300_000]) {
      const message = jsonText(length, random);
      const data = zlibDeflate(message, Buffer.alloc(0));
      const first = inflate(data, null, LIMIT);
      inflate(zlibDeflate(Buffer.alloc(length, 0x55), Buffer.alloc(0)), null, LIMIT);
      expect(message.equals(first)).toBe(true);
    }
  });

  test('2 MiB of empty blocks are refused, but are accepted if blocks with output lie between them', () => {
    const emptyStored = hex('00 00 00 ff ff');
    const emptyFixed = bytesOf((header(false, 1) + fixedSymbol(256)).repeat(4));
    expect(outcome(Buffer.concat([Buffer.alloc(2 << 20).fill(emptyStored), hex('00')]))).toBe('no-output');
    expect(outcome(Buffer.concat([Buffer.alloc(2 << 20).fill(emptyFixed), hex('00')]))).toBe('no-output');
    const someOutput = Buffer.alloc(1_000_000).fill(emptyStored);
    const stored = hex('00 01 00 fe ff 61');
    const mixed = Buffer.concat([someOutput, stored, someOutput, stored, hex('00')]);
    expect(text(inflate(mixed, null, LIMIT))).toBe('aa');
  });

  test('bytes before and after the input do not influence the result and are not changed', () => {
    const random = randomFrom(30);
    for (let count = 0; count < 200; count++) {
      const data = zlibDeflate(jsonText(Math.floor(random() * 300), random), Buffer.alloc(0));
      const cut = data.subarray(0, Math.floor(random() * (data.length + 1)));
      const outcomes = [0x00, 0xff, 0x55].map((poison) => {
        const around = Buffer.alloc(cut.length + 64, poison);
        around.set(cut, 32);
        const result = outcome(new Uint8Array(around.buffer, around.byteOffset + 32, cut.length));
        const expected = Buffer.alloc(cut.length + 64, poison);
        expected.set(cut, 32);
        expect(expected.equals(around)).toBe(true);
        return result;
      });
      expect(new Set(outcomes).size).toBe(1);
      expect(outcomes[0]).toBe(referenceOutcome(cut));
    }
  });
});
