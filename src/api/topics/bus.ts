/** The interface of a bus. A bus carries published messages to other processes. It uses an engine such as Redis or NATS. */

/** Receives the messages of one pattern from a bus. */
export interface BusReceiver {
  /**
   * Is called with each message that any process has published to the pattern. This includes messages of this process. `Topics` recognizes
   * its own messages and ignores them.
   * @param topic the name that the message was published to, without wildcards
   * @param bytes the bytes that were published; they are valid until this method returns
   */
  message(topic: string, bytes: Uint8Array): void;
  /** Is called when messages might have been lost, for example because the engine (such as Redis) could not be reached. */
  gap(): void;
}

/** One entry in the history of a topic. The history consists of the messages that the bus keeps. */
export interface HistoryMessage {
  /** The position in the history after this entry. */
  readonly position: string;
  /** The message, or null if messages were lost here. */
  readonly bytes: Uint8Array | null;
}

/** Some entries from the history of a topic (the messages that the bus keeps), oldest first. */
export interface HistoryPage {
  readonly messages: readonly HistoryMessage[];
  /** True if messages might be missing between the requested position and the first message of this page. */
  readonly isGap: boolean;
  /** The position in the history after the last message of this page. */
  readonly position: string;
  /** True if the history had no messages after this page. False if there might be more messages. */
  readonly isEnd: boolean;
}

/**
 * The messages that a bus keeps for subscribers that were disconnected. All processes see the messages of one topic in the same order. A
 * position is a place in this order. It is a string of at most 64 characters without dots. Only the bus knows what the string means.
 */
export interface BusHistory {
  /**
   * Returns the position after the last message that the subscriber of a topic has received. Null for a pattern, or if the position is
   * unknown.
   */
  positionOf(topic: string): string | null;
  /** True if a string has the form of a position. The string can come from a peer, so it can be invalid. */
  isPosition(text: string): boolean;
  /**
   * Reads the messages after a position. While the engine (for example Redis) cannot be reached, the Promise stays pending.
   * @param count the maximum number of messages to read
   */
  read(topic: string, after: string, count: number): Promise<HistoryPage>;
}

/**
 * Carries messages between processes. A bus uses an engine such as Redis or NATS. Every bus guarantees:
 * - The messages of one publisher to one topic arrive in order.
 * - Each message arrives at most once.
 * - If a message might have been lost, the bus reports a gap.
 *
 * The name of a topic consists of parts that are separated by `/`. In a pattern, `*` stands for one part. If `**` is the last part, it
 * stands for one or more parts.
 */
export interface Bus {
  /**
   * Publishes a message. The bus may still use `bytes` after this method has returned. If the message cannot be published, the Promise
   * rejects, and the message is lost.
   */
  publish(topic: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * Subscribes to a pattern. Replaces the old receiver if the bus has already subscribed to this pattern. The Promise resolves when the
   * subscription is active. From then on, the receiver gets all published messages.
   */
  subscribe(pattern: string, receiver: BusReceiver): void | Promise<void>;
  /** Unsubscribes from a pattern. After this method has returned, the receiver gets no more messages. */
  unsubscribe(pattern: string): void | Promise<void>;
  /**
   * Sets the listener. If there was a listener, it is replaced. The bus calls the listener with `false` when it loses the connection to the
   * engine (for example Redis). It calls the listener with `true` when the engine can be reached again.
   */
  onState(listener: (up: boolean) => void): void;
  /**
   * The messages that the bus keeps. Undefined if the bus keeps no messages. In this case, a subscriber misses the messages that are
   * published while it is disconnected.
   */
  readonly history?: BusHistory | undefined;
  /** Releases the timers, subscriptions and connections of the bus. Does not close a client that the program has passed to the bus. */
  close(): Promise<void>;
}
