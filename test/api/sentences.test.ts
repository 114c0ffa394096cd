/**
 * docs/4d-sentences.md lists every sentence of the five documents of 4D. Each sentence has a test, or the page gives a reason for having
 * no test. If this package differs from a sentence, the page names our decision.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testFiles } from '../../scripts/attacks.js';
import { fillColumn, notHere, problemsOf, sentencesOfPage, traceSentences } from '../../scripts/sentences.js';

const page = readFileSync(new URL('../../docs/4d-sentences.md', import.meta.url), 'utf8');
const files = testFiles();
const sentences = sentencesOfPage(page);

/** The number of sentences in each document. With these numbers, the test notices a sentence that was deleted by mistake. */
const documents = { D1: 105, D2: 109, D3: 119, D4: 24, D5: 113 };

test.each(Object.entries(documents))(
  'the document %s has %i sentences, and their ids are in order',
  (document, count) => {
    const ids = sentences.map(({ id }) => id).filter((id) => id.startsWith(`${document}-`));
    expect(ids).toEqual(Array.from({ length: count }, (_, at) => `${document}-${at + 1}`));
  },
);

test('the script reads each row of the page whose id begins with D as a sentence', () => {
  expect(page.match(/^\| D/gm)).toHaveLength(sentences.length);
});

test('each sentence on the page has a test, or a reason why it has no test; each sentence that a test names is on the page', () => {
  expect(problemsOf(page, files)).toEqual([]);
});

test('the column on the page that lists the tests is up to date', () => {
  expect(fillColumn(page, traceSentences(page, files).trace)).toBe(page);
});

describe('the sentences on the page', () => {
  test('the page marks exactly four sentences as impossible in this package', () => {
    const out = sentences.filter(({ here }) => notHere.test(here)).map(({ id }) => id);
    expect(out).toEqual(['D1-2', 'D2-2', 'D2-4', 'D2-43']);
  });

  test('if the text of a row names a decision, the column of related rows lists this decision as well', () => {
    for (const { id, here, rows } of sentences) {
      for (const [decision] of here.matchAll(/\bC\d+\b/g)) {
        expect(rows.includes(decision) || id.startsWith('D5'), `${id}: ${decision}`).toBe(true);
      }
    }
  });

  test('the second document of 4D about WebSocketServer repeats sentences of the first one, except one sentence about `scalableSession`', () => {
    const own = sentences.filter(({ id, rows }) => id.startsWith('D5') && !/^D3-\d+$/.test(rows.join()));
    expect(own.map(({ says }) => says)).toEqual([expect.stringContaining('`scalableSession`')]);
    const first = new Map(sentences.map(({ id, says }) => [id, says]));
    for (const { says, rows, id } of sentences) {
      const [row = ''] = rows;
      if (row.startsWith('D3')) expect(says, id).toBe(first.get(row));
    }
  });
});
