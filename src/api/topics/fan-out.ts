/**
 * One message to all subscribers of a topic in this process: serialized once, compressed once for each set of parameters, and sent
 * at the end of the turn together with what else goes to the same connection.
 */

import { Broadcast } from '../../transport/broadcast.ts';
import { Connection, sendBroadcast } from '../connection.ts';
import type { Topic } from './subscriptions.ts';
import type { PublishOptions, SlowPolicy } from './topics-options.ts';

/** A message, and to whom it does not go. */
export interface Outgoing {
  readonly message: string | Uint8Array;
  readonly isText: boolean;
  readonly compress: boolean;
  readonly except: PublishOptions['except'];
}

/** What became of it. */
export interface FanOut {
  readonly sent: number;
  /** Open connections to which too much waits to be sent: they did not receive it. Null for none. */
  readonly slow: Connection<unknown>[] | null;
}

const none: FanOut = { sent: 0, slow: null };

// RFC 6455 §7.4.1 and IANA's registry: the subscriber may come back when it can follow.
const TRY_AGAIN_LATER = 1013;

/** @param topics what the message is for; a connection that is a member of several receives it once */
export function fanOut(topics: readonly Topic[], outgoing: Outgoing, maxBuffered: number): FanOut {
  if (topics.length === 0) return none;
  const { message, isText, compress, except } = outgoing;
  const members = topics.length === 1 ? topics[0]!.members : union(topics);
  const others = except instanceof Connection ? null : except;
  const broadcast = new Broadcast(message, compress, isText);
  let sent = 0;
  let slow: Connection<unknown>[] | null = null;
  try {
    for (const connection of members) {
      if (connection === except || others?.has(connection) || connection.state !== 'open') continue;
      if (isSlow(connection, maxBuffered)) {
        slow ??= [];
        slow.push(connection);
        continue;
      }
      sendBroadcast(connection, broadcast);
      sent++;
    }
  } finally {
    broadcast.release();
  }
  return { sent, slow };
}

function isSlow(connection: Connection<unknown>, maxBuffered: number): boolean {
  if (connection.bufferedAmount <= maxBuffered) return false;
  // Much was sent in this turn: the socket may well take it all now.
  connection.flush();
  return connection.bufferedAmount > maxBuffered;
}

function union(topics: readonly Topic[]): Set<Connection<unknown>> {
  const all = new Set(topics[0]!.members);
  for (let at = 1; at < topics.length; at++) for (const member of topics[at]!.members) all.add(member);
  return all;
}

/** What `slow` says about a subscriber that did not receive a message. */
export function treatSlow(connection: Connection<unknown>, policy: SlowPolicy): void {
  if (policy === 'close') connection.close(TRY_AGAIN_LATER, 'this subscriber is too slow');
}
