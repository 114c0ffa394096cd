/** docs/4d-rows.md has one row for each statement of 4D's pages and for each of our decisions. The title of a test names each row. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testFiles } from '../../../scripts/attacks.js';
import { idsOfPage, problemsOf, traceRows } from '../../../scripts/fourd.js';

const page = readFileSync(new URL('../../../docs/4d-rows.md', import.meta.url), 'utf8');
const rows = idsOfPage(page);

test('docs/4d-rows.md lists all decisions', () => {
  const decisions = Array.from({ length: 33 }, (_, index) => `C${60 + index}`);
  expect(rows.filter((row) => row.startsWith('C'))).toEqual(decisions);
});

/** The number of rows for each part of 4D's pages. With these numbers, a test notices that a row is missing. */
const parts: Readonly<Record<string, number>> = {
  new: 8,
  wss: 14,
  request: 4,
  terminate: 6,
  ws: 12,
  data: 4,
  client: 17,
};

test.each(Object.entries(parts))('the part B-%s of docs/4d-rows.md has %i rows', (part, count) => {
  expect(rows.filter((row) => row.startsWith(`B-${part}-`))).toHaveLength(count);
});

describe('rows of docs/4d-rows.md and tests', () => {
  const trace = traceRows(testFiles());

  test('every row has a test, and every row that a test names exists', () => {
    expect(problemsOf(page, trace)).toEqual([]);
  });

  test.each(rows)('each test file that the row %s links has a test that names the row', (row) => {
    const cells = page.split('\n').find((line) => line.startsWith(`| ${row} |`)) ?? '';
    const links = [...cells.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, file = '']) => file);
    expect(links.filter((file) => !trace.get(row)?.includes(file))).toEqual([]);
    expect(links).not.toEqual([]);
  });
});
