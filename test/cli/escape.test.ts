import { describe, expect, test } from 'vitest';
import { describeBytes, escapeText } from '../../src/cli/escape.ts';

describe('escaping the text of a peer for a terminal', () => {
  test.each([
    ['ordinary text unchanged', 'héllo, 世界 🙂 \\n', 'héllo, 世界 🙂 \\n'],
    ['line breaks escaped', 'a\r\nb\tc', 'a\\r\\nb\\tc'],
    ['escape sequences escaped', '\x1b[31mred\x1b]0;title\x07', '\\x1b[31mred\\x1b]0;title\\x07'],
    ['C1 controls escaped', '\x9b31m\x85', '\\x9b31m\\x85'],
    ['NUL and DEL escaped', '\0\x7f', '\\x00\\x7f'],
    ['line separators escaped', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
    [
      'characters that change the writing direction escaped',
      '\u202etxt.exe\u2066\u200f\u061c',
      '\\u202etxt.exe\\u2066\\u200f\\u061c',
    ],
    ['lone surrogates escaped, and pairs unchanged', '\ud83d \udE42 🙂', '\\ud83d \\ude42 🙂'],
  ])('escapeText prints %s', (_name, text, escaped) => {
    expect(escapeText(text)).toBe(escaped);
  });

  test('escapeText escapes each character that controls a terminal, breaks a line, or changes the direction of text [A50]', () => {
    const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/u;
    const through: string[] = [];
    let escaped = 0;
    for (let code = 0; code <= 0x10ffff; code++) {
      const text = escapeText(String.fromCodePoint(code));
      if (text.length > 2) escaped++;
      if (obeyed.test(text)) through.push(code.toString(16));
    }
    expect(through).toEqual([]);
    // There are 65 control characters (3 of them have a two-character escape), 2048 surrogates, 2 separators, 12 characters of direction,
    // and the BOM.
    expect(escaped).toBe(62 + 2048 + 2 + 12 + 1);
  });
});

describe('describing binary data for a terminal', () => {
  test.each([
    [[], '0 bytes'],
    [[7], '1 byte: 07'],
    [[0x68, 0x69, 0xff], '3 bytes: 68 69 ff'],
  ])('the description of the bytes %j states their number and their hexadecimal digits', (bytes, text) => {
    expect(describeBytes(Uint8Array.from(bytes))).toBe(text);
  });

  test('the description of binary data has only the first 32 bytes', () => {
    expect(describeBytes(new Uint8Array(32))).toBe(`32 bytes: ${Array(32).fill('00').join(' ')}`);
    expect(describeBytes(new Uint8Array(1_048_576))).toBe(
      `1048576 bytes: ${Array(32).fill('00').join(' ')} …`,
    );
  });
});
