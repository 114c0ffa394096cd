/**
 * Functions that the benches share. They start servers in separate processes, which run at the same time, measure one server after the
 * other, and compute medians and spreads.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readArguments, readList, readNumber, refuseArguments } from '../scripts/command-line.js';

const flag = /** @type {const} */ ({ type: 'boolean', default: false });
const text = /** @type {const} */ ({ type: 'string' });

/**
 * Returns the workloads whose names contain one of the parts of `--workloads a,b`, or all workloads without this option.
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
 * Reads the command line of a bench, and returns the options and the selected workloads.
 * @template {{ gate: number | null }} Workload
 * @param {Record<string, Workload>} workloads
 * @param {readonly ('gate' | 'peers' | 'json' | 'svg')[]} also the options that not every bench has
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
 * @param {string} [execPath] what runs it, in place of this Node
 * @param {string[]} [execArgv] its own options @default those of this process
 */
export const start = (path, args = [], execPath = process.execPath, execArgv = process.execArgv) =>
  fork(fileURLToPath(new URL(path, import.meta.url)), args, { execPath, execArgv });

/**
 * Binds a process to a core: servers to one core and load generators to another. It has no effect without a second core or without the
 * program `taskset` of Linux.
 * @param {number | undefined} pid @param {number} core
 */
export function pin(pid, core) {
  if (process.platform !== 'linux' || availableParallelism() < 2 || pid === undefined) return;
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], {
      stdio: 'ignore',
    });
  } catch {
    // taskset is missing or not permitted, so the kernel chooses the core.
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
  // From here on a stopped server is not an error, since every server stops at the end of the bench.
  stopped.catch(() => {});
  pin(child.pid, 0);
  return { name, child, port, securePort };
}

/**
 * The milliseconds of load before a measurement begins. While other servers are measured, the data of a server leave the caches of the CPU,
 * and some virtual machines take memory from an idle process. The warm-up restores both, so that the measurement does not include this
 * cost.
 */
const WARM_UP = 250;

/**
 * Measures one server with one load. Each measurement has a new process for the load generator, so an earlier measurement cannot affect it.
 * @param {Server} server @param {string} path the generator's @param {Record<string, unknown>} order
 * @returns {Promise<{ cpu: number, rate: number, bytes: number }>} CPU µs, messages a second, payload bytes of a reply
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
  // Without replies, the server has counted the messages.
  const messages = replies === -1 ? after.received - before.received : replies;
  return {
    cpu: (after.cpu - before.cpu) / messages,
    rate: (messages / milliseconds) * 1000,
    bytes: (payload ?? 0) / messages,
  };
}

/**
 * Measures all servers in each round, in alternating order (A B C, then C B A). The first round only lets V8 compile the code, and does not
 * count.
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
 * Returns, for each round, the CPU time of a peer divided by ours.
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
