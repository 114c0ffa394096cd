// Runs the client of undici as an echo client for the judge, in Autobahn's loop: node undici.js <url> [agent]
import { WebSocket } from 'undici';

const [url = 'ws://127.0.0.1:9001', agent = 'undici'] = process.argv.slice(2);
const name = encodeURIComponent(agent);

/** Ends the wait for the connection that is open. */
let goOn = () => {};
// undici 7.30.2 may stop reading after a Close frame (case 28.3.7), and then does not notice the end of TCP. Without this listener, the
// process would have nothing to wait for, and would exit before the last case.
process.on('beforeExit', () => goOn());

/**
 * Connects, calls back with each message, and waits for the end.
 * @param {string} path
 * @param {(socket: WebSocket, data: any) => void} message
 * @returns {Promise<void>}
 */
function talk(path, message) {
  return new Promise((resolve) => {
    goOn = resolve;
    const socket = new WebSocket(`${url}${path}`);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => message(socket, data));
    socket.addEventListener('close', () => resolve());
    // In some versions of undici, a failed handshake gives an error without a close event.
    socket.addEventListener('error', () => {
      if (socket.readyState === WebSocket.CLOSED) resolve();
    });
  });
}

let count = 0;
await talk('/getCaseCount', (_socket, data) => {
  count = Number(data);
});
for (let number = 1; number <= count; number++) {
  await talk(`/runCase?case=${number}&agent=${name}`, (socket, data) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  });
}
await talk(`/updateReports?agent=${name}`, () => {});
