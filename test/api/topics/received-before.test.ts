/** Tests `ReceivedBefore`, which stores the messages that a connection has received from another process before it reconnected. */
import { expect, test } from 'vitest';
import type { Connection } from '../../../src/api/connection.ts';
import { ReceivedBefore } from '../../../src/api/topics/received-before.ts';
import { Topic } from '../../../src/api/topics/subscriptions.ts';

const message = (publisher: string, number: number) => ({
  isBinary: false,
  compress: true,
  publisher,
  number,
  previous: 0,
});

test('`ReceivedBefore.of` returns the connections that already have a message; `pendingOf` omits a publisher after its last such message', () => {
  const before = new ReceivedBefore();
  const topic = new Topic('t');
  const [a, b, c] = [{}, {}, {}] as Connection<unknown>[];
  for (const connection of [a!, b!, c!]) topic.members.add(connection);
  before.add(a!, 't', new Map([['p', 2]]));
  before.add(b!, 't', new Map([['p', 3]]));
  expect(before.of('t', message('q', 1), [topic])).toBeNull();
  expect(before.of('u', message('p', 1), [topic])).toBeNull();
  expect(before.of('t', message('p', 2), [topic])).toEqual(new Set([a, b]));
  expect(before.pendingOf(a!, 't')).toEqual([['p', 2]]);
  expect(before.of('t', message('p', 3), [topic])).toEqual(new Set([b]));
  expect(before.pendingOf(b!, 't')).toEqual([]);
  expect(before.of('t', message('p', 4), [topic])).toBeNull();
});

test('at most 100 publishers of a topic are stored, and `delete` removes all publishers of the topic', () => {
  const before = new ReceivedBefore();
  const topic = new Topic('t');
  const connection = {} as Connection<unknown>;
  topic.members.add(connection);
  before.add(connection, 't', new Map([['real', 5]]));
  for (let at = 0; at < 99; at++) before.add({} as Connection<unknown>, 't', new Map([[`p${at}`, 1]]));
  expect(before.of('t', message('real', 1), [topic])).toEqual(new Set([connection]));
  before.add({} as Connection<unknown>, 't', new Map([['one more', 1]]));
  expect(before.of('t', message('real', 1), [topic])).toBeNull();
  before.delete('t');
  expect(before.of('t', message('p98', 1), [topic])).toBeNull();
});

test('after a connection has left a topic, ReceivedBefore stores no numbers for this connection', () => {
  const before = new ReceivedBefore();
  const [left, stays] = [{}, {}] as Connection<unknown>[];
  before.add(left!, 't', new Map([['p', 2]]));
  before.add(stays!, 't', new Map([['p', 2]]));
  before.left(left!, 't');
  expect(before.pendingOf(left!, 't')).toEqual([]);
  expect(before.pendingOf(stays!, 't')).toEqual([['p', 2]]);
});
