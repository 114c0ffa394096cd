/**
 * Tests scripts/errors.js, which writes docs/errors.md. The script writes one heading for each code in the tables, and reports faults in
 * the tables.
 */
import { expect, test } from 'vitest';
import { render } from '../../scripts/errors.js';

const table = { module: 'dist/a.js', name: 'violations', title: 'Title', intro: 'Intro.' };

test('docs/errors.md has a heading for each code, with its text, close code, status, stage and section', () => {
  const { text, problems } = render([
    { table, rows: { WS_A: { closeCode: 1002, section: '6455 §5.5', text: 'a frame too long' } } },
    { table, rows: { WS_B: { status: 426, stage: 'http', section: '6455 §4.4', text: 'another version' } } },
  ]);
  expect(problems).toEqual([]);
  expect(text).toContain('### WS_A\n\nA frame too long.\n\nclose code 1002 · RFC 6455 §5.5\n');
  expect(text).toContain('### WS_B\n\nAnother version.\n\nstatus 426 · stage `http` · RFC 6455 §4.4\n');
});

test('scripts/errors.js reports a section that the RFC does not have, a repeated code, and an empty table or text', () => {
  const row = { closeCode: 1002, section: '6455 §5.12', text: '' };
  const { problems } = render([
    { table, rows: { WS_A: row } },
    { table, rows: { WS_A: { text: 'x' } } },
    { table, rows: {} },
  ]);
  expect(problems).toEqual([
    'WS_A: no text',
    'WS_A: RFC 6455 has no §5.12',
    'WS_A is in two tables',
    'violations is empty',
  ]);
});
