// An echo server in a process of its own, which tells its memory when asked. Run by flood.test.ts with a small heap.
import { WebSocketServer } from '../../../dist/index.js';

/** @type {string[]} */
const errors = [];
const server = new WebSocketServer(
  {
    message: (connection, message) => connection.send(message),
    error: (_, error) => errors.push('code' in error ? String(error.code) : error.message),
  },
  { heartbeat: JSON.parse(process.argv[2] ?? '{}') },
);
const { port } = await server.listen();

process.on('message', async (question) => {
  if (question === 'stop') {
    await server.shutdown({ grace: 100 });
    process.disconnect?.();
    return;
  }
  // A full collection, so that what is held is not confused with garbage.
  globalThis.gc?.();
  await new Promise(setImmediate);
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers, external } = process.memoryUsage();
  process.send?.({ rss, heapUsed, arrayBuffers, external, connections: server.connections.size, errors });
});
process.send?.({ port });
