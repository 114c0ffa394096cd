/** tRPC: its server uses our `WebSocketServer`. Its client uses our `WebSocket`, which has the same interface as in browsers. */
import { once } from 'node:events';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { WebSocket } from 'rfc6455/websocket';
import { WebSocketServer } from 'rfc6455/ws';

const t = initTRPC.create();
const router = t.router({
  hello: t.procedure.query(() => 'world'),
  count: t.procedure.subscription(async function* () {
    for (let i = 1; i <= 3; i++) yield i;
  }),
});
const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
applyWSSHandler({ wss: server, router });
await once(server, 'listening');

const connection = createWSClient({ url: `ws://127.0.0.1:${server.address().port}`, WebSocket });
const client = createTRPCClient({ links: [wsLink({ client: connection })] });
console.log(await client.hello.query());
await new Promise((resolve, reject) => {
  const numbers = [];
  client.count.subscribe(undefined, {
    onData: (number) => numbers.push(number),
    onError: reject,
    onComplete: () => {
      console.log(numbers.join(' '));
      resolve();
    },
  });
});
await connection.close();
server.close();
await once(server, 'close');
console.log('closed');
