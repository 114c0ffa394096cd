/** A bus over NATS. */

import { describe } from '../option-names.ts';
import { readOptions } from '../option-spec.ts';
import type { Bus, BusReceiver } from './bus.ts';
import { busSpecs, type NatsBusOptions } from './bus-options.ts';
import { BusState } from './bus-state.ts';
import { parseTopics } from './lost-topics.ts';
import { NatsPublisher, type NatsPublishing } from './nats-publisher.ts';
import { toSubject, toTopic } from './nats-subject.ts';
import { matchesPattern } from './pattern.ts';

/** A connection of `@nats-io/transport-node`, or any other object with these members. */
export interface NatsClient extends NatsPublishing {
  subscribe(
    subject: string,
    options: { callback(error: Error | null, message: { subject: string; data: Uint8Array }): void },
  ): { unsubscribe(): void };
  status(): AsyncIterable<{ readonly type: string }>;
  closed(): Promise<unknown>;
  isClosed(): boolean;
}

/** One pattern. */
interface Subscription {
  receiver: BusReceiver | null;
  readonly remote: { unsubscribe(): void };
  /** Whether messages may have been lost, and the receiver has not been notified yet. */
  hasMissed: boolean;
  readonly confirmed: Promise<void>;
}

/**
 * A bus over NATS. It uses the program's connection, which reconnects automatically. The program closes that connection. After a loss of the
 * connection, every receiver is notified of a gap.
 */
export class NatsBus implements Bus {
  readonly #nats: NatsClient;
  readonly #prefix: string;
  readonly #control: { unsubscribe(): void };
  readonly #publisher: NatsPublisher;
  readonly #state = new BusState();
  readonly #subscriptions = new Map<string, Subscription>();
  /** Functions that are called when the connection is lost, and when it is back. */
  readonly #waiting = new Set<() => void>();
  #isUp = true;
  #ended: Error | null = null;

  /** @throws {TypeError} for anything but an open connection to NATS, and for invalid options */
  constructor(connection: NatsClient, options: NatsBusOptions = {}) {
    const { prefix, maxWaiting } = readOptions('NatsBus', options, busSpecs);
    checkClient(connection);
    this.#nats = connection;
    this.#prefix = `${prefix}.t`;
    const control = `${prefix}.gap`;
    this.#publisher = new NatsPublisher(connection, control, maxWaiting);
    this.#control = connection.subscribe(control, {
      callback: (error, message) => {
        if (error === null) this.#tellLost(message.data);
      },
    });
    void this.#watch();
    void connection.closed().then(() => this.#end(new Error('the connection to NATS was closed')));
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    await this.#publisher.publish(topic, toSubject(this.#prefix, topic), bytes);
  }

  /** If NATS is away, the Promise settles when NATS is back. */
  async subscribe(pattern: string, receiver: BusReceiver): Promise<void> {
    if (this.#ended !== null) throw this.#ended;
    const existing = this.#subscriptions.get(pattern);
    if (existing !== undefined) {
      existing.receiver = receiver;
      return existing.confirmed;
    }
    const remote = this.#nats.subscribe(toSubject(this.#prefix, pattern), {
      callback: (error, message) => {
        if (error === null) this.#receive(subscription, message.subject, message.data);
        // NATS ends a subscription if the user has no permission for it.
        else if (this.#subscriptions.delete(pattern)) subscription.receiver?.gap();
      },
    });
    const confirmed = this.#confirm();
    const subscription: Subscription = { receiver, remote, hasMissed: false, confirmed };
    this.#subscriptions.set(pattern, subscription);
    return confirmed;
  }

  unsubscribe(pattern: string): void {
    const subscription = this.#subscriptions.get(pattern);
    if (subscription === undefined) return;
    this.#subscriptions.delete(pattern);
    subscription.receiver = null;
    subscription.remote.unsubscribe();
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
   * Settles when NATS has received everything that the client has sent. If the connection is lost before that, the Promise settles when NATS has
   * received everything on the next connection.
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
   * Resolves when NATS has answered a ping, or the connection is lost. If a connection ends, some versions of the client do not reject the
   * Promises that wait for a pong, so `#lost` ends the wait.
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

  #receive(subscription: Subscription, subject: string, bytes: Uint8Array): void {
    const topic = toTopic(this.#prefix, subject);
    if (topic === null || subscription.receiver === null) return;
    // The gap is reported first, since the lost messages were published before this message.
    this.#tellGap(subscription);
    subscription.receiver?.message(topic, bytes);
  }

  #tellGap(subscription: Subscription): void {
    if (!subscription.hasMissed) return;
    subscription.hasMissed = false;
    subscription.receiver?.gap();
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
    for (const subscription of this.#subscriptions.values()) subscription.hasMissed = true;
    this.#publisher.connected(false);
    this.#release();
    this.#state.set(false);
  }

  /** Is called when the connection is back, and the client has renewed all subscriptions. */
  async #back(): Promise<void> {
    this.#isUp = true;
    this.#publisher.connected(true);
    this.#release();
    await this.#confirm().catch(() => {});
    if (!this.#isUp) return;
    this.#state.set(true);
    for (const subscription of [...this.#subscriptions.values()]) this.#tellGap(subscription);
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

  /** Notifies the receivers of topics to which this bus or another one could not publish. */
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
