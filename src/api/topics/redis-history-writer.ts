/**
 * Writes messages into streams of Redis. A script runs in Redis. It adds each message to the stream of its topic, and then publishes the
 * message.
 */

import { clock } from '../../transport/clock.ts';
import type { HistoryValues } from './bus-options.ts';
import type { EntryKind, HistoryWriter } from './history-engine.ts';
import { serializeTopics } from './lost-topics.ts';
import { isLoading, isReply, type RedisLink, wasNotSent } from './redis-link.ts';
import type { RedisNames } from './redis-names.ts';
import { PUBLISH_SCRIPT } from './redis-stream.ts';
import { RESERVED } from './topic-name.ts';

// While Redis loads its database from disk, it refuses commands. The bus tries again after this number of milliseconds.
const LOADING_INTERVAL = 50;

/** Writes the history of one bus. A script in Redis writes each entry. The command EVALSHA runs the script. */
export class RedisHistoryWriter implements HistoryWriter {
  readonly engine = 'Redis';
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #command: 'PUBLISH' | 'SPUBLISH';
  readonly #history: HistoryValues;
  /** The name of `PUBLISH_SCRIPT` in Redis. The name is the hash that SCRIPT LOAD has returned. */
  #script: Buffer | string = '';

  constructor(link: RedisLink, names: RedisNames, isSharded: boolean, history: HistoryValues) {
    this.#link = link;
    this.#names = names;
    this.#command = isSharded ? 'SPUBLISH' : 'PUBLISH';
    this.#history = history;
  }

  /** Waits until Redis has started and has read its data from disk. Then loads `PUBLISH_SCRIPT` into Redis. */
  async prepare(): Promise<void> {
    await this.#loaded();
    const script = await this.#link.command(['SCRIPT', 'LOAD', PUBLISH_SCRIPT]);
    this.#script = Buffer.isBuffer(script) ? script : String(script);
  }

  add(topic: string, kind: EntryKind, bytes: Uint8Array): Promise<unknown> {
    const key = this.#names.channelOf(topic);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (topic.startsWith(RESERVED)) {
      return kind === 'm'
        ? this.#link.command([this.#command, key, buffer])
        : this.#link.command([this.#command, this.#names.control, serializeTopics([topic])]);
    }
    const { size, ttl } = this.#history;
    const settings = [String(size), String(ttl), this.#command];
    return this.#link.command(['EVALSHA', this.#script, '1', key, ...settings, kind, buffer]);
  }

  notifyAll(): Promise<unknown> {
    return this.#link.command([this.#command, this.#names.control, serializeTopics(null)]);
  }

  isRefusal(error: unknown): error is Error {
    return isReply(error);
  }

  wasNotSent(error: unknown): boolean {
    return wasNotSent(error);
  }

  /** True if this error means that Redis no longer has `PUBLISH_SCRIPT`, for example after SCRIPT FLUSH. */
  isUnprepared(error: Error): boolean {
    return error.message.startsWith('NOSCRIPT');
  }

  /** Resolves when Redis has loaded its database from disk after a start. Until then, Redis does not accept messages. */
  async #loaded(): Promise<void> {
    for (;;) {
      try {
        await this.#link.command(['EXISTS', this.#names.control]);
        return;
      } catch (error) {
        if (!isReply(error)) throw error;
        // Any other error shows that Redis has loaded its database. One example: the key belongs to another node of the cluster.
        if (!isLoading(error)) return;
      }
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, LOADING_INTERVAL));
    }
  }
}
