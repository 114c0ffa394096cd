/**
 * The topics of messages that a bus could not publish into a history. The bus writes a mark into the history of each such topic. The mark notifies
 * the subscribers of a gap at the right place, including subscribers that are away at that time.
 */

import { clock } from '../../transport/clock.ts';

/** Above this number of topics, all connected subscribers of all topics are notified. */
const MAX_TOPICS = 100_000;
// Milliseconds. If the engine has refused a mark, the mark is sent again after this time.
const RETRY_DELAY = 1_000;

/** The functions that send the marks. */
export interface GapMarking {
  /** Whether commands can be sent. */
  readonly isReady: boolean;
  /** Marks one topic. Rejects if the engine does not take the mark. */
  mark(topic: string): Promise<unknown>;
  /** Notifies the subscribers of all topics. */
  notifyAll(): Promise<unknown>;
}

/** The marks of one bus that have not been sent yet. */
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

  /** Sends the mark of a topic, if there is one, before the next message of the topic. */
  sendFor(topic: string): void {
    if (this.#isAll) this.#sendAll();
    else if (this.#topics.delete(topic)) this.#send(topic);
  }

  /** Sends all marks. */
  send(): void {
    if (!this.#marking.isReady) return;
    if (this.#isAll) this.#sendAll();
    const topics = [...this.#topics];
    this.#topics.clear();
    for (const topic of topics) this.#send(topic);
  }

  /** Stops the timer. */
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
