/**
 * Fills the last column of the table of attacks in SECURITY.md with links to test files. A test file is linked if one of its titles names
 * the attack, such as `test('A24: …')` or `[A24]`. With --check, the script writes nothing, and fails if the column is out of date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { titlesOf } from './source-scan.js';

const claim = /^(?:[A-Z]\d+, )*[A-Z]\d+(?=:)|\[(?:[A-Z]\d+, )*[A-Z]\d+\]/g;

/**
 * Returns the ids of the attacks that a title names: at its start, such as `A3, S19: …`, or anywhere in brackets.
 * @param {string} title
 * @returns {string[]}
 */
export function attacksOf(title) {
  return [...title.matchAll(claim)].flatMap(([text]) => text.match(/\bA\d+\b/g) ?? []);
}

/**
 * Returns the test files for each attack.
 * @param {{ file: string, source: string }[]} files
 * @returns {Map<string, string[]>}
 */
export function traceAttacks(files) {
  /** @type {Map<string, string[]>} */
  const trace = new Map();
  for (const { file, source } of files) {
    const titles = titlesOf(source).filter(({ skipped }) => !skipped);
    for (const id of new Set(titles.flatMap(({ title }) => attacksOf(title)))) {
      trace.set(id, [...(trace.get(id) ?? []), file]);
    }
  }
  return trace;
}

/**
 * Fills the last column of the page.
 * @param {string} page
 * @param {Map<string, string[]>} trace
 * @returns {string}
 */
export function fillColumn(page, trace) {
  return page.replace(/^(\| (A\d+) \|.*\|.*\|)[^|\n]*\|$/gm, (_row, cells, id) => {
    const links = (trace.get(id) ?? []).map((file) => `[${basename(file, '.test.ts')}](${file})`);
    return `${cells} ${links.join(', ')}${links.length > 0 ? ' ' : ''}|`;
  });
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @returns {{ file: string, source: string }[]} all test files except those in test/scripts/, which quote titles of other tests */
export function testFiles() {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((path) => `test/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts') && !path.startsWith('test/scripts/'))
    .sort()
    .map((file) => ({ file, source: readFileSync(join(root, file), 'utf8') }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, 'SECURITY.md');
  const page = readFileSync(path, 'utf8');
  const filled = fillColumn(page, traceAttacks(testFiles()));
  if (!process.argv.includes('--check')) writeFileSync(path, filled);
  else if (filled !== page) {
    console.error('SECURITY.md does not name the tests that there are: run "npm run docs"');
    process.exitCode = 1;
  }
}
