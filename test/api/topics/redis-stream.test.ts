/** Tests the ids and entries of streams in Redis. Other strings and bytes are refused. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { START } from '../../../src/api/topics/history-engine.ts';
import { isAfter, isPosition, parseEntries, parsePublished } from '../../../src/api/topics/redis-stream.ts';

describe('positions in a stream', () => {
  const ids = fc
    .tuple(fc.nat({ max: 999_999_999_999_999 }), fc.nat({ max: 999_999_999_999_999 }))
    .map(([time, number]) => `${time}-${number}`);

  test.each([START, '1764427422000-0', '1764427422000-15', '999999999999999-999999999999999'])(
    '%s is a position in Redis',
    (text) => {
      expect(isPosition(text)).toBe(true);
    },
  );

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
    '+',
    '(1-1',
    '1e3-0',
    '1000000000000000-0',
    '0-1000000000000000',
  ])('%j is not a position in Redis', (text) => {
    expect(isPosition(text)).toBe(false);
  });

  test('positions in Redis are ordered by time, and then by number', () => {
    expect(isAfter('2-0', '1-9')).toBe(true);
    expect(isAfter('1-10', '1-9')).toBe(true);
    expect(isAfter('1-9', '1-9')).toBe(false);
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        const [time, number] = one.split('-').map(BigInt);
        const [otherTime, otherNumber] = other.split('-').map(BigInt);
        const isLater = time === otherTime ? number! > otherNumber! : time! > otherTime!;
        expect(isAfter(one, other)).toBe(isLater);
      }),
    );
  });
});

describe('bytes that the script publishes to subscribers', () => {
  test('published bytes are parsed into two ids and the bytes of the message', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const message = parsePublished(Buffer.concat([Buffer.from('1000-1 999-0 m'), bytes]));
        expect(message).toEqual({ id: '1000-1', previous: '999-0', bytes: Buffer.from(bytes) });
      }),
    );
  });

  test('published bytes that end before the bytes of the message are refused', () => {
    const whole = Buffer.from('1764427422000-1 1764427422000-0 m');
    for (let length = 0; length < whole.length; length++)
      expect(parsePublished(whole.subarray(0, length))).toBeNull();
    expect(parsePublished(whole)).toMatchObject({ bytes: Buffer.alloc(0) });
  });

  test('published bytes of the kind `g` are parsed as a gap mark without a message', () => {
    expect(parsePublished(Buffer.from('1000-1 999-0 g'))).toEqual({
      id: '1000-1',
      previous: '999-0',
      bytes: null,
    });
  });

  test.each(['hello', '1-1 1-1 x', 'a b c', '1-1 x m', 'x 1-1 m', `${'1'.repeat(64)}-1 1-1 m`, '1-1  m'])(
    '`parsePublished` refuses %j',
    (text) => {
      expect(parsePublished(Buffer.from(text))).toBeNull();
    },
  );
});

test('`parseEntries` omits entries that the script has not written', () => {
  const entry = (id: string, fields: unknown): unknown => [Buffer.from(id), fields];
  const bytes = Buffer.from('m');
  const valid = entry('2-0', [Buffer.from('p'), Buffer.from('1-0'), Buffer.from('m'), bytes]);
  const reply = [
    entry('1-0', [Buffer.from('field'), Buffer.from('value')]),
    entry('1-0', null),
    entry('x', [Buffer.from('p'), Buffer.from('1-0'), Buffer.from('m'), bytes]),
    entry('1-0', [Buffer.from('p'), Buffer.from('x'), Buffer.from('m'), bytes]),
    entry('1-0', [Buffer.from('p'), Buffer.from('1-0'), Buffer.from('m'), 'text']),
    entry('1-0', [Buffer.from('p'), Buffer.from('1-0'), Buffer.from('x'), bytes]),
    'no entry',
    valid,
  ];
  const mark = entry('3-0', [Buffer.from('p'), Buffer.from('2-0'), Buffer.from('g'), Buffer.alloc(0)]);
  expect(parseEntries([...reply, mark])).toEqual([
    { id: '2-0', previous: '1-0', bytes },
    { id: '3-0', previous: '2-0', bytes: null },
  ]);
  expect(parseEntries(null)).toEqual([]);
});
