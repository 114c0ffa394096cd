/**
 * The interface of a bus, which carries published messages to other processes: the seam between topics and any engine that can publish and
 * subscribe.
 */

/** Receives the messages of a bus for one pattern. */
export interface BusReceiver {
  /**
   * A message of any process, including this one. Publishers mark their messages, and skip their own when they come back.
   * @param topic the name it was published to, without wildcards
   * @param bytes as they were published; valid until this returns
   */
  message(topic: string, bytes: Uint8Array): void;
  /** Messages were lost, or may have been: the engine was away. */
  gap(): void;
}

/**
 * An engine that carries messages between processes. Every bus guarantees: messages of one publisher to one topic come in order; each comes
 * at most once; possible losses are reported as a gap. Names are parts separated by `/`; in a pattern, `*` stands for one part and `**`, at
 * the end, for one or more.
 */
export interface Bus {
  /** Hands `bytes` to the engine, which may keep them. Rejects if the engine is away: then the message is lost. */
  publish(topic: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * Subscribes to a pattern. If it is subscribed to already, the new receiver replaces the old one. Settles once the subscription is
   * active: then it receives what is published from now on.
   */
  subscribe(pattern: string, receiver: BusReceiver): void | Promise<void>;
  /** Unsubscribes. Once this has returned, no message comes for the pattern. */
  unsubscribe(pattern: string): void | Promise<void>;
  /** Sets the one listener, which is notified when the connection to the engine is lost (`false`) and when it is back (`true`). */
  onState(listener: (up: boolean) => void): void;
  /** Releases the bus's own timers, subscriptions and connections. It does not close the client that the program passed to it. */
  close(): Promise<void>;
}
