/** Tests scripts/attacks.js: which test titles name an attack, and how the script fills the column of tests in SECURITY.md. */
import { describe, expect, test } from 'vitest';
import { attacksOf, fillColumn, traceAttacks } from '../../scripts/attacks.js';

describe('the attacks that a title of a test names', () => {
  test.each([
    ['A24: a million fragments', ['A24']],
    ['A3, S19: a body', ['A3']],
    ['a fresh key [F12, A38]', ['A38']],
    ['the bytes A1 A2 are no text', []],
    ['F16: after A2: nothing', []],
  ])('scripts/attacks.js finds the ids of the attacks in the title "%s"', (title, ids) => {
    expect(attacksOf(title)).toEqual(ids);
  });

  test('a skipped test does not count as a test of an attack', () => {
    const source = "test('A1: runs', () => {});\ntest.skip('A2: does not', () => {});\n";
    expect([...traceAttacks([{ file: 'test/x.test.ts', source }])]).toEqual([['A1', ['test/x.test.ts']]]);
  });
});

describe('the column of tests in SECURITY.md', () => {
  const page =
    '| id | attack | what happens | tests |\n| A1 | one | 403 | |\n| A2 | two | 400 | [old](test/old.test.ts) |\n';
  const trace = new Map([['A1', ['test/a.test.ts', 'test/b/c.test.ts']]]);
  const filled =
    '| id | attack | what happens | tests |\n| A1 | one | 403 | [a](test/a.test.ts), [c](test/b/c.test.ts) |\n| A2 | two | 400 | |\n';

  test('scripts/attacks.js fills the column of tests from their titles, and empties the cell of an attack without tests', () => {
    expect(fillColumn(page, trace)).toBe(filled);
    expect(fillColumn(filled, trace)).toBe(filled);
  });
});
