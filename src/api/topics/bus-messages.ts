/**
 * Gives a number to each message that processes send each other over a bus. The numbers have two purposes:
 * - If two patterns of a process match a topic, the process receives each message twice. The number is the same both times, so the
 *   message is delivered once.
 * - A missing number shows that a message was lost.
 */

import { type Envelope, parseEnvelope, randomPublisher, serializeEnvelope } from './envelope.ts';
import { RecentMap } from './recent-map.ts';
import type { Topic } from './subscriptions.ts';

// There are two maps. One map holds the last message number of each topic. The other map holds the last message number for each pair of
// topic and publisher. Each map keeps at most twice this number of entries. An entry needs about 200 bytes.
const MAX_REMEMBERED = 50_000;

/** The last message that one publisher has published to one topic. */
interface Last {
  number: number;
  /** The time at which the message came. The time is a value of the counter `#time` of `BusMessages`. */
  at: number;
}

/** A message that came over the bus. */
export interface Arrival {
  readonly envelope: Envelope;
  /** True if an earlier message of the same publisher to the same topic is missing. */
  readonly isGap: boolean;
}

export class BusMessages {
  readonly #publisher = randomPublisher();
  #number = 0;
  readonly #published = new RecentMap<number>(MAX_REMEMBERED);
  readonly #received = new RecentMap<Last>(MAX_REMEMBERED);
  /** A counter that serves as a clock. It increases with each message and with each call of `cover`. */
  #time = 0;

  /** The random name of this process. The messages of this process contain it. */
  get publisher(): string {
    return this.#publisher;
  }

  /** The number of the last message that this process published, to any topic. */
  get lastNumber(): number {
    return this.#number;
  }

  /** The number of the last message that this process published to this topic; 0 if the number is unknown. */
  lastNumberTo(topic: string): number {
    return this.#published.get(topic) ?? 0;
  }

  /** Returns the bytes that are sent to other processes: the message with its number and other fields. */
  wrap(topic: string, message: string | Uint8Array, compress: boolean): Buffer {
    const number = ++this.#number;
    const previous = this.#published.get(topic) ?? 0;
    this.#published.set(topic, number);
    const isBinary = typeof message !== 'string';
    return serializeEnvelope({ isBinary, compress, publisher: this.#publisher, number, previous }, message);
  }

  /**
   * Is called when the subscription to this topic or pattern is active on the bus. Messages that were lost before this moment have already
   * been reported.
   */
  cover(topic: Topic): void {
    topic.coveredSince = ++this.#time;
  }

  /**
   * Reads bytes that came over the bus.
   * @param topics the topics and patterns that match `name` and have subscribers in this process
   * @returns `'invalid'` for bytes that are not a message; null for a message of this process, and for a message that has already come
   */
  unwrap(name: string, bytes: Uint8Array, topics: readonly Topic[]): Arrival | 'invalid' | null {
    const envelope = parseEnvelope(bytes);
    if (envelope === null) return 'invalid';
    if (envelope.publisher === this.#publisher) return null;
    // The key consists of 16 characters for the publisher, and the name of the topic.
    const key = envelope.publisher + name;
    const at = ++this.#time;
    const last = this.#received.get(key);
    if (last === undefined) {
      this.#received.set(key, { number: envelope.number, at });
      return { envelope, isGap: false };
    }
    if (envelope.number <= last.number) return null;
    // A message was lost if a number is missing, and the subscription has been active since the last message. If the subscription was not
    // active all the time, the topic might have had no subscriber when the message was published. Then nothing was lost.
    const isGap =
      envelope.previous > last.number && topics.some(({ coveredSince }) => coveredSince < last.at);
    last.number = envelope.number;
    last.at = at;
    return { envelope, isGap };
  }
}
