/**
 * docs/4d-sentences.md lists every sentence of the five documents of 4D. Each sentence has a test, or the page says why it can have none.
 * If this package differs from a sentence, the page names the decision.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testFiles } from '../../scripts/attacks.js';
import { fillColumn, notHere, problemsOf, sentencesOfPage, traceSentences } from '../../scripts/sentences.js';

const page = readFileSync(new URL('../../docs/4d-sentences.md', import.meta.url), 'utf8');
const files = testFiles();
const sentences = sentencesOfPage(page);

/** The number of sentences of each document, so that a sentence cannot be dropped by mistake. */
const documents = { D1: 105, D2: 109, D3: 119, D4: 24, D5: 113 };

test.each(Object.entries(documents))('%s has %i sentences, and their ids are in order', (document, count) => {
  const ids = sentences.map(({ id }) => id).filter((id) => id.startsWith(`${document}-`));
  expect(ids).toEqual(Array.from({ length: count }, (_, at) => `${document}-${at + 1}`));
});

test('the script reads each line of the page that has an id as a sentence', () => {
  expect(page.match(/^\| D/gm)).toHaveLength(sentences.length);
});

test('each sentence has a test or a reason for having none, and each sentence that a test names exists', () => {
  expect(problemsOf(page, files)).toEqual([]);
});

test('the column of tests on the page is up to date', () => {
  expect(fillColumn(page, traceSentences(page, files).trace)).toBe(page);
});

describe('the sentences that are implemented', () => {
  test('the page marks exactly four sentences as impossible in this package', () => {
    const out = sentences.filter(({ here }) => notHere.test(here)).map(({ id }) => id);
    expect(out).toEqual(['D1-2', 'D2-2', 'D2-4', 'D2-43']);
  });

  test('each decision that the text of a sentence names is also among the rows of the sentence', () => {
    for (const { id, here, rows } of sentences) {
      for (const [decision] of here.matchAll(/\bC\d+\b/g)) {
        expect(rows.includes(decision) || id.startsWith('D5'), `${id}: ${decision}`).toBe(true);
      }
    }
  });

  test('the second document about WebSocketServer repeats the first one, except for one property', () => {
    const own = sentences.filter(({ id, rows }) => id.startsWith('D5') && !/^D3-\d+$/.test(rows.join()));
    expect(own.map(({ says }) => says)).toEqual([expect.stringContaining('`scalableSession`')]);
    const first = new Map(sentences.map(({ id, says }) => [id, says]));
    for (const { says, rows, id } of sentences) {
      const [row = ''] = rows;
      if (row.startsWith('D3')) expect(says, id).toBe(first.get(row));
    }
  });
});
