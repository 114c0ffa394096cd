import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { computeAccept, generateKey, isKey } from '../../src/handshake/key.ts';
import { sampleAccept, sampleKey } from './samples.ts';

test('S17, V4: for the key of RFC 6455 §1.3, computeAccept returns the Sec-WebSocket-Accept of the same section', () => {
  expect(computeAccept(sampleKey)).toBe(sampleAccept);
});

test('S17, V4: Sec-WebSocket-Accept is the SHA-1, in base64, of the text of the key followed by the GUID', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const key = Buffer.from(bytes).toString('base64');
      const sha1 = createHash('sha1').update(key).update('258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
      expect(computeAccept(key)).toBe(sha1.digest('base64'));
    }),
  );
});

test('H5: generateKey returns 16 bytes in canonical base64, and a new key for each call', () => {
  const keys = Array.from({ length: 1_000 }, generateKey);
  expect(new Set(keys).size).toBe(1_000);
  for (const key of keys) {
    expect(Buffer.from(key, 'base64')).toHaveLength(16);
    expect(isKey(key)).toBe(true);
  }
  // Every bit is random. So none of the 128 bits has the same value in all thousand keys.
  const all = keys.map((key) => Buffer.from(key, 'base64'));
  for (let bit = 0; bit < 128; bit++) {
    const ones = all.filter((bytes) => (bytes[bit >> 3]! >> (bit & 7)) & 1).length;
    expect(ones).toBeGreaterThan(0);
    expect(ones).toBeLessThan(1_000);
  }
});

test('S5: isKey accepts any 16 bytes in base64, and refuses any other number of bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(isKey(Buffer.from(bytes).toString('base64'))).toBe(bytes.length === 16);
    }),
  );
  for (let size = 0; size <= 40; size++) {
    expect(isKey(Buffer.alloc(size, 0xa5).toString('base64')), `${size} bytes`).toBe(size === 16);
  }
});

test.each([
  ['', 'empty'],
  ['dGhlIHNhbXBsZSBub25jZQ', 'it has no padding'],
  ['dGhlIHNhbXBsZSBub25jZQ=', 'it has half the padding'],
  ['dGhlIHNhbXBsZSBub25jZQ===', 'it has too much padding'],
  ['dGhlIHNhbXBsZSBub25jZSE=', 'it has 17 bytes'],
  ['dGhlIHNhbXBsZSBub25jZSEh', 'it has 18 bytes'],
  [' dGhlIHNhbXBsZSBub25jZQ==', 'it begins with white space'],
  ['dGhlIHNhbXBsZS Bub25jZQ==', 'it contains white space'],
  ['dGhlIHNhbXBsZS-ub25jZQ==', 'it is base64url with -'],
  ['dGhlIHNhbXBsZS_ub25jZQ==', 'it is base64url with _'],
  ['dGhlIHNhbXBsZSBub25jZ===', 'it has padding instead of a character'],
  ['========================', 'it consists of padding'],
  ['\u0164GhlIHNhbXBsZSBub25jZQ==', 'it has a character that latin1 would cut to T'],
])('S5: isKey refuses the key %j, because %s', (value) => {
  expect(isKey(value)).toBe(false);
});

test('FAULT-0, S5: the last character of a key may be any of the 64 characters of base64, because decoding drops the extra bits', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  for (const last of alphabet) expect(isKey(`dGhlIHNhbXBsZSBub25jZ${last}==`), last).toBe(true);
});

test('FAULT-0, S5: isKey accepts any 22 characters of base64 with the padding, and no other characters', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const character = fc.constantFrom(...alphabet);
  fc.assert(
    fc.property(fc.array(character, { minLength: 22, maxLength: 22 }), (characters) => {
      const key = `${characters.join('')}==`;
      expect(isKey(key)).toBe(true);
      expect(Buffer.from(key, 'base64')).toHaveLength(16);
    }),
  );
  for (let code = 0; code < 0x180; code++) {
    const found = String.fromCharCode(code);
    for (const at of [0, 10, 21]) {
      const key = `${'A'.repeat(at)}${found}${'A'.repeat(21 - at)}==`;
      expect(isKey(key), `U+${code.toString(16)} at ${at}`).toBe(alphabet.includes(found));
    }
  }
});
