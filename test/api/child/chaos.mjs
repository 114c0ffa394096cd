// Makes random calls in all handlers and states, on both ends of real sockets. chaos.test.ts runs this program in a child process.
// The last line of stdout is JSON. This line shows which resources are left at the end.
//
//   node chaos.mjs '{"seed":1,"connections":200,"secure":false,"attached":false,"compression":true}'
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { CompressionBudget, connect, MemoryBudget, reject, WebSocketServer } from '../../../dist/index.js';

/** @typedef {import('../../../dist/index.js').Connection<unknown>} Connection */

const { seed, connections, secure, attached, compression } = JSON.parse(process.argv[2] ?? '{}');
const tlsFolder = new URL('../../fixtures/tls/', import.meta.url);
const read = (/** @type {string} */ name) => readFileSync(new URL(name, tlsFolder), 'utf8');

// ---- random numbers ----

let state = seed >>> 0;
/** Returns a random number from 0 to below 1 (the algorithm mulberry32). */
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}
const below = (/** @type {number} */ limit) => Math.floor(random() * limit);
/** @template T @param {readonly T[]} list @returns {T} */
const pick = (list) => /** @type {T} */ (list[below(list.length)]);

// ---- the calls ----

const payloads = [
  () => '',
  () => 'text',
  () => 'é'.repeat(below(3_000)),
  () => Buffer.alloc(below(200), 7),
  () => Buffer.alloc(5_000, 'abc'),
  () => new Uint8Array(20_000),
  () => new Uint8Array(new ArrayBuffer(40_000), 100, 30_000),
  () => 'x'.repeat(120_000),
];

/** Counts how often each callback and Promise of `send`, `write` and `drained` was settled. @type {{ settled: number }[]} */
const completions = [];

function completion() {
  const one = { settled: 0 };
  completions.push(one);
  return one;
}

/** @type {((connection: Connection) => unknown)[]} */
const calls = [
  (connection) => {
    const one = completion();
    let isInside = true;
    const options = random() < 0.3 ? { fragmentSize: 1 + below(5_000) } : {};
    connection.send(pick(payloads)(), options, (error) => {
      // A callback that runs inside the call of `send` is a fault. It is not counted, so the report shows the fault.
      if (!isInside && (error === null || error instanceof Error)) one.settled++;
      if (random() < 0.1) throw new Error('a callback threw');
    });
    isInside = false;
  },
  (connection) => {
    const one = completion();
    connection.write(pick(payloads)()).then(
      () => one.settled++,
      () => one.settled++,
    );
  },
  (connection) => {
    const one = completion();
    connection.drained().then(
      () => one.settled++,
      () => one.settled++,
    );
  },
  // This handler does not await the Promise. A rejection must not end the process.
  (connection) => void connection.write('x'),
  (connection) => connection.send(pick(payloads)()),
  (connection) => connection.send(pick(payloads)()),
  (connection) => connection.send(pick(payloads)(), { fragmentSize: 1 + below(5_000) }),
  (connection) => connection.send(pick(payloads)(), { compress: random() < 0.5 }),
  (connection) => {
    // The test transfers the memory to another owner as soon as `send` has returned (FAULT-1).
    const bytes = new Uint8Array(1 + below(30_000));
    connection.send(bytes);
    structuredClone(bytes, { transfer: [bytes.buffer] });
  },
  (connection) => connection.ping(Buffer.alloc(below(126))),
  (connection) => connection.pong(),
  (connection) => connection.pause(),
  (connection) => connection.resume(),
  (connection) => connection.flush(),
  (connection) => void connection.close(pick([1000, 1001, 1008, 3000, 4999]), pick(['', 'reason'])),
  (connection) => void connection.close(1000, '', 1 + below(300)),
  (connection) => connection.terminate(),
  (connection) => connection.reset(),
  (connection) => void connection.closed.then(() => connection.send('after')),
  (connection) => connection.ref(),
  () => {
    throw new Error('a handler threw');
  },
  () => Promise.reject(new Error('a handler rejected')),
  () => {
    throw undefined;
  },
];

/** The probability that a handler makes no call of `calls`. The two ends then exchange messages before the connection ends. */
const CALM = 0.93;

