/** Tests `Joining`, which keeps the messages of a topic for connections that still read the history of this topic. */
import { expect, test } from 'vitest';
import { Joining } from '../../../src/api/topics/joining.ts';

const positions = (joining: Joining, after: string): readonly string[] | null =>
  joining.after(after)?.map(({ position }) => position) ?? null;

test('`Joining.after` returns all messages after a position, or null if a message is missing', () => {
  const joining = new Joining('0');
  expect(positions(joining, '0')).toEqual([]);
  expect(positions(joining, '1')).toBeNull();
  for (const position of ['1', '2', '3']) joining.received(position, Buffer.from(position));
  expect(positions(joining, '0')).toEqual(['1', '2', '3']);
  expect(positions(joining, '2')).toEqual(['3']);
  expect(positions(joining, '3')).toEqual([]);
  expect(positions(joining, '4')).toBeNull();
});

test('Joining copies each message, and keeps only the last 256 messages and at most 1 MiB', () => {
  const joining = new Joining('0');
  const bytes = Buffer.from('first');
  joining.received('1', bytes);
  bytes.fill(0);
  expect(String(joining.after('0')![0]!.bytes)).toBe('first');
  for (let at = 2; at <= 257; at++) joining.received(String(at), Buffer.alloc(1));
  expect(positions(joining, '0')).toBeNull();
  expect(positions(joining, '1')).toHaveLength(256);
  joining.received('large', Buffer.alloc(1024 * 1024));
  expect(positions(joining, '257')).toEqual(['large']);
  joining.received('too large', Buffer.alloc(1024 * 1024 + 1));
  expect(positions(joining, 'large')).toBeNull();
  expect(positions(joining, 'too large')).toEqual([]);
});

test('after a loss of messages, `Joining.after` returns null for every earlier position', () => {
  const joining = new Joining('0');
  joining.received('1', Buffer.from('m'));
  joining.own = [{ number: 1, bytes: Buffer.from('m') }];
  joining.lost(1);
  expect(joining.own).toEqual([]);
  expect(positions(joining, '0')).toBeNull();
  joining.received('9', Buffer.from('m'));
  expect(positions(joining, '1')).toBeNull();
  expect(positions(joining, '9')).toEqual([]);
});
