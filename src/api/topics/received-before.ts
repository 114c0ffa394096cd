/**
 * Messages that a connection has received before it came back to another process: the process that it came from delivers its own messages
 * before the bus has them, and so they may come over the bus after the connection has subscribed again.
 */

import type { Connection } from '../connection.ts';
import type { EnvelopeHead } from './envelope.ts';
import type { Topic } from './subscriptions.ts';

/** Publishers of a topic that are remembered. Peers can invent them. */
const MAX_PUBLISHERS = 100;

/** The last number of each publisher. */
type Numbers = ReadonlyMap<string, number>;

export class ReceivedBefore {
  /** The highest number that any connection has received, by topic and publisher. */
  readonly #numbers = new Map<string, Map<string, number>>();
  /** What each connection has received, by topic. */
  readonly #received = new WeakMap<Connection<unknown>, Map<string, Numbers>>();

  /** A connection has subscribed to a topic, of which it has received these messages. */
  add(connection: Connection<unknown>, topic: string, received: Numbers): void {
    const numbers = this.#numbers.get(topic) ?? new Map<string, number>();
    this.#numbers.set(topic, numbers);
    for (const [publisher, number] of received)
      numbers.set(publisher, Math.max(number, numbers.get(publisher) ?? 0));
    for (const oldest of numbers.keys()) {
      if (numbers.size <= MAX_PUBLISHERS) break;
      numbers.delete(oldest);
    }
    const topics = this.#received.get(connection) ?? new Map<string, Numbers>();
    this.#received.set(connection, topics.set(topic, received));
  }

  /** What a connection has received of publishers whose messages have not all come yet. */
  pendingOf(connection: Connection<unknown>, topic: string): [string, number][] {
    const numbers = this.#numbers.get(topic);
    const received = this.#received.get(connection)?.get(topic);
    return [...(received ?? [])].filter(([publisher]) => numbers?.has(publisher));
  }

  /** The topic has no subscribers any more. */
  delete(topic: string): void {
    this.#numbers.delete(topic);
  }

  /** The subscribers of these topics that have received this message of another process before; null for none. */
  of(name: string, message: EnvelopeHead, topics: readonly Topic[]): Set<Connection<unknown>> | null {
    const numbers = this.#numbers.get(name);
    const number = numbers?.get(message.publisher);
    if (number === undefined) return null;
    // The messages of a publisher come in their order.
    if (message.number >= number) numbers?.delete(message.publisher);
    if (message.number > number) return null;
    const connections = new Set<Connection<unknown>>();
    for (const { members } of topics) {
      for (const connection of members) {
        const received = this.#received.get(connection)?.get(name)?.get(message.publisher) ?? 0;
        if (message.number <= received) connections.add(connection);
      }
    }
    return connections;
  }
}