/** @type {Set<Connection>} */
const open = new Set();
/** @type {Map<Connection, { closed: number, opened: number }>} */
const seen = new Map();
let hooks = 0;

function count(/** @type {Connection} */ connection) {
  let counts = seen.get(connection);
  if (counts === undefined) {
    counts = { closed: 0, opened: 0 };
    seen.set(connection, counts);
  }
  return counts;
}

function chaos(/** @type {Connection} */ connection) {
  hooks++;
  if (random() > CALM) return pick(calls)(connection);
  // Sends a message or a ping, so that a handler of the other end is called. Not every handler sends, so the exchange ends.
  if (random() < 0.4) connection.send(pick(payloads)());
  else if (random() < 0.2) connection.ping();
  return undefined;
}

/** Reads messages with `for await`, and leaves the loop in a random way. */
async function loop(/** @type {Connection} */ connection) {
  try {
    for await (const message of connection) {
      void message;
      const chance = random();
      if (chance < 0.1) break;
      if (chance < 0.2) await new Promise((resolve) => setTimeout(resolve, below(50)));
      else if (chance < 0.25) throw new Error('the loop threw');
      else if (chance < 0.3) connection.pause();
    }
  } catch {
    // The connection failed, or the loop threw.
  }
}

const handlers = {
  open(/** @type {Connection} */ connection) {
    count(connection).opened++;
    open.add(connection);
    return chaos(connection);
  },
  message: chaos,
  fragment: chaos,
  ping: chaos,
  pong: chaos,
  drain: chaos,
  closing: chaos,
  error: chaos,
  close(/** @type {Connection} */ connection) {
    count(connection).closed++;
    open.delete(connection);
    return chaos(connection);
  },
};

/** The same handlers without `message`. A loop takes the messages. */
const { message: _, ...looping } = handlers;
const loopHandlers = {
  ...looping,
  open(/** @type {Connection} */ connection) {
    void loop(connection);
    return handlers.open(connection);
  },
};

// ---- both ends ----

const memoryBudget = new MemoryBudget(64 * 1024 * 1024);
const budget = new CompressionBudget(16 * 1024 * 1024);
const shared = {
  memoryBudget,
  closeTimeout: 300,
  heartbeat: { interval: 400, timeout: 400 },
  messageTimeout: 500,
  compression: compression ? { budget, threshold: 100 } : false,
};
/** @type {string[]} */
const uncaught = [];
process.on('uncaughtException', (error) => uncaught.push(`exception: ${error?.stack ?? error}`));
process.on('unhandledRejection', (error) =>
  uncaught.push(`rejection: ${error instanceof Error ? error.stack : error}`),
);
// Exceptions of handlers are process warnings. This program ignores them.
process.removeAllListeners('warning');
process.on('warning', () => {});

const server = new WebSocketServer(
  {
    ...handlers,
    upgrade: (request) => {
      if (request.query === 'refuse') return reject(403);
      if (request.query === 'throw') throw new Error('upgrade threw');
      if (request.query === 'later') return new Promise((resolve) => setTimeout(resolve, below(50)));
      return undefined;
    },
    refused: () => {
      if (random() < 0.1) throw new Error('refused threw');
    },
  },
  { ...shared, handshakeTimeout: 2_000 },
);
const tls = { cert: read('localhost-cert.pem'), key: read('localhost-key.pem') };
/** @type {import('node:http').Server | null} */
let http = null;
let port = 0;
if (attached) {
  http = createServer();
  server.attach(http);
  await new Promise((resolve) => http?.listen(0, '127.0.0.1', () => resolve(undefined)));
  port = /** @type {import('node:net').AddressInfo} */ (http.address()).port;
} else {
  ({ port } = await server.listen(secure ? { tls } : {}));
}
const url = `${secure ? 'wss' : 'ws'}://localhost:${port}/`;

