/**
 * Keeps new messages of a topic for its joiners: connections that first have to receive missed messages. After that, a joiner becomes a
 * member of the topic. While a topic has joiners, this file keeps two kinds of new messages:
 * - messages that came over the bus
 * - messages of this process that are not in the history yet
 */

import type { Connection } from '../connection.ts';
import type { HistoryMessage } from './bus.ts';
import type { Offset } from './history-offset.ts';

/** The maximum number of recent messages in memory. A connection that needs older messages reads them from the history. */
const MAX_RECENT = 256;
const MAX_RECENT_SIZE = 1024 * 1024;

/** A connection that is receiving the missed messages of one topic. After these messages, it becomes a member of the topic. */
export class Joiner {
  readonly connection: Connection<unknown>;
  readonly topic: string;
  /** The offset that the client sent. It says which messages the client has already received. */
  readonly offset: Offset;
  /**
   * A message number. All messages of this process up to this number were published before the connection began to read the history. The
   * connection can reach the end of the history only after the bus has accepted or refused these messages.
   */
  since: number;
  /** How often the connection had to read to the end of the history again, because messages were lost while it was reading. */
  beginnings = 0;
  /** The number of the last message that the connection has received from each publisher (process). */
  readonly last: Map<string, number>;
  /** The connection has received the messages of the history up to this position. */
  position: string;
  /** True if a gap has to be reported for this connection before its next message is sent. */
  hasMissed = false;
  /**
   * True if a gap has to be reported when this connection becomes a member of the topic. It becomes true when the members have received a
   * message that will never be in the history.
   */
  hasMissedOwn = false;
  /** True if the connection has read the history to its end. The connection can become a member of the topic only while this is true. */
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

/** A message that this process published, with its envelope (header). */
interface OwnMessage {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** The joiners of one topic. A joiner is a connection that is receiving missed messages. */
export class Joining {
  readonly joiners: Map<Connection<unknown>, Joiner> = new Map();
  /**
   * The messages of this process that have not come back over the bus. They need little extra memory, because the bus keeps their bytes
   * too.
   */
  own: OwnMessage[] = [];
  /** The position in the history before the first message of `#recent`; null if it is unknown. */
  #start: string | null;
  #recent: HistoryMessage[] = [];
  #size = 0;
  #paused: (() => void)[] = [];

  constructor(start: string | null) {
    this.#start = start;
  }

  /** Keeps a message that came over the bus. @param bytes the message with its envelope (header); the bytes are copied */
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
   * Is called when messages were lost. Messages might be missing after the kept messages, so the kept messages are dropped. Each joiner (a
   * connection that is receiving missed messages) reads to the end of the history again. There it also finds the messages that this process
   * has published so far.
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
   * Is called when the members of the topic have received a message of this process that the history will never contain. The joiners
   * (connections that are receiving missed messages) cannot get this message. So a gap is reported to each joiner at the end of the
   * history.
   */
  missed(): void {
    for (const joiner of this.joiners.values()) joiner.hasMissedOwn = true;
  }

  /** Returns the recent messages after a position. Returns null if some of these messages were dropped. */
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
