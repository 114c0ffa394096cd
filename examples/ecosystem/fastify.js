/**
 * The package @fastify/websocket: WebSocket routes in Fastify. It requires `ws`. `overrides` in package.json replaces `ws` with our package
 * (docs/from-ws.md).
 */
import { once } from 'node:events';
import webSockets from '@fastify/websocket';
import Fastify from 'fastify';
import { WebSocket } from 'rfc6455/ws';

const fastify = Fastify();
await fastify.register(webSockets, { options: { maxPayload: 1_048_576 } });
fastify.get('/chat', { websocket: true }, (webSocket, request) => {
  webSocket.on('message', (data) => {
    for (const client of fastify.websocketServer.clients) client.send(`${request.query.name}: ${data}`);
  });
});
await fastify.listen({ port: 0, host: '127.0.0.1' });

const { port } = fastify.server.address();
const [ada, bob] = ['Ada', 'Bob'].map((name) => new WebSocket(`ws://127.0.0.1:${port}/chat?name=${name}`));
await Promise.all([once(ada, 'open'), once(bob, 'open')]);
const received = once(bob, 'message');
ada.send('hello');
console.log(String((await received)[0]));

// A test can connect without a port.
const injected = await fastify.injectWS('/chat?name=Carol');
const own = once(injected, 'message');
injected.send('from a test');
console.log(String((await own)[0]));
injected.terminate();
await fastify.close();
console.log('closed');
