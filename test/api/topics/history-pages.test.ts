/** Tests how many messages the library reads in one page of a history. */
import { expect, test } from 'vitest';
import { FIRST_COUNT, nextCount } from '../../../src/api/topics/history-pages.ts';

const page = (...sizes: readonly number[]) => ({
  messages: sizes.map((size) => ({ position: 'p', bytes: new Uint8Array(size) })),
  isGap: false,
  position: 'p',
  isEnd: false,
});

test.each([
  [page(), FIRST_COUNT],
  [page(100, 100), 500],
  [page(0), 500],
  [page(64 * 1024, 64 * 1024), 15],
  [page(1024 * 1024), 1],
  [page(5_000_000, 5_000_000), 1],
])('the next page of a history contains about as many messages as fit into 1 MiB: %#', (last, count) => {
  expect(nextCount(last, FIRST_COUNT)).toBe(count);
});
