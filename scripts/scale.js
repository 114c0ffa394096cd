/**
 * Tests a server with many peers at the same time. The server has a heap of 64 MiB and a memory budget of 64 MiB. The peers run in another
 * process. For each scenario, the script prints the maximum resident memory of the server (measured every 100 ms) and the losses of the
 * honest peers. The exit code is 1 if a limit is exceeded.
 *
 *   npm run scale [-- holders loops broadcast targets]
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MIB = 1024 * 1024;
const BUDGET = 64 * MIB;
const MAX_RSS = BUDGET + 96 * MIB;
// The timeout is long, so that no handshake fails only because the machine is busy.
const HANDSHAKE_TIMEOUT = 60_000;

const built = await import(new URL('../dist/index.js', import.meta.url).href);
const { connect, MemoryBudget, WebSocketServer } = built;

// ---- the server, in a child process ----

/** @type {Record<string, () => Record<string, unknown>>} */
const handlers = {
  holders: () => ({ message: echo }),
  // The clients only send messages, and the application is slow.
  loops: () => ({
    async open(/** @type {any} */ connection) {
      for await (const message of connection) {
        await sleep(50);
        process.send?.({ received: message.length });
      }
    },
  }),
  broadcast: () => ({ message: echo }),
  targets: () => ({ message: echo }),
};

/**
 * @param {any} connection
 * @param {any} message
 */
function echo(connection, message) {
  connection.send(message);
}

/** @param {string} name */
async function serve(name) {
  const memoryBudget = new MemoryBudget(BUDGET);
  const options = {
    memoryBudget,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    ...(process.env.SCALE_COMPRESSION ? { compression: true } : null),
  };
  const server = new WebSocketServer({ ...handlers[name]?.(), error() {} }, options);
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  if (name === 'broadcast') {
    const frame = Buffer.alloc(65_536, 1);
    setInterval(() => server.broadcast(frame), 50);
  }
  process.on('disconnect', () => process.exit());
  process.send?.({ port });
}

// ---- peers ----

/** Returns a frame of a client. The masking key is zero. @param {number} first @param {Buffer} payload */
function frame(first, payload) {
  const { length } = payload;
  const header = length < 126 ? Buffer.from([first, 0x80 | length]) : Buffer.alloc(length < 65_536 ? 4 : 10);
  if (length >= 126) {
    header[0] = first;
    header[1] = 0x80 | (length < 65_536 ? 126 : 127);
    if (length < 65_536) header.writeUInt16BE(length, 2);
    else header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, Buffer.alloc(4), payload]);
}

/** Opens a WebSocket connection on a TCP socket, without our library. @param {number} port */
async function rawPeer(port, target = '/') {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await Promise.race([once(socket, 'data'), closed]);
  socket.pause();
  return socket;
}

/**
 * @template T
 * @param {number} count
 * @param {(index: number) => Promise<T>} make
 */
async function inBatches(count, make) {
  /** @type {T[]} */
  const all = [];
  while (all.length < count) {
    const from = all.length;
    const size = Math.min(100, count - from);
    all.push(...(await Promise.all(Array.from({ length: size }, (_, index) => make(from + index)))));
  }
  return all;
}

/**
 * Runs an honest peer. The server must echo each message unchanged.
 * @returns a text that describes a lost message, or ''. @param {number} port @param {number} id
 */
async function honest(port, id, rounds = 5, size = 256 * 1024) {
  /** @type {((message: Buffer) => void) | null} */
  let onMessage = null;
  let end = '';
  const connection = await connect(`ws://127.0.0.1:${port}`, {
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    ...(process.env.SCALE_COMPRESSION ? { compression: true } : null),
    handlers: {
      message(/** @type {unknown} */ _connection, /** @type {Buffer} */ message) {
        // Messages of the broadcast are ignored: all their bytes are 1.
        if (message.length === size) onMessage?.(message);
      },
      close(/** @type {unknown} */ _connection, /** @type {number} */ code) {
        end = `closed with ${code}`;
        onMessage?.(Buffer.alloc(0));
      },
    },
  });
  for (let round = 0; round < rounds && end === ''; round++) {
    const sent = Buffer.alloc(size, `${id} ${round} `);
    const received = await new Promise((resolve) => {
      onMessage = resolve;
      connection.send(sent);
    });
    if (!received.equals(sent)) return end || 'an echo was wrong';
  }
  if (end !== '') return end;
  connection.close(1000);
  await connection.closed;
  return '';
}

