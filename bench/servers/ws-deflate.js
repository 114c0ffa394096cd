/**
 * An echo server with `ws` and permessage-deflate for the bench. The level is 6 and the threshold is 0. All other options are the defaults
 * of `ws`.
 */
import { WebSocketServer } from 'ws';
import { serve } from './serve.js';

const noContext = process.argv.includes('no-context');
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: {
    threshold: 0,
    zlibDeflateOptions: { level: 6 },
    serverNoContextTakeover: noContext,
    clientNoContextTakeover: noContext,
  },
});
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on('listening', () => serve(/** @type {import('node:net').AddressInfo} */ (server.address()).port));
