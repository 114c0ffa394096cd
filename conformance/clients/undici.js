// The client of undici as an echo, in Autobahn's loop: node undici.js <url> [agent]
import { WebSocket } from 'undici';

const [url = 'ws://127.0.0.1:9001', agent = 'undici'] = process.argv.slice(2);
const name = encodeURIComponent(agent);

/** Ends the wait for the connection that is open. */
let goOn = () => {};
// 7.30.2 may stop reading what comes after a Close frame (28.3.7), and then hears nothing of TCP's end: a process with
// nothing left to wait for would end here, in the middle of the cases.
process.on('beforeExit', () => goOn());

/**
 * Connects, calls back with each message, and waits for the end.
 * @param {string} path @param {(socket: WebSocket, data: any) => void} message @returns {Promise<void>}
 */
function talk(path, message) {
  return new Promise((resolve) => {
    goOn = resolve;
    const socket = new WebSocket(`${url}${path}`);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => message(socket, data));
    socket.addEventListener('close', () => resolve());
    // A handshake that fails is an error without a close in some versions.
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
