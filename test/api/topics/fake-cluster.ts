/** Simulates `node:cluster` in one process, with a primary and its workers. Their channels carry JSON, and a test can stop a channel. */
import type { Cluster, Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';

/** One end of the channel between the primary and a worker. */
class FakeWorkerEnd extends EventEmitter {
  isOpen = true;
  /** If true, sent messages stay in the channel. */
  isStopped = false;
  readonly #deliver: (message: unknown) => void;
  readonly #queue: (() => void)[] = [];

  constructor(deliver: (message: unknown) => void) {
    super();
    this.#deliver = deliver;
  }

  isConnected(): boolean {
    return this.isOpen;
  }

  send(message: unknown, done: (error: Error | null) => void): boolean {
    const text = JSON.stringify(message);
    const deliver = (): void => {
      if (this.isOpen) this.#deliver(JSON.parse(text));
      done(this.isOpen ? null : new Error('Channel closed'));
    };
    if (this.isStopped) this.#queue.push(deliver);
    else setImmediate(deliver);
    return true;
  }

  resume(): void {
    this.isStopped = false;
    for (const deliver of this.#queue.splice(0)) setImmediate(deliver);
  }
}

class FakeCluster extends EventEmitter {
  readonly isPrimary: boolean;
  readonly workers: Record<number, FakeWorkerEnd> = {};
  worker: FakeWorkerEnd | undefined;

  constructor(isPrimary: boolean) {
    super();
    this.isPrimary = isPrimary;
  }
}

/** Returns a primary with `size` workers. */
export function fakeCluster(size: number) {
  const primary = new FakeCluster(true);
  const workers = Array.from({ length: size }, (_, id) => {
    const cluster = new FakeCluster(false);
    const atPrimary: FakeWorkerEnd = new FakeWorkerEnd((message) => atWorker.emit('message', message));
    const atWorker: FakeWorkerEnd = new FakeWorkerEnd((message) =>
      primary.emit('message', atPrimary, message),
    );
    cluster.worker = atWorker;
    primary.workers[id] = atPrimary;
    const end = (): void => {
      atPrimary.isOpen = false;
      atWorker.isOpen = false;
      delete primary.workers[id];
      atWorker.emit('disconnect');
      primary.emit('exit', atPrimary);
    };
    return {
      cluster: cluster as unknown as Cluster,
      worker: atWorker as unknown as Worker,
      atPrimary,
      atWorker,
      end,
    };
  });
  return { primary: primary as unknown as Cluster, workers };
}
