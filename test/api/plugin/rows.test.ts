/**
 * Checks docs/plugin-rows.md. The page has a row for each behaviour of the original plugins, and for each of our differences. The title of
 * a test names each row, or the row says why there is no test.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testFiles } from '../../../scripts/attacks.js';
import { fillRows, rowsOf, traceRows } from '../../../scripts/plugin.js';

const page = readFileSync(new URL('../../../docs/plugin-rows.md', import.meta.url), 'utf8');
const trace = traceRows(testFiles());

/** The number of rows of each section. With these numbers, a test notices a row that was deleted by mistake. */
const sections: Readonly<Record<string, number>> = {
  'A0-': 11,
  'A0.1-': 10,
  'A0.2-': 5,
  'A0.3-': 17,
  'A0.4-': 6,
  'A0.5-': 13,
  'A0.6-': 11,
  'A0.7-': 9,
  'A0.8-': 8,
  'A0.9-': 1,
  'A0.10-': 6,
  'A1.1-': 15,
  'A1.2-': 13,
  'A1.3-': 9,
  'A1.4-': 5,
  'A1.5-': 7,
  'A1.6-': 1,
  'A1.7-': 12,
  'A1.8-': 6,
  'A1.9-': 1,
  'A1.10-': 4,
  'A1.11-': 1,
  'A1.12-': 1,
  'A2.1-': 6,
  'A2.2-': 3,
  'A2.3-': 10,
  'A2.4-': 12,
  C: 57,
};

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

const expected = Object.entries(sections).flatMap(([prefix, count]) => numbered(prefix, count));

const rows = new Map(
  [...page.matchAll(/^\| (A\d+(?:\.\d+)?-\d+|C\d+) \|(.*)\|[^|]*\|$/gm)].map(([, id = '', cells = '']) => [
    id,
    cells,
  ]),
);

test('docs/plugin-rows.md lists every row once', () => {
  expect([...rows.keys()].sort()).toEqual([...expected].sort());
  expect(page.match(/^\| (?:A\d+(?:\.\d+)?-\d+|C\d+) \|/gm)).toHaveLength(expected.length);
});

describe('each row of docs/plugin-rows.md', () => {
  test.each(expected)(
    'the title of a test names the row %s, or the page gives the reason why no test names it',
    (id) => {
      if (trace.has(id)) return;
      const cells = rows.get(id) ?? '';
      const taken = /see row (C\d+) of/.exec(cells)?.[1];
      if (taken !== undefined) expect(trace.has(taken), `${id}: ${taken} has no test`).toBe(true);
      else expect(cells, `${id} has neither a test nor a reason`).toMatch(/dropped/);
      expect(id, 'a decision needs a test').not.toMatch(/^C/);
    },
  );
});

test('every row that a test title names exists in docs/plugin-rows.md', () => {
  expect([...trace.keys()].filter((id) => !rows.has(id))).toEqual([]);
});

test('the column of tests in docs/plugin-rows.md is up to date', () => {
  expect(fillRows(page, trace)).toBe(page);
});

test('rowsOf returns the rows that a test title names', () => {
  expect(rowsOf('plugin A1.2-3, C6: text')).toEqual(['A1.2-3', 'C6']);
  expect(rowsOf('C6: text')).toEqual([]);
  expect(rowsOf('plugin C6 text')).toEqual([]);
});
