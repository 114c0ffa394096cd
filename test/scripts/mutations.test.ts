/**
 * Tests that each mutation (deliberate fault) of scripts/mutations.js still matches the source. Without this test, a mutation that no
 * longer matches would be noticed only when a run selects it.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutations } from '../../scripts/mutations.js';

const root = new URL('../../', import.meta.url);

test('the text that a mutation (a deliberate fault) replaces occurs exactly once in its file', () => {
  const counts = mutations.map(({ id, file, find }) => {
    const source = readFileSync(new URL(file, root), 'utf8');
    return { id, count: source.split(find).length - 1 };
  });
  expect(counts.filter(({ count }) => count !== 1)).toEqual([]);
  expect(counts.length).toBeGreaterThan(80);
});

test('each mutation changes the source text', () => {
  for (const { id, find, replace } of mutations) expect(replace, id).not.toBe(find);
});
