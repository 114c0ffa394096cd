/** What the benches share: servers in processes of their own, all alive at once, measured in turn; medians and spreads. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * The command line of a bench, and those of its workloads that were asked for.
 * @template {{ gate: number | null }} Workload
 * @param {Record<string, Workload>} workloads
 */
export function readCommandLine(workloads) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1' },
      workloads: { type: 'string' },
      gate: { type: 'boolean', default: false },
    },
  });
  const chosen = Object.entries(workloads).filter(
    ([name, { gate }]) =>
      (values.workloads === undefined || values.workloads.split(',').some((part) => name.includes(part))) &&
      (!values.gate || gate !== null),
  );
  const rounds = Number(values.rounds);
  console.log(`node ${process.version}, ${rounds} rounds of ${values.seconds} s, server CPU µs per message`);
  return { chosen, rounds, milliseconds: Number(values.seconds) * 1000, gated: values.gate };
}

/** @param {string} path @param {string[]} [args] */
export const start = (path, args = []) => fork(fileURLToPath(new URL(path, import.meta.url)), args);

/** @param {import('node:child_process').ChildProcess} child @param {unknown} question */
export async function ask(child, question) {
  const answer = once(child, 'message');
  child.send(/** @type {any} */ (question));
  return (await answer)[0];
}

/** @typedef {{ name: string, child: import('node:child_process').ChildProcess, port: number }} Server */

/** @param {string} name @param {string} path @param {string[]} [args] @returns {Promise<Server>} */
export async function startServer(name, path, args) {
  const child = start(path, args);
  const [{ port }] = await once(child, 'message');
  return { name, child, port };
}

/**
 * One server under one load. The generator is a fresh process: what it leaves behind is nobody's.
 * @param {Server} server @param {string} path the generator's @param {object} order
 * @returns {Promise<{ cpu: number, rate: number, bytes: number }>} CPU µs, messages a second, payload bytes of a reply
 */
export async function measure({ child, port }, path, order) {
  const generator = start(path);
  await ask(generator, { ...order, port });
  const before = (await ask(child, 'cpu')).cpu;
  const { replies, payload, milliseconds } = await ask(generator, 'go');
  const after = (await ask(child, 'cpu')).cpu;
  generator.disconnect();
  await once(generator, 'exit');
  return {
    cpu: (after - before) / replies,
    rate: (replies / milliseconds) * 1000,
    bytes: (payload ?? 0) / replies,
  };
}

/**
 * Rounds over all servers in turn; the first warms the compilers up and is not counted.
 * @template Result
 * @param {string} title @param {number} rounds @param {readonly Server[]} servers
 * @param {(server: Server) => Promise<Result>} run
 * @returns {Promise<Record<string, Result[]>>}
 */
export async function interleave(title, rounds, servers, run) {
  /** @type {Record<string, Result[]>} */
  const results = Object.fromEntries(servers.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    process.stderr.write(`\r${title}: round ${round} of ${rounds} `);
    for (const server of servers) {
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

/** What a peer's CPU is to ours, round by round. @param {{ cpu: number }[]} [theirs] @param {{ cpu: number }[]} [ours] */
export const ratiosOf = (theirs = [], ours = []) =>
  theirs.map(({ cpu }, at) => cpu / (ours[at]?.cpu ?? Number.NaN));

/** @param {number | null} gate @param {boolean} passed */
export const gateText = (gate, passed) =>
  gate === null ? '' : ` (gate ${gate}: ${passed ? 'ok' : 'MISSED'})`;

/** @param {{ cpu: number, rate: number }[]} list */
export const costText = (list) =>
  `${median(list.map(({ cpu }) => cpu)).toFixed(3)} µs ${Math.round(median(list.map(({ rate }) => rate))).toLocaleString('en')}/s`;
