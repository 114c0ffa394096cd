/**
 * `npm run bench`: echo servers side by side, ours, `ws` and raw node:net, all alive at once, rounds interleaved. What
 * counts is the server's CPU time per message, and its ratio within a round: the machine's speed cancels out.
 *
 *   --rounds N      rounds (5)           --seconds S   per server and round (1)
 *   --workloads a,b a selection          --gate        exit 1 where a ratio to `ws` is below its gate
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * `gate`: how many times the CPU of ours `ws` must need at least; null where nothing is promised.
 * @typedef {{ connections: number, inFlight: number, size: number, binary: boolean, gate: number | null }} Workload
 * @type {Record<string, Workload>}
 */
const workloads = {
  // size x messages in flight x connections
  'ping-pong 64x1x64': { connections: 64, inFlight: 1, size: 64, binary: false, gate: null },
  'text 16x16x32': { connections: 32, inFlight: 16, size: 16, binary: false, gate: null },
  'text 64x64x32': { connections: 32, inFlight: 64, size: 64, binary: false, gate: 8 },
  'text 125x4x64': { connections: 64, inFlight: 4, size: 125, binary: false, gate: null },
  'binary 1Kx4x32': { connections: 32, inFlight: 4, size: 1024, binary: true, gate: null },
  'binary 64Kx2x8': { connections: 8, inFlight: 2, size: 65_536, binary: true, gate: null },
  'binary 1Mx1x4': { connections: 4, inFlight: 1, size: 1_048_576, binary: true, gate: null },
};

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    workloads: { type: 'string' },
    gate: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const milliseconds = Number(values.seconds) * 1000;
const chosen = Object.entries(workloads).filter(
  ([name, { gate }]) =>
    (values.workloads === undefined || values.workloads.split(',').some((part) => name.includes(part))) &&
    (!values.gate || gate !== null),
);

/** @param {string} path */
const start = (path) => fork(fileURLToPath(new URL(path, import.meta.url)));

/** @param {import('node:child_process').ChildProcess} child @param {unknown} question */
async function ask(child, question) {
  const answer = once(child, 'message');
  child.send(/** @type {any} */ (question));
  return (await answer)[0];
}

/** @param {string} name */
async function startServer(name) {
  const child = start(`servers/${name}.js`);
  const [{ port }] = await once(child, 'message');
  return { name, child, port: /** @type {number} */ (port) };
}

const servers = await Promise.all(['rfc6455', 'ws', 'raw'].map(startServer));

/**
 * One server under one load. The generator is a fresh process: what it leaves behind is nobody's.
 * @param {(typeof servers)[number]} server @param {Workload} workload
 */
async function measure(server, workload) {
  const generator = start('load.js');
  const header = workload.size < 126 ? 2 : workload.size < 65_536 ? 4 : 10;
  const replySize = header + workload.size + (server.name === 'raw' ? 4 : 0);
  await ask(generator, { ...workload, port: server.port, milliseconds, replySize });
  const before = (await ask(server.child, 'cpu')).cpu;
  const { replies, milliseconds: took } = await ask(generator, 'go');
  const after = (await ask(server.child, 'cpu')).cpu;
  generator.disconnect();
  await once(generator, 'exit');
  return { cpu: (after - before) / replies, rate: (replies / took) * 1000 };
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return /** @type {number} */ (sorted[sorted.length >> 1]);
}

/** @param {number[]} ratios */
const spread = (ratios) =>
  `${median(ratios).toFixed(2)} [${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}]`;

console.log(`node ${process.version}, ${rounds} rounds of ${values.seconds} s, server CPU µs per message`);
let missed = 0;
for (const [name, workload] of chosen) {
  /** @type {Record<string, { cpu: number, rate: number }[]>} */
  const results = { rfc6455: [], ws: [], raw: [] };
  // The first round warms the compilers up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    process.stderr.write(`\r${name}: round ${round} of ${rounds} `);
    for (const server of servers) {
      const result = await measure(server, workload);
      if (round > 0) results[server.name]?.push(result);
    }
  }
  process.stderr.write('\r\x1b[K');
  const ours = results.rfc6455 ?? [];
  /** @param {string} peer */
  const ratios = (peer) => (results[peer] ?? []).map(({ cpu }, at) => cpu / (ours[at]?.cpu ?? 1));
  const cost = Object.entries(results)
    .map(([server, list]) => {
      const rate = median(list.map((one) => one.rate));
      return `${server} ${median(list.map((one) => one.cpu)).toFixed(3)} µs ${Math.round(rate).toLocaleString('en')}/s`;
    })
    .join(' · ');
  const toWs = ratios('ws');
  const passed = workload.gate === null || median(toWs) >= workload.gate;
  if (!passed) missed++;
  const gate = workload.gate === null ? '' : ` (gate ${workload.gate}: ${passed ? 'ok' : 'MISSED'})`;
  console.log(`${name}: ws/ours ${spread(toWs)}${gate}, raw/ours ${spread(ratios('raw'))}\n    ${cost}`);
}
for (const { child } of servers) child.disconnect();
if (values.gate && missed > 0) process.exitCode = 1;
