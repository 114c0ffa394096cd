/** A bus between the threads of one process. It uses BroadcastChannel of the web standard. */

import { describe } from '../option-names.ts';
import type { Bus, BusReceiver } from './bus.ts';
import { BusReceivers } from './bus-receivers.ts';

/**
 * A bus for worker threads. Each thread creates a `BroadcastChannelBus` with the same name. Every thread receives every message. A thread
 * ignores messages to which it has not subscribed. The bus loses no messages, so it never reports a gap. Unread messages wait in memory.
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
    // The bytes are copied, because cloning a view clones its whole ArrayBuffer. The ArrayBuffer of a Buffer may be a pool that contains
    // other data too.
    const own = new Uint8Array(bytes);
    this.#channel.postMessage([topic, own]);
    // A channel does not receive its own messages. So the receivers of this thread get the message here.
    queueMicrotask(() => this.#receivers.deliver(topic, own));
  }

  subscribe(pattern: string, receiver: BusReceiver): void {
    this.#receivers.set(pattern, receiver);
  }

  unsubscribe(pattern: string): void {
    this.#receivers.delete(pattern);
  }

  /** Never calls the listener, since threads of one process cannot lose their connection. */
  onState(): void {}

  async close(): Promise<void> {
    this.#receivers.clear();
    this.#channel.close();
  }

  /**
   * Delivers a message of another thread. Values in another form are ignored. The program may have sent them on its own channel with the
   * same name.
   */
  #receive(data: unknown): void {
    if (!Array.isArray(data) || data.length !== 2) return;
    const [topic, bytes] = data as [unknown, unknown];
    if (typeof topic === 'string' && bytes instanceof Uint8Array) this.#receivers.deliver(topic, bytes);
  }
}
