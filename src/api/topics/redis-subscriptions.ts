/**
 * The subscriptions of a bus in Redis. If the connection that receives messages is lost, the bus renews all subscriptions on the next
 * connection.
 */

import type { BusReceiver } from './bus.ts';
import type { HistoryTracks } from './history-tracks.ts';
import { isPattern, matchesPattern } from './pattern.ts';
import { isReply, type RedisLink, type RedisListener, type RedisSubscriptionKind } from './redis-link.ts';
import type { RedisNames } from './redis-names.ts';

/** The subscription of the bus to one topic or pattern. */
export class RedisSubscription {
  readonly pattern: string;
  readonly kind: RedisSubscriptionKind;
  /** The name of the channel in Redis, or the glob. */
  readonly name: string;
  /** Null after `remove` was called for the pattern. */
  receiver: BusReceiver | null;
  /** True if Redis has confirmed the subscription at least once. */
  isLive = false;
  /** True if the receiver has to be notified of lost messages. */
  hasMissed = false;
  /** Settles when the subscription is confirmed, or refused. */
  readonly confirmed: Promise<void>;
  confirm: () => void = () => {};
  refuse: (error: Error) => void = () => {};

  constructor(pattern: string, kind: RedisSubscriptionKind, name: string, receiver: BusReceiver) {
    this.pattern = pattern;
    this.kind = kind;
    this.name = name;
    this.receiver = receiver;
    this.confirmed = new Promise((resolve, reject) => {
      this.confirm = resolve;
      this.refuse = reject;
    });
    // The caller does not have to use the Promise `confirmed`. Without this handler, its rejection could end the process.
    this.confirmed.catch(() => {});
  }

  matches(topic: string): boolean {
    return this.kind === 'glob' ? matchesPattern(this.pattern, topic) : topic === this.pattern;
  }

  /** If messages might have been lost, notifies the receiver that there is a gap. */
  tellGap(): void {
    if (!this.hasMissed) return;
    this.hasMissed = false;
    this.receiver?.gap();
  }
}

export interface RedisSubscriptionEvents {
  message(subscription: RedisSubscription, topic: string, bytes: Uint8Array): void;
  control(bytes: Uint8Array): void;
  /** Is called when all of these subscriptions are active on a new connection. */
  restored(subscriptions: readonly RedisSubscription[]): void;
}

export class RedisSubscriptions {
  readonly #link: RedisLink;
  readonly #names: RedisNames;
  readonly #isSharded: boolean;
  readonly #history: HistoryTracks | null;
  readonly #events: RedisSubscriptionEvents;
  readonly #byPattern = new Map<string, RedisSubscription>();
  /** The subscriptions by kind and name. The name of a pattern is a glob. Two patterns, such as `a/*` and `a/**`, can have the same glob. */
  readonly #byName = new Map<string, Set<RedisSubscription>>();
  /**
   * Counts how often the connection was established or lost. If the number changes while a command waits for its answer, the command
   * belongs to an earlier connection.
   */
  #epoch = 0;
  #isConnected = false;
  #ended: Error | null = null;

  constructor(
    link: RedisLink,
    names: RedisNames,
    isSharded: boolean,
    history: HistoryTracks | null,
    events: RedisSubscriptionEvents,
  ) {
    this.#link = link;
    this.#names = names;
    this.#isSharded = isSharded;
    this.#history = history;
    this.#events = events;
  }

  get all(): Iterable<RedisSubscription> {
    return this.#byPattern.values();
  }

