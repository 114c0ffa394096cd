/**
 * The joiners of one topic. A joiner is a connection that first receives the messages it missed, and then becomes a member of the topic.
 * While a topic has joiners, this file keeps its new messages. These are messages from the bus, and messages of this process that are not
 * in the history yet.
 */

import type { Connection } from '../connection.ts';
import type { HistoryMessage } from './bus.ts';
import type { Offset } from './history-offset.ts';

/** The maximum number of recent messages in memory. Older messages are read from the history again. */
const MAX_RECENT = 256;
const MAX_RECENT_SIZE = 1024 * 1024;

/** A connection that is receiving the messages of one topic that it missed. */
export class Joiner {
  readonly connection: Connection<unknown>;
  readonly topic: string;
  /** The offset that the client sent. */
  readonly offset: Offset;
  /**
   * The number of the last message that this process published before the connection began to catch up. After the bus
   * has accepted the messages up to this number, the history is read to its end.
   */
  since: number;
  /** How often the connection had to begin again, because messages were lost while it caught up. */
  beginnings = 0;
  /** For each publisher, the number of the last message that the connection has received. */
  readonly last: Map<string, number>;
  /** The position up to which the connection has received the history. */
  position: string;
  /** Whether a gap has to be reported for the connection before its next message. */
  hasMissed = false;
  /**
   * Whether a gap has to be reported when the connection becomes a member. Members have received a message that will not be in the history.
   */
  hasMissedOwn = false;
  /** Whether the connection has read the history to its end since the bus settled the messages up to `since`. */
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
  /**
   * The messages of this process that have not come back over the bus. Keeping them costs little, since the bus needs their bytes until
   * then.
   */
  own: OwnMessage[] = [];
  /** The position before the first message of `#recent`; null if unknown. */
  #start: string | null;
  #recent: HistoryMessage[] = [];
  #size = 0;
  #paused: (() => void)[] = [];

  constructor(start: string | null) {
    this.#start = start;
  }

  /** Keeps a message that came over the bus. @param bytes the message with its envelope; the bytes are copied */
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
   * Is called when messages were lost. Messages may be missing after the kept messages, so the kept messages are dropped. The joiners read
   * to the end of the history again. There they also find the messages that this process has published so far.
   * @param lastNumber the number of the last message of this process
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

  /**
   * Is called when members have received a message of this process that will never be in the history. The joiners cannot get this message.
   * Its place is after the last message that the history contains now.
   */
  missed(): void {
    for (const joiner of this.joiners.values()) joiner.hasMissedOwn = true;
  }

  /** Returns the recent messages after a position, or null if some of these messages were dropped. */
  after(position: string): readonly HistoryMessage[] | null {
    if (position === this.#start) return this.#recent;
    const at = this.#recent.findLastIndex((message) => message.position === position);
    return at === -1 ? null : this.#recent.slice(at + 1);
  }

  /** Resolves when `wake` is called. */
  pause(): Promise<void> {
    return new Promise((resolve) => this.#paused.push(resolve));
  }

  wake(): void {
    for (const resolve of this.#paused.splice(0)) resolve();
  }
}
