/**
 * Reads the messages of topics from the stream of a bus. Each message is one request. A consumer of JetStream would send many messages for
 * one request, but a consumer has to be made first, in a cluster by a vote. After a failure all processes would make a consumer for each
 * topic at the same time.
 */

import type { HistoryPage } from './bus.ts';
import { HistoryCommands } from './history-commands.ts';
import { type HistoryReader, type KeptMessage, START } from './history-engine.ts';
import { isAway, isStreamMissing, NatsConnectionLost, type NatsStoredMessage } from './nats-jetstream.ts';
import { parseStored, sequenceOf } from './nats-stream.ts';

// The maximum number of messages of a page. Each message is one request, so a page takes the time of this many requests, even when many
// connections come back at the same time.
const MAX_PAGE = 64;

type StoredEntry = Omit<KeptMessage, 'previous'>;
type Query = { seq: number; next_by_subj?: string } | { last_by_subj: string };

/** The stream of a bus. nats-history-writer.ts implements it. */
export interface NatsStream {
  /** The number of messages that are kept of each topic. */
  readonly maxMessages: number;
  subjectOf(topic: string): string;
  /** Makes the stream if it is missing. */
  prepare(): Promise<void>;
  /** Returns null if there is no such message. */
  get(query: Query): Promise<NatsStoredMessage | null>;
  /** The number of messages on a subject. */
  count(subject: string): Promise<number>;
}

/** Reads for one bus. */
export class NatsStreamReader implements HistoryReader {
  readonly #stream: NatsStream;
  readonly #commands = new HistoryCommands(
    (error) => !isAway(error) && !(error instanceof NatsConnectionLost),
  );

  constructor(stream: NatsStream) {
    this.#stream = stream;
  }

  /** The connection is established, or lost. */
  connected(up: boolean): void {
    this.#commands.connected(up);
  }

  /** Ends all commands. */
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
    // This is checked after the messages were read, since NATS may delete some of them meanwhile.
    const isGap =
      after === START
        ? !isFresh || (messages.length > 0 && (await this.#isFull(next_by_subj)))
        : !(await this.#isKept(after));
    const kept = isGap ? await this.#withoutHoles(messages, next_by_subj) : messages;
    // If nothing is left after a gap, the subscriber continues at the end of the topic.
    const position = kept.at(-1)?.id ?? (isGap ? await this.last(topic) : after);
    return { messages: kept.map(({ id, bytes }) => ({ position: id, bytes })), isGap, position, isEnd };
  }

  /**
   * Messages between those that were read may be missing, since each one was read by its own request. This method leaves out the messages
   * that are not kept any more. After the first message that is still kept, no message is missing.
   */
  async #withoutHoles(messages: readonly StoredEntry[], subject: string): Promise<readonly StoredEntry[]> {
    const [first] = messages;
    if (first === undefined) return [];
    const query = { seq: sequenceOf(first.id), next_by_subj: subject };
    const kept = await this.#run(() => this.#stream.get(query));
    return messages.filter(({ id }) => kept !== null && sequenceOf(id) >= kept.seq);
  }

  /** Whether the message at a position is still kept. If so, all later messages of its topic are kept. */
  async #isKept(position: string): Promise<boolean> {
    const stored = await this.#run(() => this.#stream.get({ seq: sequenceOf(position) }));
    return stored !== null && parseStored(stored)?.id === position;
  }

  /** Whether a topic has the maximum number of messages. If so, older messages may have been deleted. */
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
