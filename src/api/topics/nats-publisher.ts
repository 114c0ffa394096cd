/**
 * Publishes messages to NATS for a bus that has no history. NATS does not confirm these messages, so the publisher sends a ping after
 * them. The answer (the pong) shows that NATS has received the messages. If the connection is lost before
 * the answer, the messages might be lost.
 */

import { LostTopics, serializeTopics } from './lost-topics.ts';

/** The methods of a connection to NATS that this file uses. */
export interface NatsPublishing {
  publish(subject: string, payload: Uint8Array): void;
  flush(): Promise<void>;
}

/** Publishes the messages of one bus. `NatsHistory` implements this interface with a history, `NatsPublisher` without a history. */
export interface NatsBusPublisher {
  /** Settles when NATS has received the message. */
  publish(topic: string, subject: string, bytes: Uint8Array): Promise<void>;
  /** Is called when the connection is established (`up` is true), or lost (`up` is false). */
  connected(up: boolean): void;
  /** Rejects all messages that are not confirmed yet, and all later messages. */
  end(error: Error): void;
  /** Settles when no message waits for a confirmation any more. */
  drained(): Promise<void>;
}

/** The messages that one pong of NATS confirms. */
class Batch {
  readonly topics = new LostTopics();
  bytes = 0;
  readonly confirmed: Promise<void>;
  confirm: () => void = () => {};
  refuse: (error: Error) => void = () => {};

  constructor() {
    this.confirmed = new Promise((resolve, reject) => {
      this.confirm = resolve;
      this.refuse = reject;
    });
    this.confirmed.catch(() => {});
  }
}

export class NatsPublisher implements NatsBusPublisher {
  readonly #nats: NatsPublishing;
  readonly #control: string;
  readonly #maxWaiting: number;
  readonly #lost = new LostTopics();
  /** The messages that were published after the last ping was sent. */
  #next: Batch | null = null;
  /** The messages that the next pong will confirm. Null if no pong is expected. */
  #asked: Batch | null = null;
  #waiting = 0;
  #isUp = true;

  /** @param control the subject on which the bus publishes lists of the topics whose messages were lost */
  constructor(nats: NatsPublishing, control: string, maxWaiting: number) {
    this.#nats = nats;
    this.#control = control;
    this.#maxWaiting = maxWaiting;
  }

  async publish(topic: string, subject: string, bytes: Uint8Array): Promise<void> {
    try {
      if (!this.#isUp) throw new Error('there is no connection to NATS');
      if (this.#waiting > 0 && this.#waiting + bytes.length > this.#maxWaiting) {
        throw new Error('too many bytes wait to be published to NATS');
      }
      // First publishes the list of topics whose messages were lost. So subscribers are notified of the gap before they receive the
      // new message.
      this.#tellLost();
      this.#nats.publish(subject, bytes);
    } catch (error) {
      this.#lost.add(topic);
      throw error;
    }
    this.#waiting += bytes.length;
    const batch = this.#batch();
    batch.topics.add(topic);
    batch.bytes += bytes.length;
    await batch.confirmed;
  }

  connected(up: boolean): void {
    this.#isUp = up;
    if (up) this.#tellLost();
    else this.#refuse(new Error('the connection to NATS was lost'));
  }

  end(error: Error): void {
    this.#isUp = false;
    this.#refuse(error);
  }

  async drained(): Promise<void> {
    while (this.#next !== null || this.#asked !== null) {
      await (this.#next ?? this.#asked)?.confirmed.catch(() => {});
    }
  }

  #batch(): Batch {
    if (this.#next === null) {
      this.#next = new Batch();
      // One ping is sent for all messages that are published before this microtask runs.
      if (this.#asked === null) queueMicrotask(() => this.#ask());
    }
    return this.#next;
  }

  #ask(): void {
    if (this.#next === null || this.#asked !== null) return;
    const batch = this.#next;
    this.#asked = batch;
    this.#next = null;
    this.#nats.flush().then(
      () => this.#answered(batch),
      (error: Error) => {
        if (this.#asked === batch) this.#refuse(error);
      },
    );
  }

  #answered(batch: Batch): void {
    if (this.#asked !== batch) return;
    this.#asked = null;
    this.#waiting -= batch.bytes;
    batch.confirm();
    this.#ask();
  }

  #refuse(error: Error): void {
    for (const batch of [this.#asked, this.#next]) {
      if (batch === null) continue;
      this.#waiting -= batch.bytes;
      this.#lost.addAll(batch.topics.take());
      batch.refuse(error);
    }
    this.#asked = null;
    this.#next = null;
  }

  #tellLost(): void {
    if (this.#lost.isEmpty) return;
    const topics = this.#lost.take();
    const batch = this.#batch();
    // The next pong of NATS confirms this list of topics too. If the pong does not come, the list is sent again.
    batch.topics.addAll(topics);
    this.#nats.publish(this.#control, serializeTopics(topics));
  }
}
