/** Tests scripts/sentences.js: which test titles name a sentence, which tests a sentence has, and which gaps the script reports. */
import { describe, expect, test } from 'vitest';
import {
  fillColumn,
  problemsOf,
  sentencesOf,
  sentencesOfPage,
  traceSentences,
} from '../../scripts/sentences.js';

test.each([
  ['types [D1-30]', ['D1-30']],
  ['types [D1-30, D2-1]', ['D1-30', 'D2-1']],
  ['types [D1-9 to D1-11, D2-1]', ['D1-9', 'D1-10', 'D1-11', 'D2-1']],
  ['C61: types [C62] [D3-4]', ['D3-4']],
  ['types D1-30', []],
  ['types [D6-1]', []],
])('scripts/sentences.js finds the ids of the sentences in the title "%s"', (title, ids) => {
  expect(sentencesOf(title)).toEqual(ids);
});

const page = [
  '| id | the page says | here | rows | tests |',
  '|---|---|---|---|---|',
  '| D1-1 | one | the same | C61, A1.2-1 | |',
  '| D1-2 | two | the same | | [old](../test/old.test.ts) |',
  '| D1-3 | three | not here: nothing is built | | |',
  '| D5-1 | one | the same | D1-1 | |',
  '',
].join('\n');

const files = [
  { file: 'test/a.test.ts', source: "test('C61: one', () => {});\ntest.skip('two [D1-2]', () => {});\n" },
  { file: 'test/b.test.ts', source: "test('plugin A1.2-1: one [D1-1]', () => {});\n" },
];

describe('the page docs/4d-sentences.md', () => {
  test('scripts/sentences.js reads each sentence of the page and its rows', () => {
    expect(sentencesOfPage(page)).toEqual([
      { id: 'D1-1', says: 'one', here: 'the same', rows: ['C61', 'A1.2-1'] },
      { id: 'D1-2', says: 'two', here: 'the same', rows: [] },
      { id: 'D1-3', says: 'three', here: 'not here: nothing is built', rows: [] },
      { id: 'D5-1', says: 'one', here: 'the same', rows: ['D1-1'] },
    ]);
  });

  test('the tests of a sentence are the tests of its rows, of the sentences that it cites, and of the sentence itself; skipped tests do not count', () => {
    const { trace } = traceSentences(page, files);
    const both = '[a](../test/a.test.ts), [b](../test/b.test.ts)';
    const filled = page
      .replace('A1.2-1 | |', `A1.2-1 | ${both} |`)
      .replace('| [old](../test/old.test.ts) |', '| |')
      .replace('| D1-1 | |', `| D1-1 | ${both} |`);
    expect(fillColumn(page, trace)).toBe(filled);
    expect(fillColumn(filled, trace)).toBe(filled);
  });

  test('scripts/sentences.js reports a missing sentence, and a sentence without a test', () => {
    expect(problemsOf(page, files)).toEqual(['D1-2 has neither a test nor a reason']);
    const more = [
      ...files,
      { file: 'test/c.test.ts', source: "test('two [D1-2]', () => {});\ntest('x [D4-7]', () => {});\n" },
    ];
    expect(problemsOf(page, more)).toEqual(['a test names D4-7, which is no sentence']);
    expect(problemsOf(page.replace('C61', 'C60').replaceAll('D1-3', 'D1-2'), more)).toEqual([
      'D1-1 names C60, which has no test',
      'D1-2 is there twice',
      'a test names D4-7, which is no sentence',
    ]);
    expect(problemsOf('| D2-1 | one |  | C61 | |\n', files)).toContain('D2-1 does not say what is done here');
  });
});
