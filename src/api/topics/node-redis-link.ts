/**
 * Lets a bus use a client of the package `redis` (node-redis 5 and 6). This file does not import the package. It uses two duplicates of the
 * program's client.
 */

import type { RedisLink, RedisLinkEvents, RedisListener, RedisSubscriptionKind } from './redis-link.ts';

type Listener = (bytes: Buffer, channel: Buffer) => void;

/** The parts of a node-redis client that this file uses. */
export interface NodeRedisClient {
  duplicate(overrides?: object): NodeRedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(args: (string | Buffer)[], options?: object): Promise<unknown>;
  subscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>;
  pSubscribe(pattern: string, listener: Listener, bufferMode: true): Promise<unknown>;
  sSubscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>;
  unsubscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>;
  pUnsubscribe(pattern: string, listener: Listener, bufferMode: true): Promise<unknown>;
  sUnsubscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of any event.
  on(event: string, listener: (...args: any[]) => void): unknown;
}

export function isNodeRedis(client: object): client is NodeRedisClient {
  const shape = client as Partial<Record<keyof NodeRedisClient, unknown>>;
  return (['duplicate', 'sendCommand', 'pSubscribe', 'destroy'] as const).every(
    (name) => typeof shape[name] === 'function',
  );
}

const subscribing = { channel: 'subscribe', glob: 'pSubscribe', shard: 'sSubscribe' } as const;
const unsubscribing = { channel: 'unsubscribe', glob: 'pUnsubscribe', shard: 'sUnsubscribe' } as const;

// In the protocol of Redis, the byte 36 ("$") marks a string. With this mapping, strings in replies become Buffers, not JavaScript strings.
const buffers = { typeMapping: { 36: Buffer } };

/**
 * Uses two duplicates of a node-redis client: one for commands, and one for messages. After a reconnection, each duplicate first renews its
 * subscriptions. After that, it reports that it is ready.
 */
export class NodeRedisLink implements RedisLink {
  readonly #commands: NodeRedisClient;
  readonly #messages: NodeRedisClient;
  readonly #listeners = new Map<string, Listener>();
  #isClosed = false;

  constructor(client: NodeRedisClient) {
    // If there is no connection, the client must not queue commands. Each command fails instead, and the caller decides what to do.
    this.#commands = client.duplicate({ disableOfflineQueue: true });
    this.#messages = client.duplicate({ disableOfflineQueue: true });
  }

  open(events: RedisLinkEvents): void {
    this.#watch(this.#commands, (up) => events.commands(up), events);
    this.#watch(this.#messages, (up) => events.messages(up), events);
  }

  command(args: readonly (string | Buffer)[]): Promise<unknown> {
    return this.#commands.sendCommand([...args], buffers);
  }

  async subscribe(kind: RedisSubscriptionKind, name: string, listener: RedisListener): Promise<void> {
    const key = `${kind} ${name}`;
    let own = this.#listeners.get(key);
    if (own === undefined) {
      own =
        kind === 'glob'
          ? (bytes, channel) => listener(channel.toString(), bytes)
          : (bytes) => listener(name, bytes);
      this.#listeners.set(key, own);
    }
    await this.#messages[subscribing[kind]](name, own, true);
  }

  async unsubscribe(kind: RedisSubscriptionKind, name: string): Promise<void> {
    const key = `${kind} ${name}`;
    const own = this.#listeners.get(key);
    if (own === undefined) return;
    this.#listeners.delete(key);
    await this.#messages[unsubscribing[kind]](name, own, true);
  }

  close(): void {
    this.#isClosed = true;
    this.#commands.destroy();
    this.#messages.destroy();
  }

  #watch(client: NodeRedisClient, state: (up: boolean) => void, events: RedisLinkEvents): void {
    const lost = (): void => {
      if (!this.#isClosed) state(false);
    };
    const ended = (error: Error): void => {
      lost();
      if (!this.#isClosed) events.ended(error);
    };
    client.on('ready', () => state(true));
    // Without this listener, an `error` event would throw an exception. The state of the bus already reports the loss of the connection.
    client.on('error', () => {});
    client.on('reconnecting', lost);
    client.on('terminated', (cause) => ended(cause));
    // The Promise rejects when the client stops reconnecting. The program's option `reconnectStrategy` decides when it stops.
    client.connect().catch(ended);
  }
}
