/**
 * The interface of a bus, which carries published messages to other processes. It connects topics with any engine that can publish and
 * subscribe.
 */

/** Receives the messages of a bus for one pattern. */
export interface BusReceiver {
  /**
   * Receives a message that any process has published, including this process. `Topics` marks the messages that it publishes, and ignores
   * these messages when they come back.
   * @param topic the name that the message was published to, without wildcards
   * @param bytes the bytes that were published; they are valid until this method returns
   */
  message(topic: string, bytes: Uint8Array): void;
  /** Is called when messages were lost, or may have been lost, because the engine was away. */
  gap(): void;
}

/** A message that a bus keeps. */
export interface HistoryMessage {
  /** The position after this message. */
  readonly position: string;
  /** Null if messages were lost here. */
  readonly bytes: Uint8Array | null;
}

/** Some of the messages that a bus keeps of a topic, oldest first. */
export interface HistoryPage {
  readonly messages: readonly HistoryMessage[];
  /** Whether messages between the given position and the first of these messages are missing, or may be missing. */
  readonly isGap: boolean;
  /** The position after the last of these messages. */
  readonly position: string;
  /** Whether these were the last messages when they were read. */
  readonly isEnd: boolean;
}

/**
 * The messages that a bus keeps for subscribers that were away. All processes see the messages of one topic in the same order. A position is a
 * place in this order: a string of at most 64 characters, without dots, that only the bus understands.
 */
export interface BusHistory {
  /** The position after the last message that the receiver of a topic got; null if the position is not known, and for a pattern. */
  positionOf(topic: string): string | null;
  /** Whether a string has the form of a position. The string may come from a peer. */
  isPosition(text: string): boolean;
  /**
   * Reads messages after a position. If the engine is away, the Promise settles when the engine is back.
   * @param count the maximum number of messages to read
   */
  read(topic: string, after: string, count: number): Promise<HistoryPage>;
}

/**
 * Carries messages between processes over an engine. Every bus guarantees: the messages of one publisher to one topic arrive in order; each
 * message arrives at most once; possible losses are reported as a gap. Names are parts separated by `/`; in a pattern, `*` stands for one part
 * and `**`, as the last part, for one or more.
 */
export interface Bus {
  /** Hands `bytes` to the engine, which may keep them. If the engine is away, the Promise rejects, and the message is lost. */
  publish(topic: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * Subscribes to a pattern. If the bus has subscribed to it already, the new receiver replaces the old one. The Promise settles once the
   * subscription is active: the receiver gets all messages that are published after that.
   */
  subscribe(pattern: string, receiver: BusReceiver): void | Promise<void>;
  /** Unsubscribes. Once this has returned, the receiver gets no further messages. */
  unsubscribe(pattern: string): void | Promise<void>;
  /**
   * Sets the one listener, which is notified when the connection to the engine is lost (`false`), and when the engine can be reached again
   * (`true`).
   */
  onState(listener: (up: boolean) => void): void;
  /** Access to the messages that the bus keeps. If the bus keeps none, subscribers that were away do not receive the messages that they missed. */
  readonly history?: BusHistory | undefined;
  /** Releases the bus's own timers, subscriptions and connections. It does not close the client that the program passed to it. */
  close(): Promise<void>;
}
