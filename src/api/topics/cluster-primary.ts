/** The bus in the primary of a node:cluster. The primary passes each message on to the workers that subscribed to its topic. */

import type { Cluster, Worker } from 'node:cluster';
import type { Bus, BusReceiver } from './bus.ts';
import { BusReceivers } from './bus-receivers.ts';
import { ClusterChannel } from './cluster-channel.ts';
import { type ClusterMessage, readClusterMessage } from './cluster-messages.ts';
import { TopicMap } from './topic-map.ts';

class Remote {
  readonly channel: ClusterChannel;
  readonly patterns = new Set<string>();

  constructor(channel: ClusterChannel) {
    this.channel = channel;
  }
}

/** Passes messages on between workers. Also serves as the bus of the primary itself. */
export class ClusterPrimary implements Bus {
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #maxWaiting: number;
  readonly #own = new BusReceivers();
  readonly #remotes = new Map<Worker, Remote>();
  /** For each pattern, the workers that subscribed to it. */
  readonly #subscribers = new TopicMap<Set<Remote>>();
  readonly #onMessage = (worker: Worker, message: unknown): void => {
    const read = readClusterMessage(message, this.#name);
    if (read !== null) this.#receive(worker, read);
  };
  readonly #onExit = (worker: Worker): void => this.#forget(worker);

  constructor(cluster: Cluster, name: string, maxWaiting: number) {
    this.#cluster = cluster;
    this.#name = name;
    this.#maxWaiting = maxWaiting;
    cluster.on('message', this.#onMessage);
    cluster.on('disconnect', this.#onExit);
    cluster.on('exit', this.#onExit);
    // Some workers might have sent their subscriptions before this object existed. So each worker is asked to send its subscriptions again.
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker?.isConnected()) this.#remote(worker).channel.send({ bus: name, kind: 'hello' });
    }
  }

  publish(topic: string, bytes: Uint8Array): void {
    // The bytes are copied, because a microtask delivers them later. The caller may change its memory before that.
    const own = Buffer.from(bytes);
    this.#relay(topic, own.toString('base64'), null);
    queueMicrotask(() => this.#own.deliver(topic, own));
  }

  subscribe(pattern: string, receiver: BusReceiver): void {
    this.#own.set(pattern, receiver);
  }

  unsubscribe(pattern: string): void {
    this.#own.delete(pattern);
  }

  /** Never calls the listener. The primary passes on the messages itself, so it cannot lose a connection. */
  onState(): void {}

  async close(): Promise<void> {
    this.#own.clear();
    this.#cluster.off('message', this.#onMessage);
    this.#cluster.off('disconnect', this.#onExit);
    this.#cluster.off('exit', this.#onExit);
  }

  #receive(worker: Worker, message: ClusterMessage): void {
    switch (message.kind) {
      case 'subscribe':
        this.#subscribe(this.#remote(worker), message.pattern);
        this.#remote(worker).channel.send(message);
        break;
      case 'unsubscribe':
        this.#unsubscribe(this.#remote(worker), message.pattern);
        break;
      case 'message':
        this.#relay(message.topic, message.bytes, worker);
        this.#own.deliver(message.topic, Buffer.from(message.bytes, 'base64'));
        break;
      case 'gap':
        for (const [other, { channel }] of this.#remotes) if (other !== worker) channel.send(message);
        this.#own.gap(message.topics);
        break;
      case 'hello':
        break;
    }
  }

  #remote(worker: Worker): Remote {
    let remote = this.#remotes.get(worker);
    if (remote === undefined) {
      remote = new Remote(new ClusterChannel(worker, this.#name, this.#maxWaiting));
      this.#remotes.set(worker, remote);
    }
    return remote;
  }

  #subscribe(remote: Remote, pattern: string): void {
    remote.patterns.add(pattern);
    const subscribers = this.#subscribers.get(pattern);
    if (subscribers === undefined) this.#subscribers.add(pattern, new Set([remote]));
    else subscribers.add(remote);
  }

  #unsubscribe(remote: Remote, pattern: string): void {
    remote.patterns.delete(pattern);
    const subscribers = this.#subscribers.get(pattern);
    subscribers?.delete(remote);
    if (subscribers?.size === 0) this.#subscribers.delete(pattern);
  }

  #forget(worker: Worker): void {
    const remote = this.#remotes.get(worker);
    if (remote === undefined) return;
    for (const pattern of remote.patterns) this.#unsubscribe(remote, pattern);
    this.#remotes.delete(worker);
  }

  /** Sends a message once to each worker that subscribed to its topic. Does not send the message back to its publisher. */
  #relay(topic: string, bytes: string, from: Worker | null): void {
    const sender = from === null ? undefined : this.#remotes.get(from);
    const found = this.#subscribers.match(topic);
    const remotes = found.length === 1 ? found[0]! : new Set(found.flatMap((some) => [...some]));
    for (const remote of remotes) {
      // A failure needs no action here. If the channel of a worker is full, the worker is notified of lost messages. If a worker has
      // exited, it needs no message.
      if (remote !== sender) remote.channel.publish(topic, bytes).catch(() => {});
    }
  }
}
