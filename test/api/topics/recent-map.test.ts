/** Tests of the map of limited size, which does not forget keys in use. */
import { expect, test } from 'vitest';
import { RecentMap } from '../../../src/api/topics/recent-map.ts';

test('a RecentMap keeps keys in use, forgets other keys, and holds at most twice `size` keys', () => {
  const map = new RecentMap<number>(10);
  map.set('used', -1);
  for (let at = 0; at < 200; at++) {
    map.set(`key ${at}`, at);
    expect(map.get('used')).toBe(-1);
    // The map still has the last keys.
    for (let back = 0; back < Math.min(at, 5); back++) expect(map.get(`key ${at - back}`)).toBe(at - back);
  }
  const left = Array.from({ length: 200 }, (_, at) => map.get(`key ${at}`)).filter(
    (one) => one !== undefined,
  );
  expect(left.length).toBeLessThanOrEqual(20);
  expect(map.get('key 0')).toBeUndefined();
});

test('a key of a RecentMap that is set again has its new value, whichever generation the key was in', () => {
  const map = new RecentMap<number>(2);
  map.set('a', 1);
  map.set('b', 1);
  map.set('c', 1);
  map.set('a', 2);
  expect(map.get('a')).toBe(2);
  map.set('a', 3);
  expect(map.get('a')).toBe(3);
});