/** Opens a connection with the client of this package. */
async function client() {
  const aborter = new AbortController();
  if (random() < 0.05) setTimeout(() => aborter.abort(), below(40));
  const query = pick(['', '', '', '', '?refuse', '?throw', '?later']);
  try {
    await connect(url + query, {
      ...shared,
      handlers: random() < 0.3 ? loopHandlers : handlers,
      tls: { ca: read('ca-cert.pem') },
      signal: aborter.signal,
      handshakeTimeout: 5_000,
    });
  } catch {
    // The connection was refused or aborted, or it has already ended.
  }
}

/** Connects without the client of this package, sends random bytes and leaves in a random way. Such a peer cannot use TLS. */
function rawPeer() {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', resolve);
    socket.on('data', () => {});
    socket.write(
      `GET /${pick(['', '?later', '?refuse'])} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAB==\r\nSec-WebSocket-Version: 13\r\n' +
        `${compression ? 'Sec-WebSocket-Extensions: permessage-deflate\r\n' : ''}\r\n`,
    );
    const frames = [
      Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]),
      Buffer.from([0x01, 0x80, 0, 0, 0, 0]),
      Buffer.from([0x89, 0x80, 0, 0, 0, 0]),
      Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]),
      Buffer.from([0x82, 0xfe, 0x10, 0x00, 0, 0, 0, 0, 1, 2, 3]),
      Buffer.from([0xff, 0xff]),
      Buffer.from([0xc1, 0x83, 0, 0, 0, 0, 0x4a, 0x04, 0x00]),
    ];
    let left = below(6);
    const step = () => {
      if (socket.destroyed) return;
      if (left-- > 0) {
        socket.write(pick(frames));
        setTimeout(step, below(30));
      } else if (random() < 0.3) socket.resetAndDestroy();
      else if (random() < 0.5) socket.end();
      else socket.destroy();
    };
    setTimeout(step, below(30));
    if (random() < 0.2) socket.pause();
    // After 4 s the peer leaves in any case.
    setTimeout(() => socket.destroy(), 4_000).unref();
  });
}

// The timer makes calls outside of handlers.
const meddler = setInterval(() => {
  for (const connection of open) {
    if (random() > 0.04) continue;
    try {
      const result = pick(calls)(connection);
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // Some calls throw on purpose.
    }
  }
  if (random() < 0.3) server.broadcast(pick(payloads)());
}, 10);

async function allPeers() {
  const peers = [];
  for (let index = 0; index < connections; index++) {
    peers.push(!secure && random() < 0.3 ? rawPeer() : client());
    if (index % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.race([Promise.all(peers), new Promise((resolve) => setTimeout(resolve, 30_000))]);
}
// On a busy machine, most handshakes of the first peers may time out. More peers follow until half of the connections were opened.
for (let times = 0; times < 5 && seen.size * 2 <= connections; times++) await allPeers();
await new Promise((resolve) => setTimeout(resolve, 500));
clearInterval(meddler);
// If the shutdown hangs, the program reports it and continues.
const isShutDown = await Promise.race([
  server.shutdown({ grace: 1_000 }).then(() => true),
  new Promise((resolve) => setTimeout(resolve, 30_000, false)),
]);
// The connections of the clients close after their timeouts. Nothing is terminated here.
for (const connection of [...open]) void connection.close();
for (let round = 0; round < 400 && open.size > 0; round++) {
  await new Promise((resolve) => setTimeout(resolve, 25));
}
http?.close();
for (let round = 0; round < 80 && handles().length > 0; round++) {
  await new Promise((resolve) => setTimeout(resolve, 25));
}

/** Returns the sockets and address lookups that keep the process alive. */
function handles() {
  return process.getActiveResourcesInfo().filter((name) => /^(?:TCP|TLS|GetAddrInfo)/.test(name));
}

const counts = [...seen.values()];
console.log(
  JSON.stringify({
    isShutDown,
    hooks,
    connections: counts.length,
    openedTwice: counts.filter(({ opened }) => opened > 1).length,
    notClosedOnce: counts.filter(({ closed }) => closed !== 1).length,
    open: open.size,
    serverConnections: server.connections.size,
    memory: memoryBudget.used,
    compression: budget.used,
    handles: handles(),
    completions: completions.length,
    notSettledOnce: completions.filter(({ settled }) => settled !== 1).length,
    uncaught,
  }),
);
process.exit();
