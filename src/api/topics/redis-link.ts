/**
 * The interface to Redis that a bus needs. It has one connection for commands, and one connection for messages. The reason: on a
 * connection that has subscribed to a channel, Redis refuses most other commands. node-redis-link.ts and ioredis-link.ts implement this
 * interface for the two npm packages.
 */

/**
 * The kind of a subscription in Redis. `channel`: one channel. `glob`: all channels that match a glob. `shard`: one channel of sharded
 * pub/sub.
 */
export type RedisSubscriptionKind = 'channel' | 'glob' | 'shard';

/** Is called for each message, with the name of its channel and its bytes. */
export type RedisListener = (channel: string, bytes: Uint8Array) => void;

/** The events of the two connections. */
export interface RedisLinkEvents {
  /**
   * Is called when the connection for commands is established (true) or lost (false). If the connection is lost, its unanswered commands
   * are rejected before this call.
   */
  commands(up: boolean): void;
  /**
   * Is called when the connection for messages is established (true) or lost (false). The bus renews its subscriptions on a new connection.
   */
  messages(up: boolean): void;
  /** Is called when the client has given up reconnecting. */
  ended(error: Error): void;
}

/** The two connections of a bus to Redis. A client of an npm package opens them, and reopens them after a loss. */
export interface RedisLink {
  /** Starts to open both connections. */
  open(events: RedisLinkEvents): void;
  /**
   * Sends a command immediately. Rejects if this is not possible. A command is never kept for later, and never sent twice. Redis receives
   * the commands in the order of the calls. Strings in the reply are Buffers.
   */
  command(args: readonly (string | Buffer)[]): Promise<unknown>;
  /** Subscribes to a channel or glob, and settles when the subscription is confirmed. Can be called again for the same name. */
  subscribe(kind: RedisSubscriptionKind, name: string, listener: RedisListener): Promise<void>;
  unsubscribe(kind: RedisSubscriptionKind, name: string): Promise<void>;
  /** Closes both connections immediately. */
  close(): void;
}

/**
 * True if an error is an answer of Redis itself, such as NOPERM. Both packages have special classes for such errors. This function
 * recognizes the names of these classes.
 */
export function isReply(error: unknown): error is Error {
  return (
    error instanceof Error && /Reply|SimpleError|BlobError/.test(`${error.name} ${error.constructor.name}`)
  );
}

/** True if Redis has answered that it is still loading its database. In this case, Redis has not executed the command. */
export function isLoading(error: unknown): boolean {
  return isReply(error) && /^(LOADING|MASTERDOWN)\b/.test(error.message);
}

/**
 * True if this error means that the client did not send the command, because it had no connection. Neither package has an error code for
 * this case, so the text of the error is compared.
 */
export function wasNotSent(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.constructor.name === 'ClientOfflineError' || error.message.startsWith("Stream isn't writeable"))
  );
}
