/**
 * Remembers the topics of messages that a bus could not publish into a history. The bus writes a mark into the history of each such topic.
 * A subscriber that reads the mark is notified of a gap at the right place. This works even for a subscriber that reconnects later.
 */

import { clock } from '../../transport/clock.ts';

/** If more topics than this need a mark, the connected subscribers of all topics are notified of a gap instead. */
const MAX_TOPICS = 100_000;
// Milliseconds until a mark that the engine (Redis or NATS) has refused is sent again.
const RETRY_DELAY = 1_000;

export interface GapMarking {
  /** Whether commands can be sent to the engine. */
  readonly isReady: boolean;
  /** Writes a mark for one topic. Rejects if the engine does not accept the mark. */
  mark(topic: string): Promise<unknown>;
  /** Notifies the subscribers of all topics of a gap. */
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

  /** Is called before a message of a topic is sent. If the topic still needs a mark, the mark is sent. */
  sendFor(topic: string): void {
    if (this.#isAll) this.#sendAll();
    else if (this.#topics.delete(topic)) this.#send(topic);
  }

  /** Sends all marks, if the engine is ready. */
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
