/**
 * The package socket.io: its server gets our `WebSocketServer` with the option `wsEngine`. Its client requires `ws`. `overrides` in
 * package.json replaces `ws` with our package (docs/from-ws.md).
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'rfc6455/ws';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';

const server = createServer();
const sockets = new Server(server, { wsEngine: WebSocketServer, transports: ['websocket'] });
sockets.on('connection', (socket) => {
  socket.on('join', (room, done) => {
    socket.join(room);
    done(`in ${room}`);
  });
  socket.on('say', (room, text) => sockets.to(room).emit('said', text, Buffer.from([1, 2, 3])));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const address = `http://127.0.0.1:${server.address().port}`;
const [ada, bob] = [0, 1].map(() => io(address, { transports: ['websocket'], forceNew: true }));
console.log(await ada.emitWithAck('join', 'room'), await bob.emitWithAck('join', 'room'));
const said = new Promise((resolve) =>
  bob.on('said', (text, bytes) => resolve(`${text}, ${bytes.length} bytes`)),
);
ada.emit('say', 'room', 'hello');
console.log(await said);
ada.disconnect();
bob.disconnect();
await sockets.close();
console.log('closed');
