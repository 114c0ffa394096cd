import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeUtf8, isValidUtf8, Utf8Validator } from '../../src/frame/utf8.ts';
import { cut, random } from './harness.ts';

/** The decoder of the platform (WHATWG Encoding standard). It throws for invalid UTF-8. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function reference(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The byte sequences of UTF-8 (RFC 3629 §4), as a list of the forms that a character can have. */
const grammar: readonly (readonly [number, number])[][] = [
  [[0x00, 0x7f]],
  [
    [0xc2, 0xdf],
    [0x80, 0xbf],
  ],
  [
    [0xe0, 0xe0],
    [0xa0, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xe1, 0xec],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xed, 0xed],
    [0x80, 0x9f],
    [0x80, 0xbf],
  ],
  [
    [0xee, 0xef],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xf0, 0xf0],
    [0x90, 0xbf],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xf1, 0xf3],
    [0x80, 0xbf],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
  [
    [0xf4, 0xf4],
    [0x80, 0x8f],
    [0x80, 0xbf],
    [0x80, 0xbf],
  ],
];

/** A slow and simple reference. It keeps the bytes of the unfinished character, and looks them up in the grammar. */
function firstImpossible(bytes: Uint8Array): { at: number; complete: boolean } {
  let open: number[] = [];
  for (const [index, byte] of bytes.entries()) {
    open.push(byte);
    const fits = grammar.filter(
      (rule) =>
        rule.length >= open.length &&
        open.every((b, i) => {
          const [low = 0, high = 0] = rule[i] ?? [];
          return b >= low && b <= high;
        }),
    );
    if (fits.length === 0) return { at: index, complete: false };
    if (fits.some((rule) => rule.length === open.length)) open = [];
  }
  return { at: -1, complete: open.length === 0 };
}

/** Passes the bytes to the validator one by one. Returns the index of the refused byte, or -1. */
function refusedAt(validator: Utf8Validator, bytes: Buffer): number {
  for (let index = 0; index < bytes.length; index++) {
    if (!validator.push(bytes, index, index + 1)) return index;
  }
  return -1;
}

/** Checks that all four functions of the library agree with the decoder of the platform. */
function agree(bytes: Buffer): boolean {
  const expected = reference(bytes);
  const framed = Buffer.concat([Buffer.from([0xe2]), bytes, Buffer.from([0xa5])]);
  if (decodeUtf8(framed, 1, 1 + bytes.length) !== expected) return false;
  if (isValidUtf8(bytes) !== (expected !== null)) return false;
  const whole = new Utf8Validator();
  if ((whole.push(framed, 1, 1 + bytes.length) && whole.finish()) !== (expected !== null)) return false;
  const { at, complete } = firstImpossible(bytes);
  if ((at === -1 && complete) !== (expected !== null)) return false;
  const single = new Utf8Validator();
  return refusedAt(single, bytes) === at && (at !== -1 || single.finish() === complete);
}

function expectAgreement(bytes: Buffer): void {
  if (!agree(bytes)) expect.fail(`disagreement on ${bytes.toString('hex')}`);
}

/** First bytes and continuation bytes at the limits of every range, and the bytes next to these limits. */
const leads = [
  0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1,
];
leads.push(0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xfb, 0xfc, 0xfe, 0xff);
const seconds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xf0, 0xff];
const thirds = [0x00, 0x41, 0x7f, 0x80, 0xa5, 0xbf, 0xc0, 0xe2, 0xff];

describe('F21: the library accepts exactly the UTF-8 that TextDecoder accepts with fatal: true', () => {
  test('F21: the library and TextDecoder agree for every sequence of one and of two bytes [A37]', () => {
    for (let first = 0; first < 256; first++) {
      expectAgreement(Buffer.from([first]));
      for (let second = 0; second < 256; second++) expectAgreement(Buffer.from([first, second]));
    }
  });

  test('F21: the library and TextDecoder agree for three and four bytes at every boundary: overlong, surrogates, above U+10FFFF, cut off [A37]', () => {
    for (const first of leads) {
      for (const second of seconds) {
        for (const third of thirds) {
          expectAgreement(Buffer.from([first, second, third]));
          for (const fourth of [0x41, 0x80, 0xbf, 0xc3]) {
            expectAgreement(Buffer.from([first, second, third, fourth]));
          }
        }
      }
    }
  });

  test('F21: the library and TextDecoder agree for 30,000 seeded sequences of three to eight bytes [A37]', () => {
    const seed = 6455;
    const pick = random(seed);
    // Most of the bytes form valid or almost valid characters.
    const likely = [...leads, ...seconds, ...thirds, 0x41, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80];
    for (let n = 0; n < 30_000; n++) {
      const bytes = Buffer.alloc(3 + pick(6));
      for (let i = 0; i < bytes.length; i++) {
        bytes[i] = pick(4) === 0 ? pick(256) : likely[pick(likely.length)]!;
      }
      expectAgreement(bytes);
    }
  });

  test.each([
    ['F21: an overlong slash', 'c0af'],
    ['F21: an overlong NUL', 'c080'],
    ['F21: an overlong form of three bytes', 'e09fbf'],
    ['F21: an overlong form of four bytes', 'f08fbfbf'],
    ['F21: a high surrogate', 'eda080'],
    ['F21: a low surrogate', 'edbfbf'],
    ['F21: a surrogate pair (CESU-8)', 'eda0bdedb880'],
    ['F21: a code point above U+10FFFF', 'f4908080'],
    ['F21: the first byte of a form of five bytes', 'f888808080'],
    ['F21: a continuation byte alone', '80'],
    ['F21: a character that another character interrupts', 'e28241'],
    ['F21: a character that ends after three of four bytes', 'f09f98'],
  ])('%s is refused: %s [A37]', (_, hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(reference(bytes)).toBe(null);
    for (const padding of [0, 1, 3, 2047, 2048, 5000]) {
      const padded = Buffer.concat([Buffer.alloc(padding, 'a'), bytes]);
      expect(isValidUtf8(padded)).toBe(false);
      expect(decodeUtf8(padded, 0, padded.length)).toBe(null);
      const validator = new Utf8Validator();
      expect(validator.push(padded, 0, padded.length) && validator.finish()).toBe(false);
    }
  });

  test.each([
    ['F21: the first and last character of each length', '\0\x7f\x80\u07ff\u0800\uffff\u{10000}\u{10ffff}'],
    ['F21: a byte order mark, which belongs to the payload,', '\ufeffabc'],
    ['F21: an encoded U+FFFD', 'a\ufffdb'],
    ['F21: noncharacters', '\ufdd0\ufffe\uffff\u{1ffff}'],
    ['F21: the characters next to the surrogates', '\ud7ff\ue000'],
  ])('%s is accepted unchanged', (_, text) => {
    for (const padding of [0, 1, 2040, 2048, 5000]) {
      const bytes = Buffer.from('a'.repeat(padding) + text);
      expect(decodeUtf8(bytes, 0, bytes.length)).toBe('a'.repeat(padding) + text);
      const validator = new Utf8Validator();
      expect(validator.push(bytes, 0, bytes.length) && validator.finish()).toBe(true);
    }
  });

  test('F21: the library and TextDecoder agree for long texts of ASCII or other characters, at any alignment', () => {
    for (const text of ['x'.repeat(3000), `${'x'.repeat(3000)}é`, 'é'.repeat(2000), '😀'.repeat(700)]) {
      for (let offset = 0; offset < 8; offset++) {
        const bytes = Buffer.concat([Buffer.alloc(offset, 0xff), Buffer.from(text), Buffer.from([0xff])]);
        expect(decodeUtf8(bytes, offset, bytes.length - 1) === text).toBe(true);
        expect(decodeUtf8(bytes, offset, bytes.length)).toBe(null);
      }
    }
  });
});

