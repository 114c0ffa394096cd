/**
 * Messages that a connection has received before it came back to another process: the process that it came from delivers its own messages
 * before the bus has them, and so they may come over the bus after the connection has subscribed again.
 */

import type { Connection } from '../connection.ts';
import type { EnvelopeHead } from './envelope.ts';
import type { Offset } from './history-offset.ts';
import type { Topic } from './subscriptions.ts';

/** Publishers of a topic that are remembered. Peers can invent them. */
const MAX_PUBLISHERS = 100;

export class ReceivedBefore {
  /** The highest number that any connection has received, by topic and publisher. */
  readonly #numbers = new Map<string, Map<string, number>>();
  /** What each connection has received, by topic. */
  readonly #offsets = new WeakMap<Connection<unknown>, Map<string, Offset>>();

  add(connection: Connection<unknown>, topic: string, offset: Offset): void {
    const { publisher, number } = offset;
    const numbers = this.#numbers.get(topic) ?? new Map<string, number>();
    this.#numbers.set(topic, numbers.set(publisher, Math.max(number, numbers.get(publisher) ?? 0)));
    if (numbers.size > MAX_PUBLISHERS) {
      const [oldest] = numbers.keys();
      numbers.delete(oldest!);
    }
    const offsets = this.#offsets.get(connection) ?? new Map<string, Offset>();
    this.#offsets.set(connection, offsets.set(topic, offset));
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
    if (message.number > number) {
      // The messages of a publisher come in their order.
      numbers?.delete(message.publisher);
      return null;
    }
    const connections = new Set<Connection<unknown>>();
    for (const { members } of topics) {
      for (const connection of members) {
        const offset = this.#offsets.get(connection)?.get(name);
        if (offset?.publisher === message.publisher && message.number <= offset.number)
          connections.add(connection);
      }
    }
    return connections;
  }
}
