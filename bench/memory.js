/**
 * `npm run bench:memory`: compares the memory of an idle connection in our server, in `ws` and in a server that uses only node:net. The
 * bench measures the server's resident memory with 4,000 and with 9,900 connections, after a garbage collection. The result is the
 * difference, divided by the number of added connections. So the memory that a server needs without connections is not included. Each
 * measurement has a new server process. The servers take turns in each round, and the median is printed.
 *
 *   --rounds N       number of rounds (default 3)
 *   --from N         the smaller number of connections (default 4000)
 *   --to N           the larger number of connections (default 9900)
 *   --peers ws,raw   the other servers
 *   --gate           exit 1 if our server needs more than 4.5 KB
 *   --echo           each connection first echoes one message
 *   --secure         use TLS (not possible with raw)
 */
import { once } from 'node:events';
import { readArguments, readList, readNumber, refuseArguments } from '../scripts/command-line.js';
import { ask, median, start } from './side-by-side.js';

const { values } = readArguments({
  options: {
    rounds: { type: 'string', default: '3' },
    from: { type: 'string', default: '4000' },
    to: { type: 'string', default: '9900' },
    peers: { type: 'string', default: 'ws,raw' },
    gate: { type: 'boolean', default: false },
    echo: { type: 'boolean', default: false },
    secure: { type: 'boolean', default: false },
  },
});
const rounds = readNumber(values, 'rounds');
const from = readNumber(values, 'from');
const added = readNumber(values, 'to') - from;
if (added <= 0) refuseArguments(`--to is ${values.to}, which is not more than --from ${from}`);
const MAX_KB = 4.5;

// V8 doubles its space for young objects while connections are opened. This memory does not belong to a connection. So the space gets a
// fixed size.
const YOUNG = ['--min-semi-space-size=16', '--max-semi-space-size=16'];

/** @typedef {{ rss: number, heap: number }} Memory */

/**
 * Measures the memory of one added connection in KB: resident memory, and V8's heap.
 * @param {string} name @returns {Promise<Memory>}
 */
async function measure(name) {
  const child = start(`servers/${name}.js`, [], process.execPath, YOUNG);
  const [{ port: plainPort, securePort }] = await once(child, 'message');
  const { secure, echo } = values;
  const order = { port: secure ? securePort : plainPort, secure, echo };
  const generator = start('load-idle.js');
  generator.on('exit', (code) => {
    if (code !== 0) process.exit(1);
  });
  /** @returns {Promise<Memory>} */
  const memory = () => ask(child, 'memory');
  await ask(generator, { ...order, connections: from });
  const before = await memory();
  await ask(generator, { ...order, connections: added });
  const after = await memory();
  generator.disconnect();
  await once(generator, 'exit');
  child.disconnect();
  await once(child, 'exit');
  return { rss: (after.rss - before.rss) / added / 1000, heap: (after.heap - before.heap) / added / 1000 };
}

const names = ['rfc6455', ...readList(values, 'peers', ['ws', 'raw'])];
/** @type {Map<string, Memory[]>} */
const results = new Map(names.map((name) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const name of round % 2 === 1 ? names : [...names].reverse()) {
    process.stderr.write(`\rround ${round} of ${rounds}: ${name} `);
    results.get(name)?.push(await measure(name));
  }
}
process.stderr.write('\r\x1b[K');
console.log(
  `node ${process.version}, KB for each connection from ${from} to ${values.to}${values.secure ? ', over TLS' : ''}${values.echo ? ', after an echo' : ''}`,
);
for (const [name, list] of results) {
  const rss = list.map((one) => one.rss);
  const range = `[${Math.min(...rss).toFixed(2)}–${Math.max(...rss).toFixed(2)}]`;
  const heap = median(list.map((one) => one.heap));
  console.log(`${name}: ${median(rss).toFixed(2)} ${range} resident, ${heap.toFixed(2)} of it in V8's heap`);
}
if (!values.echo && !values.secure) {
  const isSmall = median((results.get('rfc6455') ?? []).map((one) => one.rss)) <= MAX_KB;
  console.log(`ours within ${MAX_KB} KB: ${isSmall ? 'ok' : 'MISSED'}`);
  if (values.gate && !isSmall) process.exitCode = 1;
}
