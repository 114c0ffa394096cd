/**
 * Connects one process with a bus. Publishes messages on the bus. Subscribes on the bus to each topic that has subscribers in this process.
 * For each topic, at most one command of the bus runs at a time. If connections subscribe or unsubscribe while a command runs, the next
 * command begins only after that command has ended.
 */

import { clock } from '../../transport/clock.ts';
import { isThenable } from '../callback.ts';
import type { Bus } from './bus.ts';
import { TopicError } from './topic-error.ts';

// If the bus refuses a subscription, `BusLink` subscribes again after this number of milliseconds.
const RETRY_DELAY = 1_000;

/** The events that `BusLink` reports to `Topics`. */
export interface BusEvents {
  /** Is called when a message has come. @param bytes the message; the bytes are valid until this method returns */
  received(pattern: string, topic: string, bytes: Uint8Array): void;
  /** Is called when the subscription to this pattern is active. From now on, its messages are received. */
  covered(pattern: string): void;
  lost(pattern: string): void;
  state(up: boolean): void;
  failed(error: TopicError): void;
}

/** The subscription of this process to one topic or pattern on the bus. */
interface Channel {
  readonly pattern: string;
  isWanted: boolean;
  isSubscribed: boolean;
  /** True if the bus is running a command for this subscription. */
  isBusy: boolean;
  /** True if `isSubscribed` is equal to `isWanted`, and no command is running for this subscription. */
  isSettled: boolean;
}

export class BusLink {
  readonly #bus: Bus;
  readonly #events: BusEvents;
  readonly #channels = new Map<string, Channel>();
  /** The subscriptions that the bus has refused. They are tried again later. */
  readonly #refused = new Set<Channel>();
  #retry: NodeJS.Timeout | null = null;
  /** The number of channels with `isSettled === false`. */
  #unsettled = 0;
  #whenReady: (() => void)[] = [];
  #isClosed = false;

  constructor(bus: Bus, events: BusEvents) {
    this.#bus = bus;
    this.#events = events;
    bus.onState((up) => {
      if (this.#isClosed) return;
      events.state(up);
      if (up) this.#subscribeRefused();
    });
  }

  /** Subscribes to a topic or pattern on the bus. */
  want(pattern: string): void {
    let channel = this.#channels.get(pattern);
    if (channel === undefined) {
      channel = { pattern, isWanted: true, isSubscribed: false, isBusy: false, isSettled: true };
      this.#channels.set(pattern, channel);
    }
    channel.isWanted = true;
    this.#settle(channel);
  }

  /** Unsubscribes from a topic or pattern on the bus. */
  drop(pattern: string): void {
    const channel = this.#channels.get(pattern);
    if (channel === undefined) return;
    channel.isWanted = false;
    this.#settle(channel);
  }

  /**
   * Publishes a message.
   * @param onSettled is called with true if the bus has accepted the message, otherwise with false
   */
  publish(topic: string, bytes: Uint8Array, onSettled: (isPublished: boolean) => void): void {
    this.#run(
      () => this.#bus.publish(topic, bytes),
      () => onSettled(true),
      (error) => {
        onSettled(false);
        this.#report(error);
      },
    );
  }

  /** Resolves when all subscriptions on the bus are in the required state, or when this object is closed. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#unsettled === 0) resolve();
      else this.#whenReady.push(resolve);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#retry !== null) clock.clearTimeout(this.#retry);
    this.#retry = null;
    this.#refused.clear();
    this.#channels.clear();
    this.#resolveReady();
    await this.#bus.close();
  }

  /** Subscribes or unsubscribes on the bus, if this is needed. Does nothing while another command for this subscription is running. */
  #settle(channel: Channel): void {
    const { pattern } = channel;
    if (channel.isBusy || this.#isClosed) return;
    if (channel.isWanted === channel.isSubscribed) {
      if (!channel.isWanted) {
        this.#channels.delete(pattern);
        this.#refused.delete(channel);
      }
      if (channel.isSettled) return;
      channel.isSettled = true;
      if (--this.#unsettled === 0) this.#resolveReady();
      return;
    }
    if (channel.isSettled) this.#unsettled++;
    channel.isSettled = false;
    channel.isBusy = true;
    if (channel.isWanted) {
      this.#run(
        () => this.#bus.subscribe(pattern, this.#receiverOf(channel)),
        () => this.#subscribed(channel),
        (error) => this.#wasRefused(channel, error),
      );
    } else {
      this.#run(
        () => this.#bus.unsubscribe(pattern),
        () => this.#unsubscribed(channel),
        (error) => {
          this.#report(error);
          this.#unsubscribed(channel);
        },
      );
    }
  }

  #receiverOf(channel: Channel) {
    const { pattern } = channel;
    return {
      message: (topic: string, bytes: Uint8Array): void => {
        if (channel.isWanted && !this.#isClosed) this.#events.received(pattern, topic, bytes);
      },
      gap: (): void => {
        if (channel.isWanted && !this.#isClosed) this.#events.lost(pattern);
      },
    };
  }

  #subscribed(channel: Channel): void {
    channel.isBusy = false;
    channel.isSubscribed = true;
    this.#refused.delete(channel);
    if (channel.isWanted && !this.#isClosed) this.#events.covered(channel.pattern);
    this.#settle(channel);
  }

  #unsubscribed(channel: Channel): void {
    channel.isBusy = false;
    channel.isSubscribed = false;
    this.#settle(channel);
  }

  #wasRefused(channel: Channel, error: unknown): void {
    this.#report(error);
    channel.isBusy = false;
    if (this.#isClosed) return;
    if (!channel.isWanted) {
      this.#settle(channel);
      return;
    }
    this.#refused.add(channel);
    this.#retry ??= clock.setTimeout(() => this.#subscribeRefused(), RETRY_DELAY);
  }

  #subscribeRefused(): void {
    if (this.#retry !== null) clock.clearTimeout(this.#retry);
    this.#retry = null;
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const channel of refused) this.#settle(channel);
  }

  /** Runs a command of the bus. A command can fail in two ways: it throws, or it returns a Promise that rejects. */
  #run(command: () => unknown, onDone: () => void, onFailed: (error: unknown) => void): void {
    let result: unknown;
    try {
      result = command();
    } catch (error) {
      onFailed(error);
      return;
    }
    if (isThenable(result)) result.then(onDone, onFailed);
    else onDone();
  }

  #report(cause: unknown): void {
    if (!this.#isClosed) this.#events.failed(new TopicError('WS_BUS', { cause }));
  }

  #resolveReady(): void {
    const resolved = this.#whenReady;
    this.#whenReady = [];
    for (const resolve of resolved) resolve();
  }
}
