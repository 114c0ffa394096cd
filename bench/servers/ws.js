/**
 * The server with `ws` for the bench, with the default options. It echoes the Buffers that it receives: this is the fastest way with `ws`.
 */
import { createServer } from 'node:https';
import { WebSocketServer } from 'ws';
import { certificate, countReceived, serve } from './serve.js';

/** @param {import('ws').WebSocketServer} server */
function handle(server) {
  server.on('connection', (socket, request) => {
    socket.on('error', () => {});
    if (request.url === '/') {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    } else if (request.url === '/sink') {
      socket.on('message', countReceived);
    } else if (request.url === '/ask') {
      socket.on('message', (message) => {
        const { size, count } = JSON.parse(String(message));
        const text = 'x'.repeat(size);
        for (let index = 0; index < count; index++) {
          for (const client of server.clients)
            if (client !== socket && client.readyState === 1) client.send(text);
        }
      });
    }
  });
}

const limits = { maxPayload: 64 * 1024 * 1024 };
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...limits });
handle(server);
const https = createServer(certificate());
handle(new WebSocketServer({ server: https, ...limits }));
const portOf = (/** @type {{ address(): unknown }} */ listener) =>
  /** @type {import('node:net').AddressInfo} */ (listener.address()).port;
server.on('listening', () => {
  https.listen(0, '127.0.0.1', () => serve(portOf(server), portOf(https)));
});
