/** One message to many connections, whatever holds them together: a server, a group. How it is serialized is transport/broadcast.ts. */

import { Broadcast } from '../transport/broadcast.ts';
import type { BroadcastOptions } from './broadcast-options.ts';
import { Connection, coreOf, sendBroadcast } from './connection.ts';
import { type Message, toBytes } from './message.ts';

/**
 * Sends a message to those of `all` that the options leave, and that are open.
 * @returns how many these are
 * @throws {TypeError} for anything else than a string, an ArrayBuffer or a view of one; and what `filter` throws
 */
export function broadcastTo<Data>(
  all: ReadonlySet<Connection<Data>>,
  message: Message,
  { to, except, filter, compress }: BroadcastOptions<Data>,
): number {
  const prepared = typeof message === 'string' ? message : toBytes(message);
  const one = new Broadcast(prepared, compress !== false);
  let sent = 0;
  try {
    for (const connection of to === undefined ? all : new Set(to as Iterable<Connection<Data>>)) {
      if (connection === except || (!(except instanceof Connection) && except?.has(connection))) continue;
      if (!all.has(connection) || connection.state !== 'open' || filter?.(connection) === false) continue;
      // The filter may have closed it.
      if (connection.state !== 'open') continue;
      // §5.1: each frame of a client is masked with a key of its own, so that it cannot be shared.
      if (coreOf(connection).role === 'client') connection.send(prepared, { compress });
      else sendBroadcast(connection, one);
      sent++;
    }
  } finally {
    one.release();
  }
  return sent;
}
