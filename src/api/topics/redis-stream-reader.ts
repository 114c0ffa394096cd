/** Reads the messages of a topic from its stream in Redis. */

import type { HistoryPage } from './bus.ts';
import { HistoryCommands } from './history-commands.ts';
import { type HistoryReader, START } from './history-engine.ts';
import { isLoading, isReply, type RedisLink } from './redis-link.ts';
import type { RedisNames } from './redis-names.ts';
import { parseEntries } from './redis-stream.ts';

/** Reads the histories of one bus. Uses the connection for commands. */
export class RedisStreamReader implements HistoryReader {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #commands = new HistoryCommands((error) => isReply(error) && !isLoading(error));

  constructor(link: RedisLink, names: RedisNames) {
    this.#link = link;
    this.#names = names;
  }

  /** Is called when the connection for commands is established (true) or lost (false). */
  connected(up: boolean): void {
    this.#commands.connected(up);
  }

  /** Rejects the Promises of all waiting commands with this error. */
  end(error: Error): void {
    this.#commands.end(error);
  }

  async last(topic: string): Promise<string> {
    const key = this.#names.channelOf(topic);
    const [message] = parseEntries(await this.#run(['XREVRANGE', key, '+', '-', 'COUNT', '1']));
    return message?.id ?? START;
  }

  async read(topic: string, after: string, count: number, isFresh = false): Promise<HistoryPage> {
    const key = this.#names.channelOf(topic);
    // The range begins with the message at `after` itself. If Redis still has this message, no message is missing between this message and
    // the next message.
    const limit = count + 1;
    const entries = parseEntries(await this.#run(['XRANGE', key, after, '+', 'COUNT', String(limit)]));
    const [first] = entries;
    if (first === undefined) {
      if (after === START && isFresh) return { messages: [], isGap: false, position: START, isEnd: true };
      // The stream has expired, or Redis has lost its newest data. So the reader cannot know which messages it missed.
      return { messages: [], isGap: true, position: await this.last(topic), isEnd: true };
    }
    // After a stream has expired, a new stream begins at `START`. An entry that follows `START` can be the first entry of such a new
    // stream. So messages might be missing before this entry.
    const isBroken = entries.some((entry, at) => at > 0 && entry.previous !== entries[at - 1]!.id);
    const isGap =
      isBroken || (first.id !== after && (first.previous !== after || (after === START && !isFresh)));
    const messages = first.id === after ? entries.slice(1) : entries;
    return {
      messages: messages.map(({ id, bytes }) => ({ position: id, bytes })),
      isGap,
      position: entries.at(-1)!.id,
      isEnd: entries.length < limit,
    };
  }

  #run(args: readonly string[]): Promise<unknown> {
    return this.#commands.run(() => this.#link.command(args));
  }
}
