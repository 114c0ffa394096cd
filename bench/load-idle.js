/**
 * Opens connections and keeps them open. The bench sends orders to this process over IPC. The process answers an order when all connections
 * of the order are open.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/**
 * @typedef {{ port: number, connections: number, secure: boolean, echo: boolean }} Order `echo`: whether each connection sends one message
 *   and waits for the echo
 */

// The number of handshakes at the same time. This number is small, so that the memory for handshakes does not change the result.
const AT_ONCE = 50;

/** A text message of 64 characters. The masking key is zero. */
const message = Buffer.concat([Buffer.from([0x81, 0x80 | 64, 0, 0, 0, 0]), Buffer.alloc(64, 'x')]);
/**
 * The length of the echoed frame. A server does not mask its frames. (The server `raw` echoes the masked frame, so it sends four more
 * bytes.)
 */
const ECHO = message.length - 4;

/**
 * Answers a ping. Without an answer, a server with a heartbeat would close the connection.
 * @param {import('node:net').Socket} socket @param {Buffer} chunk
 */
function answer(socket, chunk) {
  if (chunk[0] !== 0x89) return;
  const payload = chunk.subarray(2, 2 + (chunk[1] ?? 0));
  socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
}

/** @param {Order} order @returns {Promise<void>} */
function open({ port, secure, echo }) {
  return new Promise((resolve, reject) => {
    const where = { port, host: '127.0.0.1' };
    const socket = secure
      ? connectTls({ ...where, rejectUnauthorized: false })
      : connect({ ...where, noDelay: true });
    socket.once('error', reject);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      const key = randomBytes(16).toString('base64');
      socket.write(
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
    // A closed connection needs no memory, but the bench would still count it. So the result would be wrong.
    socket.once('close', () => {
      console.error('a connection was closed');
      process.exit(1);
    });
    let head = '';
    let echoed = echo ? 0 : ECHO;
    let isOpen = false;
    socket.on('data', (chunk) => {
      if (isOpen && echoed >= ECHO) {
        answer(socket, chunk);
        return;
      }
      if (isOpen) {
        echoed += chunk.length;
        if (echoed >= ECHO) resolve();
        return;
      }
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      isOpen = true;
      if (echo) socket.write(message);
      else resolve();
    });
  });
}

/** @param {Order} order */
async function run(order) {
  let left = order.connections;
  const openSome = async () => {
    while (left-- > 0) await open(order);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, openSome));
  process.send?.({ open: order.connections });
}

process.on('message', (order) => {
  run(/** @type {Order} */ (order)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit());
