/**
 * Runs the tests, and V8 measures the coverage of dist/. Source maps convert this to the coverage of src/ and conformance/. Each folder
 * must reach its threshold. Comments, blank lines, re-exports and files with only types are not counted, because they would hide uncovered
 * code. Processes that tests start are measured too, because they inherit NODE_V8_COVERAGE.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scan } from './source-scan.js';

/**
 * @typedef {{ covered: number, total: number, missing: number[] }} Count missing: line numbers
 * @typedef {{ file: string, lines: Count, branches: Count }} Covered
 */

/** For each folder, the minimum percentage of covered lines and covered branches. Each listed folder must exist. */
const thresholds = {
  'src/frame': 98,
  'src/handshake': 98,
  'src/deflate': 95,
  'src/deflate/engine': 98,
  'src/transport': 90,
  'src/api': 90,
  'src/cli': 90,
  conformance: 90,
};

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

/** @param {string} name @param {string} path */
function packageFile(name, path) {
  return join(dirname(require.resolve(`${name}/package.json`)), path);
}

/** @param {string[]} args */
function node(args) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status;
}

/**
 * @param {string} file absolute
 * @param {any} data the data for the file in coverage-final.json @returns {Covered | null} null if the file has no executable code
 */
function count(file, data) {
  const name = relative(root, file).replaceAll('\\', '/');
  const compiled = join(root, 'dist', name.replace(/^src\//, '').replace(/\.ts$/, '.js'));
  const running = scan(readFileSync(compiled, 'utf8')).code.replace(
    /\bexport\s+(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})(?:\s*from\s*'\s*')?\s*;?/g,
    '',
  );
  if (running.trim() === '') return null;
  const code = scan(readFileSync(file, 'utf8')).code.split('\n');
  /** @type {Count} */
  const lines = { covered: 0, total: 0, missing: [] };
  /** @type {Count} */
  const branches = { covered: 0, total: 0, missing: [] };
  for (const [key, place] of Object.entries(data.statementMap)) {
    const line = place.start.line; // in the data from c8, each line is one statement
    if ((code[line - 1] ?? '').trim() === '') continue;
    lines.total++;
    if (data.s[key] > 0) lines.covered++;
    else lines.missing.push(line);
  }
  for (const [key, place] of Object.entries(data.branchMap)) {
    for (const hits of data.b[key]) {
      branches.total++;
      if (hits > 0) branches.covered++;
      else branches.missing.push(place.loc.start.line);
    }
  }
  return { file: name, lines, branches };
}

/** @param {Count[]} counts */
function percent(counts) {
  const total = counts.reduce((sum, c) => sum + c.total, 0);
  const covered = counts.reduce((sum, c) => sum + c.covered, 0);
  return total === 0 ? 100 : (100 * covered) / total;
}

/** Returns a text such as "3-5, 9". @param {number[]} numbers */
function ranges(numbers) {
  /** @type {number[][]} */
  const runs = [];
  for (const n of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

function main() {
  if (node([join(root, 'scripts', 'build.js')]) !== 0) return 1;
  rmSync(join(root, 'coverage'), { recursive: true, force: true });
  const c8 = [
    packageFile('c8', 'bin/c8.js'),
    '--reporter=json',
    '--all',
    '--src=dist',
    '--include=dist/**',
    '--exclude=dist/{bundle,cjs}/**',
  ];
  const status = node([...c8, process.execPath, packageFile('vitest', 'vitest.mjs'), 'run']);
  if (status !== 0) {
    console.error('the tests failed, so their coverage says nothing');
    return 1;
  }
  const report = JSON.parse(readFileSync(join(root, 'coverage', 'coverage-final.json'), 'utf8'));
  const files = Object.entries(report)
    .map(([file, data]) => count(file, data))
    .filter((covered) => covered !== null);
  /** @type {string[]} */
  const failures = [];
  for (const [folder, least] of Object.entries(thresholds)) {
    const members = files.filter(({ file }) => file.startsWith(`${folder}/`));
    if (members.length === 0) {
      failures.push(`${folder}: no file was measured`);
      continue;
    }
    const lines = percent(members.map((member) => member.lines));
    const branches = percent(members.map((member) => member.branches));
    console.log(`\n${folder}: ${lines.toFixed(2)} % of lines, ${branches.toFixed(2)} % of branches`);
    for (const { file, lines: l, branches: b } of members) {
      const missing = [l.missing.length > 0 ? `lines ${ranges(l.missing)}` : ''];
      if (b.missing.length > 0) missing.push(`branches at ${ranges(b.missing)}`);
      const gaps = missing.filter((text) => text !== '').join('; ');
      const figures = `${percent([l]).toFixed(1).padStart(6)} ${percent([b]).toFixed(1).padStart(6)}`;
      console.log(`  ${figures}  ${file}${gaps === '' ? '' : `  (not covered: ${gaps})`}`);
    }
    if (lines < least) failures.push(`${folder}: ${lines.toFixed(2)} % of lines is below ${least} %`);
    if (branches < least)
      failures.push(`${folder}: ${branches.toFixed(2)} % of branches is below ${least} %`);
  }
  for (const { file } of files)
    if (!Object.keys(thresholds).some((folder) => file.startsWith(`${folder}/`)))
      failures.push(`${file} belongs to no part with a threshold`);
  console.log('');
  for (const failure of failures) console.error(failure);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = main();
