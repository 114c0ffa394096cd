/**
 * The connections that receive what they missed of one topic before they become members, and the messages that come meanwhile: those that
 * came over the bus since, and those of this process that are not in the history yet.
 */

import type { Connection } from '../connection.ts';
import type { HistoryMessage } from './bus.ts';
import type { Offset } from './history-offset.ts';

/** Messages that are kept to join without reading again: more are read from the history. */
const MAX_RECENT = 256;
const MAX_RECENT_SIZE = 1024 * 1024;

/** A connection that receives what it missed of one topic. */
export class Joiner {
  readonly connection: Connection<unknown>;
  readonly topic: string;
  /** The offset that the client sent. */
  readonly offset: Offset;
  /** Messages of this process up to this number were published before: they are read from the history once the bus has them. */
  since: number;
  /** How often it has begun, since messages were lost meanwhile. */
  beginnings = 0;
  /** The last number of each publisher that it has received. */
  readonly last: Map<string, number>;
  /** Up to where it has received the history. */
  position: string;
  /** Whether the connection has to be notified of a gap, before its next message. */
  hasMissed = false;
  /** Whether it has to be notified of one when it becomes a member: members have received what will not be in the history. */
  hasMissedOwn = false;
  /** Whether it has read to an end of the history, where all messages were that this process had published before. */
  mayJoin = false;
  isDone = false;

  constructor(connection: Connection<unknown>, topic: string, offset: Offset, since: number) {
    this.connection = connection;
    this.topic = topic;
    this.offset = offset;
    this.since = since;
    this.position = offset.position;
    this.last = new Map(offset.received);
  }
}

/** A message of this process, with its envelope. */
interface OwnMessage {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** One topic with joiners. */
export class Joining {
  readonly joiners: Map<Connection<unknown>, Joiner> = new Map();
  /** The messages of this process that have not come back over the bus. Each is in memory until then anyway. */
  own: OwnMessage[] = [];
  /** The position before the first of the recent messages; null if it is not known. */
  #start: string | null;
  #recent: HistoryMessage[] = [];
  #size = 0;
  #paused: (() => void)[] = [];

  constructor(start: string | null) {
    this.#start = start;
  }

  /** A message came over the bus. @param bytes are copied */
  received(position: string, bytes: Uint8Array): void {
    this.#recent.push({ position, bytes: Buffer.from(bytes) });
    this.#size += bytes.length;
    while (this.#recent.length > MAX_RECENT || (this.#size > MAX_RECENT_SIZE && this.#recent.length > 0)) {
      const dropped = this.#recent.shift()!;
      this.#start = dropped.position;
      this.#size -= dropped.bytes?.length ?? 0;
    }
  }

  /**
   * Messages were lost, and what came before may not lead to what comes now. So the joiners read to the end of the history once more, and what
   * this process has published so far as well.
   * @param lastNumber of this process
   */
  lost(lastNumber: number): void {
    this.own = [];
    this.#recent = [];
    this.#size = 0;
    this.#start = null;
    for (const joiner of this.joiners.values()) {
      joiner.since = lastNumber;
      joiner.mayJoin = false;
      joiner.beginnings++;
      joiner.hasMissed = true;
    }
  }

  /** Members have received a message of this process, and the joiners will not. It comes after all that is in the history now. */
  missed(): void {
    for (const joiner of this.joiners.values()) joiner.hasMissedOwn = true;
  }

  /** The recent messages after a position; null if they are not all there. */
  after(position: string): readonly HistoryMessage[] | null {
    if (position === this.#start) return this.#recent;
    const at = this.#recent.findLastIndex((message) => message.position === position);
    return at === -1 ? null : this.#recent.slice(at + 1);
  }

  /** Resolves with `wake`. */
  pause(): Promise<void> {
    return new Promise((resolve) => this.#paused.push(resolve));
  }

  wake(): void {
    for (const resolve of this.#paused.splice(0)) resolve();
  }
}
