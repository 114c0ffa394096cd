/**
 * The sample of the plugin, version 2: a server over TLS, clients that have different values of `?window=` in their URL, and a greeting
 * that the server sends to each new client.
 *
 *     node examples/plugin/greeting.js cert.pem key.pem          PORT=8443 node … for another port than 8000
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
// The command writes the id of the server into this object, so the same object can be passed to other commands.
websocketServer(server);

/** @type {Map<number, string>} id → who that is */
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
  // "NONE" means that no certificate is verified. Give the file of your CA instead, or omit `caFile` for a public CA.
  const client = { URL: `wss://localhost:${port}/api?window=${window}`, caFile: 'NONE' };
  const { id } = websocketClient(client);
  clients.set(id, `window ${window}`);
  const status = await websocketClientStart(client);
  if (!status.success) throw new Error(status.errorStr);
}

await ended;
await websocketServerClear(server);
