/** A bus in memory for tests. A test can make its commands fail. */
import type { Bus, BusReceiver } from '../../../src/api/topics/bus.ts';
import { MemoryBus } from '../../../src/api/topics/memory-bus.ts';

export class UnreliableBus implements Bus {
  readonly #bus: MemoryBus;
  /** All commands that were called, for example 'subscribe a/*'. */
  readonly calls: string[] = [];
  readonly receivers = new Map<string, BusReceiver>();
  /** The listener that was set with `onState`. A test calls it. */
  state: (up: boolean) => void = () => {};
  /** Each command calls this function, which may throw. If it returns a Promise, the command has its effect after the Promise resolves. */
  failing: (call: string) => Promise<void> | undefined = () => undefined;
  isClosed = false;

  constructor(other?: UnreliableBus) {
    this.#bus = new MemoryBus(other === undefined ? undefined : other.#bus);
  }

  publish(topic: string, bytes: Uint8Array): void | Promise<void> {
    return this.#run(`publish ${topic}`, () => this.#bus.publish(topic, bytes));
  }

  subscribe(pattern: string, receiver: BusReceiver): void | Promise<void> {
    this.receivers.set(pattern, receiver);
    return this.#run(`subscribe ${pattern}`, () => this.#bus.subscribe(pattern, receiver));
  }

  unsubscribe(pattern: string): void | Promise<void> {
    return this.#run(`unsubscribe ${pattern}`, () => this.#bus.unsubscribe(pattern));
  }

  onState(listener: (up: boolean) => void): void {
    this.state = listener;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#bus.close();
  }

  #run(call: string, effect: () => void): void | Promise<void> {
    this.calls.push(call);
    const waits = this.failing(call);
    if (waits === undefined) return effect();
    return waits.then(effect);
  }
}
