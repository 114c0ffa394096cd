/**
 * Publishes messages into a history (the kept messages). The messages wait until the engine (Redis or NATS) can be reached and is prepared.
 * Then they are sent in order. If the connection is lost before the engine answers, the engine might have published the message. So the
 * message is not sent again, and its subscribers are notified of lost messages.
 */

import { clock } from '../../transport/clock.ts';
import { GapMarks } from './gap-marks.ts';
import type { HistoryWriter } from './history-engine.ts';

/** A message that has not been sent yet. */
interface Waiting {
  readonly topic: string;
  readonly bytes: Uint8Array;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class HistoryPublisher {
  readonly #writer: HistoryWriter;
  readonly #maxWaiting: number;
  readonly #ttl: number;
  readonly #marks: GapMarks;
  #queue: Waiting[] = [];
  /** Messages that the client could not send, because it had no connection. They are sent before the messages in `#queue`. */
  #unsent: Waiting[] = [];
  /** The number of bytes of all messages that wait, or that were sent and have no answer yet. */
  #waiting = 0;
  /**
   * True if the engine (Redis or NATS) accepts entries. It becomes true when the engine was prepared. It becomes false when the connection
   * is lost, or when a message could not be sent.
   */
  #isPrepared = false;
  /** Counts how often the connection was established or lost. */
  #connection = 0;
  #isUp = false;
  /**
   * Null, or an error with which every message is refused. The reason is that the engine (Redis or NATS) has refused the preparation, or
   * that the bus was closed.
   */
  #refusal: Error | null = null;
  #isEnded = false;

  /** @param ttl the maximum number of milliseconds that a message waits */
  constructor(writer: HistoryWriter, maxWaiting: number, ttl: number) {
    this.#writer = writer;
    this.#maxWaiting = maxWaiting;
    this.#ttl = ttl;
    const isReady = (): boolean => this.isReady;
    this.#marks = new GapMarks({
      get isReady() {
        return isReady();
      },
      mark: (topic) => writer.add(topic, 'g', Buffer.alloc(0)),
      notifyAll: () => writer.notifyAll(),
    });
  }

  /** True if messages are sent immediately; false if they wait. */
  get isReady(): boolean {
    return this.#isUp && this.#isPrepared;
  }

  publish(topic: string, bytes: Uint8Array): Promise<void> {
    if (this.#refusal !== null) {
      this.#marks.add(topic);
      return Promise.reject(this.#refusal);
    }
    if (this.#waiting > 0 && this.#waiting + bytes.length > this.#maxWaiting) {
      this.#marks.add(topic);
      return Promise.reject(new Error(`too many bytes wait to be published to ${this.#writer.engine}`));
    }
    this.#waiting += bytes.length;
    return new Promise((resolve, reject) => {
      this.#queue.push({ topic, bytes, since: clock.now(), resolve, reject });
      this.#sendAll();
    });
  }

  /** Is called when the connection is established (`up` is true), or lost (`up` is false). */
  connected(up: boolean): void {
    this.#isUp = up;
    this.#isPrepared = false;
    this.#connection++;
    if (this.#isEnded) return;
    this.#refusal = null;
    if (up) void this.#prepare(this.#connection);
  }

  /** Refuses all waiting messages and all later messages with this error. */
  end(error: Error): void {
    this.#isEnded = true;
    this.connected(false);
    this.#refuseAll(error);
    this.#marks.end();
  }

  /** Prepares the engine (Redis or NATS), and then sends the messages that wait. */
  async #prepare(connection: number): Promise<void> {
    try {
      await this.#writer.prepare();
      if (connection !== this.#connection) return;
      this.#isPrepared = true;
      this.#marks.send();
      this.#sendAll();
    } catch (error) {
      // If the connection was lost, the engine will be prepared on the next connection. If the engine has refused the preparation, it would
      // refuse the next preparation too. In this case, all messages are refused.
      if (connection === this.#connection && this.#writer.isRefusal(error)) this.#refuseAll(error);
    }
  }

  #sendAll(): void {
    if (!this.isReady || this.#queue.length + this.#unsent.length === 0) return;
    const queue = [...this.#unsent, ...this.#queue];
    this.#unsent = [];
    this.#queue = [];
    const oldest = clock.now() - this.#ttl;
    for (const message of queue) {
      if (message.since >= oldest) void this.#send(message);
      else {
        const { engine } = this.#writer;
        this.#refuse(
          message,
          new Error(`the message has waited for ${engine} for longer than \`history.ttl\``),
        );
      }
    }
    // A mark says that messages were lost. It is sent even if no later message follows. Otherwise the subscribers would not be notified.
    this.#marks.send();
  }

  async #send(message: Waiting): Promise<void> {
    const { topic, bytes } = message;
    const connection = this.#connection;
    // A mark says that messages were lost. The mark of this topic is written before this message, so the mark is at the right place in the
    // history.
    this.#marks.sendFor(topic);
    try {
      await this.#writer.add(topic, 'm', bytes);
    } catch (error) {
      const isFirst = !this.#isPrepared || connection === this.#connection;
      if (this.#writer.wasNotSent(error) && isFirst && !this.#isEnded) {
        // All later messages have to wait for the next connection too. Otherwise they would be published before this message.
        this.#isPrepared = false;
        this.#unsent.push(message);
        return;
      }
      this.#refuse(message, error);
      if (this.#writer.isRefusal(error) && this.#isUp) this.#refused(error);
      return;
    }
    this.#waiting -= bytes.length;
    message.resolve();
  }

  /** Is called when the engine (Redis or NATS) has refused a message. The engine has answered, so the connection works. */
  #refused(error: Error): void {
    this.#marks.send();
    if (!this.#isPrepared || !this.#writer.isUnprepared(error)) return;
    this.#isPrepared = false;
    void this.#prepare(this.#connection);
  }

  #refuse({ topic, bytes, reject }: Waiting, error: unknown): void {
    this.#waiting -= bytes.length;
    this.#marks.add(topic);
    reject(error);
  }

  #refuseAll(error: Error): void {
    this.#refusal = error;
    const queue = [...this.#unsent.splice(0), ...this.#queue.splice(0)];
    for (const message of queue) this.#refuse(message, error);
  }
}
