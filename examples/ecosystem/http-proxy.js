/** The package http-proxy in front of our server. The proxy forwards the bytes of both directions, and does not read frames. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { WebSocket, WebSocketServer } from 'rfc6455/ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
server.on('connection', (webSocket, request) => {
  webSocket.on('message', (data) =>
    webSocket.send(`${request.headers['x-forwarded-proto']}: ${data.length} bytes`),
  );
});
await once(server, 'listening');

const proxy = httpProxy.createProxyServer({
  target: `ws://127.0.0.1:${server.address().port}`,
  ws: true,
  xfwd: true,
});
const front = createServer((_request, response) => response.writeHead(404).end());
front.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
front.listen(0, '127.0.0.1');
await once(front, 'listening');

const client = new WebSocket(`ws://127.0.0.1:${front.address().port}`);
await once(client, 'open');
client.send(Buffer.alloc(1_000_000));
console.log(String((await once(client, 'message'))[0]));
client.close(4001, 'done');
const [code, reason] = await once(client, 'close');
console.log(`closed with ${code} ${reason}`);
front.close();
server.close();
proxy.close();
