/**
 * `npm run conflation [-- --minutes 5]`: tests `sendLatest`, with which a newer value replaces a waiting older value. A server, in a
 * separate process, calls `sendLatest` 1,000 times a second for each of 200 clients. Five of the clients are slow: they read 20 KB a second
 * through a proxy. Prints the age of the values when they arrive. Fails in these cases:
 * - the median age is 20 ms or more for the fast clients, or more than a second for a slow client
 * - a value arrives out of order
 * - the memory of the server grows
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connect, WebSocketServer } from 'rfc6455';
import { median } from '../bench/side-by-side.js';
import { readArguments, readNumber } from './command-line.js';

const CLIENTS = 200;
const SLOW = 5;
const VALUE_SIZE = 1_000;
const SLOW_RATE = 20_000;
const MAX_FAST_AGE = 20;
const MAX_SLOW_AGE = 1_000;
const MAX_GROWTH = 32 * 1_048_576;

/** Returns the time in milliseconds. The clock is the same for all processes. */
const now = () => performance.timeOrigin + performance.now();

/** Runs the server: it sends 1,000 updates a second, and reports its memory on request. */
async function serve() {
  const server = new WebSocketServer({ message() {}, error() {} });
  const { port } = await server.listen({ host: '127.0.0.1' });
  const started = performance.now();
  let updates = 0;
  setInterval(() => {
    for (; updates < performance.now() - started; updates++) {
      const value = `${updates} ${now()} `.padEnd(VALUE_SIZE, 'x');
      for (const connection of server.connections) connection.sendLatest('value', value);
    }
  }, 1);
  process.on('message', () => process.send?.(process.memoryUsage().rss));
  process.on('disconnect', () => process.exit());
  process.send?.(port);
}

/** Starts a proxy that forwards bytes to its clients at `SLOW_RATE`. @param {number} port the port of the server */
async function throttle(port) {
  const proxy = createServer((client) => {
    const server = connectTcp(port, '127.0.0.1');
    client.pipe(server);
    const timer = setInterval(() => {
      const chunk = server.read(Math.min(SLOW_RATE / 20, server.readableLength));
      if (chunk !== null) client.write(chunk);
    }, 50);
    // Node reads from the kernel only if there is a 'readable' listener.
    server.on('readable', () => {});
    const end = () => {
      clearInterval(timer);
      server.destroy();
      client.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return proxy;
}

/** @param {number} minutes */
async function run(minutes) {
  const child = fork(fileURLToPath(import.meta.url), ['--serve']);
  const [port] = await once(child, 'message');
  const proxy = await throttle(port);
  const slowPort = /** @type {import('node:net').AddressInfo} */ (proxy.address()).port;
  /** @type {number[][]} */
  const ages = [];
  let outOfOrder = 0;
  const connections = [];
  for (let index = 0; index < CLIENTS; index++) {
    /** @type {number[]} */
    const own = [];
    ages.push(own);
    let last = -1;
    const handlers = {
      /** @param {unknown} _ @param {string | Buffer} message */
      message(_, message) {
        const [number, at] = String(message).split(' ', 2).map(Number);
        if (number === undefined || at === undefined || number <= last) outOfOrder++;
        else last = number;
        own.push(now() - (at ?? 0));
        // Old ages are dropped, so that this process needs little memory.
        if (own.length > 20_000) own.splice(0, 10_000);
      },
    };
    connections.push(await connect(`ws://127.0.0.1:${index < SLOW ? slowPort : port}/`, { handlers }));
  }
  const rss = [];
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    child.send('memory');
    rss.push((await once(child, 'message'))[0]);
  }
  const fast = median(ages.slice(SLOW).flat());
  const slow = ages.slice(0, SLOW).map((list) => median(list));
  // The first quarter of the samples is ignored, because memory still grows at the start of a process.
  const settled = rss.slice(rss.length >> 2);
  const growth = median(settled.slice(-10)) - median(settled.slice(0, 10));
  const seen = ages.map(({ length }) => length);
  console.log(
    `node ${process.version}, ${minutes} minutes, ${CLIENTS} clients, 1,000 updates of ${VALUE_SIZE} bytes a second`,
  );
  console.log(
    `fast: median age ${fast.toFixed(1)} ms, ${median(seen.slice(SLOW))} values each (the newest 20,000 at most)`,
  );
  console.log(
    `slow: median ages ${slow.map((age) => age.toFixed(0)).join(', ')} ms, ${median(seen.slice(0, SLOW))} values each`,
  );
  console.log(
    `server: ${(Math.max(...rss) / 1_048_576).toFixed(0)} MiB at most, grew by ${(growth / 1_048_576).toFixed(1)} MiB; out of order: ${outOfOrder}`,
  );
  for (const connection of connections) connection.terminate();
  proxy.close();
  child.disconnect();
  const isSlowOld = slow.some((age) => !(age <= MAX_SLOW_AGE));
  if (!(fast < MAX_FAST_AGE) || isSlowOld || outOfOrder > 0 || growth > MAX_GROWTH) {
    console.error('a bound is broken');
    process.exitCode = 1;
  }
}

const { values } = readArguments({
  options: { minutes: { type: 'string', default: '5' }, serve: { type: 'boolean', default: false } },
});
if (values.serve) await serve();
else await run(readNumber(values, 'minutes', { min: 0, whole: false }));
