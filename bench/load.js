/**
 * The load generator, in a process of its own: raw sockets, frames masked and built beforehand, replies counted by bytes.
 * It takes one order at a time over IPC, keeps `inFlight` messages under way on each connection, and reports how many
 * came back.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/** @typedef {{ port: number, connections: number, inFlight: number, size: number, binary: boolean, milliseconds: number, replySize?: number }} Order */

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

/** @param {Order} order @returns {Promise<import('node:net').Socket>} */
function open({ port }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let head = '';
    socket.once('error', reject);
    socket.once('connect', () => {
      const key = randomBytes(16).toString('base64');
      socket.write(
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
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

/** @param {Order} order */
async function run(order) {
  const { connections, inFlight, size, binary, milliseconds } = order;
  const frame = maskedFrame(size, binary);
  const burst = Buffer.concat(Array.from({ length: inFlight }, () => frame));
  // A server does not mask: four bytes less, unless the bytes come back as they are.
  const replySize = order.replySize ?? frame.length - 4;
  let replies = 0;
  let measuring = true;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(order)));
  process.send?.({ ready: true });
  await new Promise((resolve) => process.once('message', resolve));
  const start = performance.now();
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
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  measuring = false;
  process.send?.({ replies, milliseconds: performance.now() - start });
  for (const socket of sockets) socket.destroy();
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
