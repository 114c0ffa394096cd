/**
 * Checks the definitions of the cases that Autobahn does not have. They are well formed, described in sentences, and listed in
 * docs/conformance.md.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { beyond } from '../../conformance/beyond/suite.ts';
import { select } from '../../conformance/case/select.ts';
import { allCases, titles } from '../../conformance/cases.ts';
import { groupsOf, inShort, rowsOf, tableOf, unobservable } from '../../scripts/conformance-docs.js';

const { cases } = beyond;
const everything = { cases: [], exclude: [] };
const requirements = readFileSync(new URL('../../docs/requirements.txt', import.meta.url), 'utf8');

/** The sections that exist in RFC 6455 and RFC 7692, and the sections of other RFCs that the cases cite. */
const sections: Readonly<Record<string, RegExp>> = {
  6455: /^(?:1\.3|4\.[1-4]|4\.2\.[12]|5\.[1-8]|5\.5\.[1-3]|6\.[12]|7\.[1-4]|7\.1\.[1-7]|7\.2\.[1-3]|7\.4\.[12]|8\.1|9\.[12]|10\.[1-8]|11\.3\.[1-5])$/,
  7692: /^(?:5(?:\.[12])?|6(?:\.[12])?|7(?:\.[123])?|7\.1\.[12]|7\.1\.[12]\.[12]|7\.2\.[123]|7\.2\.3\.[1-6])$/,
  9110: /^(?:5\.5|15\.2)$/,
  9112: /^(?:2\.2|3|3\.2|5|5\.[12]|6|6\.[13])$/,
  6265: /^6\.1$/,
};

describe('conformance cases that Autobahn does not have', () => {
  test('the groups 20 to 29 contain more than 150 cases', () => {
    expect(cases.length).toBeGreaterThanOrEqual(150);
    expect(select(cases, 'server', everything).length).toBeGreaterThanOrEqual(150);
    expect(select(cases, 'client', everything).length).toBeGreaterThanOrEqual(150);
    const groups = new Set(cases.map(({ id }) => Number(id.split('.')[0])));
    expect([...groups]).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  });

  test('the id of each case has three numbers and is unique, and each group has a title', () => {
    const ids = allCases.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id } of cases) {
      expect(id).toMatch(/^2\d\.\d+\.\d+$/);
      const [group = '', part] = id.split('.');
      expect(titles[group], id).toBeDefined();
      expect(titles[`${group}.${part}`], id).toBeDefined();
    }
  });

  test('no two cases for the same kind of peer have the same description', () => {
    const seen = new Map<string, string>();
    for (const { id, description, against = 'both' } of cases) {
      const key = `${against} ${description}`;
      expect(seen.get(key), `${id}: ${description}`).toBeUndefined();
      seen.set(key, id);
    }
  });

  test('each case names a section that exists, and each of the levels MUST, SHOULD and MAY has cases', () => {
    for (const { id, section } of cases) {
      const [, document = '', number = ''] = /^(\d{4}) §([\d.]+)$/.exec(section) ?? [];
      expect(number, `${id}: ${section}`).toMatch(sections[document] ?? /^no such document$/);
    }
    expect([...new Set(cases.map(({ level }) => level))].sort()).toEqual(['MAY', 'MUST', 'SHOULD']);
  });

  test('each case describes in sentences what the judge sends and what it expects', () => {
    for (const { id, description, expectation } of cases) {
      expect(description, id).toMatch(/^[A-Z"].*\S$/s);
      expect(expectation, id).toMatch(/^[A-Z].*\.$/s);
      expect(`${description}${expectation}`, id).not.toMatch(/undefined|\[object|NaN/);
    }
  });

  test('a case with a request tests only servers, and a case with a response tests only clients', () => {
    for (const { id, request, response, against, expect: expected } of cases) {
      if (response !== undefined) expect(against, id).toBe('client');
      if (expected.answer !== undefined) expect(against, id).toBe('server');
      if (request !== undefined) expect(against, id).toBe('server');
    }
  });

  test('the payloads of one case have at most 8 MiB together, so that the definitions of all cases use little memory', () => {
    for (const { id, steps, request, response } of cases) {
      const sizes = steps.map((step) =>
        'payload' in step ? step.payload.length : 'bytes' in step ? step.bytes.length : 0,
      );
      const sum = [...sizes, request?.body?.length ?? 0, response?.body?.length ?? 0].reduce(
        (a, b) => a + b,
        0,
      );
      expect(sum, id).toBeLessThanOrEqual(8 * 1_048_576);
    }
  });
});

describe('the page docs/conformance.md', () => {
  const rows = rowsOf(requirements);

  test('every requirement that a peer can observe has a case, and every requirement that a case names exists', () => {
    expect(rows.length).toBeGreaterThan(100);
    expect(tableOf(rows, allCases).faults).toEqual([]);
    for (const id of Object.keys(unobservable)) expect(rows.map((row) => row.id)).toContain(id);
  });

  test('docs/conformance.md contains the tables that are generated from the cases', () => {
    const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
    expect(page).toContain(tableOf(rows, allCases).text);
    expect(page).toContain(groupsOf(allCases, titles));
  });

  test('tableOf reports a requirement that has no case and no reason for this, and a case that names an unknown requirement', () => {
    const none = tableOf([{ id: 'H1', title: 'a', says: 'b' }], [{ id: '1.1.1', covers: ['X9'] }]);
    expect(none.faults).toEqual([
      'case 1.1.1 names X9, which is no row',
      'H1 has neither a case nor a reason why no peer can observe it',
    ]);
  });

  test('inShort shortens the ids in a table cell to subgroups and ranges', () => {
    const all = ['1.1.1', '1.1.2', '1.2.1', '1.2.2', '1.2.3', '1.2.4', '1.2.6'];
    expect(inShort(['1.1.1', '1.1.2', '1.2.2', '1.2.3', '1.2.4', '1.2.6'], all)).toBe(
      '1.1.*, 1.2.2–1.2.4, 1.2.6',
    );
  });
});
