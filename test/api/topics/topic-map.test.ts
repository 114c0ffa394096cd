/** Compares the result of `TopicMap` with the result of a simple function, which tests all patterns one by one. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPattern, matchesPattern } from '../../../src/api/topics/pattern.ts';
import { TopicMap } from '../../../src/api/topics/topic-map.ts';

const part = fc.constantFrom('a', 'b', 'c');
const topics = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const patterns = fc
  .tuple(
    fc.array(fc.oneof(part, fc.constant('*')), { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', '/**'),
  )
  .map(([parts, end]) => parts.join('/') + end);

test('`TopicMap.match` returns exactly the values of the keys that match, and first the value of the topic itself', () => {
  fc.assert(
    fc.property(fc.uniqueArray(patterns), topics, (keys, topic) => {
      const map = new TopicMap<string>();
      for (const key of keys) map.add(key, key);
      const found = map.match(topic);
      expect([...found].sort()).toEqual(keys.filter((key) => matchesPattern(key, topic)).sort());
      if (keys.includes(topic)) expect(found[0]).toBe(topic);
    }),
  );
});

test('after a key is deleted from a TopicMap, `match` no longer finds the key, but still finds the other keys', () => {
  fc.assert(
    fc.property(fc.uniqueArray(patterns, { minLength: 1 }), topics, (keys, topic) => {
      const map = new TopicMap<string>();
      for (const key of keys) map.add(key, key);
      const [first = '', ...others] = keys;
      map.delete(first);
      map.delete('not there');
      expect(map.get(first)).toBeUndefined();
      expect(map.size).toBe(others.length);
      expect([...map.values()].sort()).toEqual([...others].sort());
      expect(map.match(topic).sort()).toEqual(others.filter((key) => matchesPattern(key, topic)).sort());
    }),
  );
});

test.each([
  ['a/*', true],
  ['**', true],
  ['a*', false],
  ['a/b', false],
])('the answer to "does the name %s have wildcards?" is %s', (name, expected) => {
  expect(isPattern(name)).toBe(expected);
});

test.each([
  ['a/*', 'a/b', true],
  ['a/*', 'a', false],
  ['a/*', 'a/b/c', false],
  ['a/**', 'a/b/c', true],
  ['a/**', 'a', false],
  ['**', 'a', true],
  ['*/b', 'a/b', true],
  ['a', 'a', true],
  ['a', 'b', false],
])('the answer to "does the pattern %s match the topic %s?" is %s', (pattern, topic, expected) => {
  expect(matchesPattern(pattern, topic)).toBe(expected);
});
