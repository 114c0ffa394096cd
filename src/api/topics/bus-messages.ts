/**
 * Numbers the messages that processes send each other over a bus. With these numbers, the receiver detects two things. First: a message
 * that arrives twice, because two patterns of the process match its topic. It is delivered once. Second: a message that was lost, because
 * its number is missing.
 */

import { type Envelope, parseEnvelope, randomPublisher, serializeEnvelope } from './envelope.ts';
import { RecentMap } from './recent-map.ts';
import type { Topic } from './subscriptions.ts';

// One map remembers the last message number of each topic. Another map remembers the last message number of each pair of topic and
// publisher. Each map keeps at most twice this number of entries. An entry needs about 200 bytes.
const MAX_REMEMBERED = 50_000;

/** The last message that one publisher has published to one topic. */
interface Last {
  number: number;
  /** When the message came, measured by `#time` of `BusMessages`. */
  at: number;
}

/** A message that came over the bus. */
export interface Arrival {
  readonly envelope: Envelope;
  /** Whether an earlier message of the same publisher to the same topic is missing. */
  readonly isGap: boolean;
}

export class BusMessages {
  readonly #publisher = randomPublisher();
  #number = 0;
  readonly #published = new RecentMap<number>(MAX_REMEMBERED);
  readonly #received = new RecentMap<Last>(MAX_REMEMBERED);
  /** A counter that serves as a clock: it advances with each message and with each call of `cover`. */
  #time = 0;

  /** The random name of this process. */
  get publisher(): string {
    return this.#publisher;
  }

  /** The number of the last message that this process published, to any topic. */
  get lastNumber(): number {
    return this.#number;
  }

  /** The number of the last message that this process published to a topic; 0 if this number is unknown. */
  lastNumberTo(topic: string): number {
    return this.#published.get(topic) ?? 0;
  }

  /** Returns the bytes that carry a message to other processes. */
  wrap(topic: string, message: string | Uint8Array, compress: boolean): Buffer {
    const number = ++this.#number;
    const previous = this.#published.get(topic) ?? 0;
    this.#published.set(topic, number);
    const isBinary = typeof message !== 'string';
    return serializeEnvelope({ isBinary, compress, publisher: this.#publisher, number, previous }, message);
  }

  /** Is called when the subscription to this topic or pattern has become active. Losses before this moment have been reported already. */
  cover(topic: Topic): void {
    topic.coveredSince = ++this.#time;
  }

  /**
   * Reads bytes that came over the bus.
   * @param topics the topics and patterns that match `name` and have subscribers in this process
   * @returns 'invalid' for bytes that are not a message. Null for a message of this process, or one that has already come
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
    // A missing number means a gap if the subscription has been active since the last message. Otherwise the topic may have had no
    // subscriber when the missing messages were published.
    const isGap =
      envelope.previous > last.number && topics.some(({ coveredSince }) => coveredSince < last.at);
    last.number = envelope.number;
    last.at = at;
    return { envelope, isGap };
  }
}
