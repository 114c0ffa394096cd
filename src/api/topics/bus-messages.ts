/**
 * Messages between processes: each is numbered by its publisher, so that one which comes twice, because two patterns of this process
 * match its topic, is delivered once, and one that never came is noticed.
 */

import { type Envelope, parseEnvelope, randomPublisher, serializeEnvelope } from './envelope.ts';
import { RecentMap } from './recent-map.ts';
import type { Topic } from './subscriptions.ts';

// Topics, or pairs of topic and publisher, whose last number is remembered: about 200 bytes each.
const MAX_REMEMBERED = 50_000;

/** The last message of one publisher to one topic. */
interface Last {
  number: number;
  /** When it came, on the clock of `BusMessages`. */
  at: number;
}

/** What is known of a message. */
export interface Arrival {
  readonly envelope: Envelope;
  /** A message before it did not come. */
  readonly isGap: boolean;
}

export class BusMessages {
  readonly #publisher = randomPublisher();
  /** The number of the last message that was published. */
  #number = 0;
  readonly #published = new RecentMap<number>(MAX_REMEMBERED);
  readonly #received = new RecentMap<Last>(MAX_REMEMBERED);
  /** A clock that counts messages and changes of what is covered. */
  #time = 0;

  /** The bytes of a message for other processes. */
  wrap(topic: string, message: string | Uint8Array, compress: boolean): Buffer {
    const number = ++this.#number;
    const previous = this.#published.get(topic) ?? 0;
    this.#published.set(topic, number);
    const isBinary = typeof message !== 'string';
    return serializeEnvelope({ isBinary, compress, publisher: this.#publisher, number, previous }, message);
  }

  /** From now on messages of this topic or pattern come; what was lost before has been reported. */
  cover(topic: Topic): void {
    topic.coveredSince = ++this.#time;
  }

  /**
   * What came over the bus.
   * @param topics what it is for in this process
   * @returns 'invalid' for what is not a message, null for one of this process, or one that came already
   */
  unwrap(name: string, bytes: Uint8Array, topics: readonly Topic[]): Arrival | 'invalid' | null {
    const envelope = parseEnvelope(bytes);
    if (envelope === null) return 'invalid';
    if (envelope.publisher === this.#publisher) return null;
    // 16 characters, and then the name.
    const key = envelope.publisher + name;
    const at = ++this.#time;
    const last = this.#received.get(key);
    if (last === undefined) {
      this.#received.set(key, { number: envelope.number, at });
      return { envelope, isGap: false };
    }
    if (envelope.number <= last.number) return null;
    // Only if the topic was covered all the time: what came while no one had subscribed to it is not missed.
    const isGap =
      envelope.previous > last.number && topics.some(({ coveredSince }) => coveredSince < last.at);
    last.number = envelope.number;
    last.at = at;
    return { envelope, isGap };
  }
}
