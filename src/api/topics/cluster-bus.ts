/**
 * Carries messages between the processes of a node:cluster. Uses the channel that node:cluster opens between each worker and the primary.
 */

import type { Cluster } from 'node:cluster';
import { describe } from '../option-names.ts';
import { readOptions } from '../option-spec.ts';
import type { Bus, BusReceiver } from './bus.ts';
import { busSpecs, type ClusterBusOptions } from './bus-options.ts';
import { ClusterPrimary } from './cluster-primary.ts';
import { ClusterWorker } from './cluster-worker.ts';

/**
 * A bus for `node:cluster`. Create a `ClusterBus` in each worker, and one in the primary. The primary passes the messages on to the
 * workers. The primary can also subscribe and publish. If `maxWaiting` bytes already wait for a worker, further messages to this worker are
 * dropped, and the worker is notified of lost messages. If the primary ends, the buses of its workers stay disconnected.
 */
export class ClusterBus implements Bus {
  readonly #part: Bus;

  /**
   * @param cluster the default export of `node:cluster`
   * @throws {TypeError} if `cluster` is any other value, or if this process does not belong to a cluster
   */
  constructor(cluster: Cluster, options: ClusterBusOptions = {}) {
    if (typeof cluster?.on !== 'function' || typeof cluster.isPrimary !== 'boolean') {
      throw new TypeError(`cluster is ${describe(cluster)}, not the default export of node:cluster`);
    }
    const { prefix, maxWaiting } = readOptions('ClusterBus', options, busSpecs);
    if (cluster.isPrimary) this.#part = new ClusterPrimary(cluster, prefix, maxWaiting);
    else if (cluster.worker) this.#part = new ClusterWorker(cluster.worker, prefix, maxWaiting);
    else throw new TypeError('this process is neither the primary nor a worker of a cluster');
  }

  publish(topic: string, bytes: Uint8Array): void | Promise<void> {
    return this.#part.publish(topic, bytes);
  }

  subscribe(pattern: string, receiver: BusReceiver): void | Promise<void> {
    return this.#part.subscribe(pattern, receiver);
  }

  unsubscribe(pattern: string): void | Promise<void> {
    return this.#part.unsubscribe(pattern);
  }

  onState(listener: (up: boolean) => void): void {
    this.#part.onState(listener);
  }

  close(): Promise<void> {
    return this.#part.close();
  }
}
