/**
 * The interfaces between a bus and the engine that stores its history: Redis Streams or NATS JetStream. The rules of order and gaps are the
 * same for all engines. history-tracks.ts has the rules for subscribers. history-publisher.ts has the rules for publishers.
 */

import type { HistoryPage } from './bus.ts';

/** The kind of an entry: `m` is a message, `g` is a mark that says that messages were lost. */
export type EntryKind = 'm' | 'g';

/** One entry of a history. */
export interface KeptMessage {
  /** The position of the entry. An engine never uses an id twice, even after it has lost its newest data. */
  readonly id: string;
  /** Identifies the entry before this entry; `isSame` compares it with a position. `START` if there is no such entry. */
  readonly previous: string;
  /** Null for a mark. A mark is not a message: it says that messages of a publisher were lost here. */
  readonly bytes: Uint8Array | null;
}

/** The position before the first message. No message has this id. */
export const START = '0-0';

/** Compares the positions of an engine. */
export interface HistoryOrder {
  /** Whether a string is the id of an entry, or `START`. The string may come from a peer. */
  isPosition(text: string): boolean;
  /** Whether position `one` is after position `other`. */
  isAfter(one: string, other: string): boolean;
  /** Whether `previous` of an entry identifies the entry at this position. */
  isSame(previous: string, position: string | null): boolean;
}

/**
 * Reads the histories of an engine. If the engine cannot be reached, the Promises wait until it can be reached again. If the engine refuses
 * a request, the Promise rejects.
 */
export interface HistoryReader {
  /** The position after the last message of a topic. */
  last(topic: string): Promise<string>;
  /**
   * Reads messages after a position.
   * @param isFresh whether `after` was the end of the history a moment ago. If so, the position `START` means that the topic had no
   * messages
   */
  read(topic: string, after: string, count: number, isFresh?: boolean): Promise<HistoryPage>;
}

/** Writes the histories of an engine. The entries are stored in the order in which `add` is called. */
export interface HistoryWriter {
  /** The name of the engine, for error messages. */
  readonly engine: string;
  /** Prepares the engine on a new connection. Rejects if the engine refuses, or if the connection is lost before the end. */
  prepare(): Promise<void>;
  /**
   * Adds an entry to the history of a topic, and publishes it. Topics that are reserved for the library have no history: their entries are
   * only published. Rejects if the engine refuses the entry, or if the connection is lost before the answer.
   */
  add(topic: string, kind: EntryKind, bytes: Uint8Array): Promise<unknown>;
  /** Notifies the connected subscribers of all topics that messages may have been lost. */
  notifyAll(): Promise<unknown>;
  /** Whether this error is an answer of the engine. Such an answer shows that the connection works. */
  isRefusal(error: unknown): error is Error;
  /** Whether this error means that the client has not sent the entry, because it had no connection. */
  wasNotSent(error: unknown): boolean;
  /** Whether this error means that the engine has lost what `prepare` created. */
  isUnprepared(error: Error): boolean;
}
