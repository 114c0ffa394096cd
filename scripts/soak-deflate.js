/**
 * `npm run soak:deflate -- [--messages N] [--seed S] [--engine auto|zlib]`: a long test of permessage-deflate with context takeover. There
 * are two connections: our client with a server of `ws`, and a client of `ws` with our server. On each connection, both ends send N
 * messages (200,000 by default) at the same time. The receiver compares every message byte by byte. The same seed gives the same messages.
 * The messages are random: text or binary, compressible or not, in one frame or in several. One in ten is sent uncompressed. The sizes are
 * from 0 to 100 KiB. Small and large sizes are equally frequent (log-uniform).
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WebSocket as WsClient, WebSocketServer as WsServer } from 'ws';
import { readArguments, readNumber } from './command-line.js';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'index.js');
if (!existsSync(dist)) throw new Error(`${dist} is missing: run "npm run build" first`);
/** @type {any} */
const { connect, WebSocketServer } = await import(pathToFileURL(dist).href);

const LARGEST = 102_400;

/** The number of messages in flight in each direction. This is enough to keep both ends busy. */
const AHEAD = 32;

const { values } = readArguments({
  options: {
    messages: { type: 'string', default: '200000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    engine: { type: 'string', default: 'auto' },
  },
});
const count = readNumber(values, 'messages');
const seed = readNumber(values, 'seed', { min: 0 });

/** Returns a function that returns random numbers, from 0 to less than 1. @param {number} state @returns {() => number} */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The content of a message is a part of this text, or of random bytes (`noise`). */
const text = (() => {
  const random = generator(1);
  const words = [
    'id',
    'name',
    'value',
    'kitchen',
    'temperature',
    'updatedAt',
    'true',
    'null',
    'celsius',
    'Größe',
    '部屋',
  ];
  let all = '';
  while (all.length < 400_000)
    all += `{"${words[Math.floor(random() * 11)]}":${Math.floor(random() * 1e6)},"on":"${words[Math.floor(random() * 11)]}"},`;
  return all;
})();
const bytes = Buffer.from(text);
const noise = Buffer.from(Array.from({ length: 300_000 }, generator(2)).map((n) => n * 256));

/** @typedef {{ data: string | Buffer, fragmentSize: number, compress: boolean }} Message if fragmentSize is 0, the message is one frame */

/** Returns a function that returns the next message of one direction. @param {number} from @returns {() => Message} */
function messages(from) {
  const random = generator(from);
  /** @param {number} limit */
  const below = (limit) => Math.floor(random() * limit);
  return () => {
    const size = Math.floor(Math.exp(random() * Math.log(LARGEST + 1))) - 1;
    const kind = below(10);
    const at = below(200_000);
    /** @type {string | Buffer} */
    let data;
    if (kind < 5) data = text.slice(at, at + size);
    else if (kind < 8) data = bytes.subarray(at, at + size);
    else if (kind < 9) data = noise.subarray(at, at + size);
    else
      data = Buffer.concat([
        noise.subarray(at, at + (size >> 2)),
        bytes.subarray(at, at + size - (size >> 2)),
      ]);
    const fragmentSize = below(3) > 0 ? 0 : 1 + below(Math.max(100, size));
    return { data, fragmentSize: size / fragmentSize > 200 ? 0 : fragmentSize, compress: below(10) > 0 };
  };
}

/**
 * One end of a connection.
 * @typedef {{ send(message: Message): void, close(): void }} End
 */

class Direction {
  sent = 0;
  received = 0;
  size = 0;
  /** @type {End | null} */
  from = null;
  /** @param {number} seed @param {string} name */
  constructor(seed, name) {
    this.name = name;
    this.outgoing = messages(seed);
    this.expected = messages(seed);
    /** @type {() => void} */
    this.resolve = () => {};
    /** @type {Promise<void>} */
    this.done = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  fill() {
    while (this.sent < count && this.sent - this.received < AHEAD) {
      this.sent++;
      this.from?.send(this.outgoing());
    }
  }

  /** @param {string | Buffer} data */
  receive(data) {
    const { data: expected } = this.expected();
    const same =
      typeof data === 'string' || typeof expected === 'string' ? data === expected : data.equals(expected);
    if (!same) fail(`${this.name}: message ${this.received} of ${expected.length} differs`);
    this.received++;
    this.size += expected.length;
    if (this.received === count) this.resolve();
    this.fill();
  }
}

/** @param {string} why @returns {never} */
function fail(why) {
  console.error(`seed ${seed}: ${why}`);
  process.exit(1);
}

/** @param {any} connection @returns {End} */
function ourEnd(connection) {
  return {
    send({ data, fragmentSize, compress }) {
      connection.send(data, { compress, ...(fragmentSize > 0 ? { fragmentSize } : null) });
    },
    close: () => connection.close(1000),
  };
}

/** @param {WsClient} socket @returns {End} */
function wsEnd(socket) {
  return {
    send({ data, fragmentSize, compress }) {
      const binary = typeof data !== 'string';
      const all = Buffer.from(data);
      let at = 0;
      if (fragmentSize > 0) {
        for (; at + fragmentSize < all.length; at += fragmentSize)
          socket.send(all.subarray(at, at + fragmentSize), { binary, compress, fin: false });
      }
      socket.send(all.subarray(at), { binary, compress });
    },
    close: () => socket.close(1000),
  };
}

const compression = { threshold: 0, engine: values.engine };
const perMessageDeflate = { threshold: 0 };

/** @param {string} name @param {Direction} toUs @param {Direction} toWs @param {() => void} end */
async function exchange(name, toUs, toWs, end) {
  const start = performance.now();
  const cpu = process.cpuUsage();
  toUs.fill();
  toWs.fill();
  await Promise.all([toUs.done, toWs.done]);
  const { user, system } = process.cpuUsage(cpu);
  const mebibytes = ((toUs.size + toWs.size) / 2 ** 20).toFixed(0);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${name}: ${toUs.received} messages to us, ${toWs.received} to ws, ${mebibytes} Mi characters or bytes, all the same, ` +
      `in ${seconds} s (${((user + system) / 1e6).toFixed(1)} s of CPU)`,
  );
  end();
}

/** Returns the handlers of our end. @param {Direction} toUs @param {(connection: any) => void} onOpen */
const handlersFor = (toUs, onOpen) => ({
  open: onOpen,
  /** @param {any} _ @param {string | Buffer} message */
  message: (_, message) => toUs.receive(message),
  /** @param {any} _ @param {Error} error */
  error: (_, error) => fail(`our end: ${error.stack}`),
});

/** @param {WsClient} socket @param {Direction} toWs */
function listen(socket, toWs) {
  socket.on('message', (/** @type {Buffer} */ data, isBinary) =>
    toWs.receive(isBinary ? data : data.toString()),
  );
  socket.on('error', (error) => fail(`ws: ${error.stack}`));
}

console.log(`soak: ${count} messages in each direction, seed ${seed}, engine ${values.engine}`);

{
  const [toUs, toWs] = [
    new Direction(seed, 'ws server to our client'),
    new Direction(seed + 1, 'our client to ws'),
  ];
  const server = new WsServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    listen(socket, toWs);
    toUs.from = wsEnd(socket);
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const ours = await connect(`ws://127.0.0.1:${port}/`, {
    compression,
    handlers: handlersFor(toUs, () => {}),
  });
  if (
    ours.extensions.length !== 1 ||
    ours.extensions[0].parameters.some(([name = '']) => name.includes('takeover'))
  )
    fail('not negotiated with takeover');
  while (toUs.from === null) await new Promise((resolve) => setImmediate(resolve));
  toWs.from = ourEnd(ours);
  await exchange('ws server, our client', toUs, toWs, () => ours.close(1000));
  const { code } = await ours.closed;
  if (code !== 1000) fail(`closed with ${code}`);
  await new Promise((resolve) => server.close(resolve));
}
{
  const [toUs, toWs] = [
    new Direction(seed + 2, 'ws client to our server'),
    new Direction(seed + 3, 'our server to ws'),
  ];
  /** @type {any} */
  let ours = null;
  const server = new WebSocketServer(
    handlersFor(toUs, (connection) => {
      ours = connection;
    }),
    { compression },
  );
  const { port } = await server.listen();
  const socket = new WsClient(`ws://127.0.0.1:${port}/`, { perMessageDeflate });
  listen(socket, toWs);
  await once(socket, 'open');
  while (ours === null) await new Promise((resolve) => setImmediate(resolve));
  if (ours.extensions.length !== 1) fail('not negotiated');
  toUs.from = wsEnd(socket);
  toWs.from = ourEnd(ours);
  await exchange('ws client, our server', toUs, toWs, () => socket.close(1000));
  const { code } = await ours.closed;
  if (code !== 1000) fail(`closed with ${code}`);
  await server.shutdown();
}
