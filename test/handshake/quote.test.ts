/** Tests how text of a peer is quoted in one line of a log. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quote } from '../../src/handshake/quote.ts';

test('A50: quote() turns any text of a peer into one short line of visible ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const quoted = quote(text);
      expect(quoted).toMatch(/^"(?:[ !#-[\]-~]|\\u[0-9a-f]{4})*…?"$/);
      expect(quoted.length).toBeLessThanOrEqual(1_203);
    }),
  );
});

test('A50: quote() escapes control characters, quotation marks and backslashes, and cuts long texts', () => {
  expect(quote('http://a"\\\u009b31m\r\n')).toBe('"http://a\\u0022\\u005c\\u009b31m\\u000d\\u000a"');
  expect(quote('x'.repeat(201))).toBe(`"${'x'.repeat(200)}…"`);
});
