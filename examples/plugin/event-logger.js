/**
 * A server and a client with version 1 of the plugin. The method logs all its parameters. All seven types of events occur.
 *
 *     node examples/plugin/event-logger.js          set PORT for a port other than 8000
 */
import {
  methods,
  websocketClient,
  websocketClientClear,
  websocketClientSend,
  websocketClientStart,
  websocketServer,
  websocketServerClear,
  websocketServerStart,
} from 'rfc6455/plugin-v1';

/** @type {Map<string, (value: any) => void>} */
const waiting = new Map();
/** @param {string} what @returns {Promise<any>} */
const seen = (what) => new Promise((resolve) => waiting.set(what, resolve));

/**
 * @param {number} server @param {number} client @param {string} type @param {any} context @param {string} worker
 * @param {number} window @param {number} process
 */
function log(server, client, type, context, worker, window, process) {
  const { data, ...rest } = context;
  const shown = data === undefined ? rest : { ...rest, data: data.slice(0, 40) };
  const where = server === 0 ? `client ${client}` : `server ${server}, its client ${client}`;
  console.log(`${where}: ${type} ${JSON.stringify(shown)} → ${worker} ${window} ${process}`);
  waiting.get(`${server === 0 ? 'client' : 'server'} ${type}`)?.(context);
}
// In 4D, the option `method` is the name of a method. Here it may be a function, or a name that is registered in `methods`.
methods.set('LOG', log);

const options = { method: 'LOG', worker: 'logger', window: 1, process: 2 };
const server = websocketServer({ ...options, port: Number(process.env.PORT ?? 8000) });
const { success, message, port } = await websocketServerStart(server);
if (!success) throw new Error(message);
console.log(`listening on ws://127.0.0.1:${port}/`);

const client = websocketClient({ ...options, url: `ws://127.0.0.1:${port}/log`, pingInterval: 1 });
const failed = seen('client error');
const answered = seen('client pong');
const arrived = seen('server message');
const status = await websocketClientStart(client);
if (!status.success) throw new Error(status.errorStr);

// A message of 64 KiB or more is sent in fragments. The method of the server receives an event for each fragment.
websocketClientSend(client, Buffer.from('large '.repeat(12_000)));
await arrived;
await answered;

// The client reconnects automatically. The method of the client receives an event for each failed attempt.
await websocketServerClear(server);
const { retries, wait_time } = await failed;
console.log(`attempt ${retries} failed, the next one follows in ${wait_time} ms`);
await websocketClientClear(client);
