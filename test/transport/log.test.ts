/** Tests the log lines for operators. Each kind of warning prints one line per minute. If warnings are off, no line is printed. */
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest';
import { SeldomSaid, warnOnStderr } from '../../src/transport/log.ts';

let printed: MockInstance<typeof console.error>;

beforeEach(() => {
  printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.stubEnv('NODE_NO_WARNINGS', undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  printed.mockRestore();
});

const lines = (): unknown[] => printed.mock.calls.map(([line]) => line);

test('FAULT-8: each kind of warning is printed at most once per minute, with the number of warnings that were omitted', () => {
  warnOnStderr('ONE', 'first', 0);
  warnOnStderr('ONE', 'second', 59_999);
  warnOnStderr('TWO', 'other', 59_999);
  warnOnStderr('ONE', 'third', 60_000);
  warnOnStderr('ONE', 'fourth', 120_000);
  expect(lines()).toEqual([
    'rfc6455: first',
    'rfc6455: other',
    'rfc6455: third (1 more like this before)',
    'rfc6455: fourth',
  ]);
});

test('FAULT-8: with NODE_NO_WARNINGS=1, no warning is printed', () => {
  vi.stubEnv('NODE_NO_WARNINGS', '1');
  warnOnStderr('THREE', 'not seen');
  expect(lines()).toEqual([]);
});

test('FAULT-8: at most 100 kinds of warnings are printed in a minute, and older kinds are forgotten', () => {
  const said = new SeldomSaid();
  const answers = Array.from({ length: 150 }, (_, kind) => said.ask(`kind ${kind}`, kind));
  expect(answers.filter((omitted) => omitted === 0)).toHaveLength(100);
  expect(answers[100]).toBe(null);
  expect([said.ask('kind 7', 60_000), said.ask('kind 7', 60_007)]).toEqual([null, 1]);
  expect(said.ask('kind 100', 60_008)).toBe(0);
  expect(said.ask('kind 101', 60_008)).toBe(0);
});
