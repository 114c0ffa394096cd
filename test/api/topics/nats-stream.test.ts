/** Tests the entries and positions of a stream in NATS. Other bytes and strings are refused. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { START } from '../../../src/api/topics/history-engine.ts';
import {
  natsOrder,
  parseRepublished,
  parseStored,
  sequenceOf,
  serializeEntry,
  streamConfig,
} from '../../../src/api/topics/nats-stream.ts';

const headersOf = (number: unknown, previous: unknown) => {
  const values = new Map([
    ['Nats-Sequence', String(number)],
    ['Nats-Last-Sequence', String(previous)],
  ]);
  return { get: (name: string) => values.get(name) ?? '' };
};
const tags = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const sequences = fc.nat({ max: 999_999_999_999_999 });

describe('an entry of a stream', () => {
  test('an entry in NATS is parsed to an id, which contains a number and a tag, and to the bytes of the message', () => {
    fc.assert(
      fc.property(sequences, tags, fc.uint8Array(), (seq, tag, bytes) => {
        const stored = parseStored({ seq, data: serializeEntry('m', tag, bytes) });
        expect(stored?.id).toBe(`${seq}-${tag}`);
        expect(Buffer.from(stored!.bytes!)).toEqual(Buffer.from(bytes));
        expect(natsOrder.isPosition(stored!.id)).toBe(true);
        expect(stored!.id.length).toBeLessThanOrEqual(64);
        expect(sequenceOf(stored!.id)).toBe(seq);
      }),
    );
  });

  test('an entry of the kind `g` is parsed as a gap mark without bytes', () => {
    const data = serializeEntry('g', 7n, Buffer.alloc(0));
    expect(parseStored({ seq: 3, data })).toEqual({ id: '3-7', bytes: null });
    expect(parseRepublished(headersOf(3, 2), data)).toEqual({ id: '3-7', previous: '2-', bytes: null });
  });

  test('an entry that NATS has published contains the number of the previous message', () => {
    const data = serializeEntry('m', 7n, Buffer.from('x'));
    const bytes = Buffer.from('x');
    expect(parseRepublished(headersOf(9, 4), data)).toEqual({ id: '9-7', previous: '4-', bytes });
    expect(parseRepublished(headersOf(9, 0), data)).toEqual({ id: '9-7', previous: START, bytes });
  });

  test('bytes in any other form are not parsed as an entry', () => {
    const data = serializeEntry('m', 7n, Buffer.from('x'));
    expect(parseRepublished(undefined, data)).toBeNull();
    for (const value of ['', 'x', '-1', '1e3', '01', '1000000000000000']) {
      expect(parseRepublished(headersOf(value, 0), data)).toBeNull();
      expect(parseRepublished(headersOf(1, value), data)).toBeNull();
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        fc.pre(bytes.length < 9 || !['m', 'g'].includes(String.fromCharCode(bytes[0]!)));
        expect(parseStored({ seq: 1, data: bytes })).toBeNull();
        expect(parseRepublished(headersOf(1, 0), bytes)).toBeNull();
      }),
    );
  });
});

describe('positions in a stream', () => {
  test.each([START, '1-0', '999999999999999-18446744073709551615'])('%s is a position in NATS', (text) => {
    expect(natsOrder.isPosition(text)).toBe(true);
  });

  test.each([
    '',
    '-',
    '1',
    '1-',
    '-1',
    '01-1',
    '1-01',
    '1-1-1',
    ' 1-1',
    '1-1\n',
    '1e3-0',
    '1000000000000000-0',
    '0-100000000000000000000',
  ])('%j is not a position in NATS', (text) => {
    expect(natsOrder.isPosition(text)).toBe(false);
  });

  test('positions in NATS are ordered by their numbers', () => {
    expect(natsOrder.isAfter('10-1', '9-5')).toBe(true);
    expect(natsOrder.isAfter('9-5', '10-1')).toBe(false);
    expect(natsOrder.isAfter('9-6', '9-5')).toBe(false);
    expect(natsOrder.isSame('9-', '9-5')).toBe(true);
    expect(natsOrder.isSame('8-', '9-5')).toBe(false);
    expect(natsOrder.isSame(START, START)).toBe(true);
    expect(natsOrder.isSame(START, null)).toBe(false);
  });
});

test.each([
  [1_000, 1_000_000_000],
  [3_600_000, 120_000_000_000],
])(
  'if messages are kept for %i ms, NATS looks for duplicates in a window of %i ns',
  (ttl, duplicate_window) => {
    expect(streamConfig('p', { size: 5, ttl })).toEqual({
      name: 'p-history',
      subjects: ['p.h.>'],
      max_msgs_per_subject: 6,
      max_age: ttl * 1_000_000,
      duplicate_window,
      republish: { src: 'p.h.>', dest: 'p.t.>' },
    });
  },
);
