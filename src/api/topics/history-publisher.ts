/**
 * Publishes into a history. Until the engine (Redis or NATS) can be reached and is prepared, messages wait. Later they are sent in their
 * order. If the connection is lost before the engine answers, a sent message may have been published. So it is not sent again, and its
 * subscribers are notified of a gap.
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
  /** Messages that the client could not send, since it had no connection. They are sent before the messages of the queue. */
  #unsent: Waiting[] = [];
  /** The number of bytes of all messages that are not published yet. */
  #waiting = 0;
  /**
   * Whether the engine accepts entries. True after the engine was prepared. False again after a loss of the connection or a failure to
   * send.
   */
  #isPrepared = false;
  /** The number of times that the connection was established or lost. */
  #connection = 0;
  #isUp = false;
  /**
   * The error with which every message is refused, because the engine has refused the preparation or the bus was closed. Otherwise null.
   */
  #refusal: Error | null = null;
  #isEnded = false;

  /** @param ttl milliseconds that a message may wait */
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

  /** Whether messages are sent immediately. If false, messages wait. */
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

  /** Refuses the messages that wait, and all later messages. */
  end(error: Error): void {
    this.#isEnded = true;
    this.connected(false);
    this.#refuseAll(error);
    this.#marks.end();
  }

  /** Prepares the engine, and then sends the messages that wait. */
  async #prepare(connection: number): Promise<void> {
    try {
      await this.#writer.prepare();
      if (connection !== this.#connection) return;
      this.#isPrepared = true;
      this.#marks.send();
      this.#sendAll();
    } catch (error) {
      // After a loss of the connection, the engine will be prepared on the next connection. An engine that has refused the preparation
      // would refuse it again. In this case all messages are refused.
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
    // The marks are sent even if no later message follows, so that the subscribers are notified.
    this.#marks.send();
  }

  async #send(message: Waiting): Promise<void> {
    const { topic, bytes } = message;
    const connection = this.#connection;
    // The mark is written before the next message. So the mark is at the right place in the history.
    this.#marks.sendFor(topic);
    try {
      await this.#writer.add(topic, 'm', bytes);
    } catch (error) {
      const isFirst = !this.#isPrepared || connection === this.#connection;
      if (this.#writer.wasNotSent(error) && isFirst && !this.#isEnded) {
        // All later messages have to wait for the next connection too.
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

  /** Is called when the engine has refused a message. The engine has answered, so the connection works. */
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
