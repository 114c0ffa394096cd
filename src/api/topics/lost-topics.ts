/**
 * Collects the topics whose messages might have been lost. Later the subscribers of these topics in all processes are notified. If there
 * are too many topics, the subscribers of all topics are notified.
 */

/**
 * The maximum number of topics in the list, because the list has to fit into one message. If there are more topics, the list stands for all
 * topics.
 */
const MAX_TOPICS = 1_000;

/** A list of topics, or null for all topics. */
export type Topics = readonly string[] | null;

export class LostTopics {
  #topics = new Set<string>();
  #isAll = false;

  get isEmpty(): boolean {
    return !this.#isAll && this.#topics.size === 0;
  }

  add(topic: string): void {
    if (this.#isAll) return;
    this.#topics.add(topic);
    if (this.#topics.size > MAX_TOPICS) this.addAll(null);
  }

  addAll(topics: Topics): void {
    if (topics !== null) {
      for (const topic of topics) this.add(topic);
      return;
    }
    this.#isAll = true;
    this.#topics.clear();
  }

  /** Empties this object. @returns the topics that it contained */
  take(): Topics {
    const topics = this.#isAll ? null : [...this.#topics];
    this.#topics = new Set();
    this.#isAll = false;
    return topics;
  }
}

export function serializeTopics(topics: Topics): Buffer {
  return Buffer.from(JSON.stringify(topics));
}

/** Parses a list of topics. If the bytes are invalid, the lost topics are unknown, so the result stands for all topics. */
export function parseTopics(payload: Uint8Array): Topics {
  try {
    const topics: unknown = JSON.parse(Buffer.from(payload).toString());
    return Array.isArray(topics) && topics.every((topic) => typeof topic === 'string') ? topics : null;
  } catch {
    return null;
  }
}
