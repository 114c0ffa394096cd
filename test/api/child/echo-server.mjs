// An echo server in a child process. It reports its memory when the parent asks. flood.test.ts runs it with a small heap.
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
  // The garbage is collected before the measurement, so that it does not count.
  globalThis.gc?.();
  await new Promise(setImmediate);
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers, external } = process.memoryUsage();
  process.send?.({ rss, heapUsed, arrayBuffers, external, connections: server.connections.size, errors });
});
process.send?.({ port });
