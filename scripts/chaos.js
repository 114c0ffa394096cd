/**
 * `npm run chaos -- --runs 20 --seed S`: starts processes (test/api/child/chaos.mjs) that call all methods at random, in all handlers and
 * in all states. They use real sockets, and are suspended at random. Three rules are checked. The close handler is called exactly once for
 * each opened connection. At the end, all resources are released. The library throws no uncaught exception. The script prints the seed. The
 * same seed repeats the calls, but not their timing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { readArguments, readNumber } from './command-line.js';

/**
 * @typedef {object} Variant
 * @property {number} seed
 * @property {number} connections
 * @property {boolean} secure
 * @property {boolean} attached
 * @property {boolean} compression
 */

const child = fileURLToPath(new URL('../test/api/child/chaos.mjs', import.meta.url));

/** True if the operating system can suspend and continue a process. */
const canStop = process.platform !== 'win32';

/**
 * Runs one process that makes random calls.
 * @param {Variant} variant
 * @returns {Promise<{ report: Record<string, unknown>, stops: number }>} the report of the process, and the number of times that it was
 *   suspended
 */
export async function runChaos(variant) {
  const running = spawn(process.execPath, [child, JSON.stringify(variant)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  running.stdout.on('data', (chunk) => {
    output += chunk;
  });
  let stops = 0;
  let ended = false;
  const exit = once(running, 'close').then(([code]) => {
    ended = true;
    return code;
  });
  void (async () => {
    while (canStop && !ended) {
      await pause(Math.random() * 1_500);
      if (ended || !running.kill('SIGSTOP')) return;
      stops++;
      await pause(Math.random() * 900);
      running.kill('SIGCONT');
    }
  })();
  const code = await exit;
  const last = output.trim().split('\n').at(-1) ?? '';
  if (code !== 0 || last === '') throw new Error(`the process ended with ${code}: ${output}`);
  return { report: JSON.parse(last), stops };
}

/** The values that a report must have: no resource is left, and no rule is broken. */
export const nothingLeft = {
  isShutDown: true,
  openedTwice: 0,
  notClosedOnce: 0,
  open: 0,
  serverConnections: 0,
  memory: 0,
  compression: 0,
  handles: [],
  notSettledOnce: 0,
  uncaught: [],
};

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function main() {
  const { values } = readArguments({
    options: { runs: { type: 'string', default: '12' }, seed: { type: 'string' } },
  });
  const first = Number(values.seed ?? Date.now() % 1_000_000_000);
  const runs = readNumber(values, 'runs');
  let failed = 0;
  console.log(`seed ${first}`);
  for (let run = 0; run < runs; run++) {
    const variant = {
      seed: first + run,
      connections: 150,
      secure: run % 4 === 1,
      attached: run % 4 === 2,
      compression: run % 2 === 0,
    };
    const { report, stops } = await runChaos(variant);
    const wrong = Object.entries(nothingLeft).filter(
      ([name, value]) => JSON.stringify(report[name]) !== JSON.stringify(value),
    );
    if (wrong.length > 0) failed++;
    const verdict = wrong.length === 0 ? 'ok' : `FAILED ${wrong.map(([name]) => name).join(', ')}`;
    console.log(
      `${verdict}  ${JSON.stringify(variant)} ${report.connections} ends, ${report.hooks} hooks, ${stops} stops`,
    );
    if (wrong.length > 0) console.log(JSON.stringify(report, null, 2));
  }
  console.log(`${runs - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
