/**
 * What a bus needs of Redis: a connection for commands and one for messages, since Redis takes few commands on a connection that
 * subscribes. The clients of npm are adapted to this in node-redis-link.ts and ioredis-link.ts.
 */

/** How a channel is subscribed to: by its name, by a glob of Redis, or by its name on the shard that it belongs to. */
export type RedisSubscriptionKind = 'channel' | 'glob' | 'shard';

/** Receives a message: the name of its channel, and its bytes. */
export type RedisListener = (channel: string, bytes: Uint8Array) => void;

/** What happens to the two connections. */
export interface RedisLinkEvents {
  /** The connection for commands is there, or lost: what was not answered is rejected by then. */
  commands(up: boolean): void;
  /** The connection for messages is there, and may have to be subscribed anew; or it is lost. */
  messages(up: boolean): void;
  /** The client connects no more. */
  ended(error: Error): void;
}

/** Two connections that a client of npm keeps. */
export interface RedisLink {
  /** Begins to connect. */
  open(events: RedisLinkEvents): void;
  /**
   * Sends a command at once, or rejects: it is neither kept for later nor sent twice. Strings of the reply are Buffers.
   * Those that are sent one after the other arrive in that order.
   */
  command(args: readonly (string | Buffer)[]): Promise<unknown>;
  /** Settles when the subscription is confirmed. Another call for the same name is harmless. */
  subscribe(kind: RedisSubscriptionKind, name: string, listener: RedisListener): Promise<void>;
  unsubscribe(kind: RedisSubscriptionKind, name: string): Promise<void>;
  /** Ends both connections at once. */
  close(): void;
}
