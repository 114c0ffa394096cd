/** Connects our client to our server over a real socket. The tests then use the objects that applications use. */
import { warned } from '../../src/api/callback.ts';
import { connect } from '../../src/api/client.ts';
import type { ConnectOptions } from '../../src/api/connect-options.ts';
import type { Connection } from '../../src/api/connection.ts';
import type { WebSocketServer } from '../../src/api/server.ts';
import type { ServerHandlers } from '../../src/api/server-handlers.ts';
import type { ServerOptions } from '../../src/api/server-options.ts';
import { ca, type Kind, startServer } from '../transport/servers.ts';

export interface Pair<Data> {
  readonly server: WebSocketServer<Data>;
  /** The connection of the server. */
  readonly left: Connection<Data>;
  /** The connection of the client. */
  readonly right: Connection;
  readonly url: string;
}

export async function pair<Data = undefined>(
  handlers: ServerHandlers<Data> = {} as ServerHandlers<Data>,
  options: ServerOptions = {},
  clientOptions: ConnectOptions = {},
  kind: Kind = 'listen',
): Promise<Pair<Data>> {
  const { server, url } = await startServer<Data>(handlers, options, kind);
  const secure = url.startsWith('wss:') ? { tls: { ca, servername: 'localhost' } } : null;
  const right = await connect(url.replace('localhost', '127.0.0.1'), { ...secure, ...clientOptions });
  while (server.connections.size === 0) await new Promise(setImmediate);
  const [left] = server.connections;
  return { server, left: left!, right, url };
}

/** Waits until `condition` returns true. A callback of the test changes the values that `condition` reads. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/**
 * Returns the warnings that the process emits while `step` runs and in the 10 ms after it. A warning counts even if the process has
 * already emitted the same warning before.
 */
export async function warningsOf(step: () => Promise<unknown>): Promise<Error[]> {
  warned.forget();
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  await step();
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off('warning', onWarning);
  return warnings;
}
