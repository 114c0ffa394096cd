/**
 * Fills the tables of docs/plugin.md. Also fills the last column of the tables in docs/plugin-rows.md with links to test files. A test file
 * is linked if one of its titles names the row, such as `test('plugin A1.2-3, C6: …')`. With --check, the script writes nothing, and fails
 * if the column is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testFiles } from './attacks.js';
import { fillTables } from './fourd-table.js';
import { titlesOf } from './source-scan.js';

const id = String.raw`(?:A\d+(?:\.\d+)?-\d+|C\d+)`;
const claim = new RegExp(`^plugin (${id}(?:, ${id})*):`);

/**
 * Returns the ids of the rows that a title names.
 * @param {string} title
 * @returns {string[]}
 */
export function rowsOf(title) {
  return claim.exec(title)?.[1]?.split(', ') ?? [];
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

/**
 * Fills the last column of the page.
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
  const docs = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs');
  const trace = traceRows(testFiles());
  for (const [name, fill] of /** @type {const} */ ([
    ['plugin-rows.md', (/** @type {string} */ page) => fillRows(page, trace)],
    ['plugin.md', fillTables],
  ])) {
    const page = readFileSync(join(docs, name), 'utf8');
    const filled = fill(page);
    if (!check) writeFileSync(join(docs, name), filled);
    else if (filled !== page) {
      console.error(`docs/${name} is out of date: run "npm run docs"`);
      process.exitCode = 1;
    }
  }
  console.log(`${trace.size} rows of the plugins are named by tests`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
