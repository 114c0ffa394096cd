/**
 * Reads the messages of a topic from the stream of a bus, with one request per message. A consumer of JetStream would send many messages
 * for one request. But each consumer has to be created first, and in a cluster the servers have to agree on it. After a failure, all
 * processes would create consumers for all topics at the same time.
 */

import type { HistoryPage } from './bus.ts';
import { HistoryCommands } from './history-commands.ts';
import { type HistoryReader, type KeptMessage, START } from './history-engine.ts';
import { isAway, isStreamMissing, NatsConnectionLost, type NatsStoredMessage } from './nats-jetstream.ts';
import { parseStored, sequenceOf } from './nats-stream.ts';

// The maximum number of messages that are read at once. Each message needs one request. The number is small, so that no client waits long
// when many clients reconnect.
const MAX_PAGE = 64;

type StoredEntry = Omit<KeptMessage, 'previous'>;
type Query = { seq: number; next_by_subj?: string } | { last_by_subj: string };

/** The stream of one bus in JetStream. `NatsHistoryWriter` implements this interface. */
export interface NatsStream {
  /** The maximum number of messages that the stream keeps for each topic. */
  readonly maxMessages: number;
  subjectOf(topic: string): string;
  /** Creates the stream if it is missing. */
  prepare(): Promise<void>;
  /** Reads the message that the query asks for. Returns null if there is no such message. */
  get(query: Query): Promise<NatsStoredMessage | null>;
  /** Returns the number of messages that the stream has on a subject. */
  count(subject: string): Promise<number>;
}

export class NatsStreamReader implements HistoryReader {
  readonly #stream: NatsStream;
  readonly #commands = new HistoryCommands(
    (error) => !isAway(error) && !(error instanceof NatsConnectionLost),
  );

  constructor(stream: NatsStream) {
    this.#stream = stream;
  }

  /** Is called when the connection is established (`up` is true), or lost (`up` is false). */
  connected(up: boolean): void {
    this.#commands.connected(up);
  }

  /** Rejects the Promises of all waiting commands with this error. */
  end(error: Error): void {
    this.#commands.end(error);
  }

  async last(topic: string): Promise<string> {
    const last_by_subj = this.#stream.subjectOf(topic);
    const stored = await this.#run(() => this.#stream.get({ last_by_subj }));
    return (stored === null ? null : parseStored(stored)?.id) ?? START;
  }

  async read(topic: string, after: string, count: number, isFresh = false): Promise<HistoryPage> {
    const next_by_subj = this.#stream.subjectOf(topic);
    const messages: StoredEntry[] = [];
    let isEnd = false;
    let seq = sequenceOf(after);
    for (let left = Math.min(count, MAX_PAGE); left > 0 && !isEnd; left--) {
      const query = { seq: seq + 1, next_by_subj };
      const stored = await this.#run(() => this.#stream.get(query));
      if (stored === null) {
        isEnd = true;
        break;
      }
      seq = stored.seq;
      const message = parseStored(stored);
      if (message !== null) messages.push(message);
    }
    // NATS can delete messages while they are read. So the check for a gap comes after the reading.
    const isGap =
      after === START
        ? !isFresh || (messages.length > 0 && (await this.#isFull(next_by_subj)))
        : !(await this.#isKept(after));
    const kept = isGap ? await this.#withoutHoles(messages, next_by_subj) : messages;
    // If NATS has deleted all messages that were just read, the subscriber continues at the end of the topic.
    const position = kept.at(-1)?.id ?? (isGap ? await this.last(topic) : after);
    return { messages: kept.map(({ id, bytes }) => ({ position: id, bytes })), isGap, position, isEnd };
  }

  /**
   * Returns only the messages that NATS still keeps. Each message was read with a separate request, and NATS might have deleted messages
   * between two requests. But NATS always deletes the oldest messages first. So no message is missing between the returned messages.
   */
  async #withoutHoles(messages: readonly StoredEntry[], subject: string): Promise<readonly StoredEntry[]> {
    const [first] = messages;
    if (first === undefined) return [];
    const query = { seq: sequenceOf(first.id), next_by_subj: subject };
    const kept = await this.#run(() => this.#stream.get(query));
    return messages.filter(({ id }) => kept !== null && sequenceOf(id) >= kept.seq);
  }

  /** True if NATS still keeps the message at this position. In this case, NATS also keeps all later messages of the topic. */
  async #isKept(position: string): Promise<boolean> {
    const stored = await this.#run(() => this.#stream.get({ seq: sequenceOf(position) }));
    return stored !== null && parseStored(stored)?.id === position;
  }

  /** True if a topic has the maximum number of messages. In this case, older messages might have been deleted. */
  async #isFull(subject: string): Promise<boolean> {
    return (await this.#run(() => this.#stream.count(subject))) >= this.#stream.maxMessages;
  }

  #run<Reply>(command: () => Promise<Reply>): Promise<Reply> {
    return this.#commands.run(async () => {
      try {
        return await command();
      } catch (error) {
        if (!isStreamMissing(error)) throw error;
        await this.#stream.prepare();
        return command();
      }
    });
  }
}
