/**
 * `npm run bench:deflate-memory`: compares the memory for compression in our server (without a budget) and in `ws`, with 2,000 connections
 * and context takeover. After all connections are open, each connection sends messages. The bench prints how much the resident memory per
 * connection grows because of these messages.
 *
 *   --connections N   number of connections (default 2000)
 *   --gate            exit 1 if our server needs more memory than docs/compression.md promises
 */
import { once } from 'node:events';
import { readArguments, readNumber } from '../scripts/command-line.js';
import { ask, start, startServer } from './side-by-side.js';

const { values } = readArguments({
  options: { connections: { type: 'string', default: '2000' }, gate: { type: 'boolean', default: false } },
});
const connections = readNumber(values, 'connections');
const stages = [
  { name: 'four messages of 256 B', size: 256, count: 4 },
  { name: '64 KiB of text each way', size: 4096, count: 16 },
];

/** @param {string} name */
async function measure(name) {
  const server = await startServer(name, `servers/${name}-deflate.js`, ['no-budget']);
  const memory = async () => (await ask(server.child, 'memory')).rss;
  const generator = start('load-memory.js');
  await ask(generator, { port: server.port, connections, stages });
  const before = await memory();
  /** @type {number[]} */
  const held = [];
  for (const _ of stages) {
    await ask(generator, 'go');
    held.push((await memory()) - before);
  }
  generator.disconnect();
  server.child.disconnect();
  await once(server.child, 'exit');
  return held.map((bytes) => bytes / connections / 1024);
}

const ours = await measure('rfc6455');
const theirs = await measure('ws');
console.log(`node ${process.version}, ${connections} connections, KiB of resident memory each`);
for (const [at, { name }] of stages.entries()) {
  const [mine = Number.NaN, other = Number.NaN] = [ours[at], theirs[at]];
  console.log(
    `${name}: ours ${mine.toFixed(1)}, ws ${other.toFixed(1)}, ours/ws ${(mine / other).toFixed(2)}`,
  );
}
const isSmall = (ours[0] ?? Number.NaN) <= 32 && (ours[1] ?? Number.NaN) <= 0.45 * (theirs[1] ?? Number.NaN);
console.log(isSmall ? 'within 32 KiB, and 45 % of ws: ok' : 'within 32 KiB, and 45 % of ws: MISSED');
if (values.gate && !isSmall) process.exitCode = 1;
