/**
 * Tests scripts/fourd.js: which test titles name a row of the 4D pages, which gaps the script reports, and how it fills the column of
 * tests.
 */
import { describe, expect, test } from 'vitest';
import { fillColumn, idsOfPage, problemsOf, rowsOf, traceRows } from '../../scripts/fourd.js';

test.each([
  ['C61: a code', ['C61']],
  ['B-ws-send, C74: a string', ['B-ws-send', 'C74']],
  ['C74, B-ws-send: a string', ['C74', 'B-ws-send']],
  ['a reason [C63]', ['C63']],
  ['C22: another table', []],
  ['after C61 nothing', []],
])('scripts/fourd.js finds the ids of the rows in the title "%s"', (title, ids) => {
  expect(rowsOf(title)).toEqual(ids);
});

const page =
  '| id | a | b | tests |\n| C61 | one | 1 | |\n| B-ws-id | two | 2 | [old](../test/old.test.ts) |\n';

describe('the page docs/4d.md', () => {
  const trace = traceRows([
    {
      file: 'test/a.test.ts',
      source: "test('C61: runs', () => {});\ntest.skip('B-ws-id: does not', () => {});\n",
    },
    {
      file: 'test/browser/b.test.ts',
      source: "describe('C61: holds', () => {\n  test('one', () => {});\n});\n",
    },
  ]);

  test('scripts/fourd.js reads the rows of the page, and fills the column of tests from the test titles', () => {
    expect(idsOfPage(page)).toEqual(['C61', 'B-ws-id']);
    const filled =
      '| id | a | b | tests |\n| C61 | one | 1 | [a](../test/a.test.ts), [browser](../test/browser/b.test.ts) |\n| B-ws-id | two | 2 | |\n';
    expect(fillColumn(page, trace)).toBe(filled);
    expect(fillColumn(filled, trace)).toBe(filled);
  });

  test('scripts/fourd.js reports a missing row, and a row without a test', () => {
    expect(problemsOf(page, trace)).toEqual(['B-ws-id has no test']);
    expect(problemsOf(page + page, new Map([['C62', ['test/x.test.ts']]]))).toEqual([
      'C61 is there twice',
      'B-ws-id is there twice',
      ...['C61', 'B-ws-id', 'C61', 'B-ws-id'].map((row) => `${row} has no test`),
      'test/x.test.ts names C62, which is no row',
    ]);
  });
});
