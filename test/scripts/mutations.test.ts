/** The mutations fit the source as it is: what drifts away would be found out when its turn is drawn. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutations } from '../../scripts/mutations.js';

const root = new URL('../../', import.meta.url);

test('the text that a mutation replaces is in its file exactly once', () => {
  const counts = mutations.map(({ id, file, find }) => {
    const source = readFileSync(new URL(file, root), 'utf8');
    return { id, count: source.split(find).length - 1 };
  });
  expect(counts.filter(({ count }) => count !== 1)).toEqual([]);
  expect(counts.length).toBeGreaterThan(80);
});

test('each mutation changes something', () => {
  for (const { id, find, replace } of mutations) expect(replace, id).not.toBe(find);
});
