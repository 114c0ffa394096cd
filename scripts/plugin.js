/**
 * Fills the last column of the tables in docs/plugin.md: links to the test files whose titles name the row, as in
 * `test('plugin A1.2-3, C6: …')`. With --check it writes nothing and fails where the column is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testFiles } from './attacks.js';
import { titlesOf } from './source-scan.js';

const id = String.raw`(?:A\d+(?:\.\d+)?-\d+|C\d+)`;
const claim = new RegExp(`^plugin (${id}(?:, ${id})*):`);

/**
 * The rows that a title claims.
 * @param {string} title
 * @returns {string[]}
 */
export function rowsOf(title) {
  return claim.exec(title)?.[1]?.split(', ') ?? [];
}

/**
 * Which files name which row.
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

/**
 * The page with its column filled.
 * @param {string} page
 * @param {Map<string, string[]>} trace
 * @returns {string}
 */
export function fillRows(page, trace) {
  return page.replace(new RegExp(`^(\\| (${id}) \\|.*\\|)[^|\\n]*\\|$`, 'gm'), (_row, cells, row) => {
    const links = (trace.get(row) ?? []).map((file) => `[${basename(file, '.test.ts')}](../${file})`);
    return `${cells} ${links.join(', ')}${links.length > 0 ? ' ' : ''}|`;
  });
}

/** @param {boolean} check */
function main(check) {
  const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'plugin.md');
  const page = readFileSync(path, 'utf8');
  const trace = traceRows(testFiles());
  const filled = fillRows(page, trace);
  if (!check) writeFileSync(path, filled);
  else if (filled !== page) {
    console.error('docs/plugin.md is out of date: run "npm run docs"');
    process.exitCode = 1;
  }
  console.log(`${trace.size} rows of the plugins are named by tests`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
