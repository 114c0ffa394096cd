/**
 * `npm run mutate -- [--seed S] [--count 30] [--id F16,C4]`: disables one requirement at a time, and checks that a test fails. For each
 * selected mutation of mutations.js, the script changes a copy of the repository, and builds the copy. Then it runs the tests that have the
 * requirement's id in their titles. Prints the first test that fails. If all tests pass, the script fails. The same seed selects the same
 * mutations.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, readNumber } from './command-line.js';
import { mutations } from './mutations.js';
import { idsOf, titlesOf } from './source-scan.js';

/** @typedef {import('./mutations.js').Mutation} Mutation */
/** @typedef {{ ancestorTitles: string[], title: string, status: string }} Assertion */

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The time limit of a run in milliseconds. A normal run needs much less. */
const DEADLINE = 180_000;

/** Returns, for each requirement, the test files with a title that names it. @returns {Map<string, Set<string>>} */
function testsById() {
  /** @type {Map<string, Set<string>>} */
  const files = new Map();
  for (const name of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })) {
    // Only these folders are searched. In other folders, such as test/scripts/, a title may name a requirement only as an example.
    if (!/^(frame|handshake)\b.*\.test\.ts$/.test(name)) continue;
    for (const { title } of titlesOf(readFileSync(join(root, 'test', name), 'utf8'))) {
      for (const id of idsOf(title)) files.set(id, (files.get(id) ?? new Set()).add(join('test', name)));
    }
  }
  return files;
}

/** Copies the files that the build and the tests need. @returns {string} the folder of the copy */
function copyTree() {
  // We need the real path: if the path contains a symbolic link, the compiler and the test runner see each file twice.
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'mutate-')));
  for (const name of ['src', 'conformance', 'test', 'scripts', 'docs', 'package.json', 'vitest.config.ts']) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(realpathSync(join(root, 'node_modules')), join(copy, 'node_modules'), 'junction');
  // After a mutation, a variable may be unused. So the compiler must not report unused variables.
  for (const name of readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name))) {
    const text = readFileSync(join(root, name), 'utf8');
    writeFileSync(join(copy, name), text.replaceAll(/("noUnused\w+"): true/g, '$1: false'));
  }
  return copy;
}

/**
 * Applies a mutation to the source.
 * @param {Mutation} mutation
 * @param {string} source
 */
function mutated({ id, file, find, replace }, source) {
  const count = source.split(find).length - 1;
  if (count !== 1)
    throw new Error(`${id}: ${file} has what is to be replaced ${count} times, not once: ${find}`);
  return source.replace(find, () => replace);
}

/** @param {string} copy @param {string[]} args */
function node(copy, args) {
  return spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', timeout: DEADLINE });
}

/**
 * Runs the tests that name a requirement.
 * @param {string} copy
 * @param {string} id
 * @param {string[]} files
 * @returns {{ failed: string | null, count: number }} the title of the first failed test, and the number of tests that name the id
 */
function runTests(copy, id, files) {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  // We do not use --bail: it sometimes ends the run before the failure is in the report.
  const options = ['--reporter=json', `--outputFile=${report}`, '-t', `\\b${id}\\b`];
  const { error, stderr } = node(copy, [vitest, 'run', ...files, ...options]);
  if (error !== undefined) throw new Error(`${id}: the tests did not end: ${error.message}`);
  if (!existsSync(report)) throw new Error(`${id}: no report of the tests:\n${stderr}`);
  /** @type {{ testResults: { assertionResults: Assertion[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const named = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ title, ancestorTitles }) => [title, ...ancestorTitles].some((t) => idsOf(t).includes(id)));
  const failed = named.find(({ status }) => status === 'failed');
  return { failed: failed === undefined ? null : failed.title, count: named.length };
}

/**
 * @param {string} copy
 * @param {Mutation} mutation
 * @param {Set<string> | undefined} files
 * @returns {string | null} the title of a test that failed because of the mutation, or null if every test passed
 */
function tryMutation(copy, mutation, files) {
  const { id, file } = mutation;
  if (files === undefined) throw new Error(`${id}: no test names it`);
  const path = join(copy, file);
  const original = readFileSync(path, 'utf8');
  writeFileSync(path, mutated(mutation, original));
  try {
    const { status, stdout, stderr } = node(copy, [join('scripts', 'build.js')]);
    if (status !== 0) throw new Error(`${id}: the mutation does not compile:\n${stdout}${stderr}`);
    const { failed, count } = runTests(copy, id, [...files]);
    if (count === 0) throw new Error(`${id}: no test that names it ran`);
    return failed;
  } finally {
    writeFileSync(path, original);
  }
}

/**
 * Checks that the tests pass without a mutation. If they failed anyway, a failure after a mutation would prove nothing.
 * @param {string} copy
 * @param {string[]} files
 */
function checkUnchanged(copy, files) {
  const { status: built, stdout, stderr } = node(copy, [join('scripts', 'build.js')]);
  if (built !== 0) throw new Error(`the tree does not build:\n${stdout}${stderr}`);
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const { status, stdout: output } = node(copy, [vitest, 'run', ...files]);
  if (status !== 0) throw new Error(`the tests fail without any mutation:\n${output}`);
}

/**
 * Selects `count` mutations, in an order that depends on the seed.
 * @param {number} count
 * @param {number} seed
 */
function draw(count, seed) {
  let state = seed >>> 0;
  const order = mutations.map((mutation) => {
    // A hash of the seed and the position (mulberry32).
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return { mutation, rank: (t ^ (t >>> 14)) >>> 0 };
  });
  return order
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ mutation }) => mutation);
}

const { values } = readArguments({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    count: { type: 'string', default: '30' },
    id: { type: 'string' },
  },
});
const [seed, count] = [readNumber(values, 'seed', { min: 0 }), readNumber(values, 'count')];
const wanted = values.id?.split(',');
const unknown = wanted?.filter((id) => !mutations.some((mutation) => mutation.id === id)) ?? [];
if (unknown.length > 0) {
  console.error(`no mutation for ${unknown.join(', ')}`);
  process.exit(2);
}
const drawn = wanted === undefined ? draw(count, seed) : mutations.filter(({ id }) => wanted.includes(id));

console.log(
  wanted === undefined
    ? `${drawn.length} of ${mutations.length} requirements, drawn by --seed ${seed}`
    : `requirements ${values.id}`,
);
const files = testsById();
const copy = copyTree();
/** @type {string[]} */
const survived = [];
const start = performance.now();
try {
  checkUnchanged(copy, [...new Set(drawn.flatMap(({ id }) => [...(files.get(id) ?? [])]))]);
  for (const mutation of drawn) {
    const { id } = mutation;
    let outcome;
    try {
      outcome = tryMutation(copy, mutation, files.get(id));
      if (outcome === null) survived.push(id);
    } catch (error) {
      outcome = error instanceof Error ? error.message : String(error);
      survived.push(id);
    }
    const word = survived.includes(id) ? 'SURVIVED' : 'failed';
    console.log(
      `${id.padEnd(4)} ${word.padEnd(9)} ${outcome ?? `no test that names it fails: ${mutation.find}`}`,
    );
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
const seconds = ((performance.now() - start) / 1000).toFixed(0);
const seen = drawn.length - survived.length;
console.log(
  `${seen} of ${drawn.length} rules were switched off and missed by a test that names them, in ${seconds} s`,
);
if (survived.length > 0) console.error(`survived: ${survived.join(', ')}`);
process.exitCode = survived.length > 0 ? 1 : 0;
