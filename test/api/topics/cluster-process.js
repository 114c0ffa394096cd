/**
 * The processes of cluster-processes.test.ts: a primary, which passes messages on, and three workers. The clients of each
 * worker subscribe to topics and publish messages. If a worker ends, the primary starts a new worker. The test sends commands to the
 * primary over the channel of child_process.fork.
 */
import cluster from 'node:cluster';

/** @param {string} file @returns {Promise<any>} */
const load = (file) => import(new URL(`../../../dist/${file}`, import.meta.url).href);
const { WebSocketServer } = await load('index.js');
const { ClusterBus, Topics } = await load('topics.js');

if (cluster.isPrimary) lead();
else await serve();

function lead() {
  const bus = new ClusterBus(cluster);
  cluster.on('listening', (_worker, { port }) => process.send?.(port));
  cluster.on('exit', () => cluster.fork());
  for (let count = 0; count < 3; count++) cluster.fork();
  process.on('message', (id) => cluster.workers?.[String(id)]?.process.kill('SIGKILL'));
  // When the primary exits, its workers also exit.
  process.on('disconnect', () => bus.close().then(() => process.exit()));
}

async function serve() {
  const topics = new Topics({
    bus: new ClusterBus(cluster),
    handlers: {
      gap(/** @type {string} */ _topic, /** @type {any[]} */ connections) {
        for (const connection of connections) connection.send('gap');
      },
    },
  });
  const server = new WebSocketServer({
    async message(
      /** @type {any} */ connection,
      /** @type {any} */ message,
      /** @type {boolean} */ isBinary,
    ) {
      if (isBinary) {
        topics.publish(`room/${message[0]}`, message, { except: connection });
        return;
      }
      for (const topic of JSON.parse(message)) topics.subscribe(connection, `room/${topic}`);
      await topics.ready();
      connection.send(String(cluster.worker?.id));
    },
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
}
