/** Hono on Node with @hono/node-ws, which imports `ws`. `overrides` in package.json replaces `ws` with our package (docs/from-ws.md). */
import { once } from 'node:events';
import { serve } from '@hono/node-server';
import { createNodeWebSocket } from '@hono/node-ws';
import { Hono } from 'hono';
import { WebSocket } from 'rfc6455/ws';

const app = new Hono();
const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app });
app.get(
  '/echo',
  upgradeWebSocket(() => ({
    onMessage: (event, webSocket) => webSocket.send(`Hono got ${event.data}`),
    onClose: (event) => console.log(`the server saw ${event.code}`),
  })),
);
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
injectWebSocket(server);
await once(server, 'listening');

const client = new WebSocket(`ws://127.0.0.1:${server.address().port}/echo`);
await once(client, 'open');
client.send('hello');
console.log(String((await once(client, 'message'))[0]));
client.close(4000, 'done');
await once(client, 'close');
server.close();
