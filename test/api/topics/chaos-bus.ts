/** A bus for tests with a fake clock. It loses, delays and reorders messages, and a test can cut a single bus off from all others. */
import type { Bus, BusReceiver } from '../../../src/api/topics/bus.ts';
import { TopicMap } from '../../../src/api/topics/topic-map.ts';

/** The state that all buses of a test share. */
export class ChaosHub {
  readonly buses: ChaosBus[] = [];
  /** Returns true if the next message to one receiver is lost. */
  isLost: (topic: string) => boolean = () => false;
  /**
   * Returns how many milliseconds the next message to one receiver takes. With 0, the message is delivered in a microtask.
   */
  delay: () => number = () => 0;
  /** All published messages, with topic, size and text. */
  readonly published: { topic: string; size: number; text: string }[] = [];

  bus(): ChaosBus {
    const bus = new ChaosBus(this);
    this.buses.push(bus);
    return bus;
  }
}

export class ChaosBus implements Bus {
  readonly #hub: ChaosHub;
  readonly #receivers = new TopicMap<BusReceiver>();
  /** The subscribed patterns, in the order of their subscription. */
  readonly patterns: Set<string> = new Set();
  #listener: (up: boolean) => void = () => {};
  #isUp = true;
  /** If true, the bus neither sends nor receives messages, and calls no listener, as if its process had been killed. */
  isDead = false;
  /** If true, the bus receives no messages, and does not notice the loss. */
  isDeaf = false;

  constructor(hub: ChaosHub) {
    this.#hub = hub;
  }

  publish(topic: string, bytes: Uint8Array): void | Promise<void> {
    if (this.isDead) return;
    if (!this.#isUp) return Promise.reject(new Error('away'));
    const copy = Buffer.from(bytes);
    this.#hub.published.push({ topic, size: bytes.length, text: copy.toString() });
    for (const bus of this.#hub.buses) {
      if (this.#hub.isLost(topic)) continue;
      const time = this.#hub.delay();
      const deliver = (): void => bus.#deliver(topic, copy);
      if (time === 0) queueMicrotask(deliver);
      else setTimeout(deliver, time);
    }
  }

  subscribe(pattern: string, receiver: BusReceiver): void {
    this.unsubscribe(pattern);
    this.#receivers.add(pattern, receiver);
    this.patterns.add(pattern);
  }

  unsubscribe(pattern: string): void {
    this.#receivers.delete(pattern);
    this.patterns.delete(pattern);
  }

  onState(listener: (up: boolean) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.isDead = true;
  }

  /** Cuts this bus off from all others, and notifies its listener. */
  away(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#listener(false);
  }

  /** Connects this bus again, and notifies all its receivers of a gap. */
  back(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#listener(true);
    this.gap();
  }

  gap(): void {
    for (const receiver of [...this.#receivers.values()]) receiver.gap();
  }

  #deliver(topic: string, bytes: Uint8Array): void {
    if (this.isDead || this.isDeaf || !this.#isUp) return;
    for (const receiver of this.#receivers.match(topic)) receiver.message(topic, bytes);
  }
}
