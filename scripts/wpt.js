/**
 * `npm run test:wpt -- FOLDER [--built-in] [--json FILE] [--only PATTERN]`: runs the web platform tests for WebSockets with our
 * `WebSocket`, over ws and wss. With --built-in, runs them with the `WebSocket` of Node.js. FOLDER is a checkout of web-platform-tests/wpt
 * (at least its folders `websockets/` and `resources/`). Without FOLDER, the script prints a message and runs no tests.
 */
import { fork } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectedFailures, needBrowser } from '../test/wpt/expected.js';
import { caFile, startServers } from '../test/wpt/server.js';
import { readArguments } from './command-line.js';

/**
 * @typedef {{ file: string, query: string, timeout: number }} Run
 * @typedef {{ name: string, status: string, message: string | null }} Subtest
 * @typedef {Run & { subtests: Subtest[], problem: string | null }} Outcome
 */

const { positionals, values } = readArguments({
  allowPositionals: true,
  options: { 'built-in': { type: 'boolean' }, json: { type: 'string' }, only: { type: 'string' } },
});
const kind = values['built-in'] === true ? 'built-in' : 'ours';
const [given] = positionals;
const runner = fileURLToPath(new URL('../test/wpt/run-file.js', import.meta.url));

if (given === undefined) {
  console.log('skipped: no folder of web platform tests was given; npm run test:wpt -- FOLDER');
} else {
  process.exitCode = await main(resolve(given));
}

/** @param {string} folder @returns {Promise<number>} */
async function main(folder) {
  if (!existsSync(join(folder, 'websockets')) || !existsSync(join(folder, 'resources', 'testharness.js'))) {
    console.error(
      `${folder} does not hold websockets/ and resources/testharness.js of web-platform-tests/wpt`,
    );
    return 2;
  }
  if (kind === 'built-in' && typeof (/** @type {any} */ (globalThis).WebSocket) !== 'function') {
    console.log(`skipped: Node.js ${process.version} has no WebSocket`);
    return 0;
  }
  const { runs, skipped } = plan(folder);
  console.log(
    `${runs.length} files and variants on ${kind === 'ours' ? 'our WebSocket' : 'the WebSocket of Node.js'}, Node.js ${process.version}`,
  );
  const servers = await startServers();
  const outcomes = await runAll(folder, runs, servers);
  await servers.close();
  return summarize(outcomes, skipped);
}

/**
 * Returns the test files to run, and the test files that cannot run.
 * @param {string} folder
 * @returns {{ runs: Run[], skipped: { file: string, reason: string }[] }}
 */
function plan(folder) {
  /** @type {Run[]} */
  const runs = [];
  const skipped = [];
  const files = readdirSync(join(folder, 'websockets'), { recursive: true, encoding: 'utf8' }).sort();
  for (const name of files.map((file) => file.replaceAll('\\', '/'))) {
    if (
      !/\.(?:any|window|worker)\.js$|\.html$/.test(name) ||
      /(?:^|\/)(?:resources|support|handlers)\//.test(name)
    )
      continue;
    if (values.only !== undefined && !new RegExp(values.only).test(name)) continue;
    const reason = needBrowser.find(([pattern]) => pattern.test(name))?.[1];
    if (reason !== undefined) {
      skipped.push({ file: name, reason });
      continue;
    }
    const text = readFileSync(join(folder, 'websockets', name), 'utf8');
    const isLong = /META: timeout=long|name="?timeout"? content="?long/.test(text);
    const variants = [...text.matchAll(/(?:META: variant=|name="?variant"? content="?)(\?[^\s">]*)/g)].map(
      ([, query = '']) => query,
    );
    for (const query of variants.length === 0 ? [''] : variants) {
      if (query.includes('wpt_flags=h2')) continue;
      runs.push({ file: name, query, timeout: isLong ? 180_000 : 90_000 });
    }
  }
  return { runs, skipped };
}

/** @param {string} folder @param {Run[]} runs @param {{ ws: number, wss: number }} ports */
async function runAll(folder, runs, { ws, wss }) {
  /** @type {Outcome[]} */
  const outcomes = [];
  const waiting = [...runs];
  let done = 0;
  const lane = async () => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
      const outcome = await runFile(folder, run, { ws, wss });
      outcomes.push(outcome);
      done++;
      const failed = outcome.subtests.filter(({ status }) => status !== 'PASS').length;
      const verdict =
        outcome.problem ??
        (failed > 0 ? `${failed} of ${outcome.subtests.length} failed` : `${outcome.subtests.length} passed`);
      console.log(`${String(done).padStart(3)}/${runs.length} ${run.file}${run.query}: ${verdict}`);
    }
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() + 2 }, lane));
  return outcomes.sort((a, b) => (a.file + a.query < b.file + b.query ? -1 : 1));
}

