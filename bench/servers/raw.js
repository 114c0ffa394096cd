/**
 * A server that shows the upper limit of speed: it answers the opening handshake, and then echoes bytes through node:net without parsing
 * frames. It is not a valid WebSocket server, because the frames that it sends are still masked.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { serve } from './serve.js';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', (request) => {
    const key = /sec-websocket-key: (\S+)/i.exec(request.toString('latin1'))?.[1] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('data', (chunk) => {
      if (!socket.write(chunk)) {
        socket.pause();
        socket.once('drain', () => socket.resume());
      }
    });
  });
});
server.listen(0, '127.0.0.1', () =>
  serve(/** @type {import('node:net').AddressInfo} */ (server.address()).port),
);
