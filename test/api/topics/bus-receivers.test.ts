/** Tests `BusReceivers`, which finds the receivers of a message by its topic. */
import { expect, test } from 'vitest';
import { BusReceivers } from '../../../src/api/topics/bus-receivers.ts';
import { Recorder } from './recorder.ts';

function setUp() {
  const lines: string[] = [];
  const receivers = new BusReceivers();
  for (const pattern of ['a/1', 'a/*', 'b']) receivers.set(pattern, new Recorder(lines, `${pattern}: `));
  return { lines, receivers };
}

test('each receiver whose pattern matches a topic gets a message of this topic once', () => {
  const { lines, receivers } = setUp();
  receivers.deliver('a/1', Buffer.from('m'));
  receivers.deliver('c', Buffer.from('m'));
  expect(lines.sort()).toEqual(['a/*: a/1 m', 'a/1: a/1 m']);
});

test('a new receiver of a pattern replaces the old receiver, and `delete` returns whether the pattern had a receiver', () => {
  const { lines, receivers } = setUp();
  receivers.set('b', new Recorder(lines, 'new '));
  receivers.deliver('b', Buffer.from('m'));
  expect(lines).toEqual(['new b m']);
  expect(receivers.delete('b')).toBe(true);
  expect(receivers.delete('b')).toBe(false);
  receivers.deliver('b', Buffer.from('m'));
  expect(lines).toHaveLength(1);
  expect([...receivers.patterns]).toEqual(['a/1', 'a/*']);
});

test('a receiver that is unsubscribed during the delivery of a message does not get this message', () => {
  const lines: string[] = [];
  const receivers = new BusReceivers();
  receivers.set('a', { message: () => void receivers.delete('*'), gap: () => {} });
  receivers.set('*', new Recorder(lines));
  receivers.deliver('a', Buffer.from('m'));
  expect(lines).toEqual([]);
});

test('a gap in some topics notifies the receivers of these topics once, and a gap in all topics notifies all receivers', () => {
  const { lines, receivers } = setUp();
  receivers.gap(['a/1', 'a/2']);
  expect(lines.sort()).toEqual(['a/*: gap', 'a/1: gap']);
  receivers.gap(null);
  expect(lines).toHaveLength(5);
  receivers.clear();
  receivers.gap(null);
  expect(lines).toHaveLength(5);
  expect(receivers.patterns.size).toBe(0);
});
