/** Connects the threads of one process. Uses the web standard `BroadcastChannel`. */

import { describe } from '../option-names.ts';
import type { Bus, BusReceiver } from './bus.ts';
import { BusReceivers } from './bus-receivers.ts';

/**
 * Carries messages between worker threads. Each thread creates a `BroadcastChannelBus` with the same name. Every thread receives every
 * message, and ignores messages to topics that it has not subscribed to. The bus loses no messages, so it never reports a gap (lost
 * messages). Unread messages wait in memory.
 */
export class BroadcastChannelBus implements Bus {
  readonly #channel: InstanceType<typeof BroadcastChannel>;
  readonly #receivers = new BusReceivers();

  /**
   * @param name buses with the same name share their messages. @default 'rfc6455'
   * @throws {TypeError} for a name that is not a string
   */
  constructor(name = 'rfc6455') {
    if (typeof name !== 'string') throw new TypeError(`the name is ${describe(name)}, not a string`);
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = (event: unknown) => this.#receive((event as { data: unknown }).data);
  }

  publish(topic: string, bytes: Uint8Array): void {
    // `postMessage` would copy the whole ArrayBuffer of `bytes`. This ArrayBuffer can be a memory pool that contains other data too. So
    // only the message is copied here.
    const own = new Uint8Array(bytes);
    this.#channel.postMessage([topic, own]);
    // A BroadcastChannel does not receive the messages that it sends. So the receivers in this thread get the message here.
    queueMicrotask(() => this.#receivers.deliver(topic, own));
  }

  subscribe(pattern: string, receiver: BusReceiver): void {
    this.#receivers.set(pattern, receiver);
  }

  unsubscribe(pattern: string): void {
    this.#receivers.delete(pattern);
  }

  /** Never calls the listener. The threads of one process cannot lose their connection. */
  onState(): void {}

  async close(): Promise<void> {
    this.#receivers.clear();
    this.#channel.close();
  }

  /** Delivers a message of another thread. Ignores any other value: the program may use a BroadcastChannel with the same name. */
  #receive(data: unknown): void {
    if (!Array.isArray(data) || data.length !== 2) return;
    const [topic, bytes] = data as [unknown, unknown];
    if (typeof topic === 'string' && bytes instanceof Uint8Array) this.#receivers.deliver(topic, bytes);
  }
}
