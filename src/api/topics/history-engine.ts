/**
 * The interfaces between the history of a bus and its engine. The rules of order and gaps are in history-tracks.ts (subscribers) and
 * history-publisher.ts (publishers), and are the same for all engines. Redis Streams and NATS JetStream are two engines.
 */

import type { HistoryPage } from './bus.ts';

/** The kind of an entry: `m` is a message, `g` is a mark for lost messages. */
export type EntryKind = 'm' | 'g';

/** One entry of a history. */
export interface KeptMessage {
  /** The position of the entry. It is never used again, even if the engine loses its newest data. */
  readonly id: string;
  /** Names the message before this entry, see `isSame`. `START` if there is no such message. */
  readonly previous: string;
  /** Null for a mark, which is not a message: it shows that messages of a publisher were lost here. */
  readonly bytes: Uint8Array | null;
}

/** The position before the first message. No message has this id. */
export const START = '0-0';

/** Compares the positions of an engine. */
export interface HistoryOrder {
  /** Whether a string is an id, or `START`. The string may come from a peer. */
  isPosition(text: string): boolean;
  /** Whether the first position is after the second one. */
  isAfter(one: string, other: string): boolean;
  /** Whether `previous` of a message names the message at this position. */
  isSame(previous: string, position: string | null): boolean;
}

/** Reads what an engine keeps. If the engine is away, the Promises settle when it is back; they reject if the engine refuses the request. */
export interface HistoryReader {
  /** The position after the last message of a topic. */
  last(topic: string): Promise<string>;
  /**
   * Reads messages after a position.
   * @param isFresh whether `after` was the end of the history a moment ago. If so, `START` means that the topic had no message
   */
  read(topic: string, after: string, count: number, isFresh?: boolean): Promise<HistoryPage>;
}

/** Writes what an engine keeps. Entries arrive in the order in which `add` is called. */
export interface HistoryWriter {
  /** The name of the engine, for errors. */
  readonly engine: string;
  /** Prepares the engine on a new connection. Rejects if the engine refuses the preparation, or if the connection is lost meanwhile. */
  prepare(): Promise<void>;
  /**
   * Adds an entry to the history of a topic, and publishes it. Topics that are reserved for the library have no history: the entry is only
   * published. Rejects if the engine refuses the entry, or does not confirm it before the connection is lost.
   */
  add(topic: string, kind: EntryKind, bytes: Uint8Array): Promise<unknown>;
  /** Notifies the subscribers of all topics that messages may have been lost. */
  notifyAll(): Promise<unknown>;
  /** Whether the engine itself has answered with this error. If so, the connection works. */
  isRefusal(error: unknown): error is Error;
  /** Whether the client has not sent the entry, because it had no connection. */
  wasNotSent(error: unknown): boolean;
  /** Whether the engine has forgotten what `prepare` did. */
  isUnprepared(error: Error): boolean;
}
