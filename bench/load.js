/**
 * The load generator, in a separate process. It uses raw sockets, and builds its masked frames in advance. It computes the number of
 * replies from the number of received bytes. It receives one order at a time over IPC, and reports the number of replies.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

/** @typedef {import('./workloads.js').Workload & { port: number, milliseconds: number, warmUp: number, replySize: number }} Order */
/** @typedef {import('node:net').Socket} Socket */

/** @param {number} size @param {boolean} binary */
function maskedFrame(size, binary) {
  const header = size < 126 ? 2 : size < 65_536 ? 4 : 10;
  const frame = Buffer.alloc(header + 4 + size);
  frame[0] = binary ? 0x82 : 0x81;
  if (header === 2) frame[1] = 0x80 | size;
  else if (header === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(size), 2);
  }
  const key = randomBytes(4);
  key.copy(frame, header);
  for (let at = 0; at < size; at++) {
    const byte = binary ? at & 0xff : 0x61 + (at % 26);
    frame[header + 4 + at] = byte ^ /** @type {number} */ (key[at & 3]);
  }
  return frame;
}

/** @param {string} text */
function maskedText(text) {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** @param {Order} order @param {string} path @returns {Promise<Socket>} */
function open({ port, secure }, path) {
  return new Promise((resolve, reject) => {
    const where = { port, host: '127.0.0.1' };
    const socket = secure
      ? connectTls({ ...where, rejectUnauthorized: false })
      : connect({ ...where, noDelay: true });
    let head = '';
    socket.once('error', reject);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      const key = randomBytes(16).toString('base64');
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
    socket.on('data', function onData(chunk) {
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      socket.off('data', onData);
      if (head.startsWith('HTTP/1.1 101')) resolve(socket);
      else reject(new Error(head));
    });
  });
}

/** @param {Order} order @param {string} path */
async function openAll(order, path) {
  /** @type {Socket[]} */
  const sockets = [];
  // At most 200 connections are opened at the same time, because the accept queue of a server is limited.
  while (sockets.length < order.connections) {
    const length = Math.min(200, order.connections - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length }, () => open(order, path)))));
  }
  return sockets;
}

/**
 * One kind of traffic. `start` begins it, `stop` ends it, and `count` returns the number of replies so far.
 * @typedef {{ start(): void, stop(): void, count(): number }} Load
 */

/** @param {Order} order @returns {Promise<Load>} */
async function echo(order) {
  const { inFlight, size, binary, replySize } = order;
  const frame = maskedFrame(size, binary);
  const burst = Buffer.concat(Array.from({ length: inFlight }, () => frame));
  const sockets = await openAll(order, '/');
  let replies = 0;
  let measuring = true;
  return {
    start() {
      for (const socket of sockets) {
        let pending = 0;
        socket.on('data', (chunk) => {
          pending += chunk.length;
          const whole = Math.floor(pending / replySize);
          if (whole === 0) return;
          pending -= whole * replySize;
          replies += whole;
          if (measuring) socket.write(whole === inFlight ? burst : burst.subarray(0, whole * frame.length));
        });
        socket.write(burst);
      }
    },
    stop() {
      measuring = false;
      for (const socket of sockets) socket.destroy();
    },
    count: () => replies,
  };
}

/** @param {Order} order @returns {Promise<Load>} */
async function sink(order) {
  const frame = maskedFrame(order.size, order.binary);
  const burst = Buffer.concat(Array.from({ length: order.inFlight }, () => frame));
  const sockets = await openAll(order, '/sink');
  let measuring = true;
  return {
    start() {
      for (const socket of sockets) {
        // Sends until the socket's buffer is full, and continues when the buffer is empty.
        const send = () => {
          while (measuring && socket.write(burst));
        };
        socket.on('drain', send);
        socket.resume();
        send();
      }
    },
    stop() {
      measuring = false;
      for (const socket of sockets) socket.destroy();
    },
    // There are no replies: the server counts the messages.
    count: () => -1,
  };
}

/** @param {Order} order @returns {Promise<Load>} */
async function broadcast(order) {
  const { inFlight, size, connections, replySize } = order;
  const sockets = await openAll(order, '/broadcast');
  const asker = await open(order, '/ask');
  const ask = maskedText(JSON.stringify({ size, count: inFlight }));
  const expected = replySize * inFlight * connections;
  let received = 0;
  let total = 0;
  let measuring = true;
  return {
    start() {
      for (const socket of sockets) {
        socket.on('data', (chunk) => {
          received += chunk.length;
          total += chunk.length;
          // When all connections have received all messages, the next broadcast begins.
          if (received < expected) return;
          received -= expected;
          if (measuring) asker.write(ask);
        });
      }
      asker.write(ask);
    },
    stop() {
      measuring = false;
      for (const socket of [...sockets, asker]) socket.destroy();
    },
    count: () => Math.floor(total / replySize),
  };
}

/** @param {Order} order @returns {Promise<Load>} */
async function handshake(order) {
  const closeFrame = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
  let done = 0;
  let measuring = true;
  const run = async () => {
    while (measuring) {
      const socket = await open(order, '/');
      socket.resume();
      socket.end(closeFrame);
      await once(socket, 'close');
      done++;
    }
  };
  return {
    start() {
      for (let index = 0; index < order.inFlight; index++) void run();
    },
    stop() {
      measuring = false;
    },
    count: () => done,
  };
}

const kinds = { echo, sink, broadcast, handshake };

/** @param {Order} order */
async function run(order) {
  const load = await kinds[order.kind](order);
  process.send?.({ ready: true });
  await once(process, 'message');
  load.start();
  await sleep(order.warmUp);
  const start = performance.now();
  const before = load.count();
  process.send?.({ warm: true });
  await sleep(order.milliseconds);
  // -1 means that there are no replies. In this case, the server counts the messages.
  const replies = before === -1 ? -1 : load.count() - before;
  process.send?.({ replies, milliseconds: performance.now() - start });
  load.stop();
}

process.on('message', (order) => {
  if (typeof order === 'object' && order !== null && 'port' in order) {
    run(/** @type {Order} */ (order)).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  }
});
process.on('disconnect', () => process.exit());
