/**
 * Remembers which messages a client had received in another process, before it connected to this one. The other process delivers its own messages
 * before the bus has them, so they may arrive over the bus after the connection has subscribed here. The connection must not receive such a
 * message twice.
 */

import type { Connection } from '../connection.ts';
import type { EnvelopeHead } from './envelope.ts';
import type { Topic } from './subscriptions.ts';

/** The number of publishers of a topic that are remembered. It is limited, since peers can invent publishers. */
const MAX_PUBLISHERS = 100;

/** For each publisher, the number of its last message. */
type Numbers = ReadonlyMap<string, number>;

export class ReceivedBefore {
  /** The highest number that any connection has received, by topic and publisher. */
  readonly #numbers = new Map<string, Map<string, number>>();
  /** For each connection and topic, the last numbers that the client had received. */
  readonly #received = new WeakMap<Connection<unknown>, Map<string, Numbers>>();

  /**
   * Is called when a connection has subscribed to a topic.
   * @param received for each publisher, the last number that the client had already received
   */
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

  /** Returns the numbers that a client had received. Leaves out publishers whose messages up to that number have all come. */
  pendingOf(connection: Connection<unknown>, topic: string): [string, number][] {
    const numbers = this.#numbers.get(topic);
    const received = this.#received.get(connection)?.get(topic);
    return [...(received ?? [])].filter(([publisher]) => numbers?.has(publisher));
  }

  /**
   * Is called when a connection has left a topic. Its numbers are forgotten, since a peer could subscribe to any number of topics, one after the
   * other.
   */
  left(connection: Connection<unknown>, topic: string): void {
    this.#received.get(connection)?.delete(topic);
  }

  /** Is called when the topic has no subscribers any more. */
  delete(topic: string): void {
    this.#numbers.delete(topic);
  }

  /**
   * Returns those subscribers of these topics that have already received this message in another process. Returns null if there are no such
   * subscribers.
   */
  of(name: string, message: EnvelopeHead, topics: readonly Topic[]): Set<Connection<unknown>> | null {
    const numbers = this.#numbers.get(name);
    const number = numbers?.get(message.publisher);
    if (number === undefined) return null;
    // The messages of a publisher come in order, so this number is not needed any more.
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