  /**
   * Subscribes to a topic or pattern. If the bus has already subscribed to it, only replaces its receiver.
   * @throws {TypeError} for a pattern, if the bus is sharded
   */
  add(pattern: string, receiver: BusReceiver): RedisSubscription {
    if (this.#ended !== null) throw this.#ended;
    const existing = this.#byPattern.get(pattern);
    if (existing !== undefined) {
      existing.receiver = receiver;
      return existing;
    }
    if (this.#isSharded && isPattern(pattern)) {
      throw new TypeError('sharded pub/sub does not support patterns: subscribe to each topic');
    }
    const { kind, name } = this.#names.subscriptionOf(pattern, this.#isSharded);
    const subscription = new RedisSubscription(pattern, kind, name, receiver);
    this.#byPattern.set(pattern, subscription);
    const key = keyOf(subscription);
    this.#byName.set(key, (this.#byName.get(key) ?? new Set()).add(subscription));
    if (this.#isConnected) void this.#subscribe(subscription, this.#epoch);
    return subscription;
  }

  async remove(pattern: string): Promise<void> {
    const subscription = this.#byPattern.get(pattern);
    if (subscription === undefined) return;
    subscription.receiver = null;
    subscription.confirm();
    this.#history?.forget(subscription);
    if (!this.#forget(subscription)) return;
    // An error needs no handling. If the connection was lost, the subscription has ended too.
    await this.#link.unsubscribe(subscription.kind, subscription.name).catch(() => {});
  }

  /** Is called when the connection for messages is established. Sends all subscriptions on this connection. */
  async connected(): Promise<void> {
    this.#isConnected = true;
    const epoch = ++this.#epoch;
    const subscriptions = [...this.#byPattern.values()];
    const control = this.#link
      .subscribe(this.#isSharded ? 'shard' : 'channel', this.#names.control, (_, bytes) =>
        this.#events.control(bytes),
      )
      .then(
        () => true,
        () => false,
      );
    const all = await Promise.all([control, ...subscriptions.map((each) => this.#subscribe(each, epoch))]);
    if (epoch === this.#epoch && all.every(Boolean)) this.#events.restored(subscriptions);
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#epoch++;
    for (const subscription of this.#byPattern.values()) {
      // If the topic has a history, no gap is reported. The missed messages are read after the reconnection.
      if (subscription.isLive && !this.#history?.follows(subscription)) subscription.hasMissed = true;
    }
    this.#history?.disconnected();
  }

  /** Rejects the subscriptions that are not confirmed yet, and all later subscriptions. */
  end(error: Error): void {
    this.#ended = error;
    for (const subscription of this.#byPattern.values()) subscription.refuse(error);
  }

  /**
   * Sends the command that subscribes.
   * @returns false if the connection was lost in the meantime; `connected` sends the command again on the next connection
   */
  async #subscribe(subscription: RedisSubscription, epoch: number): Promise<boolean> {
    const { kind, name } = subscription;
    try {
      if (this.#history !== null && kind !== 'glob') {
        // First reads the position at which the subscription begins. If messages come after this position but before the confirmation, the
        // bus later reads them from the history.
        await this.#history.start(subscription);
        if (epoch !== this.#epoch) return false;
        if (this.#byPattern.get(subscription.pattern) !== subscription) return true;
      }
      await this.#link.subscribe(kind, name, this.#listener(kind, name));
    } catch (error) {
      if (epoch !== this.#epoch || !this.#isConnected) return false;
      // If Redis itself has refused the subscription, it would refuse it again. So the subscription fails. Any other error means that the
      // connection was lost.
      if (!isReply(error)) return false;
      this.#history?.forget(subscription);
      this.#forget(subscription);
      subscription.refuse(error);
      subscription.receiver?.gap();
      return true;
    }
    if (epoch !== this.#epoch) return false;
    subscription.isLive = true;
    subscription.confirm();
    this.#history?.subscribed(subscription);
    return true;
  }

  /** Forgets a subscription. @returns true if no other subscription has the same name in Redis */
  #forget(subscription: RedisSubscription): boolean {
    this.#byPattern.delete(subscription.pattern);
    const key = keyOf(subscription);
    const others = this.#byName.get(key);
    others?.delete(subscription);
    if (others?.size !== 0) return false;
    return this.#byName.delete(key);
  }

  /** Returns a listener. It passes the messages of this channel or glob to the subscriptions with this name. */
  #listener(kind: RedisSubscriptionKind, name: string): RedisListener {
    const key = keyOf({ kind, name });
    return (channel, bytes) => {
      const topic = this.#names.topicOf(channel);
      const subscriptions = this.#byName.get(key);
      if (subscriptions === undefined) return;
      for (const subscription of [...subscriptions]) {
        if (subscription.receiver !== null && subscription.matches(topic)) {
          this.#events.message(subscription, topic, bytes);
        }
      }
    };
  }
}

function keyOf({ kind, name }: { readonly kind: RedisSubscriptionKind; readonly name: string }): string {
  return `${kind} ${name}`;
}
