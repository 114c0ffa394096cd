import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FieldScanner,
  isLineText,
  isToken,
  isVisibleAscii,
  parseTokenList,
  parseUpgradeList,
  toAsciiLowerCase,
  trimSpace,
} from '../../src/handshake/token.ts';
import { countingText, prototypeKeys } from './samples.ts';

const delimiters = '"(),/:;<=>?@[\\]{}';

describe('the characters of header fields', () => {
  test('H8: a token consists of the characters U+0021 to U+007E except for separators', () => {
    for (let code = 0; code <= 0x1_00; code++) {
      const character = String.fromCharCode(code);
      const expected = code >= 0x21 && code <= 0x7e && !delimiters.includes(character);
      expect(isToken(character), `U+${code.toString(16)}`).toBe(expected);
      expect(isToken(`a${character}`), `a U+${code.toString(16)}`).toBe(expected);
      expect(isToken(`${character}a`), `U+${code.toString(16)} a`).toBe(expected);
    }
  });

  test('H8: an empty string is not a token', () => {
    expect(isToken('')).toBe(false);
  });

  test('A9: the text of a line contains no control character except HTAB, and no character above U+00FF', () => {
    for (let code = 0; code <= 0x2_ff; code++) {
      const character = String.fromCharCode(code);
      const expected = code === 9 || (code >= 0x20 && code !== 0x7f && code <= 0xff);
      expect(isLineText(`a${character}b`), `U+${code.toString(16)}`).toBe(expected);
    }
    // If these two characters were written as latin1, they would become CR and LF.
    expect(isLineText('\u010d\u010a')).toBe(false);
    expect(isLineText('')).toBe(true);
  });

  test('visible ASCII contains neither a space nor a control character', () => {
    for (let code = 0; code <= 0x1_00; code++) {
      expect(isVisibleAscii(String.fromCharCode(code)), String(code)).toBe(code > 0x20 && code < 0x7f);
    }
    expect(isVisibleAscii('')).toBe(false);
  });

  test('trimSpace removes only SP and HTAB', () => {
    expect(trimSpace(' \t a b\t ')).toBe('a b');
    expect(trimSpace(' \t')).toBe('');
    expect(trimSpace('\u00a0a\u00a0')).toBe('\u00a0a\u00a0');
    expect(trimSpace('\va\f')).toBe('\va\f');
  });

  test('S4: toAsciiLowerCase changes only the letters A to Z', () => {
    expect(toAsciiLowerCase('WebSocKet-Z[')).toBe('websocket-z[');
    // The text contains U+212A (KELVIN SIGN). toLowerCase() would turn it into "websocket".
    expect(toAsciiLowerCase('WebSoc\u212aet')).toBe('websoc\u212aet');
    expect(toAsciiLowerCase('\u00c4 A')).toBe('\u00c4 a');
  });
});

describe('lists of tokens', () => {
  test.each<[string, string[] | null]>([
    ['', []],
    [' \t ', []],
    [',', []],
    [', ,\t,', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    ['a, b', ['a', 'b']],
    [' a\t,\t b ', ['a', 'b']],
    [',a,,b,', ['a', 'b']],
    ['a b', null],
    ['a;b', null],
    ['a, b c', null],
    ['"a"', null],
    ['a=b', null],
    ['a,\u00e4', null],
    ['a\n,b', null],
    ['a,\u00a0b', null],
  ])('S8: parseTokenList reads the list %j', (value, expected) => {
    expect(parseTokenList(value)).toEqual(expected);
  });

  test.each<[string, string[] | null]>([
    ['websocket', ['websocket']],
    ['h2c, TLS/1.0 , websocket', ['h2c', 'TLS/1.0', 'websocket']],
    ['websocket/', null],
    ['/13', null],
    ['a/b/c', null],
    ['a / b', null],
  ])('S4: parseUpgradeList reads the Upgrade field %j as a list of protocols', (value, expected) => {
    expect(parseUpgradeList(value)).toEqual(expected);
  });

  test('A11: names of Object.prototype are ordinary tokens in a list', () => {
    expect(parseTokenList(prototypeKeys.join(', '))).toEqual(prototypeKeys);
  });

  test('S8: parseTokenList reads a list of any tokens, with any white space and empty elements between the tokens', () => {
    const token = fc.string({
      unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"),
      minLength: 1,
      maxLength: 8,
    });
    const gap = fc.string({ unit: fc.constantFrom(' ', '\t', ','), maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(gap, token, gap)), gap, (elements, end) => {
        const value = elements.map(([before, text, after]) => `${before}${text}${after}`).join(',') + end;
        expect(parseTokenList(value)).toEqual(elements.map(([, text]) => text));
      }),
    );
  });

  test('S1: parseTokenList reads any text as a list or returns null, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a, \t"\\;=/\u00e4\0') }), (value) => {
        // A slow reference: it splits the text at commas, removes white space, and checks each part.
        const parts = value
          .split(',')
          .map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))
          .filter((part) => part !== '');
        const expected = parts.every((part) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(part)) ? parts : null;
        expect(parseTokenList(value)).toEqual(expected);
      }),
    );
  });
});

