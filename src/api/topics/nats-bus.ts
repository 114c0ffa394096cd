/** A bus over NATS. With the option `history`, the bus keeps messages in JetStream, the part of NATS that stores messages. */

import { describe } from '../option-names.ts';
import { readOptions } from '../option-spec.ts';
import type { Bus, BusHistory, BusReceiver } from './bus.ts';
import { type NatsBusOptions, natsBusSpecs } from './bus-options.ts';
import { BusState } from './bus-state.ts';
import { parseTopics } from './lost-topics.ts';
import { NatsHistory } from './nats-history.ts';
import { type NatsBusPublisher, NatsPublisher, type NatsPublishing } from './nats-publisher.ts';
import type { NatsHeaders } from './nats-stream.ts';
import { toSubject, toTopic } from './nats-subject.ts';
import { isPattern, matchesPattern } from './pattern.ts';

/** A message that NATS delivers to a subscription. */
interface NatsMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: NatsHeaders | undefined;
}

/** A connection to NATS: a connection of the package `@nats-io/transport-node`, or another object with the same methods. */
export interface NatsClient extends NatsPublishing {
  subscribe(
    subject: string,
    options: { callback(error: Error | null, message: NatsMessage): void },
  ): { unsubscribe(): void };
  status(): AsyncIterable<{ readonly type: string }>;
  closed(): Promise<unknown>;
  isClosed(): boolean;
}

/** The subscription of the bus to one pattern. */
class Subscription {
  readonly pattern: string;
  /** Null after `unsubscribe` was called for the pattern. */
  receiver: BusReceiver | null;
  /** True if the receiver has to be notified of lost messages. */
  hasMissed = false;
  remote: { unsubscribe(): void } | null = null;
  /** Settles when the subscription is active. */
  confirmed: Promise<void> = Promise.resolve();

  constructor(pattern: string, receiver: BusReceiver) {
    this.pattern = pattern;
    this.receiver = receiver;
  }

  tellGap(): void {
    if (!this.hasMissed) return;
    this.hasMissed = false;
    this.receiver?.gap();
  }
}

/**
 * A bus over NATS. It uses the program's connection to NATS, which reconnects automatically. `close` does not close this connection, so the
 * program has to close it. If the connection is lost, every receiver is notified of lost messages. With the option `history`, NATS keeps
 * the messages. After a reconnection, the receivers of topics then get the messages that they missed, if NATS still has them.
 */
export class NatsBus implements Bus {
  readonly #nats: NatsClient;
  readonly #prefix: string;
  readonly #control: { unsubscribe(): void };
  readonly #publisher: NatsBusPublisher;
  readonly #history: NatsHistory | null;
  readonly #state = new BusState();
  readonly #subscriptions = new Map<string, Subscription>();
  /**
   * Each function resolves one Promise of this class that waits for NATS. All functions are called when the connection is lost, when it is
   * established again, and when the bus ends.
   */
  readonly #waiting = new Set<() => void>();
  #isUp = true;
  #ended: Error | null = null;

