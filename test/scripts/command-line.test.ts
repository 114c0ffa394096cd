/**
 * Tests the command lines of the programs in bench/ and scripts/. `--help` must work, and a wrong argument must print a sentence instead of
 * a stack trace.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

/** The programs that read their arguments with scripts/command-line.js. Some of them do this through bench/side-by-side.js. */
const programs = ['bench', 'scripts'].flatMap((folder) =>
  readdirSync(`${root}/${folder}`)
    .map((name) => `${folder}/${name}`)
    .filter(
      (path) =>
        path.endsWith('.js') &&
        /= (?:readArguments|readCommandLine)\(/.test(readFileSync(`${root}/${path}`, 'utf8')),
    )
    .filter((path) => path !== 'bench/side-by-side.js'),
);

test('this test finds every program of bench/ and scripts/ that accepts options', () => {
  expect(programs).toEqual(expect.arrayContaining(['bench/echo.js', 'bench/memory.js', 'scripts/fuzz.js']));
  const others = [...readdirSync(`${root}/bench`), ...readdirSync(`${root}/scripts`)].filter((name) => {
    const folder = readdirSync(`${root}/bench`).includes(name) ? 'bench' : 'scripts';
    if (!name.endsWith('.js') || name === 'command-line.js') return false;
    return /\bparseArgs\(/.test(readFileSync(`${root}/${folder}/${name}`, 'utf8'));
  });
  expect(others).toEqual([]);
});

describe.each(programs)('%s', (path) => {
  test('with --help the program prints what it does, and its options', () => {
    const { status, stdout, stderr } = run(path, '--help');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/--\w+/);
    expect(stdout).not.toMatch(/^ \*/m);
  });

  test('the program refuses an unknown option, and prints its help and no stack trace', () => {
    const { status, stdout, stderr } = run(path, '--no-such-option');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('no-such-option');
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stderr).toMatch(/--\w+.*\n[\s\S]*--\w+/);
  });
});

test.each([
  [['bench/echo.js', '--rounds', 'x'], '--rounds takes a whole number from 1 on, not "x"'],
  [['bench/echo.js', '--seconds', '0'], '--seconds takes a number from 0.05 on, not "0"'],
  [['bench/echo.js', '--workloads', 'zzz'], '--workloads: no name contains "zzz"; the names are '],
  [['bench/echo.js', '--peers', 'ws,foo'], '--peers: there is no "foo"; there are ws, raw, bun'],
  [['bench/client.js', '--gate'], "Unknown option '--gate'"],
  [['bench/compare.js'], 'a revision is missing'],
  [['bench/memory.js', '--from', '10', '--to', '5'], '--to is 5, which is not more than --from 10'],
  [['scripts/fuzz.js', '--seed', '-1'], "Option '--seed' argument is ambiguous"],
  [['scripts/fuzz.js', '--inputs', ''], '--inputs takes a whole number from 1 on, not ""'],
])('the command %j exits with 2 and prints what is wrong', (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect(stderr.slice(0, message.length)).toBe(message);
  expect(status).toBe(2);
  expect(stdout).toBe('');
});
