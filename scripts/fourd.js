/**
 * Fills the last column of the tables of docs/4d-rows.md with links to test files. A test file is linked if one of its titles names the
 * row, such as `test('B-ws-send, C74: …')` or `[C74]`. Also fills the table of docs/4d.md. With --check, the script writes nothing, and
 * fails if the column is out of date, if a row has no test, or if a test names a row that does not exist.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testFiles } from './attacks.js';
import { fillTables } from './fourd-table.js';
import { titlesOf } from './source-scan.js';

const id = String.raw`(?:B-[a-z]+-\w+|C[6-9]\d)`;
const claim = new RegExp(String.raw`^(?:${id}, )*${id}(?=:)|\[(?:${id}, )*${id}\]`, 'g');

/**
 * Returns the ids of the rows that a title names, at its start or anywhere in brackets.
 * @param {string} title
 * @returns {string[]}
 */
export function rowsOf(title) {
  return [...title.matchAll(claim)].flatMap(([text]) => text.match(new RegExp(id, 'g')) ?? []);
}

/**
 * Returns the test files for each row.
 * @param {{ file: string, source: string }[]} files
 * @returns {Map<string, string[]>}
 */
export function traceRows(files) {
  /** @type {Map<string, string[]>} */
  const trace = new Map();
  for (const { file, source } of files) {
    const titles = titlesOf(source).filter(({ skipped, tests }) => !skipped && tests > 0);
    for (const row of new Set(titles.flatMap(({ title }) => rowsOf(title)))) {
      trace.set(row, [...(trace.get(row) ?? []), file]);
    }
  }
  return trace;
}

const line = new RegExp(String.raw`^(\| (${id}) \|.*\|.*\|)[^|\n]*\|$`, 'gm');

/**
 * Returns the ids of the rows of the page, in order.
 * @param {string} page
 * @returns {string[]}
 */
export function idsOfPage(page) {
  return [...page.matchAll(line)].map(([, , row = '']) => row);
}

/**
 * Fills the last column of the page.
 * @param {string} page
 * @param {Map<string, string[]>} trace
 * @returns {string}
 */
export function fillColumn(page, trace) {
  return page.replace(line, (_row, cells, row) => {
    const links = (trace.get(row) ?? []).map((file) => `[${nameOf(file)}](../${file})`);
    return `${cells} ${links.join(', ')}${links.length > 0 ? ' ' : ''}|`;
  });
}

/** @param {string} file */
function nameOf(file) {
  const name = basename(file, '.test.ts');
  return file.startsWith('test/browser/') ? 'browser' : name;
}

/**
 * Returns the differences between the page and the tests.
 * @param {string} page
 * @param {Map<string, string[]>} trace
 * @returns {string[]}
 */
export function problemsOf(page, trace) {
  const rows = idsOfPage(page);
  return [
    ...rows.filter((row, index) => rows.indexOf(row) !== index).map((row) => `${row} is there twice`),
    ...rows.filter((row) => !trace.has(row)).map((row) => `${row} has no test`),
    ...[...trace.keys()]
      .filter((row) => !rows.includes(row))
      .map((row) => `${trace.get(row)?.[0]} names ${row}, which is no row`),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const docs = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs');
  const trace = traceRows(testFiles());
  const rows = readFileSync(join(docs, '4d-rows.md'), 'utf8');
  const guide = readFileSync(join(docs, '4d.md'), 'utf8');
  const problems = problemsOf(rows, trace);
  for (const [name, page, filled] of [
    ['4d-rows.md', rows, fillColumn(rows, trace)],
    ['4d.md', guide, fillTables(guide)],
  ]) {
    if (!process.argv.includes('--check')) writeFileSync(join(docs, name ?? ''), filled ?? '');
    else if (filled !== page) problems.push(`docs/${name} is out of date: run "npm run docs"`);
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
