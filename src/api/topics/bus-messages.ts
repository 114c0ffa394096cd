/**
 * Messages between processes. The publisher numbers each message. If a message arrives twice, because two patterns of this process match
 * its topic, it is delivered once. If a message is missing, the numbers show the loss.
 */

import { type Envelope, parseEnvelope, randomPublisher, serializeEnvelope } from './envelope.ts';
import { RecentMap } from './recent-map.ts';
import type { Topic } from './subscriptions.ts';

// The maximum number of topics, and of pairs of topic and publisher, whose last message number is remembered. Each takes about 200 bytes.
const MAX_REMEMBERED = 50_000;

/** The last message of one publisher to one topic. */
interface Last {
  number: number;
  /** When the message came, on the clock of `BusMessages`. */
  at: number;
}

/** Holds a message that came, and says whether its number shows a gap. */
export interface Arrival {
  readonly envelope: Envelope;
  /** Whether an earlier message did not come. */
  readonly isGap: boolean;
}

export class BusMessages {
  readonly #publisher = randomPublisher();
  /** The number of the last message that was published. */
  #number = 0;
  readonly #published = new RecentMap<number>(MAX_REMEMBERED);
  readonly #received = new RecentMap<Last>(MAX_REMEMBERED);
  /** A clock that advances with each message and each call of `cover`. */
  #time = 0;

  /** The random name of this process. */
  get publisher(): string {
    return this.#publisher;
  }

  /** The number of the last message that was published to any topic. */
  get lastNumber(): number {
    return this.#number;
  }

  /** The number of the last message that was published to a topic, or 0. */
  lastNumberTo(topic: string): number {
    return this.#published.get(topic) ?? 0;
  }

  /** Makes the bytes that carry a message to other processes. */
  wrap(topic: string, message: string | Uint8Array, compress: boolean): Buffer {
    const number = ++this.#number;
    const previous = this.#published.get(topic) ?? 0;
    this.#published.set(topic, number);
    const isBinary = typeof message !== 'string';
    return serializeEnvelope({ isBinary, compress, publisher: this.#publisher, number, previous }, message);
  }

  /** Is called when messages of this topic or pattern arrive from now on. Losses before this moment have been reported. */
  cover(topic: Topic): void {
    topic.coveredSince = ++this.#time;
  }

  /**
   * Reads bytes that came over the bus.
   * @param topics the topics and patterns of this process that the message is for
   * @returns 'invalid' for bytes that are not a message; null for a message of this process, and for a message that has already come
   */
  unwrap(name: string, bytes: Uint8Array, topics: readonly Topic[]): Arrival | 'invalid' | null {
    const envelope = parseEnvelope(bytes);
    if (envelope === null) return 'invalid';
    if (envelope.publisher === this.#publisher) return null;
    // The key consists of the 16 characters of the publisher and the name of the topic.
    const key = envelope.publisher + name;
    const at = ++this.#time;
    const last = this.#received.get(key);
    if (last === undefined) {
      this.#received.set(key, { number: envelope.number, at });
      return { envelope, isGap: false };
    }
    if (envelope.number <= last.number) return null;
    // A missing number is only a gap if the messages of the topic have come without a break since the last message. Messages that were
    // published while the topic had no subscriber are not missing.
    const isGap =
      envelope.previous > last.number && topics.some(({ coveredSince }) => coveredSince < last.at);
    last.number = envelope.number;
    last.at = at;
    return { envelope, isGap };
  }
}
