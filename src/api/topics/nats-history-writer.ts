/** Creates the stream in JetStream that keeps the messages of a bus. Adds messages to the stream, and reads single messages from it. */

import { clock } from '../../transport/clock.ts';
import type { NatsHistoryValues } from './bus-options.ts';
import type { EntryKind, HistoryWriter } from './history-engine.ts';
import { serializeTopics } from './lost-topics.ts';
import {
  isAway,
  isNameInUse,
  isOverlap,
  isStreamMissing,
  type NatsCalls,
  NatsConnectionLost,
  type NatsJetStream,
  type NatsStoredMessage,
  type NatsStreamConfig,
} from './nats-jetstream.ts';
import type { NatsPublishing } from './nats-publisher.ts';
import { serializeEntry, streamConfig } from './nats-stream.ts';
import type { NatsStream } from './nats-stream-reader.ts';
import { toSubject } from './nats-subject.ts';
import { RESERVED } from './topic-name.ts';

// While JetStream starts, it cannot create the stream. The bus tries again after this number of milliseconds.
const RETRY_DELAY = 100;
// How often the bus tries again if the subjects of its stream overlap with those of another stream.
const MAX_OVERLAPS = 10;
// JetStream creates a stream in a few milliseconds. The bus waits for this number of milliseconds before it uses a stream that is new.
const CREATION_DELAY = 100;

/** Writes the history of one bus: the messages that JetStream keeps. */
export class NatsHistoryWriter implements HistoryWriter, NatsStream {
  readonly engine = 'NATS';
  readonly #nats: NatsPublishing;
  readonly #jetstream: NatsJetStream;
  readonly #publishing: ReturnType<NatsJetStream['jetstream']>;
  readonly #calls: NatsCalls;
  readonly #prefix: string;
  readonly #config: NatsStreamConfig;
  #preparing: Promise<void> | null = null;
  /**
   * The tag of the last entry. NATS might give two entries the same number, but their tags differ (nats-stream.ts). The first tag is
   * random, so that two buses do not use the same tags.
   */
  #tag = crypto.getRandomValues(new BigUint64Array(1))[0]!;

  constructor(nats: NatsPublishing, prefix: string, history: NatsHistoryValues, calls: NatsCalls) {
    this.#nats = nats;
    this.#jetstream = history.jetstream;
    this.#publishing = history.jetstream.jetstream();
    this.#calls = calls;
    this.#prefix = prefix;
    this.#config = streamConfig(prefix, history);
  }

  get maxMessages(): number {
    return this.#config.max_msgs_per_subject;
  }

  subjectOf(topic: string): string {
    return toSubject(`${this.#prefix}.h`, topic);
  }

  prepare(): Promise<void> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = null;
    });
    return this.#preparing;
  }

  add(topic: string, kind: EntryKind, bytes: Uint8Array): Promise<unknown> {
    if (topic.startsWith(RESERVED)) {
      return kind === 'm'
        ? this.#send(toSubject(`${this.#prefix}.t`, topic), bytes)
        : this.#send(`${this.#prefix}.gap`, serializeTopics([topic]));
    }
    this.#tag = BigInt.asUintN(64, this.#tag + 1n);
    const entry = serializeEntry(kind, this.#tag, bytes);
    return this.#calls.run(() => this.#publishing.publish(this.subjectOf(topic), entry));
  }

  notifyAll(): Promise<unknown> {
    return this.#send(`${this.#prefix}.gap`, serializeTopics(null));
  }

  isRefusal(error: unknown): error is Error {
    return error instanceof Error && !(error instanceof NatsConnectionLost);
  }

  /**
   * Always returns false. The NATS client keeps some messages that it cannot send, and sends them later. So the bus cannot know whether a
   * message will still be sent.
   */
  wasNotSent(): boolean {
    return false;
  }

  isUnprepared(error: Error): boolean {
    return isAway(error) || isStreamMissing(error);
  }

  async get(query: Parameters<NatsStream['get']>[0]): Promise<NatsStoredMessage | null> {
    await this.#created();
    return this.#calls.run(() => this.#jetstream.streams.getMessage(this.#config.name, query));
  }

  async count(subject: string): Promise<number> {
    await this.#created();
    const options = { subjects_filter: subject };
    const info = await this.#calls.run(() => this.#jetstream.streams.info(this.#config.name, options));
    return info.state.subjects?.[subject] ?? 0;
  }

  /**
   * Settles when the stream is not being created any more. nats-server 2.9 crashes if a client reads a message of a stream that is being
   * created, so every read first calls this method. The Promise also resolves if NATS has refused to create the stream. In this case, the
   * read fails with an error of NATS. The Promise rejects if the connection was lost: then nothing can be read.
   */
  async #created(): Promise<void> {
    await this.#preparing?.catch((error) => {
      if (error instanceof NatsConnectionLost) throw error;
    });
  }

  /** Publishes a message that NATS does not keep, and then sends a ping. The answer (the pong) shows that NATS has received the message. */
  #send(subject: string, bytes: Uint8Array): Promise<unknown> {
    return this.#calls.run(async () => {
      this.#nats.publish(subject, bytes);
      await this.#nats.flush();
    });
  }

  async #prepare(): Promise<void> {
    for (let overlaps = 0; ; ) {
      try {
        await this.#ensureStream();
        return;
      } catch (error) {
        // If two processes create the stream at the same time, nats-server 2.9 can report that the stream overlaps with itself.
        const mayPass =
          isAway(error) || isNameInUse(error) || (isOverlap(error) && overlaps++ < MAX_OVERLAPS);
        if (!mayPass) throw error;
      }
      await this.#delay(RETRY_DELAY);
    }
  }

  /** Resolves after this number of milliseconds. Rejects if the connection is lost earlier. */
  #delay(milliseconds: number): Promise<void> {
    return this.#calls.run(() => new Promise((resolve) => void clock.setTimeout(resolve, milliseconds)));
  }

  /**
   * Creates the stream if it is missing. If the stream exists with other settings, changes them to the settings of this bus. The settings
   * that the bus does not use, such as `num_replicas`, do not change.
   */
  async #ensureStream(): Promise<void> {
    const { streams } = this.#jetstream;
    const { name, ...settings } = this.#config;
    const info = await this.#calls
      .run(() => streams.info(name))
      .catch((error) => {
        if (isStreamMissing(error)) return null;
        throw error;
      });
    if (info === null) await this.#calls.run(() => streams.add(this.#config));
    // If the stream never had a message, another process might still be creating it. `#created` explains why the bus waits.
    if (info === null || info.state.last_seq === 0) await this.#delay(CREATION_DELAY);
    if (info !== null && !hasSettings(info.config, this.#config)) {
      await this.#calls.run(() => streams.update(name, settings));
    }
  }
}

type Config = Awaited<ReturnType<NatsJetStream['streams']['info']>>['config'];

function hasSettings(config: Config, wanted: NatsStreamConfig): boolean {
  return (
    config.max_msgs_per_subject === wanted.max_msgs_per_subject &&
    config.max_age === wanted.max_age &&
    config.republish?.src === wanted.republish.src &&
    config.republish.dest === wanted.republish.dest &&
    wanted.subjects.every((subject) => config.subjects?.includes(subject))
  );
}
