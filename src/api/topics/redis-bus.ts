/** A bus over Redis or Valkey. Detects the npm package of the client, keeps two connections, and handles the loss of a connection. */

import { describe } from '../option-names.ts';
import { readOptions } from '../option-spec.ts';
import type { Bus, BusHistory, BusReceiver } from './bus.ts';
import { type RedisBusOptions, redisBusSpecs } from './bus-options.ts';
import { BusState } from './bus-state.ts';
import { HistoryPublisher } from './history-publisher.ts';
import { HistoryTracks } from './history-tracks.ts';
import { type IoRedisClient, IoRedisLink, isIoRedis } from './ioredis-link.ts';
import { parseTopics } from './lost-topics.ts';
import { isNodeRedis, type NodeRedisClient, NodeRedisLink } from './node-redis-link.ts';
import { RedisHistoryWriter } from './redis-history-writer.ts';
import type { RedisLink } from './redis-link.ts';
import { RedisNames } from './redis-names.ts';
import { RedisPublisher, type RedisPublishing } from './redis-publisher.ts';
import { parsePublished, redisOrder } from './redis-stream.ts';
import { RedisStreamReader } from './redis-stream-reader.ts';
import { type RedisSubscription, RedisSubscriptions } from './redis-subscriptions.ts';

/** A client of the package `redis` (version 5 or 6), or of the package `ioredis`. */
export type RedisClient = NodeRedisClient | IoRedisClient;

/**
 * A bus over Redis or Valkey. It calls the method `duplicate` of the program's client twice, and uses only the two duplicates. So the
 * program's client need not be connected. If a connection is lost, every receiver is notified of lost messages. With the option `history`,
 * Redis keeps the messages. After a reconnection, the receivers of topics then get the messages that they missed, if Redis still has them.
 */
export class RedisBus implements Bus {
  readonly #link: RedisLink;
  readonly #state = new BusState();
  readonly #subscriptions: RedisSubscriptions;
  readonly #publisher: RedisPublishing;
  readonly #history: HistoryTracks | null;
  readonly #reader: RedisStreamReader;
  #commandsUp: boolean | null = null;
  #messagesUp: boolean | null = null;

  /** @throws {TypeError} if the client belongs to another package, or if an option is invalid */
  constructor(client: RedisClient, options: RedisBusOptions = {}) {
    const { prefix, maxWaiting, sharded, history } = readOptions('RedisBus', options, redisBusSpecs);
    this.#link = linkOf(client);
    const names = new RedisNames(prefix);
    this.#reader = new RedisStreamReader(this.#link, names);
    this.#history = history === undefined ? null : new HistoryTracks(this.#reader, redisOrder, maxWaiting);
    this.#subscriptions = new RedisSubscriptions(this.#link, names, sharded, this.#history, {
      message: (subscription, topic, bytes) => {
        if (this.#history !== null) {
          this.#history.message(subscription, topic, bytes, parsePublished(bytes));
          return;
        }
        // The gap is reported before this message, because the lost messages were published before this message.
        subscription.tellGap();
        subscription.receiver?.message(topic, bytes);
      },
      control: (bytes) => this.#tellLost(bytes),
      restored: (subscriptions) => {
        this.#report('messages', true);
        for (const subscription of subscriptions) subscription.tellGap();
      },
    });
    this.#publisher =
      history === undefined
        ? new RedisPublisher(this.#link, names, sharded, maxWaiting)
        : new HistoryPublisher(
            new RedisHistoryWriter(this.#link, names, sharded, history),
            maxWaiting,
            history.ttl,
          );
    this.#open();
  }

  /** The messages that Redis keeps. Undefined without the option `history`. */
  get history(): BusHistory | undefined {
    return this.#history ?? undefined;
  }

  publish(topic: string, bytes: Uint8Array): Promise<void> {
    return this.#publisher.publish(topic, bytes);
  }

  /** The Promise stays pending while Redis cannot be reached. */
  async subscribe(pattern: string, receiver: BusReceiver): Promise<void> {
    await this.#subscriptions.add(pattern, receiver).confirmed;
  }

  unsubscribe(pattern: string): Promise<void> {
    return this.#subscriptions.remove(pattern);
  }

  onState(listener: (up: boolean) => void): void {
    this.#state.listen(listener);
  }

  async close(): Promise<void> {
    this.#state.close();
    this.#end(new Error('the bus was closed'));
    this.#link.close();
  }

  #open(): void {
    this.#link.open({
      commands: (up) => {
        this.#publisher.connected(up);
        this.#reader.connected(up);
        this.#report('commands', up);
      },
      messages: (up) => {
        if (up) void this.#subscriptions.connected();
        else {
          this.#subscriptions.disconnected();
          this.#report('messages', false);
        }
      },
      ended: (error) => {
        this.#state.set(false);
        this.#end(error);
      },
    });
  }

  /** Reports the state of the bus. The bus is up if both connections are up. */
  #report(connection: 'commands' | 'messages', up: boolean): void {
    if (connection === 'commands') this.#commandsUp = up;
    else this.#messagesUp = up;
    if (!up) this.#state.set(false);
    else if (this.#commandsUp && this.#messagesUp) this.#state.set(true);
  }

  #end(error: Error): void {
    this.#subscriptions.end(error);
    this.#publisher.end(error);
    this.#reader.end(error);
    this.#history?.end();
  }

  /** Notifies receivers that this bus, or the bus of another process, could not publish messages to their topics. */
  #tellLost(bytes: Uint8Array): void {
    const topics = parseTopics(bytes);
    const isMeant = (subscription: RedisSubscription): boolean =>
      topics === null || topics.some((topic) => subscription.matches(topic));
    for (const subscription of [...this.#subscriptions.all]) {
      if (isMeant(subscription)) subscription.receiver?.gap();
    }
  }
}

function linkOf(client: RedisClient): RedisLink {
  const given: unknown = client;
  if (typeof given === 'object' && given !== null) {
    if (isIoRedis(given)) return new IoRedisLink(given);
    if (isNodeRedis(given)) return new NodeRedisLink(given);
  }
  throw new TypeError(`client is ${describe(given)}, not a client of the package redis or ioredis`);
}
