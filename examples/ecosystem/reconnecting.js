/**
 * The packages partysocket and reconnecting-websocket: their clients reconnect automatically. Both accept our `WebSocket`, which has the
 * same interface as in browsers.
 */
import { once } from 'node:events';
import { WebSocket as PartySocket } from 'partysocket';
import ReconnectingWebSocket from 'reconnecting-websocket';
import { WebSocket } from 'rfc6455/websocket';
import { WebSocketServer } from 'rfc6455/ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
let connections = 0;
server.on('connection', (webSocket) => {
  // The server terminates the first connection of each client.
  if (++connections % 2 === 1) webSocket.terminate();
  else webSocket.send('here');
});
await once(server, 'listening');
const url = `ws://127.0.0.1:${server.address().port}`;
const options = { WebSocket, minReconnectionDelay: 10, maxReconnectionDelay: 20 };
for (const Class of [PartySocket, ReconnectingWebSocket]) {
  const client = new Class(url, [], options);
  const data = await new Promise((resolve) =>
    client.addEventListener('message', (event) => resolve(event.data)),
  );
  console.log(`${data} after ${connections} connections`);
  client.close();
}
server.close();
await once(server, 'close');
