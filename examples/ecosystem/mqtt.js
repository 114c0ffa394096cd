/**
 * MQTT over WebSocket. The broker aedes uses our `createWebSocketStream`. The client mqtt requires `ws`. `overrides` in package.json
 * replaces `ws` with our package (docs/from-ws.md).
 */
import { once } from 'node:events';
import Aedes from 'aedes';
import mqtt from 'mqtt';
import { createWebSocketStream, WebSocketServer } from 'rfc6455/ws';

const broker = new Aedes();
const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  handleProtocols: (protocols) => protocols.has('mqtt') && 'mqtt',
});
server.on('connection', (webSocket) => broker.handle(createWebSocketStream(webSocket)));
await once(server, 'listening');

const client = mqtt.connect(`ws://127.0.0.1:${server.address().port}`, { reconnectPeriod: 0 });
await once(client, 'connect');
await client.subscribeAsync('greetings/#');
const received = once(client, 'message');
await client.publishAsync('greetings/world', 'x'.repeat(100_000), { qos: 1 });
const [topic, message] = await received;
console.log(`${topic}: ${message.length} bytes`);
await client.endAsync();
await new Promise((done) => broker.close(done));
server.close();
await once(server, 'close');
console.log('closed');
