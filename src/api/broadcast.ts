/** Sends one message to the connections of a server or a group. transport/broadcast.ts serializes the message. */

import { Broadcast } from '../transport/broadcast.ts';
import type { BroadcastOptions } from './broadcast-options.ts';
import { Connection, coreOf, sendBroadcast } from './connection.ts';
import { type Message, toBytes } from './message.ts';

/**
 * Sends a message to the connections of `all` that are open and that the options allow.
 * @returns the number of connections to which the message was sent
 * @throws {TypeError} for a message that is not a string, an ArrayBuffer or an ArrayBufferView
 * @throws the errors of the option `filter`
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
      // The function `filter` of the application might have closed the connection.
      if (connection.state !== 'open') continue;
      // §5.1: a client masks each frame with a new key. So a client's connection cannot send a frame that was serialized for several
      // connections.
      if (coreOf(connection).role === 'client') connection.send(prepared, { compress });
      else sendBroadcast(connection, one);
      sent++;
    }
  } finally {
    one.release();
  }
  return sent;
}
