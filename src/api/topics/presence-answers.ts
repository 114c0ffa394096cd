/** When the other processes have answered for a topic that this process has begun to watch. */

import { clock } from '../../transport/clock.ts';
import type { PresenceView } from './presence-view.ts';

// Milliseconds in which processes answer; no one waits longer for them.
const ANSWER_TIME = 1_000;

interface Waiting {
  /** When the wait ends; `Infinity` before the bus has accepted the subscription. */
  until: number;
  readonly resolve: (() => void)[];
}

export class PresenceAnswers {
  readonly #waiting = new Map<PresenceView, Waiting>();
  readonly #processes: () => Iterable<string>;
  /** From when on all processes are known. */
  #knowsAllFrom = Number.POSITIVE_INFINITY;

  /** @param processes the other processes that are known */
  constructor(processes: () => Iterable<string>) {
    this.#processes = processes;
  }

  /** The other processes are asked who they are. */
  greeted(): void {
    this.#knowsAllFrom = clock.now() + ANSWER_TIME;
  }

  /** Answers for this topic will be needed. */
  open(view: PresenceView): void {
    this.#waiting.set(view, { until: Number.POSITIVE_INFINITY, resolve: [] });
  }

  /** The other processes are asked for their members of the topic. @returns when the wait ends */
  asked(view: PresenceView): number {
    const waiting = this.#waiting.get(view);
    if (waiting === undefined) return Number.POSITIVE_INFINITY;
    waiting.until = clock.now() + ANSWER_TIME;
    this.check(view);
    return waiting.until;
  }

  /** Resolves when all have answered, or the wait has ended. */
  ready(view: PresenceView): Promise<void> {
    const waiting = this.#waiting.get(view);
    if (waiting === undefined) return Promise.resolve();
    return new Promise((resolve) => waiting.resolve.push(resolve));
  }

  /** Answers came, or a process is gone. */
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

  /** Ends each wait whose time has come. @returns when the next one ends */
  checkAll(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const [view, { until }] of [...this.#waiting]) {
      this.check(view);
      if (this.#waiting.has(view)) next = Math.min(next, until);
    }
    return next;
  }
}
