/**
 * Waits for the answers of the other processes about the members of a topic. This process asks for these members when it begins to watch
 * the topic. An answer is a snapshot (a list of the members).
 */

import { clock } from '../../transport/clock.ts';
import type { PresenceView } from './presence-view.ts';

// The maximum number of milliseconds to wait for the answers of the other processes.
const ANSWER_TIME = 1_000;

interface Waiting {
  /** The time at which the wait ends. `Infinity` until the bus has accepted the subscription to the topic. */
  until: number;
  readonly resolve: (() => void)[];
}

export class PresenceAnswers {
  readonly #waiting = new Map<PresenceView, Waiting>();
  readonly #processes: () => Iterable<string>;
  /** From this time on, this process knows all other processes, because they have had time to answer its greeting. */
  #knowsAllFrom = Number.POSITIVE_INFINITY;

  /** @param processes returns the names of the other processes that are known */
  constructor(processes: () => Iterable<string>) {
    this.#processes = processes;
  }

  /** Is called when this process asks all other processes to send a message. */
  greeted(): void {
    this.#knowsAllFrom = clock.now() + ANSWER_TIME;
  }

  /** Begins to wait for the answers of the other processes for this topic. */
  open(view: PresenceView): void {
    this.#waiting.set(view, { until: Number.POSITIVE_INFINITY, resolve: [] });
  }

  /**
   * Is called when this process asks the other processes for their members of the topic. @returns the time after which this process no
   * longer waits for answers
   */
  asked(view: PresenceView): number {
    const waiting = this.#waiting.get(view);
    if (waiting === undefined) return Number.POSITIVE_INFINITY;
    waiting.until = clock.now() + ANSWER_TIME;
    this.check(view);
    return waiting.until;
  }

  /** Resolves when all processes have answered for this topic, or when the maximum time is over. */
  ready(view: PresenceView): Promise<void> {
    const waiting = this.#waiting.get(view);
    if (waiting === undefined) return Promise.resolve();
    return new Promise((resolve) => waiting.resolve.push(resolve));
  }

  /** Stops waiting for answers about this topic if all processes have answered, or if the maximum time is over. */
  check(view: PresenceView): void {
    const until = this.#waiting.get(view)?.until ?? Number.POSITIVE_INFINITY;
    if (until === Number.POSITIVE_INFINITY) return;
    const now = clock.now();
    if (now >= until || (now >= this.#knowsAllFrom && view.hasAll(this.#processes()))) this.end(view);
  }

  end(view: PresenceView): void {
    const waiting = this.#waiting.get(view);
    this.#waiting.delete(view);
    for (const resolve of waiting?.resolve ?? []) resolve();
  }

  /** Calls `check` for each topic. @returns the earliest time at which the wait for a topic ends */
  checkAll(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const [view, { until }] of [...this.#waiting]) {
      this.check(view);
      if (this.#waiting.has(view)) next = Math.min(next, until);
    }
    return next;
  }
}