  /** @throws {TypeError} if `connection` is not an open connection to NATS, or if an option is invalid */
  constructor(connection: NatsClient, options: NatsBusOptions = {}) {
    const { prefix, maxWaiting, history } = readOptions('NatsBus', options, natsBusSpecs);
    checkClient(connection);
    this.#nats = connection;
    this.#prefix = `${prefix}.t`;
    const control = `${prefix}.gap`;
    this.#history = history === undefined ? null : new NatsHistory(connection, prefix, history, maxWaiting);
    this.#publisher = this.#history ?? new NatsPublisher(connection, control, maxWaiting);
    this.#control = connection.subscribe(control, {
      callback: (error, message) => {
        if (error === null) this.#tellLost(message.data);
      },
    });
    void this.#watch();
    void connection.closed().then(() => this.#end(new Error('the connection to NATS was closed')));
  }

  /** The messages that NATS keeps. Undefined without the option `history`. */
  get history(): BusHistory | undefined {
    return this.#history?.tracks;
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    await this.#publisher.publish(topic, toSubject(this.#prefix, topic), bytes);
  }

  /** While NATS cannot be reached, the Promise stays pending. */
  async subscribe(pattern: string, receiver: BusReceiver): Promise<void> {
    if (this.#ended !== null) throw this.#ended;
    const existing = this.#subscriptions.get(pattern);
    if (existing !== undefined) {
      existing.receiver = receiver;
      return existing.confirmed;
    }
    const subscription = new Subscription(pattern, receiver);
    subscription.remote = this.#nats.subscribe(toSubject(this.#prefix, pattern), {
      callback: (error, message) => {
        if (error === null) this.#receive(subscription, message);
        // An error means that NATS has ended the subscription, for example because the user has no permission for the subject.
        else if (this.#forget(subscription)) subscription.receiver?.gap();
      },
    });
    this.#subscriptions.set(pattern, subscription);
    subscription.confirmed = this.#begin(subscription);
    return subscription.confirmed;
  }

  unsubscribe(pattern: string): void {
    const subscription = this.#subscriptions.get(pattern);
    if (subscription === undefined) return;
    this.#forget(subscription);
    subscription.receiver = null;
    subscription.remote?.unsubscribe();
  }

  onState(listener: (up: boolean) => void): void {
    this.#state.listen(listener);
  }

  async close(): Promise<void> {
    if (this.#ended !== null) return;
    for (const pattern of [...this.#subscriptions.keys()]) this.unsubscribe(pattern);
    this.#control.unsubscribe();
    this.#state.close();
    await this.#publisher.drained();
    this.#end(new Error('the bus was closed'));
  }

  /**
   * Settles when a subscription is active. First the subscription is sent to NATS. Then the bus reads the position at which the
   * subscription begins in the history. In this order, no message is missed between the two steps.
   */
  async #begin(subscription: Subscription): Promise<void> {
    const tracks = isPattern(subscription.pattern) ? undefined : this.#history?.tracks;
    try {
      await Promise.all([this.#confirm(), tracks?.start(subscription)]);
    } catch (error) {
      if (this.#forget(subscription)) subscription.remote?.unsubscribe();
      throw error;
    }
    if (this.#isUp) tracks?.subscribed(subscription);
  }

  /** Forgets a subscription. @returns false if the subscription was already forgotten */
  #forget(subscription: Subscription): boolean {
    if (this.#subscriptions.get(subscription.pattern) !== subscription) return false;
    this.#history?.tracks.forget(subscription);
    return this.#subscriptions.delete(subscription.pattern);
  }

  /**
   * Settles when NATS has received everything that the client has sent. If the connection is lost first, waits for the next connection, and
   * then asks NATS again.
   */
  async #confirm(): Promise<void> {
    for (;;) {
      if (this.#ended !== null) throw this.#ended;
      if (!this.#isUp) await new Promise<void>((resolve) => this.#waiting.add(resolve));
      else if (await this.#flushed()) return;
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /**
   * Resolves with true when NATS has answered a ping. Resolves with false when the connection is lost. Some versions of the client never
   * settle the Promise of `flush` after the connection was lost. So a call of `#lost` resolves this Promise too.
   */
  #flushed(): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isFlushed: boolean): void => {
        this.#waiting.delete(released);
        resolve(isFlushed);
      };
      const released = (): void => settle(false);
      this.#waiting.add(released);
      this.#nats.flush().then(() => settle(true), released);
    });
  }

  #receive(subscription: Subscription, { subject, headers, data }: NatsMessage): void {
    const topic = toTopic(this.#prefix, subject);
    if (topic === null || subscription.receiver === null) return;
    if (this.#history !== null) {
      this.#history.message(subscription, topic, headers, data);
      return;
    }
    // The gap is reported before this message, because the lost messages were published before this message.
    subscription.tellGap();
    subscription.receiver?.message(topic, data);
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#nats.status()) {
      if (this.#ended !== null) return;
      if (type === 'disconnect') this.#lost();
      else if (type === 'reconnect') void this.#back();
    }
  }

  #lost(): void {
    this.#isUp = false;
    for (const subscription of this.#subscriptions.values()) {
      // If the topic has a history, no gap is reported. The missed messages are read after the reconnection.
      if (!this.#history?.tracks.follows(subscription)) subscription.hasMissed = true;
    }
    this.#publisher.connected(false);
    this.#release();
    this.#state.set(false);
  }

  /** Is called when the connection is established again. The client has already renewed all subscriptions. */
  async #back(): Promise<void> {
    this.#isUp = true;
    this.#publisher.connected(true);
    this.#release();
    await this.#confirm().catch(() => {});
    if (!this.#isUp) return;
    this.#state.set(true);
    for (const subscription of [...this.#subscriptions.values()]) {
      subscription.tellGap();
      this.#history?.tracks.subscribed(subscription);
    }
  }

  #release(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #end(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#isUp = false;
    this.#publisher.end(error);
    this.#release();
    this.#state.set(false);
  }

  /** Notifies receivers that this bus, or the bus of another process, could not publish messages to their topics. */
  #tellLost(bytes: Uint8Array): void {
    const topics = parseTopics(bytes);
    for (const [pattern, subscription] of [...this.#subscriptions]) {
      const isMeant = topics === null || topics.some((topic) => matchesPattern(pattern, topic));
      if (isMeant) subscription.receiver?.gap();
    }
  }
}

function checkClient(connection: unknown): void {
  const shape = connection as Partial<Record<keyof NatsClient, unknown>> | null;
  const isClient =
    typeof shape === 'object' &&
    shape !== null &&
    (['publish', 'subscribe', 'flush', 'status', 'closed'] as const).every(
      (name) => typeof shape[name] === 'function',
    );
  if (!isClient) throw new TypeError(`connection is ${describe(connection)}, not a connection to NATS`);
  if ((connection as NatsClient).isClosed()) throw new TypeError('the connection to NATS is closed');
}
