/** What carries published messages to other processes: the seam between topics and any engine that can publish and subscribe. */

/** Receives what a bus has for one pattern. */
export interface BusReceiver {
  /**
   * A message of any process, this one included: who publishes marks its messages, and leaves its own out.
   * @param topic the name it was published to, without wildcards
   * @param bytes as they were published; valid until this returns
   * @param offset its place in the history, for a bus that keeps one: what {@link Bus.subscribe} takes as `after`
   */
  message(topic: string, bytes: Uint8Array, offset?: string): void;
  /**
   * Messages were lost, or may have been: the engine was away and keeps no history, or the history no longer reaches back
   * to the offset that was asked for.
   */
  gap(): void;
}

/**
 * An engine that carries messages between processes. What all of them promise: messages of one publisher to one topic come
 * in order; each comes at most once; what may be missing is reported as a gap. Names are parts separated by `/`; in
 * a pattern, `*` stands for one part and `**`, at the end, for one or more.
 */
export interface Bus {
  /** Hands `bytes` to the engine, which may keep them. Rejects where the engine is away: the message is lost then. */
  publish(topic: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * Subscribes to a pattern; one that is subscribed to already gets the new receiver instead. Settles when messages come.
   * @param after with a history: begins with the message after this offset; without it, with what is published from now on
   */
  subscribe(pattern: string, receiver: BusReceiver, after?: string): void | Promise<void>;
  /** Nothing comes for this pattern once this has returned. */
  unsubscribe(pattern: string): void | Promise<void>;
  /** The listener is notified when the connection to the engine is lost (`false`) and when it is back (`true`); the last one that was given. */
  onState(listener: (up: boolean) => void): void;
  /** Gives back what the bus took itself: timers, subscriptions, connections that it made. Not the client it was given. */
  close(): Promise<void>;
}
