/**
 * Publishes to Redis without a history. Redis answers when it has received the message. If the connection is lost before Redis answers,
 * the message might be lost.
 */

import { LostTopics, serializeTopics } from './lost-topics.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisNames } from './redis-names.ts';

/** Publishes the messages of one bus, with or without a history. */
export interface RedisPublishing {
  publish(topic: string, bytes: Uint8Array): Promise<void>;
  /** Is called when the connection for commands is established (true) or lost (false). */
  connected(up: boolean): void;
  /** Rejects the messages that wait, and all later messages. */
  end(error: Error): void;
}

/** Publishes with the command PUBLISH or SPUBLISH. Redis does not keep the messages. */
export class RedisPublisher implements RedisPublishing {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #command: 'PUBLISH' | 'SPUBLISH';
  readonly #maxWaiting: number;
  readonly #lost = new LostTopics();
  #waiting = 0;
  #isUp = false;
  #ended: Error | null = null;
  /** Settles when the first attempt to connect has succeeded or failed. Null after that. */
  #first: Promise<void> | null;
  #isKnown: () => void = () => {};

  constructor(link: RedisLink, names: RedisNames, isSharded: boolean, maxWaiting: number) {
    this.#link = link;
    this.#names = names;
    this.#command = isSharded ? 'SPUBLISH' : 'PUBLISH';
    this.#maxWaiting = maxWaiting;
    this.#first = new Promise((resolve) => {
      this.#isKnown = resolve;
    });
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    if (this.#waiting > 0 && this.#waiting + bytes.length > this.#maxWaiting) {
      this.#lost.add(topic);
      throw new Error('too many bytes wait to be published to Redis');
    }
    this.#waiting += bytes.length;
    try {
      if (this.#first !== null) await this.#first;
      await this.#send(topic, bytes);
    } catch (error) {
      this.#lost.add(topic);
      // If Redis itself has refused the message, the connection works. So the gap can be reported immediately.
      this.#tellLost();
      throw error;
    } finally {
      this.#waiting -= bytes.length;
    }
  }

  connected(up: boolean): void {
    this.#isUp = up;
    this.#first = null;
    this.#isKnown();
    if (up) this.#tellLost();
  }

  end(error: Error): void {
    this.#ended = error;
    this.connected(false);
  }

  #send(topic: string, bytes: Uint8Array): Promise<unknown> {
    if (!this.#isUp) throw this.#ended ?? new Error('there is no connection to Redis');
    // First publishes the list of topics whose messages were lost. So subscribers learn of the gap before they receive the new message.
    this.#tellLost();
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#link.command([this.#command, this.#names.channelOf(topic), buffer]);
  }

  /**
   * Notifies the subscribers in all processes that messages could not be published. If the notification fails, it is sent again before the
   * next message, or when the connection is established again.
   */
  #tellLost(): void {
    if (!this.#isUp || this.#lost.isEmpty) return;
    const topics = this.#lost.take();
    this.#link
      .command([this.#command, this.#names.control, serializeTopics(topics)])
      .catch(() => this.#lost.addAll(topics));
  }
}
