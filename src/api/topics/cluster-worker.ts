/** The bus in a worker of a node:cluster. The worker publishes and subscribes through the primary. */

import type { Worker } from 'node:cluster';
import { clock } from '../../transport/clock.ts';
import type { Bus, BusReceiver } from './bus.ts';
import { BusReceivers } from './bus-receivers.ts';
import { BusState } from './bus-state.ts';
import { ClusterChannel } from './cluster-channel.ts';
import { type ClusterMessage, readClusterMessage } from './cluster-messages.ts';

/**
 * Milliseconds. If the primary does not confirm a subscription in this time, the subscription fails. A primary that has a `ClusterBus`
 * confirms a subscription immediately.
 */
const ANSWER_TIMEOUT = 10_000;

const GONE = 'the primary of the cluster has disconnected';

/** A subscription that the primary has not confirmed yet. */
interface Pending {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class ClusterWorker implements Bus {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #channel: ClusterChannel;
  readonly #receivers = new BusReceivers();
  readonly #pending = new Map<string, Pending>();
  readonly #state = new BusState();
  readonly #onMessage = (message: unknown): void => {
    const read = readClusterMessage(message, this.#name);
    if (read !== null) this.#receive(read);
  };
  readonly #onDisconnect = (): void => {
    this.#fail(new Error(GONE));
    this.#state.set(false);
  };

  constructor(worker: Worker, name: string, maxWaiting: number) {
    this.#worker = worker;
    this.#name = name;
    this.#channel = new ClusterChannel(worker, name, maxWaiting);
    worker.on('message', this.#onMessage);
    worker.on('disconnect', this.#onDisconnect);
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    const own = Buffer.from(bytes);
    // The primary does not send a message back to its publisher. So the receivers in this worker get the message here.
    queueMicrotask(() => this.#receivers.deliver(topic, own));
    await this.#channel.publish(topic, own.toString('base64'));
  }

  subscribe(pattern: string, receiver: BusReceiver): Promise<void> {
    if (!this.#state.isUp) return Promise.reject(new Error(GONE));
    const isNew = !this.#receivers.patterns.has(pattern);
    this.#receivers.set(pattern, receiver);
    const pending = this.#pending.get(pattern);
    if (pending !== undefined) return pending.promise;
    return isNew ? this.#ask(pattern) : Promise.resolve();
  }

  unsubscribe(pattern: string): void {
    if (!this.#receivers.delete(pattern)) return;
    this.#settle(pattern)?.resolve();
    this.#channel.send({ bus: this.#name, kind: 'unsubscribe', pattern });
  }

  onState(listener: (up: boolean) => void): void {
    this.#state.listen(listener);
  }

  async close(): Promise<void> {
    for (const pattern of [...this.#receivers.patterns]) this.unsubscribe(pattern);
    this.#worker.off('message', this.#onMessage);
    this.#worker.off('disconnect', this.#onDisconnect);
    this.#state.close();
  }

  #receive(message: ClusterMessage): void {
    switch (message.kind) {
      case 'subscribe':
        this.#settle(message.pattern)?.resolve();
        break;
      case 'message':
        this.#receivers.deliver(message.topic, Buffer.from(message.bytes, 'base64'));
        break;
      case 'gap':
        this.#receivers.gap(message.topics);
        break;
      case 'hello':
        for (const pattern of this.#receivers.patterns) this.#request(pattern);
        break;
    }
  }

  #ask(pattern: string): Promise<void> {
    let resolve = (): void => {};
    let reject = (_error: Error): void => {};
    const promise = new Promise<void>((done, failed) => {
      resolve = done;
      reject = failed;
    });
    const timer = clock.setTimeout(() => {
      this.#receivers.delete(pattern);
      const error = new Error(
        'the primary of the cluster does not answer: create a ClusterBus there as well',
      );
      this.#settle(pattern)?.reject(error);
    }, ANSWER_TIMEOUT);
    this.#pending.set(pattern, { promise, resolve, reject, timer });
    this.#request(pattern);
    return promise;
  }

  #request(pattern: string): void {
    this.#channel.send({ bus: this.#name, kind: 'subscribe', pattern });
  }

  /** Removes a subscription from `#pending`, and stops its timer. @returns the subscription; undefined if it is not in `#pending` */
  #settle(pattern: string): Pending | undefined {
    const pending = this.#pending.get(pattern);
    if (pending === undefined) return undefined;
    clock.clearTimeout(pending.timer);
    this.#pending.delete(pattern);
    return pending;
  }

  #fail(error: Error): void {
    for (const pattern of [...this.#pending.keys()]) this.#settle(pattern)?.reject(error);
  }
}
