/**
 * The interface of a bus, which carries published messages to other processes. An engine is the system that the bus uses, for example Redis
 * or NATS.
 */

/** Receives the messages of one pattern from a bus. */
export interface BusReceiver {
  /**
   * Is called with each message that a process has published, including this process. `Topics` recognizes its own messages and ignores
   * them.
   * @param topic the name that the message was published to, without wildcards
   * @param bytes the bytes that were published; they are valid until this method returns
   */
  message(topic: string, bytes: Uint8Array): void;
  /** Is called when messages may have been lost, for example because the engine could not be reached. */
  gap(): void;
}

/** One entry of the messages that a bus keeps. */
export interface HistoryMessage {
  /** The position after this entry. */
  readonly position: string;
  /** The message, or null if messages were lost here. */
  readonly bytes: Uint8Array | null;
}

/** Some of the messages that a bus keeps for a topic, oldest first. */
export interface HistoryPage {
  readonly messages: readonly HistoryMessage[];
  /** Whether messages may be missing before the first of these messages. The reader began at the position `after`. */
  readonly isGap: boolean;
  /** The position after the last of these messages. */
  readonly position: string;
  /** Whether the history ended with these messages when they were read. */
  readonly isEnd: boolean;
}

/**
 * The messages that a bus keeps for subscribers that were disconnected. All processes see the messages of one topic in the same order. A
 * position is a place in this order. It is a string of at most 64 characters without dots. Only the bus knows its meaning.
 */
export interface BusHistory {
  /** The position after the last message that the receiver of a topic has got. Null for a pattern, or if the position is unknown. */
  positionOf(topic: string): string | null;
  /** Whether a string has the form of a position. The string may come from a peer. */
  isPosition(text: string): boolean;
  /**
   * Reads messages after a position. If the engine cannot be reached, the Promise waits until the engine can be reached again.
   * @param count the maximum number of messages to read
   */
  read(topic: string, after: string, count: number): Promise<HistoryPage>;
}

/**
 * Carries messages between processes over an engine. Every bus gives three guarantees. The messages of one publisher to one topic arrive in
 * order. Each message arrives at most once. A possible loss is reported as a gap. A name consists of parts that are separated by `/`. In a
 * pattern, `*` stands for one part. As the last part, `**` stands for one or more parts.
 */
export interface Bus {
  /**
   * Publishes a message. The bus may keep `bytes` after this method has returned. If the message cannot be published, the Promise rejects,
   * and the message is lost.
   */
  publish(topic: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * Subscribes to a pattern. If the bus has already subscribed to this pattern, the new receiver replaces the old one. The Promise resolves
   * when the subscription is active. From then on, the receiver gets all published messages.
   */
  subscribe(pattern: string, receiver: BusReceiver): void | Promise<void>;
  /** Unsubscribes from a pattern. After this method has returned, the receiver gets no further messages. */
  unsubscribe(pattern: string): void | Promise<void>;
  /**
   * Sets the listener; a bus has only one. The bus calls the listener with `false` when the connection to the engine is lost. It calls the
   * listener with `true` when the engine can be reached again.
   */
  onState(listener: (up: boolean) => void): void;
  /**
   * Access to the messages that the bus keeps. Undefined if the bus keeps no messages. Subscribers then miss the messages that are
   * published while they are disconnected.
   */
  readonly history?: BusHistory | undefined;
  /** Releases the timers, subscriptions and connections of the bus. A client that the program has passed to the bus stays open. */
  close(): Promise<void>;
}
