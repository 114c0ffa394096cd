/** Tests that scripts/requirements.js reports every possible disagreement between the table, the code, the tests and the page. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { missingCode, parseTable, render, trace, wrongCitations } from '../../scripts/requirements.js';

const committed = readFileSync(new URL('../../docs/requirements.txt', import.meta.url), 'utf8');
const table = `
## Group

F1 both MUST §5.1
  What is asked,
  in two lines.
  code: src/a.ts#f, src/a.ts#C.m

F2 server SHOULD §5.1, §10.4
  Another.
  code: src/a.ts#f
  deviation: because.
`;
const { requirements } = parseTable(table);
const traced = (source: string): string[] =>
  trace(requirements, new Map([['test/a.test.ts', source]])).problems;

test('docs/requirements.txt is well formed and complete', () => {
  const { requirements: all, problems } = parseTable(committed);
  expect(problems).toEqual([]);
  expect(all).toHaveLength(137);
});

test('scripts/requirements.js reports an entry that is missing from the table', () => {
  const without = committed.replace(/\nC25 [\s\S]*$/, '\n');
  expect(parseTable(without).problems).toContain('C25 is not in the table');
});

test('scripts/requirements.js reads an entry of the table with all its fields', () => {
  expect(requirements[0]).toEqual({
    id: 'F1',
    role: 'both',
    level: 'MUST',
    group: 'Group',
    sections: ['5.1'],
    what: 'What is asked, in two lines.',
    code: ['src/a.ts#f', 'src/a.ts#C.m'],
    reason: null,
  });
  expect(requirements[1]?.reason).toEqual({ status: 'deviation', why: 'because.' });
});

test('scripts/requirements.js reports malformed entries and sections that the RFC does not have', () => {
  const { problems } = parseTable('\n## G\n\nF1 peer MUST §5.9\n  x\n  code: a#b\n\nF2 MUST\n  y\n');
  expect(problems).toEqual(
    expect.arrayContaining(['F1: role "peer"', 'F1: RFC 6455 has no §5.9', 'not an entry: "F2 MUST"']),
  );
});

test('if an entry cites RFC 7692 by number, scripts/requirements.js looks up the section in RFC 7692', () => {
  const entry = (sections: string): ReturnType<typeof parseTable> =>
    parseTable(`\n## G\n\nP1 both MUST ${sections}\n  x\n  code: a#b\n`);
  const mixed = entry('7692 §7.1.2.2, §9.1');
  expect(mixed.requirements[0]?.sections).toEqual(['7692 7.1.2.2', '9.1']);
  expect(mixed.problems.filter((problem) => problem.startsWith('P1: '))).toEqual([]);
  expect(entry('7692 §7.4').problems).toContain('P1: RFC 7692 has no §7.4');
  expect(entry('§7.1.2.2').problems).toContain('P1: RFC 6455 has no §7.1.2.2');
  expect(entry('8441 §5').problems).toContain('not an entry: "P1 both MUST 8441 §5"');
});

describe('the requirements that a title of a test names', () => {
  test('a requirement counts as tested if a test title names it, and the test is not removed, skipped or empty', () => {
    expect(traced("test('F1: works', () => {});")).toEqual([]);
    expect(traced('')).toEqual(['F1 (MUST) has no test']);
    expect(traced("test.skip('F1: works', () => {});")).toEqual([
      'F1 (MUST) has no test (test/a.test.ts:1 "F1: works" is skipped or empty)',
    ]);
    expect(traced("describe('F1: works', () => {});")).toHaveLength(1);
  });

  test('scripts/requirements.js reports an unknown id of a requirement, and ignores ids of attacks', () => {
    expect(traced("test('F1, F99: works', () => {});")).toEqual([
      'test/a.test.ts:1 names F99, which is not in the table',
    ]);
    expect(traced("test('F1: works [A38]', () => {});")).toEqual([]);
  });

  test('scripts/requirements.js reports an id that is neither at the start of a title nor in brackets', () => {
    expect(traced("test('as F1 says', () => {});")[0]).toMatch(/a\.test\.ts:1 .* mentions it, not as/);
  });
});

test('scripts/requirements.js reports code that the table names and the source does not declare', () => {
  const read = (source: string) => missingCode(requirements, () => source);
  expect(read('export function f() {}\nexport class C {\n  async m(): void {}\n}')).toEqual([]);
  expect(read('const f = 1;\nclass C {\n  #m() {}\n}')).toEqual(['F1: src/a.ts: C has no m']);
  expect(read('// function f\nclass C {\n  m = 1;\n}')).toEqual([
    'F1: src/a.ts declares no f',
    'F2: src/a.ts declares no f',
  ]);
  expect(missingCode(requirements, () => null)).toContain('F1: src/a.ts does not exist');
});

test('if a test is removed, the page docs/requirements.md no longer agrees with the tests', () => {
  const page = (source: string): string =>
    render(requirements, trace(requirements, new Map([['test/a.test.ts', source]])).tests);
  const two = "test('F1: works', () => {}); test('F1: fails', () => {});";
  expect(page(two)).toContain('F1: fails');
  expect(page("test('F1: works', () => {});")).not.toBe(page(two));
  const group = "describe('F1: all', () => { test('a', () => {}); test('b', () => {}); });";
  expect(page(group)).not.toBe(page(group.replace("test('b', () => {});", '')));
});

test.each([
  ['// §5.5: fine', []],
  ['// §5.5.3 and §7.1.7: fine', []],
  ['// 7692 §7.2.3.4: fine', []],
  ['// 7692 §7.1, §7.2.3.6: fine', []],
  ['// RFC 6455 §5.2 (layout), §5.3 (unmasking)', []],
  ['// 9110 §15.5.22: another document', []],
  ['/** one\n * §5.9: no */', ['src/a.ts:2: RFC 6455 has no §5.9']],
  ['// 7692 §7.1, §7.9', ['src/a.ts:1: RFC 7692 has no §7.9']],
  ['// §: nothing named', ['src/a.ts:1: RFC 6455 has no §']],
  ["const text = '§99: not a comment';", []],
])('scripts/requirements.js checks the sections that the source %j cites', (source, problems) => {
  expect(wrongCitations(new Map([['src/a.ts', source]]))).toEqual(problems);
});