describe('the UTF-8 check of a text in pieces', () => {
  test('F21: the check of a text in pieces fails exactly at the first invalid byte, wherever the text is cut [A37]', () => {
    const samples = ['Hello-µ@ßöäüàá-UTF-8!!', 'κόσμε\u{1f600}\u0800\u{10ffff}'].flatMap((text) => {
      const bytes = Buffer.from(text);
      return [
        bytes,
        ...['80', 'c0', 'eda0', 'f490', 'e2', 'ff'].map((hex) =>
          Buffer.concat([bytes, Buffer.from(hex, 'hex'), bytes]),
        ),
      ];
    });
    for (const bytes of samples) {
      const { at, complete } = firstImpossible(bytes);
      for (let first = 0; first <= bytes.length; first++) {
        for (let second = first; second <= bytes.length; second++) {
          const validator = new Utf8Validator();
          let position = 0;
          let refusedIn: [number, number] | null = null;
          for (const piece of cut(bytes, first, second)) {
            const accepted = validator.push(piece, 0, piece.length);
            if (!accepted) refusedIn = [position, position + piece.length];
            position += piece.length;
            if (!accepted) break;
          }
          const where = `${bytes.toString('hex')} cut at ${first} and ${second}`;
          if (at === -1) {
            if (refusedIn !== null) expect.fail(`${where}: refused`);
            if (validator.finish() !== complete) expect.fail(`${where}: end`);
          } else if (refusedIn === null || at < refusedIn[0] || at >= refusedIn[1]) {
            // The piece that contains the first impossible byte must be refused.
            expect.fail(`${where}: impossible at ${at}, refused in ${String(refusedIn)}`);
          }
        }
      }
    }
  });

  test('F21: for any bytes, the check has the same result whether the bytes arrive in one piece or in several pieces [A37]', () => {
    const byte = fc.oneof(fc.constantFrom(...leads, ...seconds), fc.integer({ min: 0, max: 255 }));
    const bytes = fc.oneof(
      fc.array(byte, { maxLength: 12 }).map((list) => Buffer.from(list)),
      fc.string({ unit: 'binary', maxLength: 12 }).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(48), { maxLength: 6 }), (content, places) => {
        const { at, complete } = firstImpossible(content);
        const edges = places.filter((place) => place <= content.length).sort((a, b) => a - b);
        const validator = new Utf8Validator();
        let position = 0;
        for (const piece of cut(content, ...edges)) {
          const expected = at === -1 || at >= position + piece.length;
          expect(validator.push(piece, 0, piece.length)).toBe(expected);
          if (!expected) return;
          position += piece.length;
        }
        expect(validator.finish()).toBe(complete);
      }),
      { numRuns: 500 },
    );
  });

  test('F21: after a message that ends inside a character, the next message is checked correctly', () => {
    const validator = new Utf8Validator();
    for (const unfinished of ['c3', 'e0', 'ed', 'e282', 'f0', 'f4', 'f09f98']) {
      const bytes = Buffer.from(unfinished, 'hex');
      expect(validator.push(bytes, 0, bytes.length)).toBe(true);
      expect(validator.finish()).toBe(false);
      expect(validator.push(Buffer.from('a'), 0, 1)).toBe(true);
      expect(validator.finish()).toBe(true);
      expect(validator.push(bytes, 0, bytes.length)).toBe(true);
      validator.reset();
      expect(validator.push(Buffer.from('é'), 0, 2)).toBe(true);
      expect(validator.finish()).toBe(true);
    }
  });
});
