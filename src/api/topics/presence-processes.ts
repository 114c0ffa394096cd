/**
 * Keeps the other processes that use presence. For each process, this class stores the topics that the process watches, and the time at
 * which its lease ends. Until that time the process counts as alive.
 */

import { MAX_LEASE, MIN_LEASE } from './presence-options.ts';

// The maximum number of processes. Without a maximum, a program that writes to the bus could invent any number of processes.
const MAX_PROCESSES = 1_000;

interface OtherProcess {
  /** Milliseconds. */
  lease: number;
  aliveUntil: number;
  /** For each topic that the process watches, the time at which the watch expires. */
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
   * Renews the lease of a process that has sent a message.
   * @param lease the lease that the process asks for; null to keep its last lease
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

  /** Notes that a known process watches a topic. The note expires after the lease of the process. */
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

  /** The time at which the next lease ends; `Infinity` if no other process is known. */
  nextEnd(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { aliveUntil } of this.#processes.values()) next = Math.min(next, aliveUntil);
    return next;
  }

  /** The processes whose lease has ended. */
  ended(now: number): string[] {
    return [...this.#processes].filter(([, { aliveUntil }]) => aliveUntil <= now).map(([name]) => name);
  }

  /** Forgets the topics that processes no longer watch. @param unwatched is called for each of these topics */
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
   * Extends all leases. Is called after this process was suspended and could not read messages.
   * @param time milliseconds
   */
  extend(time: number): void {
    for (const process of this.#processes.values()) {
      process.aliveUntil += time;
      for (const [topic, until] of process.watched) process.watched.set(topic, until + time);
    }
  }
}
