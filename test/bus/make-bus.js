/** Loads the package that is installed in the project of the test, and makes a bus with one of the clients that are installed there. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** @param {string} folder the folder of the project @param {string} file a file of dist/bundle/ @returns {Promise<any>} */
export function load(folder, file) {
  return import(pathToFileURL(join(folder, 'node_modules', 'rfc6455', 'dist', 'bundle', file)).href);
}

/**
 * @param {string} folder the folder of the project
 * @param {string} kind 'redis', 'ioredis' or 'nats'
 * @param {string} port the port of the engine
 * @param {string} options the options of the bus, as JSON
 */
export async function makeBus(folder, kind, port, options) {
  const { NatsBus, RedisBus } = await load(folder, 'topics.js');
  const settings = JSON.parse(options);
  /** @type {(name: string) => any} */
  const packageOf = createRequire(join(folder, 'package.json'));
  if (kind === 'nats') {
    const { connect } = packageOf('@nats-io/transport-node');
    const connection = await connect({ port, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    if (settings.history !== undefined) {
      const { jetstreamManager } = packageOf('@nats-io/jetstream');
      settings.history.jetstream = await jetstreamManager(connection);
    }
    return new NatsBus(connection, settings);
  }
  if (kind === 'ioredis') {
    const { Redis } = packageOf('ioredis');
    return new RedisBus(new Redis(Number(port), { lazyConnect: true, retryStrategy: () => 50 }), settings);
  }
  const { createClient } = packageOf('redis');
  const socket = { port: Number(port), reconnectStrategy: () => 50 };
  return new RedisBus(createClient({ socket }), settings);
}
