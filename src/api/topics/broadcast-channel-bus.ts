/** A bus between the threads of one process, over the standard's BroadcastChannel. */

import { describe } from '../option-names.ts';
import type { Bus, BusReceiver } from './bus.ts';
import { BusReceivers } from './bus-receivers.ts';

/**
 * A bus for worker threads: each thread makes one by the same name. Every thread receives every message and keeps what it
 * subscribed to. Nothing is lost, so there is no gap; what a thread has not read yet waits in memory.
 */
export class BroadcastChannelBus implements Bus {
  readonly #channel: InstanceType<typeof BroadcastChannel>;
  readonly #receivers = new BusReceivers();

  /**
   * @param name the threads of one name share their messages. @default 'rfc6455'
   * @throws {TypeError} for a name that is not a string
   */
  constructor(name = 'rfc6455') {
    if (typeof name !== 'string') throw new TypeError(`the name is ${describe(name)}, not a string`);
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = (event: unknown) => this.#receive((event as { data: unknown }).data);
  }

  publish(topic: string, bytes: Uint8Array): void {
    // A clone of a view is one of all the memory below it: of a Buffer, that may be a pool with bytes of others.
    const own = new Uint8Array(bytes);
    this.#channel.postMessage([topic, own]);
    // What this channel sends does not come back to it.
    queueMicrotask(() => this.#receivers.deliver(topic, own));
  }

  subscribe(pattern: string, receiver: BusReceiver): void {
    this.#receivers.set(pattern, receiver);
  }

  unsubscribe(pattern: string): void {
    this.#receivers.delete(pattern);
  }

  /** Threads of one process are never apart. */
  onState(): void {}

  async close(): Promise<void> {
    this.#receivers.clear();
    this.#channel.close();
  }

  /** The program may use the name for messages of another form. */
  #receive(data: unknown): void {
    if (!Array.isArray(data) || data.length !== 2) return;
    const [topic, bytes] = data as [unknown, unknown];
    if (typeof topic === 'string' && bytes instanceof Uint8Array) this.#receivers.deliver(topic, bytes);
  }
}
