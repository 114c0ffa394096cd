/**
 * Fills the last column of docs/4d-sentences.md with links to the test files for each sentence. A test file is linked if one of its titles
 * names the sentence, such as `[D1-30]` or `[D1-30 to D1-36]`. A sentence may also refer to rows of docs/4d-rows.md or docs/plugin-rows.md,
 * or to another sentence. Then the test files of these rows, or of that sentence, are linked too. With --check, the script writes nothing,
 * and fails if the column is out of date, or if a sentence has neither a test nor a reason.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testFiles } from './attacks.js';
import { traceRows as traceFourD } from './fourd.js';
import { traceRows as tracePlugins } from './plugin.js';
import { titlesOf } from './source-scan.js';

/** @typedef {{ id: string, says: string, here: string, rows: string[] }} Sentence */

const id = String.raw`D[1-5]-\d+`;
const item = `${id}(?: to ${id})?`;
const claim = new RegExp(String.raw`\[(${item}(?:, ${item})*)\]`, 'g');
const line = new RegExp(String.raw`^(\| (${id}) \| (.*) \| (.*) \| ?(.*?) ?\|)[^|\n]*\|$`, 'gm');

/** Matches the text for a sentence that this package cannot implement: "not here: " and the reason. */
export const notHere = /^not here: ./;

/**
 * Returns the ids of the sentences that a title names in brackets.
 * @param {string} title
 * @returns {string[]}
 */
export function sentencesOf(title) {
  return [...title.matchAll(claim)].flatMap(([, list = '']) =>
    list.split(', ').flatMap((one) => {
      const [from = '', to = from] = one.split(' to ');
      const [document = '', first] = from.split('-');
      const last = Number(to.split('-')[1]);
      const numbers = Array.from({ length: last - Number(first) + 1 }, (_, at) => Number(first) + at);
      return numbers.map((number) => `${document}-${number}`);
    }),
  );
}

/**
 * Returns the sentences of the page, in order.
 * @param {string} page
 * @returns {Sentence[]}
 */
export function sentencesOfPage(page) {
  return [...page.matchAll(line)].map(([, , id = '', says = '', here = '', rows = '']) => ({
    ...{ id, says, here },
    rows: rows === '' ? [] : rows.split(', '),
  }));
}

/**
 * Finds the test files of each sentence.
 * @param {string} page
 * @param {{ file: string, source: string }[]} files
 * @returns {{ trace: Map<string, string[]>, named: Set<string>, unknown: string[] }} the files of each sentence, the sentences that titles
 *   name, and errors about rows without a test
 */
export function traceSentences(page, files) {
  const rows = new Map([...traceFourD(files), ...tracePlugins(files)]);
  /** @type {Map<string, Set<string>>} */
  const direct = new Map();
  for (const { file, source } of files) {
    for (const { title, skipped, tests } of titlesOf(source)) {
      if (skipped || tests === 0) continue;
      for (const sentence of sentencesOf(title)) {
        direct.set(sentence, (direct.get(sentence) ?? new Set()).add(file));
      }
    }
  }
  /** @type {Map<string, string[]>} */
  const trace = new Map();
  /** @type {string[]} */
  const unknown = [];
  for (const sentence of sentencesOfPage(page)) {
    const files = new Set(direct.get(sentence.id));
    for (const row of sentence.rows) {
      // A sentence may refer to an earlier sentence. The files of the earlier sentence are already known.
      const found = rows.get(row) ?? trace.get(row);
      if (found === undefined) unknown.push(`${sentence.id} names ${row}, which has no test`);
      for (const file of found ?? []) files.add(file);
    }
    trace.set(sentence.id, [...files].sort());
  }
  return { trace, named: new Set(direct.keys()), unknown };
}

/** @param {string} file the path of the file. The function returns its name, with the folder if several files have this name */
function nameOf(file) {
  const name = basename(file, '.test.ts');
  if (file.startsWith('test/browser/')) return 'browser';
  return /^(?:never-silent|peers|types|documents)$/.test(name) ? `${basename(dirname(file))}/${name}` : name;
}

/**
 * Fills the last column of the page.
 * @param {string} page
 * @param {ReadonlyMap<string, string[]>} trace
 * @returns {string}
 */
export function fillColumn(page, trace) {
  return page.replace(line, (_row, cells, id) => {
    const links = (trace.get(id) ?? []).map((file) => `[${nameOf(file)}](../${file})`);
    return `${cells} ${links.join(', ')}${links.length > 0 ? ' ' : ''}|`;
  });
}

/**
 * Returns the differences between the page and the tests.
 * @param {string} page
 * @param {{ file: string, source: string }[]} files
 * @returns {string[]}
 */
export function problemsOf(page, files) {
  const { trace, named, unknown } = traceSentences(page, files);
  const sentences = sentencesOfPage(page);
  const ids = sentences.map(({ id }) => id);
  return [
    ...unknown,
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `${id} is there twice`),
    ...sentences
      .filter(({ id, here }) => trace.get(id)?.length === 0 && !notHere.test(here))
      .map(({ id }) => `${id} has neither a test nor a reason`),
    ...sentences.filter(({ here }) => here === '').map(({ id }) => `${id} does not say what is done here`),
    ...[...named].filter((id) => !ids.includes(id)).map((id) => `a test names ${id}, which is no sentence`),
  ];
}

/** @param {boolean} check */
function main(check) {
  const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', '4d-sentences.md');
  const page = readFileSync(path, 'utf8');
  const files = testFiles();
  const problems = problemsOf(page, files);
  const filled = fillColumn(page, traceSentences(page, files).trace);
  if (!check) writeFileSync(path, filled);
  else if (filled !== page) problems.push('docs/4d-sentences.md is out of date: run "npm run docs"');
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  console.log(`${sentencesOfPage(page).length} sentences of five documents`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
