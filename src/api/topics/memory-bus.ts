/** A bus in memory: for several `Topics` in one process, and for tests of programs that use another bus in production. */

import type { Bus, BusReceiver } from './bus.ts';
import { TopicMap } from './topic-map.ts';

/** One pattern of one bus. */
interface Subscription {
  receiver: BusReceiver;
  isActive: boolean;
}

/** Connected buses share this object, which holds the subscriptions of all of them by pattern. */
type Hub = TopicMap<Set<Subscription>>;

/** A bus for one `Topics`. Messages are delivered in a microtask, in the order in which they were published. */
export class MemoryBus implements Bus {
  readonly #hub: Hub;
  readonly #subscriptions = new Map<string, Subscription>();

  /** @param other a bus to connect to; the new bus then shares messages with all buses that are connected to it. @default an unconnected bus */
  constructor(other?: MemoryBus) {
    this.#hub = other === undefined ? new TopicMap() : other.#hub;
  }

  publish(topic: string, bytes: Uint8Array): void {
    // The current subscribers receive the message, unless they unsubscribe before the microtask.
    const subscriptions = this.#hub.match(topic).flatMap((ofPattern) => [...ofPattern]);
    if (subscriptions.length === 0) return;
    queueMicrotask(() => {
      for (const { receiver, isActive } of subscriptions) if (isActive) receiver.message(topic, bytes);
    });
  }

  subscribe(pattern: string, receiver: BusReceiver): void {
    const known = this.#subscriptions.get(pattern);
    if (known !== undefined) {
      known.receiver = receiver;
      return;
    }
    const subscription = { receiver, isActive: true };
    this.#subscriptions.set(pattern, subscription);
    const ofPattern = this.#hub.get(pattern);
    if (ofPattern === undefined) this.#hub.add(pattern, new Set([subscription]));
    else ofPattern.add(subscription);
  }

  unsubscribe(pattern: string): void {
    const subscription = this.#subscriptions.get(pattern);
    if (subscription === undefined) return;
    subscription.isActive = false;
    this.#subscriptions.delete(pattern);
    const ofPattern = this.#hub.get(pattern)!;
    ofPattern.delete(subscription);
    if (ofPattern.size === 0) this.#hub.delete(pattern);
  }

  /** A bus in memory has no connection that could be lost. */
  onState(): void {}

  async close(): Promise<void> {
    for (const pattern of this.#subscriptions.keys()) this.unsubscribe(pattern);
  }
}
