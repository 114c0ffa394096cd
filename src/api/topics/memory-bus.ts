/**
 * A bus that carries messages between several `Topics` objects in one process. Tests can use it instead of the bus that the program uses in
 * production.
 */

import type { Bus, BusReceiver } from './bus.ts';
import { TopicMap } from './topic-map.ts';

/** The subscription of one bus to one pattern. */
interface Subscription {
  receiver: BusReceiver;
  isActive: boolean;
}

/** All buses that are connected share one object of this type. It holds the subscriptions of all these buses, by pattern. */
type Hub = TopicMap<Set<Subscription>>;

/**
 * A bus for one `Topics` object. Delivers each message in a microtask. Messages are delivered in the order in which they were published.
 */
export class MemoryBus implements Bus {
  readonly #hub: Hub;
  readonly #subscriptions = new Map<string, Subscription>();

  /**
   * @param other a bus to connect to. The new bus shares messages with `other`, and with all buses that are connected to `other`. @default
   * none
   */
  constructor(other?: MemoryBus) {
    this.#hub = other === undefined ? new TopicMap() : other.#hub;
  }

  publish(topic: string, bytes: Uint8Array): void {
    // The message goes to the buses that are subscribed now. If a bus unsubscribes before the microtask runs, it does not receive the
    // message.
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

  /** Never calls the listener. A bus in memory has no connection that could be lost. */
  onState(): void {}

  async close(): Promise<void> {
    for (const pattern of this.#subscriptions.keys()) this.unsubscribe(pattern);
  }
}
