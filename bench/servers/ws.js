/** Echo server of `ws` for the bench: it passes the bytes on undecoded, which is its cheapest way. */
import { WebSocketServer } from 'ws';
import { serve } from './serve.js';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 64 * 1024 * 1024 });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on('listening', () => serve(/** @type {import('node:net').AddressInfo} */ (server.address()).port));
