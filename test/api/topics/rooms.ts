/** Servers and clients for tests of topics. Each client records the messages that it receives. */
import { connect } from '../../../src/api/client.ts';
import type { ConnectOptions } from '../../../src/api/connect-options.ts';
import type { Connection } from '../../../src/api/connection.ts';
import type { WebSocketServer } from '../../../src/api/server.ts';
import type { ServerHandlers } from '../../../src/api/server-handlers.ts';
import type { ServerOptions } from '../../../src/api/server-options.ts';
import { startServer } from '../../transport/servers.ts';

/** A connection, with the objects of both ends. */
export interface Guest {
  /** The connection object of the server. It subscribes to topics. */
  readonly seat: Connection;
  /** The connection object of the client. */
  readonly client: Connection;
  /** The messages that the client has received. A binary message is recorded as 'bytes:' and its hexadecimal digits. */
  readonly received: string[];
}

export interface Room {
  readonly server: WebSocketServer;
  join(options?: ConnectOptions): Promise<Guest>;
}

/** Starts a server. `join` of the result connects a client, and `closeServers` stops the server. */
export async function openRoom(handlers: ServerHandlers = {}, options: ServerOptions = {}): Promise<Room> {
  const opened: Connection[] = [];
  const { server, url } = await startServer(
    { pong, ...handlers, open: (seat) => void opened.push(seat) },
    options,
  );
  const join = async (clientOptions: ConnectOptions = {}): Promise<Guest> => {
    const received: string[] = [];
    const client = await connect(url.replace('localhost', '127.0.0.1'), {
      handlers: {
        message: (_, message) =>
          void received.push(typeof message === 'string' ? message : `bytes:${message.toString('hex')}`),
      },
      ...clientOptions,
    });
    while (opened.length === 0) await new Promise(setImmediate);
    return { seat: opened.pop()!, client, received };
  };
  return { server, join };
}

/** Waits until all messages that were sent to these clients have arrived. It sends a ping after the messages, and waits for the pong. */
export async function arrived(...guests: readonly Guest[]): Promise<void> {
  await Promise.all(
    guests.map(async ({ seat, client }) => {
      if (client.state !== 'open' || seat.state !== 'open') return;
      await seat.drained();
      await new Promise<void>((resolve) => {
        pongs.set(seat, resolve);
        seat.ping();
      });
    }),
  );
}

const pongs = new WeakMap<Connection, () => void>();

function pong(seat: Connection): void {
  pongs.get(seat)?.();
}
