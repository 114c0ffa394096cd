/**
 * The interfaces between a bus and the engine that stores its history (the kept messages). The engine is Redis Streams or NATS JetStream.
 * All engines have the same rules for the order of messages and for lost messages. history-tracks.ts has the rules for subscribers.
 * history-publisher.ts has the rules for publishers.
 */

import type { HistoryPage } from './bus.ts';

/** The kind of an entry in a history. `m` is a message. `g` is a mark: it says that messages were lost here. */
export type EntryKind = 'm' | 'g';

/** One entry in the history of a topic. The history consists of the messages that an engine (Redis or NATS) keeps. */
export interface KeptMessage {
  /** The position of the entry in the history. An engine (Redis or NATS) never uses an id again, even after it has lost its newest data. */
  readonly id: string;
  /** Identifies the entry before this entry. `isSame` can compare it with a position. `START` if there is no earlier entry. */
  readonly previous: string;
  /** The message. Null if this entry is a mark: it says that messages of a publisher were lost here. */
  readonly bytes: Uint8Array | null;
}

/** The position before the first message. It is not the id of any message. */
export const START = '0-0';

/** Compares the positions in the histories of an engine (Redis or NATS). */
export interface HistoryOrder {
  /** True if a string is the id of an entry, or `START`. The string can come from a peer, so it can be invalid. */
  isPosition(text: string): boolean;
  /** True if position `one` is after position `other`. */
  isAfter(one: string, other: string): boolean;
  /** True if `previous` (a field of an entry) names the entry at `position`. */
  isSame(previous: string, position: string | null): boolean;
}

/**
 * Reads the histories of an engine (Redis or NATS). While the engine cannot be reached, the Promises stay pending. If the engine refuses a
 * request, its Promise rejects.
 */
export interface HistoryReader {
  /** Returns the position after the last message of a topic. */
  last(topic: string): Promise<string>;
  /**
   * Reads the messages after a position.
   * @param isFresh true if `after` is the position at which the subscription began. In this case, the position `START` means that the topic
   *   had no messages at that time
   */
  read(topic: string, after: string, count: number, isFresh?: boolean): Promise<HistoryPage>;
}

/** Writes the histories of an engine (Redis or NATS). The entries are stored in the order of the calls of `add`. */
export interface HistoryWriter {
  /** The name of the engine, for example `Redis`. Error messages contain it. */
  readonly engine: string;
  /**
   * Prepares the engine (Redis or NATS) after a new connection was established. Rejects if the engine refuses the preparation, or if the
   * connection is lost.
   */
  prepare(): Promise<void>;
  /**
   * Adds an entry to the history of a topic, and publishes the entry. Topics that are reserved for the library have no history, so their
   * entries are only published. Rejects if the engine (Redis or NATS) refuses the entry, or if the connection is lost before the answer.
   */
  add(topic: string, kind: EntryKind, bytes: Uint8Array): Promise<unknown>;
  /** Notifies the connected subscribers of all topics that messages might have been lost. */
  notifyAll(): Promise<unknown>;
  /** True if this error is an answer of the engine (Redis or NATS). In this case, the connection works. */
  isRefusal(error: unknown): error is Error;
  /** True if this error means that the client did not send the entry, because it had no connection. */
  wasNotSent(error: unknown): boolean;
  /** True if this error means that the engine (Redis or NATS) has lost what `prepare` created. */
  isUnprepared(error: Error): boolean;
}
