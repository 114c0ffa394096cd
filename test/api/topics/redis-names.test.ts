/** Tests the names of topics and patterns in Redis. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RedisNames } from '../../../src/api/topics/redis-names.ts';

const names = new RedisNames('p');

test('a topic is converted to a channel whose name begins with the prefix of the bus, and the channel is converted back to the topic', () => {
  expect(names.channelOf('room/1')).toBe('p/room/1');
  fc.assert(
    fc.property(fc.string(), (topic) => {
      expect(names.topicOf(names.channelOf(topic))).toBe(topic);
    }),
  );
});

test('the control channel of a RedisBus is not the channel of any topic', () => {
  expect(names.control).toBe('p!');
  fc.assert(
    fc.property(fc.string(), (topic) => {
      expect(names.channelOf(topic)).not.toBe(names.control);
    }),
  );
});

test.each([
  ['room/*', 'p/room/*'],
  ['room/**', 'p/room/*'],
  ['a*b', 'p/a\\*b'],
  ['[a]/?/*', 'p/\\[a\\]/\\?/*'],
  ['a\\b/*', 'p/a\\\\b/*'],
])('the pattern %s has the glob %s in Redis', (pattern, glob) => {
  expect(names.globOf(pattern)).toBe(glob);
});

test('a topic uses a channel, or a sharded channel on a sharded bus, and a pattern uses a glob', () => {
  expect(names.subscriptionOf('a', false)).toEqual({ kind: 'channel', name: 'p/a' });
  expect(names.subscriptionOf('a', true)).toEqual({ kind: 'shard', name: 'p/a' });
  expect(names.subscriptionOf('a/*', false)).toEqual({ kind: 'glob', name: 'p/a/*' });
});
