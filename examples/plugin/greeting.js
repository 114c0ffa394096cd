/**
 * The sample of version 2 of the plugin. A server with TLS sends a greeting to each new client. Each client has a different value of
 * `?window=` in its URL.
 *
 *     node examples/plugin/greeting.js cert.pem key.pem          set PORT for a port other than 8000
 */
import {
  WebsocketEventType,
  websocketClient,
  websocketClientClear,
  websocketClientSend,
  websocketClientStart,
  websocketServer,
  websocketServerClear,
  websocketServerSend,
  websocketServerStart,
  websocketSetMethod,
} from 'rfc6455/plugin';

const [certFile, keyFile] = process.argv.slice(2);
if (certFile === undefined || keyFile === undefined) {
  console.error('usage: node examples/plugin/greeting.js cert.pem key.pem');
  process.exit(2);
}

/** @type {import('rfc6455/plugin').WebsocketServerOptions} */
const server = { port: Number(process.env.PORT ?? 8000), tls: true, certFile, keyFile, caFile: 'NONE' };
// The command writes the server's id into this object. So other commands accept the same object.
websocketServer(server);

/** @type {Map<number, string>} id → name */
const clients = new Map();
/** @type {() => void} */
let onEnd = () => {};
const ended = new Promise((resolve) => {
  onEnd = () => resolve(undefined);
});

websocketSetMethod(
  /**
   * One method receives the events of all sockets. The id of a server is negative.
   * @param {number} type @param {number} id @param {any} event
   */
  async (type, id, event) => {
    if (id < 0 && type === WebsocketEventType.Open) {
      websocketServerSend({ id, uri: event.uri, message: `hello ${event.uri}` });
    }
    if (id < 0 && type === WebsocketEventType.Message) console.log(`the server heard: ${event.str}`);
    if (id > 0 && type === WebsocketEventType.Message) {
      console.log(`${clients.get(id)} heard: ${event.str}`);
      websocketClientSend({ id, message: `thank you, says ${clients.get(id)}` });
      await websocketClientClear({ id });
      clients.delete(id);
      if (clients.size === 0) onEnd();
    }
  },
);

const { success, errorStr, port } = await websocketServerStart(server);
if (!success) throw new Error(errorStr);
console.log(`listening on wss://localhost:${port}/`);

for (const window of [1, 2]) {
  // With "NONE", the certificate is not verified. Use the file of your CA instead. For a public CA, omit `caFile`.
  const client = { URL: `wss://localhost:${port}/api?window=${window}`, caFile: 'NONE' };
  const { id } = websocketClient(client);
  clients.set(id, `window ${window}`);
  const status = await websocketClientStart(client);
  if (!status.success) throw new Error(status.errorStr);
}

await ended;
await websocketServerClear(server);
