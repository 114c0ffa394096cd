/** Tests `RecentMap`, a map of limited size. It keeps the keys that are used often enough. */
import { expect, test } from 'vitest';
import { RecentMap } from '../../../src/api/topics/recent-map.ts';

test('a RecentMap keeps keys that are used, forgets other keys, and holds at most twice `size` keys', () => {
  const map = new RecentMap<number>(10);
  map.set('used', -1);
  for (let at = 0; at < 200; at++) {
    map.set(`key ${at}`, at);
    expect(map.get('used')).toBe(-1);
    // The map still has the newest keys.
    for (let back = 0; back < Math.min(at, 5); back++) expect(map.get(`key ${at - back}`)).toBe(at - back);
  }
  const left = Array.from({ length: 200 }, (_, at) => map.get(`key ${at}`)).filter(
    (one) => one !== undefined,
  );
  expect(left.length).toBeLessThanOrEqual(20);
  expect(map.get('key 0')).toBeUndefined();
});

test('if a key of a RecentMap is set again, `get` returns the new value, even for an old key', () => {
  const map = new RecentMap<number>(2);
  map.set('a', 1);
  map.set('b', 1);
  map.set('c', 1);
  map.set('a', 2);
  expect(map.get('a')).toBe(2);
  map.set('a', 3);
  expect(map.get('a')).toBe(3);
});
