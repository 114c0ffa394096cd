/**
 * docs/4d-sentences.md: every sentence of the five documents of 4D is there and has a test, or says why there can be none. What
 * is a difference names the decision that it follows.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { testFiles } from '../../scripts/attacks.js';
import { fillColumn, notHere, problemsOf, sentencesOfPage, traceSentences } from '../../scripts/sentences.js';

const page = readFileSync(new URL('../../docs/4d-sentences.md', import.meta.url), 'utf8');
const files = testFiles();
const sentences = sentencesOfPage(page);

/** How many sentences each document has, so that none can be dropped unseen. */
const documents = { D1: 105, D2: 109, D3: 119, D4: 24, D5: 113 };

test.each(Object.entries(documents))('%s: %i sentences, in order', (document, count) => {
  const ids = sentences.map(({ id }) => id).filter((id) => id.startsWith(`${document}-`));
  expect(ids).toEqual(Array.from({ length: count }, (_, at) => `${document}-${at + 1}`));
});

test('each line of the page that has an id was read as a sentence', () => {
  expect(page.match(/^\| D/gm)).toHaveLength(sentences.length);
});

test('each sentence has a test or a reason, and each test that names a sentence exists', () => {
  expect(problemsOf(page, files)).toEqual([]);
});

test('the column of tests is up to date', () => {
  expect(fillColumn(page, traceSentences(page, files).trace)).toBe(page);
});

describe('the sentences that are implemented', () => {
  test('only sentences that this package cannot implement are left out', () => {
    const out = sentences.filter(({ here }) => notHere.test(here)).map(({ id }) => id);
    expect(out).toEqual(['D1-2', 'D2-2', 'D2-4', 'D2-43']);
  });

  test('a decision that is named is among the rows, so it has tests too', () => {
    for (const { id, here, rows } of sentences) {
      for (const [decision] of here.matchAll(/\bC\d+\b/g)) {
        expect(rows.includes(decision) || id.startsWith('D5'), `${id}: ${decision}`).toBe(true);
      }
    }
  });

  test('the second page of WebSocketServer says the same as the first one, except for one property', () => {
    const own = sentences.filter(({ id, rows }) => id.startsWith('D5') && !/^D3-\d+$/.test(rows.join()));
    expect(own.map(({ says }) => says)).toEqual([expect.stringContaining('`scalableSession`')]);
    const first = new Map(sentences.map(({ id, says }) => [id, says]));
    for (const { says, rows, id } of sentences) {
      const [row = ''] = rows;
      if (row.startsWith('D3')) expect(says, id).toBe(first.get(row));
    }
  });
});