/**
 * @param {string} folder @param {Run} run @param {{ ws: number, wss: number }} ports
 * @returns {Promise<Outcome>}
 */
function runFile(folder, run, ports) {
  return new Promise((settle) => {
    /** @type {Subtest[]} */
    const subtests = [];
    /** @type {string | null} */
    let problem = 'ended early';
    const child = fork(runner, [folder, `/websockets/${run.file}`, run.query, JSON.stringify(ports), kind], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: fileURLToPath(caFile) },
      execArgv: ['--no-warnings'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr = (stderr + chunk).slice(-400);
    });
    const timer = setTimeout(() => {
      problem = 'took too long';
      child.kill('SIGKILL');
    }, run.timeout);
    child.on('message', (/** @type {any} */ message) => {
      if (message.name !== undefined) subtests.push(message);
      else if (message.uncaught !== undefined)
        subtests.push({ name: 'uncaught exception', status: 'FAIL', message: message.uncaught });
      else if (message.done === true) {
        problem = message.harness === 0 ? null : `harness: ${message.message}`;
        child.kill('SIGKILL');
      }
    });
    child.on('close', () => {
      clearTimeout(timer);
      if (problem === 'ended early' && stderr !== '') problem += `: ${stderr}`;
      settle({ ...run, subtests, problem });
    });
  });
}

/**
 * Prints the failed tests and a table of the results.
 * @param {Outcome[]} outcomes @param {{ file: string, reason: string }[]} skipped
 * @returns {number} exit code
 */
function summarize(outcomes, skipped) {
  let unexpected = 0;
  for (const { file, query, subtests, problem } of outcomes) {
    const failed = subtests.filter(({ status }) => status !== 'PASS');
    for (const { name, status, message } of failed) {
      const reason = kind === 'ours' ? expectedFailures[file]?.[name] : undefined;
      if (reason === undefined) unexpected++;
      console.log(
        `${status} ${file}${query}: ${name}${reason === undefined ? '' : ` (expected: ${reason})`}\n    ${message}`,
      );
    }
    if (problem === null) continue;
    unexpected++;
    console.log(`PROBLEM ${file}${query}: ${problem}`);
  }
  /** @type {Map<string, { passed: number, all: number }>} */
  const rows = new Map();
  for (const { file, query, subtests, problem } of outcomes) {
    const variant = query === '?wss' ? 'wss' : 'ws';
    const part = file.endsWith('.html') ? 'pages (.html)' : 'scripts (.any.js, .worker.js)';
    for (const key of [`${part}, ${variant}`, 'all']) {
      const row = rows.get(key) ?? { passed: 0, all: 0 };
      rows.set(key, row);
      row.passed += subtests.filter(({ status }) => status === 'PASS').length;
      row.all +=
        subtests.length + (problem === null || subtests.some(({ status }) => status !== 'PASS') ? 0 : 1);
    }
  }
  console.log(
    `\n| subtests of the web platform tests, ${kind}, Node.js ${process.version} | passed | of |\n|---|---|---|`,
  );
  for (const [key, { passed, all }] of [...rows].sort(([a], [b]) =>
    a === 'all' ? 1 : b === 'all' ? -1 : a < b ? -1 : 1,
  )) {
    console.log(`| ${key} | ${passed} | ${all} |`);
  }
  console.log(`\n${skipped.length} files cannot run outside a browser:`);
  for (const reason of new Set(needBrowser.map(([, one]) => one))) {
    const files = skipped.filter((one) => one.reason === reason);
    if (files.length > 0)
      console.log(`  ${files.length}: ${reason} (${files[0]?.file}${files.length > 1 ? ', …' : ''})`);
  }
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ outcomes, skipped }, null, 1));
  if (kind === 'built-in') return 0;
  console.log(unexpected === 0 ? '\nno unexpected failure' : `\n${unexpected} unexpected failures`);
  return unexpected === 0 ? 0 : 1;
}