/** @type {Record<string, (port: number) => Promise<string[]>>} */
const peers = {
  /** 1,000 peers send an endless message in tiny fragments. 1,000 peers send pings and never read. 100 peers are honest. */
  async holders(port) {
    const fragment = Buffer.alloc(16, 7);
    const first = frame(0x02, fragment);
    const next = Buffer.concat(Array.from({ length: 13_000 }, () => frame(0x00, fragment)));
    const pings = Buffer.concat(Array.from({ length: 500 }, () => frame(0x89, Buffer.alloc(125))));
    const holding = await inBatches(1000, () => rawPeer(port));
    const pinging = await inBatches(1000, () => rawPeer(port));
    for (const socket of holding) socket.write(first);
    for (const socket of holding) socket.write(next);
    const timer = setInterval(() => {
      for (const socket of holding) if (socket.writableLength === 0) socket.write(frame(0x00, fragment));
      for (const socket of pinging) if (socket.writableLength === 0) socket.write(pings);
    }, 1000);
    const lost = await Promise.all(
      Array.from({ length: 100 }, (_, id) => honest(port, id).catch((error) => String(error))),
    );
    clearInterval(timer);
    return lost;
  },
  /**
   * Each of 500 peers sends 64 messages of 32 KiB. The application reads them with loops that need 50 ms for each message. A suspended loop
   * keeps its current message in memory: together, these are 16 MiB that belong to the application.
   */
  async loops(port) {
    const message = frame(0x82, Buffer.alloc(32 * 1024, 7));
    const all = Buffer.concat(Array.from({ length: 64 }, () => message));
    const sockets = await inBatches(500, () => rawPeer(port));
    let closed = 0;
    for (const socket of sockets) {
      socket.resume();
      socket.once('close', () => closed++);
      socket.write(all);
    }
    await new Promise((resolve) => process.on('message', (text) => text === 'all' && resolve(null)));
    return closed === 0 ? [] : [`${closed} connections were closed`];
  },
  /** 100 peers never read a broadcast, and 20 peers are honest. */
  async broadcast(port) {
    const mute = await inBatches(100, () => rawPeer(port));
    const until = performance.now() + 12_000;
    const lost = await Promise.all(
      Array.from({ length: 20 }, async (_, id) => {
        let text = '';
        while (text === '' && performance.now() < until) text = await honest(port, id, 3);
        return text;
      }),
    );
    for (const socket of mute) socket.destroy();
    return lost;
  },
  /** 9,900 peers send requests with a target of 8 KiB. */
  async targets(port) {
    const target = `/${'x'.repeat(8100)}`;
    const sockets = await inBatches(9900, () => rawPeer(port, target));
    const gone = sockets.filter(({ destroyed }) => destroyed).length;
    const lost = await honest(port, 1);
    return [gone === 0 ? '' : `${gone} were refused`, lost];
  },
};

// ---- the parent process ----

/** @param {number} pid */
function rssOf(pid) {
  try {
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** @param {string} name */
async function measure(name) {
  const file = fileURLToPath(import.meta.url);
  const began = performance.now();
  const server = fork(file, ['server', name], { execArgv: ['--max-old-space-size=64'] });
  let died = '';
  server.once('exit', (code, signal) => {
    died = `the server ended with ${signal ?? code}`;
  });
  const [{ port }] = await once(server, 'message');
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, rssOf(server.pid ?? 0));
  }, 100);
  const other = fork(file, ['peers', name, String(port)]);
  let received = 0;
  server.on('message', () => {
    if (++received === 500 * 64) other.send('all');
  });
  const result = await Promise.race([
    once(other, 'message').then(([{ lost }]) => lost.filter(Boolean)),
    once(server, 'exit').then(() => []),
    sleep(120_000, ['not done in two minutes'], { ref: false }),
  ]);
  clearInterval(sampling);
  const alive = died;
  server.removeAllListeners('exit');
  other.kill();
  server.kill();
  const faults = [...result.slice(0, 3), alive].filter(Boolean);
  if (name !== 'targets' && most > MAX_RSS) faults.push('too much memory');
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const verdict = faults.length === 0 ? 'passed' : `FAILED: ${faults.join('; ')}`;
  console.log(
    `${name.padEnd(12)} RSS ${String(Math.round(most / MIB)).padStart(4)} MiB  ${seconds.padStart(6)} s  ${verdict}`,
  );
  return faults.length === 0;
}

const [kind = '', name = '', port = ''] = process.argv.slice(2);
if (kind === 'server') {
  await serve(name);
} else if (kind === 'peers') {
  const lost = await (peers[name]?.(Number(port)) ?? []);
  process.send?.({ lost });
} else {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(peers);
  console.log(`bound: ${MAX_RSS / MIB} MiB, of which the memory budget is ${BUDGET / MIB} MiB`);
  let passed = true;
  for (const one of names) passed = (await measure(one)) && passed;
  process.exit(passed ? 0 : 1);
}
