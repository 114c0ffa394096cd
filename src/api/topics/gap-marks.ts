/**
 * Remembers the topics of the messages that a bus could not publish. The bus writes a mark into the history of each of these topics. A mark
 * says that messages were lost at this place. A subscriber that reads the mark is notified of the gap. This works even for a subscriber
 * that reconnects later.
 */

import { clock } from '../../transport/clock.ts';

/**
 * The maximum number of topics that wait for a mark (an entry that says that messages were lost). If there are more topics, the connected
 * subscribers of all topics are notified of lost messages instead.
 */
const MAX_TOPICS = 100_000;
// If the engine (Redis or NATS) refuses a mark, the mark is sent again after this number of milliseconds.
const RETRY_DELAY = 1_000;

export interface GapMarking {
  /** True if the engine (Redis or NATS) can receive commands now. */
  readonly isReady: boolean;
  /**
   * Writes a mark into the history of one topic. The mark says that messages were lost here. Rejects if the engine (Redis or NATS) refuses
   * the mark.
   */
  mark(topic: string): Promise<unknown>;
  /** Notifies the subscribers of all topics that messages were lost. */
  notifyAll(): Promise<unknown>;
}

/** The marks of one bus that have not been sent yet. A mark says that messages of a topic were lost. */
export class GapMarks {
  readonly #marking: GapMarking;
  readonly #topics = new Set<string>();
  #isAll = false;
  #retry: NodeJS.Timeout | null = null;

  constructor(marking: GapMarking) {
    this.#marking = marking;
  }

  add(topic: string): void {
    if (this.#isAll) return;
    this.#topics.add(topic);
    if (this.#topics.size > MAX_TOPICS) this.#addAll();
  }

  /** Is called before a message of a topic is sent. If a mark of this topic still has to be sent, sends the mark first. */
  sendFor(topic: string): void {
    if (this.#isAll) this.#sendAll();
    else if (this.#topics.delete(topic)) this.#send(topic);
  }

  /** Sends all marks if the engine (Redis or NATS) can receive commands now. */
  send(): void {
    if (!this.#marking.isReady) return;
    if (this.#isAll) this.#sendAll();
    const topics = [...this.#topics];
    this.#topics.clear();
    for (const topic of topics) this.#send(topic);
  }

  end(): void {
    if (this.#retry !== null) clock.clearTimeout(this.#retry);
    this.#retry = null;
  }

  #send(topic: string): void {
    this.#marking.mark(topic).catch(() => {
      this.add(topic);
      this.#sendLater();
    });
  }

  #sendAll(): void {
    this.#isAll = false;
    this.#marking.notifyAll().catch(() => {
      this.#addAll();
      this.#sendLater();
    });
  }

  #addAll(): void {
    this.#isAll = true;
    this.#topics.clear();
  }

  #sendLater(): void {
    this.#retry ??= clock.setTimeout(() => {
      this.#retry = null;
      this.send();
    }, RETRY_DELAY);
  }
}
