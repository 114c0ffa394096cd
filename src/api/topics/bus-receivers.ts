/** Finds the receivers of a message by the topic of the message. A bus uses this file if its transport does not match patterns. */

import type { BusReceiver } from './bus.ts';
import type { Topics } from './lost-topics.ts';
import { TopicMap } from './topic-map.ts';

interface Entry {
  /**
   * Null after the pattern was unsubscribed. A message can go to several receivers, one after the other. One receiver might unsubscribe the
   * pattern of the next receiver.
   */
  receiver: BusReceiver | null;
}

export class BusReceivers {
  readonly #entries = new TopicMap<Entry>();
  readonly #patterns = new Set<string>();

  get patterns(): ReadonlySet<string> {
    return this.#patterns;
  }

  /** Sets the receiver of a pattern. Replaces the old receiver if the pattern already has a receiver. */
  set(pattern: string, receiver: BusReceiver): void {
    const entry = this.#entries.get(pattern);
    if (entry !== undefined) entry.receiver = receiver;
    else this.#entries.add(pattern, { receiver });
    this.#patterns.add(pattern);
  }

  /** Removes the receiver of a pattern. @returns true if the pattern had a receiver */
  delete(pattern: string): boolean {
    const entry = this.#entries.get(pattern);
    if (entry === undefined) return false;
    entry.receiver = null;
    this.#entries.delete(pattern);
    return this.#patterns.delete(pattern);
  }

  deliver(topic: string, bytes: Uint8Array): void {
    for (const entry of this.#entries.match(topic)) entry.receiver?.message(topic, bytes);
  }

  /**
   * Notifies the receivers of these topics that messages might have been lost. Each receiver is notified once, even if its pattern matches
   * several topics.
   */
  gap(topics: Topics): void {
    const entries =
      topics === null
        ? [...this.#entries.values()]
        : new Set(topics.flatMap((topic) => this.#entries.match(topic)));
    for (const entry of entries) entry.receiver?.gap();
  }

  clear(): void {
    for (const pattern of [...this.#patterns]) this.delete(pattern);
  }
}