describe('quoted strings', () => {
  test.each<[string, string | null]>([
    ['""', ''],
    ['"a"', 'a'],
    ['"a b"', 'a b'],
    ['"a\\"b"', 'a"b'],
    ['"\\\\"', '\\'],
    ['"\\a\\b"', 'ab'],
    ['a"', null],
    ['"', null],
    ['"a', null],
    ['"a\\', null],
    ['"a\\"', null],
  ])('S18: the scanner reads the quoted string %j', (text, expected) => {
    const scanner = new FieldScanner(text);
    expect(scanner.quotedString()).toBe(expected);
    if (expected !== null) expect(scanner.atEnd).toBe(true);
  });

  test('S18: the scanner reads any quoted string, with escapes at any positions, and stops after the string', () => {
    fc.assert(
      fc.property(fc.string(), fc.infiniteStream(fc.boolean()), (text, escaped) => {
        const quoted = Array.from(text, (character) =>
          character === '"' || character === '\\' || escaped.next().value ? `\\${character}` : character,
        ).join('');
        const scanner = new FieldScanner(`"${quoted}";`);
        expect(scanner.quotedString()).toBe(text);
        expect(scanner.skip(';')).toBe(true);
        expect(scanner.atEnd).toBe(true);
      }),
    );
  });
});

describe('A10: the cost of long lists, strings and values', () => {
  const hard: Record<string, (size: number) => string> = {
    spaces: (size) => ' '.repeat(size),
    'spaces between elements': (size) => `a${' '.repeat(size)},${' '.repeat(size)}b`,
    'spaces, then a fault': (size) => `a${' '.repeat(size)}b`,
    commas: (size) => ','.repeat(size),
    'commas and spaces': (size) => ' ,'.repeat(size / 2),
    'one long token': (size) => 'a'.repeat(size),
    'many tokens': (size) => 'a,'.repeat(size / 2),
  };

  test.each(Object.entries(hard))(
    'parseTokenList reads each character of a list of %s a bounded number of times',
    (_, make) => {
      for (const size of [1_000, 4_000, 16_000]) {
        const { text, reads } = countingText(make(size));
        parseTokenList(text);
        expect(reads()).toBeLessThanOrEqual(6 * text.length + 20);
      }
    },
  );

  test.each<[string, (size: number) => string]>([
    ['that never ends', (size) => `"${'a'.repeat(size)}`],
    ['of backslashes that never ends', (size) => `"${'\\'.repeat(size)}`],
    ['of escapes', (size) => `"${'\\"'.repeat(size / 2)}"`],
  ])('the scanner reads each character of a quoted string %s a bounded number of times', (_, make) => {
    for (const size of [1_000, 4_000, 16_000]) {
      const { text, reads } = countingText(make(size));
      new FieldScanner(text).quotedString();
      expect(reads()).toBeLessThanOrEqual(6 * text.length + 20);
    }
  });

  test('trimSpace reads each character of a long value with white space at both ends a bounded number of times', () => {
    for (const size of [1_000, 4_000, 16_000]) {
      const { text, reads } = countingText(`${' '.repeat(size)}a${' '.repeat(size)}`);
      trimSpace(text);
      expect(reads()).toBeLessThanOrEqual(2 * text.length + 20);
    }
  });
});
