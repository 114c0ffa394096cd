/**
 * Functions for all benches. They start each server in a separate process, measure the servers in turns, and compute medians and ranges.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readArguments, readList, readNumber, refuseArguments } from '../scripts/command-line.js';

const flag = /** @type {const} */ ({ type: 'boolean', default: false });
const text = /** @type {const} */ ({ type: 'string' });

/**
 * Selects workloads. `--workloads a,b` selects the workloads with `a` or `b` in their names. Without this option, all workloads are
 * selected.
 * @template Workload
 * @param {Record<string, Workload>} workloads @param {string | undefined} parts
 */
export function chooseWorkloads(workloads, parts) {
  const chosen = Object.entries(workloads).filter(
    ([name]) => parts === undefined || parts.split(',').some((part) => name.includes(part)),
  );
  if (chosen.length > 0) return chosen;
  return refuseArguments(
    `--workloads: no name contains "${parts}"; the names are ${Object.keys(workloads).join(', ')}`,
  );
}

/**
 * Reads the command line of a bench. Returns the options and the selected workloads.
 * @template {{ gate: number | null }} Workload
 * @param {Record<string, Workload>} workloads
 * @param {readonly ('gate' | 'peers' | 'json' | 'svg')[]} also further options that this bench accepts
 */
export function readCommandLine(workloads, also) {
  const more = { gate: flag, peers: { ...text, default: 'ws,raw' }, json: text, svg: text };
  const { values } = readArguments({
    options: {
      rounds: { ...text, default: '5' },
      seconds: { ...text, default: '1' },
      workloads: text,
      quick: flag,
      .../** @type {typeof more} */ (Object.fromEntries(also.map((name) => [name, more[name]]))),
    },
  });
  if (values.quick) Object.assign(values, { rounds: '2', seconds: '0.25' });
  const chosen = chooseWorkloads(workloads, values.workloads).filter(
    ([, { gate }]) => !values.gate || gate !== null,
  );
  const rounds = readNumber(values, 'rounds');
  const milliseconds = readNumber(values, 'seconds', { min: 0.05, whole: false }) * 1000;
  const peers = also.includes('peers') ? readList(values, 'peers', ['ws', 'raw', 'bun']) : [];
  console.log(`node ${process.version}, ${rounds} rounds of ${values.seconds} s, server CPU µs per message`);
  return {
    chosen,
    rounds,
    milliseconds,
    gated: values.gate,
    peers,
    json: values.json,
    svg: values.svg,
  };
}

/**
 * @param {string} path @param {string[]} [args]
 * @param {string} [execPath] the program that runs the file @default the Node of this process
 * @param {string[]} [execArgv] the options of that program @default the options of this process
 */
export const start = (path, args = [], execPath = process.execPath, execArgv = process.execArgv) =>
  fork(fileURLToPath(new URL(path, import.meta.url)), args, { execPath, execArgv });

/**
 * Binds a process to a core, so that servers and load generators use different cores. If there is only one core, or if the Linux program
 * `taskset` is missing, this has no effect.
 * @param {number | undefined} pid @param {number} core
 */
export function pin(pid, core) {
  if (process.platform !== 'linux' || availableParallelism() < 2 || pid === undefined) return;
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], {
      stdio: 'ignore',
    });
  } catch {
    // `taskset` is missing or not permitted. Then the kernel chooses the core.
  }
}

/** @param {import('node:child_process').ChildProcess} child @param {unknown} question */
export async function ask(child, question) {
  const answer = once(child, 'message');
  child.send(/** @type {any} */ (question));
  return (await answer)[0];
}

/** @typedef {{ name: string, child: import('node:child_process').ChildProcess, port: number, securePort: number }} Server */

/** @param {string} name @param {string} path @param {string[]} [args] @param {string} [execPath] @returns {Promise<Server>} */
export async function startServer(name, path, args, execPath) {
  const child = start(path, args, execPath);
  const stopped = once(child, 'exit').then(() => {
    throw new Error(`the server ${name} stopped before it listened`);
  });
  const [{ port, securePort }] = await Promise.race([once(child, 'message'), stopped]);
  // From now on, it is no error if the server stops: every server stops at the end of the bench.
  stopped.catch(() => {});
  pin(child.pid, 0);
  return { name, child, port, securePort };
}

/**
 * The load runs for this number of milliseconds before a measurement begins. A server that was idle is slow at first: its data is not in
 * the CPU's caches, and some virtual machines take memory from an idle process. Because of this warm-up, the measurement does not include
 * the slow start.
 */
const WARM_UP = 250;

/**
 * Measures one server with one load. Each measurement uses a new load generator process, so that earlier measurements do not affect it.
 * @param {Server} server @param {string} path the file of the load generator @param {Record<string, unknown>} order
 * @returns {Promise<{ cpu: number, rate: number, bytes: number }>} CPU time per message in µs, messages per second, payload bytes per reply
 */
export async function measure({ child, port, securePort }, path, order) {
  const generator = start(path);
  pin(generator.pid, 1);
  await ask(generator, { ...order, warmUp: WARM_UP, port: order.secure === true ? securePort : port });
  await ask(generator, 'go');
  const done = once(generator, 'message');
  const before = await ask(child, 'cpu');
  const [{ replies, payload, milliseconds }] = await done;
  const after = await ask(child, 'cpu');
  generator.disconnect();
  await once(generator, 'exit');
  // If there are no replies, the server has counted the messages.
  const messages = replies === -1 ? after.received - before.received : replies;
  return {
    cpu: (after.cpu - before.cpu) / messages,
    rate: (messages / milliseconds) * 1000,
    bytes: (payload ?? 0) / messages,
  };
}

/**
 * Measures all servers in each round, in alternating order (A B C, then C B A). An extra first round, in which V8 compiles the code, does
 * not count.
 * @template Result
 * @template {{ name: string }} Peer
 * @param {string} title @param {number} rounds @param {readonly Peer[]} servers
 * @param {(server: Peer) => Promise<Result>} run
 * @returns {Promise<Record<string, Result[]>>}
 */
export async function interleave(title, rounds, servers, run) {
  /** @type {Record<string, Result[]>} */
  const results = Object.fromEntries(servers.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    process.stderr.write(`\r${title}: round ${round} of ${rounds} `);
    for (const server of round % 2 === 0 ? servers : [...servers].reverse()) {
      const result = await run(server);
      if (round > 0) results[server.name]?.push(result);
    }
  }
  process.stderr.write('\r\x1b[K');
  return results;
}

/** @param {number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return /** @type {number} */ (sorted[sorted.length >> 1]);
}

/** @param {number[]} ratios */
export const spread = (ratios) =>
  `${median(ratios).toFixed(2)} [${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}]`;

/**
 * Returns, for each round, the other server's CPU time divided by our CPU time.
 * @param {{ cpu: number }[]} [theirs] @param {{ cpu: number }[]} [ours]
 */
export const ratiosOf = (theirs = [], ours = []) =>
  theirs.map(({ cpu }, at) => cpu / (ours[at]?.cpu ?? Number.NaN));

/** @param {number | null} gate @param {boolean} passed */
export const gateText = (gate, passed) =>
  gate === null ? '' : ` (gate ${gate}: ${passed ? 'ok' : 'MISSED'})`;

/** @param {{ cpu: number, rate: number }[]} list */
export const costText = (list) =>
  `${median(list.map(({ cpu }) => cpu)).toFixed(3)} µs ${Math.round(median(list.map(({ rate }) => rate))).toLocaleString('en')}/s`;
