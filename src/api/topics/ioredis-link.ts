/**
 * Lets a bus use a client of the package `ioredis`. This file does not import the package. It uses two duplicates of the program's client.
 */

import type { RedisLink, RedisLinkEvents, RedisListener, RedisSubscriptionKind } from './redis-link.ts';

/** The parts of an ioredis client that this file uses. */
export interface IoRedisClient {
  readonly status: string;
  duplicate(override?: object): IoRedisClient;
  connect(): Promise<unknown>;
  disconnect(): void;
  callBuffer(command: string, ...args: (string | Buffer)[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  psubscribe(pattern: string): Promise<unknown>;
  ssubscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  punsubscribe(pattern: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of any event.
  on(event: string, listener: (...args: any[]) => void): unknown;
}

export function isIoRedis(client: object): client is IoRedisClient {
  const shape = client as Partial<Record<keyof IoRedisClient, unknown>>;
  return (['duplicate', 'callBuffer', 'psubscribe', 'disconnect'] as const).every(
    (name) => typeof shape[name] === 'function',
  );
}

const subscribing = { channel: 'subscribe', glob: 'psubscribe', shard: 'ssubscribe' } as const;
const unsubscribing = { channel: 'unsubscribe', glob: 'punsubscribe', shard: 'sunsubscribe' } as const;

// After a reconnection, ioredis sends unanswered commands again by default. This could publish a message twice, so it is disabled. By
// default, ioredis also renews subscriptions. This is disabled too, because redis-subscriptions.ts renews them.
const once = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  // Removes the prefix that the program has set. ioredis would add it to keys, but not to channels. Both already begin with the prefix of
  // the bus.
  keyPrefix: '',
};

/** Uses two duplicates of an ioredis client: one for commands, and one for messages. */
export class IoRedisLink implements RedisLink {
  readonly #commands: IoRedisClient;
  readonly #messages: IoRedisClient;
  /** The listeners of each kind of subscription. The key of each map is the name of a channel, or a glob. */
  readonly #listeners: Readonly<Record<RedisSubscriptionKind, Map<string, RedisListener>>> = {
    channel: new Map(),
    glob: new Map(),
    shard: new Map(),
  };
  /**
   * For each client, the functions that reject its unanswered commands. ioredis does not settle these commands after the connection was
   * lost.
   */
  readonly #unanswered = new Map<IoRedisClient, Set<(error: Error) => void>>();
  #isClosed = false;

  constructor(client: IoRedisClient) {
    this.#commands = client.duplicate(once);
    this.#messages = client.duplicate(once);
    for (const each of [this.#commands, this.#messages]) this.#unanswered.set(each, new Set());
  }

  open(events: RedisLinkEvents): void {
    const { channel, glob, shard } = this.#listeners;
    const find = (listeners: Map<string, RedisListener>) => (name: Buffer, bytes: Buffer) => {
      const text = name.toString();
      listeners.get(text)?.(text, bytes);
    };
    this.#messages.on('messageBuffer', find(channel));
    this.#messages.on('smessageBuffer', find(shard));
    this.#messages.on('pmessageBuffer', (pattern: Buffer, name: Buffer, bytes: Buffer) =>
      glob.get(pattern.toString())?.(name.toString(), bytes),
    );
    this.#watch(this.#commands, (up) => events.commands(up), events);
    this.#watch(this.#messages, (up) => events.messages(up), events);
  }

  command([name = '', ...args]: readonly (string | Buffer)[]): Promise<unknown> {
    return this.#answered(this.#commands, this.#commands.callBuffer(String(name), ...args));
  }

  async subscribe(kind: RedisSubscriptionKind, name: string, listener: RedisListener): Promise<void> {
    this.#listeners[kind].set(name, listener);
    await this.#answered(this.#messages, this.#messages[subscribing[kind]](name));
  }

  async unsubscribe(kind: RedisSubscriptionKind, name: string): Promise<void> {
    if (this.#listeners[kind].delete(name))
      await this.#answered(this.#messages, this.#messages[unsubscribing[kind]](name));
  }

  close(): void {
    this.#isClosed = true;
    this.#commands.disconnect();
    this.#messages.disconnect();
    for (const client of this.#unanswered.keys()) this.#rejectUnanswered(client);
  }

  #answered(client: IoRedisClient, answer: Promise<unknown>): Promise<unknown> {
    const unanswered = this.#unanswered.get(client)!;
    return new Promise((resolve, reject) => {
      unanswered.add(reject);
      answer.then(resolve, reject).finally(() => unanswered.delete(reject));
    });
  }

  #rejectUnanswered(client: IoRedisClient): void {
    const unanswered = this.#unanswered.get(client)!;
    const all = [...unanswered];
    unanswered.clear();
    for (const reject of all) reject(new Error('the connection to Redis was lost'));
  }

  #watch(client: IoRedisClient, state: (up: boolean) => void, events: RedisLinkEvents): void {
    client.on('ready', () => state(true));
    // Without this listener, ioredis would write errors to stderr. The state of the bus already reports the loss of the connection.
    client.on('error', () => {});
    client.on('close', () => {
      this.#rejectUnanswered(client);
      if (!this.#isClosed) state(false);
    });
    client.on('end', () => {
      if (!this.#isClosed)
        events.ended(new Error('ioredis has stopped reconnecting, as its retryStrategy decided'));
    });
    // A client with the option `lazyConnect` connects only before its first command. This client has to connect now.
    if (client.status === 'wait') client.connect().catch(() => {});
  }
}
