/**
 * Remembers which messages a client had already received from another process, before it connected to this process. A process delivers its
 * own messages before the bus has them. So such a message can still come to this process over the bus. The client must not receive it
 * again.
 */

import type { Connection } from '../connection.ts';
import type { EnvelopeHead } from './envelope.ts';
import type { Topic } from './subscriptions.ts';

/**
 * The maximum number of publishers (processes) that are remembered for each topic. Without a maximum, peers could invent any number of
 * publishers.
 */
const MAX_PUBLISHERS = 100;

/** The number of the last message that was received from each publisher (process). The key is the publisher. */
type Numbers = ReadonlyMap<string, number>;

export class ReceivedBefore {
  /** For each topic and publisher, the highest number that any client had received before it connected. */
  readonly #numbers = new Map<string, Map<string, number>>();
  /**
   * The last messages that each client had received before it connected. The keys are the connection and the topic. The value holds one
   * message number for each publisher.
   */
  readonly #received = new WeakMap<Connection<unknown>, Map<string, Numbers>>();

  /**
   * Is called when a connection has subscribed to a topic.
   * @param received the number of the last message that the client had already received from each publisher (process)
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

  /**
   * Returns each publisher (process), with the number of its last message that the client had received before the client connected. Leaves
   * out a publisher if all of its messages up to this number have come over the bus.
   */
  pendingOf(connection: Connection<unknown>, topic: string): [string, number][] {
    const numbers = this.#numbers.get(topic);
    const received = this.#received.get(connection)?.get(topic);
    return [...(received ?? [])].filter(([publisher]) => numbers?.has(publisher));
  }

  /**
   * Is called when a connection has unsubscribed from a topic. Forgets the numbers of the connection. Otherwise a peer that subscribes to
   * many topics could fill the memory.
   */
  left(connection: Connection<unknown>, topic: string): void {
    this.#received.get(connection)?.delete(topic);
  }

  /** Is called when the topic has lost its last subscriber. */
  delete(topic: string): void {
    this.#numbers.delete(topic);
  }

  /**
   * Returns the subscribers of these topics that have already received this message from another process. Returns null if no client had
   * received a message of this publisher with this number or a higher number.
   */
  of(name: string, message: EnvelopeHead, topics: readonly Topic[]): Set<Connection<unknown>> | null {
    const numbers = this.#numbers.get(name);
    const number = numbers?.get(message.publisher);
    if (number === undefined) return null;
    // The messages of a publisher come in order. So after a message with this number or a higher number, the stored number is not needed
    // any more.
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
