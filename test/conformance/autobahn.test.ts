/** Tests that our cases equal the 517 cases of Autobahn in their order, bytes, times and outcomes. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { autobahn } from '../../conformance/autobahn/suite.ts';
import { answerOffer } from '../../conformance/wire/deflate.ts';
import digests from './autobahn-facts.json' with { type: 'json' };
import { digestOf, type Facts, linesOfCase, linesOfFact } from './facts.ts';

const expected = new Map(Object.entries(digests));
const facts = process.env.AUTOBAHN_FACTS ?? new URL('../../../shared/autobahn/cases.json', import.meta.url);

test("the conformance judge has Autobahn's 517 cases, in the same order", () => {
  expect(expected.size).toBe(517);
  expect(autobahn.cases.map(({ id }) => id)).toEqual([...expected.keys()]);
});

test("each of the judge's cases sends and expects the same as the recorded case of Autobahn", () => {
  const wrong = autobahn.cases.filter((one) => digestOf(linesOfCase(one)) !== expected.get(one.id));
  expect(wrong.map(linesOfCase)).toEqual([]);
});

test('if a fact of a case changes, the digest of the case changes', () => {
  const one = autobahn.cases.find(({ id }) => id === '3.2')!;
  const [first, ...rest] = one.steps;
  const changed = [
    { ...one, steps: [...rest, first!] },
    { ...one, steps: [{ ...first!, rsv: 1 } as typeof first & object, ...rest] },
    { ...one, expect: { ...one.expect, events: { OK: [] } } },
    { ...one, expect: { ...one.expect, close: { ...one.expect.close, codes: [1007] } } },
    { ...one, expect: { ...one.expect, wrongSideFails: true } },
    { ...one, informational: true },
  ];
  for (const other of changed) expect(digestOf(linesOfCase(other))).not.toBe(expected.get('3.2'));
});

// The repository contains only the digests of the facts. It does not contain the facts themselves.
test.skipIf(!existsSync(facts))(
  'the digests in the repository equal the digests of the recorded facts',
  () => {
    const { cases } = JSON.parse(readFileSync(facts, 'utf8')) as Facts;
    expect(Object.fromEntries(cases.map((fact) => [fact.id, digestOf(linesOfFact(fact))]))).toEqual(digests);
  },
);

test('every case has a description, an expectation, a section, and the ids of the requirements that it covers', () => {
  for (const { id, description, expectation, section, covers } of autobahn.cases) {
    expect(description, id).toMatch(/^[A-Z].*\.$/s);
    expect(expectation, id).toMatch(/^[A-Z].*\.$/s);
    expect(section, id).toMatch(/^(?:6455|7692) §\d+(?:\.\d+)*$/);
    expect(covers?.length, id).toBeGreaterThan(0);
  }
});

describe('the conformance judge as a server answers a client that offers permessage-deflate', () => {
  const offers = [
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; client_max_window_bits=10',
    'permessage-deflate; client_no_context_takeover; client_max_window_bits',
    'permessage-deflate; client_no_context_takeover',
    'permessage-deflate; server_no_context_takeover; server_max_window_bits=10',
  ];
  const pmd = 'permessage-deflate';
  const hints = `${pmd}; server_no_context_takeover; server_max_window_bits=10`;
  const nine = `${pmd}; client_max_window_bits=9`;
  const quiet = `${pmd}; client_no_context_takeover`;
  const quietNine = `${quiet}; client_max_window_bits=9`;
  const eachOf = (answer: string): (string | null)[] => [null, answer, answer, answer, null, null];
  test.each([
    ['13.1.1', [pmd, pmd, pmd, pmd, pmd, hints]],
    ['13.2.1', [quiet, quiet, quiet, quiet, quiet, `${hints}; client_no_context_takeover`]],
    ['13.3.1', eachOf(nine)],
    ['13.4.1', eachOf(nine.replace('9', '15'))],
    ['13.5.1', eachOf(quietNine)],
    ['13.6.1', eachOf(quietNine.replace('9', '15'))],
    ['13.7.1', [quiet, quietNine, quietNine, quietNine, quiet, `${hints}; client_no_context_takeover`]],
  ])('in case %s, the judge answers each offer as Autobahn does', (id, answers) => {
    const wishes = autobahn.cases.find((one) => one.id === id)!.deflate!.wishes;
    expect(offers.map((offer) => answerOffer(offer, wishes)?.text ?? null)).toEqual(answers);
  });
});
