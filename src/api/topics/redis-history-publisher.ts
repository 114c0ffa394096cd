/**
 * Publishes to Redis with a script that keeps each message in the stream of its topic. While Redis is away or reads its data from disk, messages
 * wait, and are sent in their order later. If the connection is lost after a message was sent and before the answer, the message is not sent
 * again, since it may have been published. Its subscribers are notified of a gap.
 */

import { clock } from '../../transport/clock.ts';
import type { HistoryValues } from './bus-options.ts';
import { serializeTopics } from './lost-topics.ts';
import { type GapMarking, RedisGapMarks } from './redis-gap-marks.ts';
import { isLoading, isReply, type RedisLink, wasNotSent } from './redis-link.ts';
import type { RedisNames } from './redis-names.ts';
import type { RedisPublishing } from './redis-publisher.ts';
import { type EntryKind, PUBLISH_SCRIPT } from './redis-stream.ts';
import { RESERVED } from './topic-name.ts';

/** A message that has not been sent yet. */
interface Waiting {
  readonly topic: string;
  readonly bytes: Buffer;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

// Milliseconds between two requests that test whether Redis has read its data.
const LOADING_INTERVAL = 50;

/** Publishes with EVALSHA, which runs a script that Redis has loaded. */
export class RedisHistoryPublisher implements RedisPublishing {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #command: 'PUBLISH' | 'SPUBLISH';
  readonly #maxWaiting: number;
  readonly #history: HistoryValues;
  readonly #marks: RedisGapMarks;
  #queue: Waiting[] = [];
  /** Messages that the client could not send, since it had no connection. They are sent before the messages of the queue. */
  #unsent: Waiting[] = [];
  /** The number of bytes of all messages that are not published yet. */
  #waiting = 0;
  /** The name of the script in Redis; null while the script is not loaded. */
  #script: Buffer | string | null = null;
  /** The number of times that the connection was established or lost. */
  #connection = 0;
  #isUp = false;
  /** The error with which every message is refused, because Redis has refused the script or the bus was closed. Otherwise null. */
  #refusal: Error | null = null;
  #isEnded = false;

  constructor(
    link: RedisLink,
    names: RedisNames,
    isSharded: boolean,
    maxWaiting: number,
    history: HistoryValues,
  ) {
    this.#link = link;
    this.#names = names;
    this.#command = isSharded ? 'SPUBLISH' : 'PUBLISH';
    this.#maxWaiting = maxWaiting;
    this.#history = history;
    this.#marks = new RedisGapMarks(this.#marking());
  }

  publish(topic: string, bytes: Uint8Array): Promise<void> {
    if (this.#refusal !== null) {
      this.#marks.add(topic);
      return Promise.reject(this.#refusal);
    }
    if (this.#waiting > 0 && this.#waiting + bytes.length > this.#maxWaiting) {
      this.#marks.add(topic);
      return Promise.reject(new Error('too many bytes wait to be published to Redis'));
    }
    this.#waiting += bytes.length;
    return new Promise((resolve, reject) => {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#queue.push({ topic, bytes: buffer, since: clock.now(), resolve, reject });
      this.#sendAll();
    });
  }

  connected(up: boolean): void {
    this.#isUp = up;
    this.#script = null;
    this.#connection++;
    if (this.#isEnded) return;
    this.#refusal = null;
    if (up) void this.#load(this.#connection);
  }

  end(error: Error): void {
    this.#isEnded = true;
    this.connected(false);
    this.#refuseAll(error);
    this.#marks.end();
  }

  /** Loads the script, and then sends the messages that wait. */
  async #load(connection: number): Promise<void> {
    try {
      await this.#loaded();
      const script = await this.#link.command(['SCRIPT', 'LOAD', PUBLISH_SCRIPT]);
      if (connection !== this.#connection) return;
      this.#script = Buffer.isBuffer(script) ? script : String(script);
      this.#marks.send();
      this.#sendAll();
    } catch (error) {
      // If the connection was lost, the script is loaded on the next connection. If Redis has refused the script, it would refuse it every time.
      if (connection === this.#connection && isReply(error)) this.#refuseAll(error);
    }
  }

  /** Resolves when Redis has read its data, and so accepts messages. */
  async #loaded(): Promise<void> {
    for (;;) {
      try {
        await this.#link.command(['EXISTS', this.#names.control]);
        return;
      } catch (error) {
        if (!isReply(error)) throw error;
        // Redis gives other error answers only once it has read its data. An example is that the key belongs to another node.
        if (!isLoading(error)) return;
      }
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, LOADING_INTERVAL));
    }
  }

  #sendAll(): void {
    if (!this.#isUp || this.#script === null || this.#queue.length + this.#unsent.length === 0) return;
    const queue = [...this.#unsent, ...this.#queue];
    this.#unsent = [];
    this.#queue = [];
    const oldest = clock.now() - this.#history.ttl;
    for (const message of queue) {
      if (message.since < oldest)
        this.#refuse(message, new Error('the message has waited for Redis for longer than `history.ttl`'));
      else void this.#send(message, this.#script);
    }
  }

  async #send(message: Waiting, script: Buffer | string): Promise<void> {
    const { topic, bytes } = message;
    const connection = this.#connection;
    // The mark is written before the next message, so that it is at the right place in the stream.
    this.#marks.sendFor(topic);
    try {
      await this.#run(script, topic, 'm', bytes);
    } catch (error) {
      const isFirst = this.#script === null || connection === this.#connection;
      if (wasNotSent(error) && isFirst && !this.#isEnded) {
        // All later messages wait as well, until there is a new connection.
        this.#script = null;
        this.#unsent.push(message);
        return;
      }
      this.#refuse(message, error);
      // Redis answered, so the connection works. Redis may have forgotten the script, for example after SCRIPT FLUSH.
      if (isReply(error) && this.#isUp) this.#refused(error);
      return;
    }
    this.#waiting -= bytes.length;
    message.resolve();
  }

  #marking(): GapMarking {
    const isReady = (): boolean => this.#isUp && this.#script !== null;
    return {
      get isReady() {
        return isReady();
      },
      mark: (topic) => this.#run(this.#script ?? '', topic, 'g', Buffer.alloc(0)),
      notifyAll: () => this.#link.command([this.#command, this.#names.control, serializeTopics(null)]),
    };
  }

  /** Adds an entry to the history of a topic, and publishes it. */
  #run(script: Buffer | string, topic: string, kind: EntryKind, bytes: Buffer): Promise<unknown> {
    const key = this.#names.channelOf(topic);
    if (topic.startsWith(RESERVED)) {
      return kind === 'm'
        ? this.#link.command([this.#command, key, bytes])
        : this.#link.command([this.#command, this.#names.control, serializeTopics([topic])]);
    }
    const { size, ttl } = this.#history;
    const settings = [String(size), String(ttl), this.#command];
    return this.#link.command(['EVALSHA', script, '1', key, ...settings, kind, bytes]);
  }

  #refused(error: Error): void {
    this.#marks.send();
    if (this.#script === null || !error.message.startsWith('NOSCRIPT')) return;
    this.#script = null;
    void this.#load(this.#connection);
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
