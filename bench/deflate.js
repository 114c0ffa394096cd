/**
 * `npm run bench:deflate`: compressed echo of JSON-like text, 64 connections, ours beside `ws` at level 6 and threshold 0, both
 * alive, rounds interleaved. What counts is the server's CPU time per message, zlib's threads included, and the bytes on
 * the wire; both as ratios.
 *
 *   --rounds N (5)  --seconds S (1)  --workloads a,b  --gate   as in `npm run bench`
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * `gate`: how many times our CPU `ws` must need at least. `bytes`: how many times its bytes ours may take.
 * @typedef {{ size: number, context: boolean, gate: number | null, bytes: number | null }} Workload
 * @type {Record<string, Workload>}
 */
const workloads = {
  'takeover 256': { size: 256, context: true, gate: 3.1, bytes: 1.1 },
  'takeover 1K': { size: 1024, context: true, gate: null, bytes: 1.1 },
  'takeover 4K': { size: 4096, context: true, gate: 1.25, bytes: 1.16 },
  'takeover 64K': { size: 65_536, context: true, gate: 1.2, bytes: 1.03 },
  'alone 256': { size: 256, context: false, gate: 1.5, bytes: null },
  'alone 1K': { size: 1024, context: false, gate: null, bytes: null },
  'alone 4K': { size: 4096, context: false, gate: 0.95, bytes: null },
  'alone 64K': { size: 65_536, context: false, gate: 1.05, bytes: null },
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

/** @param {string} path @param {string[]} args */
const start = (path, args = []) => fork(fileURLToPath(new URL(path, import.meta.url)), args);

/** @param {import('node:child_process').ChildProcess} child @param {unknown} question */
async function ask(child, question) {
  const answer = once(child, 'message');
  child.send(/** @type {any} */ (question));
  return (await answer)[0];
}

/** @param {string} name @param {boolean} context */
async function startServer(name, context) {
  const child = start(`servers/${name}-deflate.js`, context ? [] : ['no-context']);
  const [{ port }] = await once(child, 'message');
  return { name, child, port: /** @type {number} */ (port) };
}

/** @param {{ child: import('node:child_process').ChildProcess, port: number }} server @param {Workload} workload */
async function measure({ child, port }, { size, context }) {
  const generator = start('load-deflate.js');
  await ask(generator, { port, connections: 64, size, context, milliseconds });
  const before = (await ask(child, 'cpu')).cpu;
  const { replies, payload, milliseconds: took } = await ask(generator, 'go');
  const after = (await ask(child, 'cpu')).cpu;
  generator.disconnect();
  await once(generator, 'exit');
  return { cpu: (after - before) / replies, rate: (replies / took) * 1000, bytes: payload / replies };
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return /** @type {number} */ (sorted[sorted.length >> 1]);
}

console.log(`node ${process.version}, ${rounds} rounds of ${values.seconds} s, server CPU µs per message`);
let missed = 0;
for (const context of [true, false]) {
  const names = ['rfc6455', 'ws'];
  const servers = await Promise.all(names.map((name) => startServer(name, context)));
  for (const [name, workload] of chosen.filter(([, one]) => one.context === context)) {
    /** @type {Record<string, { cpu: number, rate: number, bytes: number }[]>} */
    const results = { rfc6455: [], ws: [] };
    for (let round = 0; round <= rounds; round++) {
      process.stderr.write(`\r${name}: round ${round} of ${rounds} `);
      for (const server of servers) {
        const result = await measure(server, workload);
        if (round > 0) results[server.name]?.push(result);
      }
    }
    process.stderr.write('\r\x1b[K');
    const ours = results.rfc6455 ?? [];
    const theirs = results.ws ?? [];
    const ratios = theirs.map(({ cpu }, at) => cpu / (ours[at]?.cpu ?? 1));
    const bytes = median(ours.map((one) => one.bytes)) / median(theirs.map((one) => one.bytes));
    const fast = workload.gate === null || median(ratios) >= workload.gate;
    const small = workload.bytes === null || bytes <= workload.bytes;
    if (!fast || !small) missed++;
    const gates = [
      workload.gate === null ? '' : ` (gate ${workload.gate}: ${fast ? 'ok' : 'MISSED'})`,
      workload.bytes === null ? '' : ` (gate ${workload.bytes}: ${small ? 'ok' : 'MISSED'})`,
    ];
    const spread = `${median(ratios).toFixed(2)} [${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}]`;
    console.log(`${name}: ws/ours ${spread}${gates[0]}, bytes ours/ws ${bytes.toFixed(3)}${gates[1]}`);
    for (const [server, list] of Object.entries(results)) {
      const figures = `${median(list.map((one) => one.cpu)).toFixed(2)} µs ${Math.round(median(list.map((one) => one.rate))).toLocaleString('en')}/s`;
      console.log(`    ${server} ${figures} ${median(list.map((one) => one.bytes)).toFixed(1)} bytes`);
    }
  }
  for (const { child } of servers) child.disconnect();
}
if (values.gate && missed > 0) process.exitCode = 1;
