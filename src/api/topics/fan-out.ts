/**
 * Sends one message to all subscribers of a topic in this process. The message is serialized once. It is compressed once for each set of
 * compression parameters. At the end of the current turn of the event loop, each connection sends the message together with its other
 * messages.
 */

import { Broadcast } from '../../transport/broadcast.ts';
import { Connection, coreOf, sendBroadcast } from '../connection.ts';
import { LatestValues } from '../latest-values.ts';
import type { Topic } from './subscriptions.ts';
import type { PublishOptions, SlowPolicy, TopicsValues } from './topics-options.ts';

/** A message, and the connections that must not receive it. */
export interface Outgoing {
  /** The topic that the message is published to, without wildcards. */
  readonly name: string;
  readonly message: string | Uint8Array;
  readonly isText: boolean;
  readonly compress: boolean;
  readonly except: PublishOptions['except'];
}

/** The result of sending one message to all subscribers of its topic. */
export interface FanOut {
  readonly sent: number;
  /** The number of slow connections for which the message now waits as the newest value of its topic. */
  readonly conflated: number;
  /** The open connections that do not receive the message, because too many bytes wait for them. Null if there are none. */
  readonly slow: Connection<unknown>[] | null;
}

const NOT_COMPRESSED = { compress: false };

const none: FanOut = { sent: 0, conflated: 0, slow: null };

// IANA names this code "Try Again Later" (RFC 6455 §7.4). It tells the subscriber that it may connect again later.
const TRY_AGAIN_LATER = 1013;

/**
 * Sends a message once to each member of some topics and patterns.
 * @param topics the topics and patterns that match the name of the message
 */
export function fanOut(
  topics: readonly Topic[],
  outgoing: Outgoing,
  options: Pick<TopicsValues, 'maxBuffered' | 'slow'>,
): FanOut {
  if (topics.length === 0) return none;
  const { name, message, isText, compress, except } = outgoing;
  const { maxBuffered } = options;
  const latest = options.slow === 'latest' ? new LatestValue(outgoing) : null;
  const members = topics.length === 1 ? topics[0]!.members : union(topics);
  const others = except instanceof Connection ? null : except;
  const broadcast = new Broadcast(message, compress, isText);
  let sent = 0;
  let conflated = 0;
  let slow: Connection<unknown>[] | null = null;
  try {
    for (const connection of members) {
      if (connection === except || others?.has(connection) || connection.state !== 'open') continue;
      // If an older value of this topic still waits, the new value must wait too. Otherwise the new value would arrive before the older
      // value.
      if (latest?.waits(connection, name) || isSlow(connection, maxBuffered)) {
        if (latest?.set(connection, name)) {
          conflated++;
          continue;
        }
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
  return { sent, conflated, slow };
}

/** Holds a message for slow connections. The message waits as the newest value of its topic. `sendLatest` works in the same way. */
class LatestValue {
  readonly #outgoing: Outgoing;
  /**
   * A copy of the message for all slow connections; null until one of them needs it. The original bytes are valid only while `publish`
   * runs.
   */
  #message: string | Buffer | null = null;

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  /** True if an older value of the topic is waiting for this connection. */
  waits(connection: Connection<unknown>, topic: string): boolean {
    return coreOf(connection).latest?.has(topic) === true;
  }

  /**
   * Stores the message for this connection as the newest value of the topic.
   * @returns true if the message is stored; false if the values of too many other topics are waiting already
   */
  set(connection: Connection<unknown>, topic: string): boolean {
    const core = coreOf(connection);
    this.#message ??= this.#copy();
    core.latest ??= new LatestValues(core.binding);
    return core.latest.set(topic, this.#message, this.#outgoing.compress ? null : NOT_COMPRESSED);
  }

  #copy(): string | Buffer {
    const { message, isText } = this.#outgoing;
    if (typeof message === 'string') return message;
    const copy = Buffer.from(message);
    return isText ? copy.toString() : copy;
  }
}

function isSlow(connection: Connection<unknown>, maxBuffered: number): boolean {
  if (connection.bufferedAmount <= maxBuffered) return false;
  // The application might have sent the waiting bytes in this turn of the event loop. In this case, a flush can pass them to the socket
  // now.
  connection.flush();
  return connection.bufferedAmount > maxBuffered;
}

function union(topics: readonly Topic[]): Set<Connection<unknown>> {
  const all = new Set(topics[0]!.members);
  for (let at = 1; at < topics.length; at++) for (const member of topics[at]!.members) all.add(member);
  // A joining connection first receives the messages that it missed, and then this message. It might also have subscribed to a matching
  // pattern. This subscription must not deliver the message now.
  for (const { joining } of topics) for (const connection of joining ?? []) all.delete(connection);
  return all;
}

/** Sends a message to one connection, even if many bytes wait for it. */
export function sendTo(connection: Connection<unknown>, outgoing: Outgoing): void {
  const broadcast = new Broadcast(outgoing.message, outgoing.compress, outgoing.isText);
  try {
    sendBroadcast(connection, broadcast);
  } finally {
    broadcast.release();
  }
}

/** Closes the connection of a slow subscriber if the option `slow` is 'close'. */
export function treatSlow(connection: Connection<unknown>, policy: SlowPolicy): void {
  if (policy === 'close') connection.close(TRY_AGAIN_LATER, 'this subscriber is too slow');
}
