/** Reads the streams of topics. Reading changes nothing, so a command that was not answered when the connection was lost is sent again. */

import { clock } from '../../transport/clock.ts';
import type { HistoryPage } from './bus.ts';
import { isLoading, isReply, type RedisLink } from './redis-link.ts';
import type { RedisNames } from './redis-names.ts';
import { parseEntries, START } from './redis-stream.ts';

/** The number of commands that run at once. It is small, since each reply holds many messages in memory. */
const MAX_RUNNING = 16;
// Milliseconds until a failed command is sent again. It is sent earlier if the connection is established before that.
const RETRY_DELAY = 200;

/** Reads over the connection for commands of one bus. */
export class RedisStreamReader {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  #isUp = false;
  #ended: Error | null = null;
  /** Functions that continue a command that waits for the connection. */
  readonly #paused = new Set<() => void>();
  #running = 0;
  /** Functions that each start a command that waits because `MAX_RUNNING` other commands run. */
  readonly #waiting: (() => void)[] = [];

  constructor(link: RedisLink, names: RedisNames) {
    this.#link = link;
    this.#names = names;
  }

  /** Is called when the connection for commands is established (true) or lost (false). */
  connected(up: boolean): void {
    this.#isUp = up;
    if (up) this.#continue();
  }

  /** Ends all commands. */
  end(error: Error): void {
    this.#ended = error;
    this.#continue();
  }

  /** The position after the last message of a topic. */
  async last(topic: string): Promise<string> {
    const key = this.#names.channelOf(topic);
    const [message] = parseEntries(await this.#run(['XREVRANGE', key, '+', '-', 'COUNT', '1']));
    return message?.id ?? START;
  }

  /**
   * Reads messages after a position.
   * @param isFresh whether `after` was the end of the stream a moment ago. If so, `START` as `after` means that the topic had no message
   */
  async read(topic: string, after: string, count: number, isFresh = false): Promise<HistoryPage> {
    const key = this.#names.channelOf(topic);
    // The range includes the message at `after` itself. If Redis still has that message, nothing is missing between it and the next message.
    const limit = count + 1;
    const entries = parseEntries(await this.#run(['XRANGE', key, after, '+', 'COUNT', String(limit)]));
    const [first] = entries;
    if (first === undefined) {
      if (after === START && isFresh) return { messages: [], isGap: false, position: START, isEnd: true };
      // The stream has expired, or Redis has lost its newest data. The messages after this position are not known.
      return { messages: [], isGap: true, position: await this.last(topic), isEnd: true };
    }
    // A stream that has expired begins again with `START`, so `START` does not show that nothing is missing.
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

  async #run(args: readonly string[]): Promise<unknown> {
    if (this.#running >= MAX_RUNNING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#command(args);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Sends a command until Redis answers it. @throws {Error} if Redis refuses the command, or the reader was ended */
  async #command(args: readonly string[]): Promise<unknown> {
    for (;;) {
      if (this.#ended !== null) throw this.#ended;
      if (this.#isUp) {
        try {
          return await this.#link.command(args);
        } catch (error) {
          if (isReply(error) && !isLoading(error)) throw error;
        }
      }
      await this.#pause();
    }
  }

  /** Resolves when the connection is established, when the reader is ended, and at the latest after a delay. */
  async #pause(): Promise<void> {
    if (this.#ended !== null) return;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(go, RETRY_DELAY);
      const paused = this.#paused;
      paused.add(go);
      function go(): void {
        clock.clearTimeout(timer);
        paused.delete(go);
        resolve();
      }
    });
  }

  #continue(): void {
    for (const go of [...this.#paused]) go();
  }
}
