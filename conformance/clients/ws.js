// Runs the client of ws as an echo client for the judge, in Autobahn's loop: node ws.js <url> [agent]
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:9001', agent = 'ws'] = process.argv.slice(2);
const name = encodeURIComponent(agent);

/**
 * Connects, calls back with each message, and waits for the end.
 * @param {string} path
 * @param {(socket: WebSocket, data: import('ws').RawData, isBinary: boolean) => void} message
 * @returns {Promise<void>}
 */
function talk(path, message) {
  return new Promise((resolve) => {
    // Case 9.3.1 has 65,537 fragments, which is more than the default limit of ws.
    const socket = new WebSocket(`${url}${path}`, { perMessageDeflate: true, maxFragments: 1 << 20 });
    socket.on('message', (data, isBinary) => message(socket, data, isBinary));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

let count = 0;
await talk('/getCaseCount', (_socket, data) => {
  count = Number(data);
});
for (let number = 1; number <= count; number++) {
  await talk(`/runCase?case=${number}&agent=${name}`, (socket, data, isBinary) => {
    socket.send(data, { binary: isBinary });
  });
}
await talk(`/updateReports?agent=${name}`, () => {});
