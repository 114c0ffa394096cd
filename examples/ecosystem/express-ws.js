/**
 * express-ws: WebSocket routes in Express. The package express-ws requires `ws`. `overrides` in package.json replaces `ws` with our package
 * (docs/from-ws.md).
 */
import { once } from 'node:events';
import express from 'express';
import expressWs from 'express-ws';
import { WebSocket } from 'rfc6455/ws';

const { app, getWss } = expressWs(express());
app.ws('/echo/:name', (webSocket, request) => {
  webSocket.on('message', (data) => webSocket.send(`${request.params.name}: ${data}`));
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

const client = new WebSocket(`ws://127.0.0.1:${server.address().port}/echo/Ada`);
await once(client, 'open');
client.send('hello');
const [answer] = await once(client, 'message');
console.log(String(answer));
console.log(
  `${getWss().clients.size} client, whose class is ours: ${[...getWss().clients][0] instanceof WebSocket}`,
);
client.close();
await once(client, 'close');
server.close();
