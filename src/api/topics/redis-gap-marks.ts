/**
 * The topics of messages that a bus could not publish into a history. A mark in the stream of each topic notifies its subscribers at the
 * right place, those that are away included.
 */

import { clock } from '../../transport/clock.ts';

/** Above this number of topics, the subscribers of all topics that are connected at the time are notified. */
const MAX_TOPICS = 100_000;
// Milliseconds until marks that Redis refused are sent again.
const RETRY_DELAY = 1_000;

/** What sends the marks. */
export interface GapMarking {
  /** Whether commands can be sent. */
  readonly isReady: boolean;
  /** Marks one topic. Rejects if Redis does not take the mark. */
  mark(topic: string): Promise<unknown>;
  /** Notifies the subscribers of all topics. */
  notifyAll(): Promise<unknown>;
}

/** The marks of one bus that are still to be sent. */
export class RedisGapMarks {
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

  /** Marks a topic, if it has to be, before its next message. */
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

  /** Gives up the timer. */
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
