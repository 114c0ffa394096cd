// @ts-nocheck: The program has no types, like many programs for `ws`.
// An example of a program for the package `ws`. program.test.ts runs it unchanged, and runs it again with another import.

import { once } from 'node:events';
import { createServer } from 'node:http';
import WebSocket, { WebSocketServer } from 'ws';

const lines = [];
const http = createServer((_request, response) => response.writeHead(404).end());
const wss = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
const users = new Map([
  ['ada-token', 'ada'],
  ['bob-token', 'bob'],
]);

function authenticate(request, callback) {
  const { searchParams } = new URL(request.url, 'ws://localhost');
  const user = users.get(searchParams.get('token'));
  setImmediate(callback, user === undefined ? new Error('who is it?') : null, user);
}
function onSocketError(error) {
  lines.push(`socket error ${error.message}`);
}
http.on('upgrade', (request, socket, head) => {
  socket.on('error', onSocketError);
  authenticate(request, (error, user) => {
    if (error) {
      socket.write('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nX-Reason: token\r\n\r\n');
      socket.destroy();
      return;
    }
    socket.removeListener('error', onSocketError);
    wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request, user));
  });
});

function heartbeat() {
  this.isAlive = true;
}
wss.on('connection', (ws, _request, user) => {
  ws.isAlive = true;
  ws.on('error', (error) => lines.push(`error ${error.code}`));
  ws.on('pong', heartbeat);
  ws.on('message', (data, isBinary) => {
    for (const client of wss.clients) {
      if (client !== ws && client.readyState === WebSocket.OPEN)
        client.send(`${user}: ${data}`, { binary: isBinary });
    }
  });
  ws.on('close', (code, reason) => lines.push(`${user} left with ${code} ${reason}`));
});
const interval = setInterval(() => {
  for (const ws of wss.clients) {
    if (ws.isAlive === false) {
      ws.terminate();
      continue;
    }
    ws.isAlive = false;
    ws.ping();
  }
}, 250);
wss.on('close', () => clearInterval(interval));

http.listen(0, '127.0.0.1');
await once(http, 'listening');
const url = `ws://127.0.0.1:${http.address().port}/`;

const stranger = new WebSocket(url);
const [, response] = await once(stranger, 'unexpected-response');
lines.push(`${response.statusCode} ${response.headers['x-reason']}`);
stranger.on('error', (error) => lines.push(error.message));
stranger.terminate();

const ada = new WebSocket(`${url}?token=ada-token`);
const bob = new WebSocket(`${url}?token=bob-token`, { autoPong: false });
await Promise.all([once(ada, 'open'), once(bob, 'open')]);
ada.send('hello');
lines.push(String((await once(bob, 'message'))[0]));
const [code] = await once(bob, 'close');
while (wss.clients.size > 1) await new Promise(setImmediate);
lines.push(`bob does not answer pings: ${code}`);
ada.close(1000, 'bye');
await once(ada, 'close');
while (wss.clients.size > 0) await new Promise(setImmediate);
wss.close();
http.close();
console.log(lines.join('\n'));
