/**
 * The interface to Redis that a bus needs. There are two connections: one for commands, and one for messages. This is because Redis accepts
 * few commands on a connection that has subscribed. node-redis-link.ts and ioredis-link.ts implement this interface for the two npm
 * packages.
 */

/** The kind of a subscription in Redis: a channel by its name, channels by a glob, or a channel of a cluster's shard. */
export type RedisSubscriptionKind = 'channel' | 'glob' | 'shard';

/** Is called with a message: the name of its channel, and its bytes. */
export type RedisListener = (channel: string, bytes: Uint8Array) => void;

/** The events of the two connections. */
export interface RedisLinkEvents {
  /**
   * Is called when the connection for commands is established (true) or lost (false). If the connection is lost, its unanswered commands
   * have already been rejected.
   */
  commands(up: boolean): void;
  /**
   * Is called when the connection for messages is established (true) or lost (false). After a new connection, subscriptions may have to be
   * renewed.
   */
  messages(up: boolean): void;
  /** Is called when the client has stopped reconnecting. */
  ended(error: Error): void;
}

/** The two connections of a bus. A client of an npm package opens them, and opens them again after a loss. */
export interface RedisLink {
  /** Begins to connect. */
  open(events: RedisLinkEvents): void;
  /**
   * Sends a command immediately, or rejects. A command is never kept for later, and never sent twice. Redis receives the commands in the
   * order of the calls. Strings in the reply are Buffers.
   */
  command(args: readonly (string | Buffer)[]): Promise<unknown>;
  /** Subscribes to a channel or glob, and settles when the subscription is confirmed. May be called again for the same name. */
  subscribe(kind: RedisSubscriptionKind, name: string, listener: RedisListener): Promise<void>;
  unsubscribe(kind: RedisSubscriptionKind, name: string): Promise<void>;
  /** Ends both connections immediately. */
  close(): void;
}

/**
 * Whether an error is an answer of Redis itself, such as NOPERM. Both packages have classes for such errors. This function recognizes the
 * names of these classes.
 */
export function isReply(error: unknown): error is Error {
  return (
    error instanceof Error && /Reply|SimpleError|BlobError/.test(`${error.name} ${error.constructor.name}`)
  );
}

/** Whether Redis has answered that it is still reading its data from disk. In this case, Redis has not executed the command. */
export function isLoading(error: unknown): boolean {
  return isReply(error) && /^(LOADING|MASTERDOWN)\b/.test(error.message);
}

/** Whether the client has not sent a command, because it had no connection. Neither package has an error code for this case. */
export function wasNotSent(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.constructor.name === 'ClientOfflineError' || error.message.startsWith("Stream isn't writeable"))
  );
}
