/** Tests offsets. A client keeps the offset of its last message, and sends this offset to the server after a reconnection. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseOffset, serializeOffset } from '../../../src/api/topics/history-offset.ts';
import { isPosition } from '../../../src/api/topics/redis-stream.ts';
import { codeOf } from './code-of.ts';

const publishers = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const offsets = fc.record({
  position: fc.tuple(fc.nat(), fc.nat()).map(([time, number]) => `${time}-${number}`),
  received: fc
    .array(fc.tuple(publishers, fc.nat({ max: 2 ** 31 - 1 })), { minLength: 1, maxLength: 8 })
    .map((pairs) => new Map(pairs)),
});

test('a serialized offset is parsed to the same offset', () => {
  fc.assert(
    fc.property(offsets, (offset) => {
      const text = serializeOffset(offset);
      expect(text.length).toBeLessThanOrEqual(400);
      expect(text).toMatch(/^[\w.-]+$/);
      expect(parseOffset(text, isPosition)).toEqual(offset);
    }),
  );
});

test('an offset names at most eight publishers, and further publishers are omitted', () => {
  const pairs = Array.from({ length: 10 }, (_, at) => [String(at).padStart(16, 'p'), at] as const);
  const text = serializeOffset({ position: '1-1', received: new Map(pairs) });
  expect(parseOffset(text, isPosition)).toEqual({ position: '1-1', received: new Map(pairs.slice(0, 8)) });
  const more = `.${'A'.repeat(22)}.1`;
  expect(codeOf(() => parseOffset(text + more, isPosition))).toBe('WS_TOPIC_OFFSET');
});

test('an offset is refused if it is cut off or has an additional character', () => {
  const text = serializeOffset({ position: '1000-5', received: new Map([['\xff'.repeat(16), 0]]) });
  for (let at = 0; at < text.length; at++) {
    expect(codeOf(() => parseOffset(text.slice(0, at), isPosition))).toBe('WS_TOPIC_OFFSET');
  }
  expect(codeOf(() => parseOffset(`${text}0`, isPosition))).toBe('WS_TOPIC_OFFSET');
  expect(codeOf(() => parseOffset(` ${text}`, isPosition))).toBe('WS_TOPIC_OFFSET');
});

describe('an invalid offset of a client', () => {
  test.each([
    '',
    '..',
    '1-1',
    '1-1..1',
    `1-1.${'A'.repeat(22)}.`,
    `1-1.${'A'.repeat(22)}.-1`,
    `1-1.${'A'.repeat(22)}.1e3`,
    `1-1.${'A'.repeat(22)}.01`,
    `1-1.${'A'.repeat(22)}.${'9'.repeat(16)}`,
    `1-1.${'A'.repeat(21)}.1`,
    // The last character for the 16 bytes has additional bits that are not zero.
    `1-1.${'A'.repeat(21)}B.1`,
    // The offset names the same publisher twice.
    `1-1.${'A'.repeat(22)}.1.${'A'.repeat(22)}.2`,
    `x.${'A'.repeat(22)}.1`,
    `${'1'.repeat(390)}.${'A'.repeat(22)}.1`,
  ])('`parseOffset` refuses the offset %j', (text) => {
    expect(codeOf(() => parseOffset(text, isPosition))).toBe('WS_TOPIC_OFFSET');
  });

  test('`parseOffset` throws WS_TOPIC_OFFSET for every text that `serializeOffset` would not return', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
        const code = codeOf(() => {
          expect(serializeOffset(parseOffset(text, isPosition))).toBe(text);
        });
        expect(['done', 'WS_TOPIC_OFFSET']).toContain(code);
      }),
    );
  });

  test.each([1, {}, ['1-1'], true, null])('`parseOffset` throws a TypeError for the value %j', (value) => {
    expect(() => parseOffset(value, isPosition)).toThrow(TypeError);
  });

  test('`parseOffset` reads at most 401 characters of a text of one megabyte', () => {
    const seen: string[] = [];
    const text = '1.'.repeat(500_000);
    expect(
      codeOf(() =>
        parseOffset(text, (position) => {
          seen.push(position);
          return true;
        }),
      ),
    ).toBe('WS_TOPIC_OFFSET');
    for (const position of seen) expect(position.length).toBeLessThanOrEqual(401);
  });
});
