/** Opens connections, and holds them: takes one order after the other over IPC, and answers each once all of its connections are open. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/** @typedef {{ port: number, connections: number }} Order */

// So many handshakes at a time: what a server needs for more of them at once is not what is measured.
const AT_ONCE = 50;

/** @param {number} port @returns {Promise<void>} */
function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      const key = randomBytes(16).toString('base64');
      socket.write(
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
    let head = '';
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (head.endsWith('\r\n\r\n')) resolve();
    });
  });
}

/** @param {Order} order */
async function run({ port, connections }) {
  let left = connections;
  const openSome = async () => {
    while (left-- > 0) await open(port);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, openSome));
  process.send?.({ open: connections });
}

process.on('message', (order) => {
  run(/** @type {Order} */ (order)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit());
