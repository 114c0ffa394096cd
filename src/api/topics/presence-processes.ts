/**
 * Stores the other processes that use presence. A process counts as alive until its lease ends. Each message of the process renews the
 * lease. For each process, this class stores the end of the lease and the topics that the process watches.
 */

import { MAX_LEASE, MIN_LEASE } from './presence-options.ts';

// The maximum number of processes. Without a maximum, another program on the bus could invent any number of processes.
const MAX_PROCESSES = 1_000;

interface OtherProcess {
  /** The lease in milliseconds. If no message of the process comes for this time, the process counts as dead. */
  lease: number;
  aliveUntil: number;
  /**
   * The topics that the process watches. The key is the topic. The value is the time at which the process no longer counts as a watcher.
   */
  readonly watched: Map<string, number>;
}

export class PresenceProcesses {
  readonly #defaultLease: number;
  readonly #processes = new Map<string, OtherProcess>();

  constructor(defaultLease: number) {
    this.#defaultLease = defaultLease;
  }

  /** The names of all processes that are alive. */
  get names(): Iterable<string> {
    return this.#processes.keys();
  }

  /**
   * Renews the lease of a process that has sent a message. Until the lease ends, the process counts as alive.
   * @param lease the new lease of the process, in milliseconds; null if the lease does not change
   * @returns the time at which the lease ends; null if there are too many processes
   */
  heardOf(name: string, lease: number | null, now: number): number | null {
    let process = this.#processes.get(name);
    if (process === undefined) {
      if (this.#processes.size >= MAX_PROCESSES) return null;
      process = { lease: this.#defaultLease, aliveUntil: 0, watched: new Map() };
      this.#processes.set(name, process);
    }
    if (lease !== null) process.lease = Math.min(Math.max(lease, MIN_LEASE), MAX_LEASE);
    process.aliveUntil = now + process.lease;
    return process.aliveUntil;
  }

  /** Notes that a known process watches a topic. The note is valid for the time of one lease of the process. */
  watches(name: string, topic: string, now: number): void {
    const process = this.#processes.get(name)!;
    process.watched.set(topic, now + process.lease);
  }

  /** Forgets a process. @returns the topics that it watched */
  delete(name: string): Iterable<string> {
    const process = this.#processes.get(name);
    this.#processes.delete(name);
    return process?.watched.keys() ?? [];
  }

  /** Returns the earliest time at which a process will count as dead (its lease ends). Returns `Infinity` if no other process is known. */
  nextEnd(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { aliveUntil } of this.#processes.values()) next = Math.min(next, aliveUntil);
    return next;
  }

  /** Returns the processes whose lease has ended. They count as dead. */
  ended(now: number): string[] {
    return [...this.#processes].filter(([, { aliveUntil }]) => aliveUntil <= now).map(([name]) => name);
  }

  /** Forgets each topic that its process no longer watches. @param unwatched is called for each of these topics */
  expireWatches(now: number, unwatched: (topic: string, name: string) => void): void {
    for (const [name, { watched }] of this.#processes) {
      for (const [topic, until] of watched) {
        if (until > now) continue;
        watched.delete(topic);
        unwatched(topic, name);
      }
    }
  }

  /**
   * Extends the leases of all processes. Is called after this process was suspended, because this process could not read messages while it
   * was suspended.
   * @param time milliseconds
   */
  extend(time: number): void {
    for (const process of this.#processes.values()) {
      process.aliveUntil += time;
      for (const [topic, until] of process.watched) process.watched.set(topic, until + time);
    }
  }
}
