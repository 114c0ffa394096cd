/**
 * The worker that callbacks run in, as in 4D: one at a time, in the order of their events. A Promise that a callback
 * returns is waited for. What a waiting event means for its connection (it stops reading) is link.ts.
 */

import { isThenable } from '../callback.ts';
import { flag, type OptionSpec } from '../option-spec.ts';

/** The option `serialize`, of servers and clients. */
export const serializeOption: OptionSpec<boolean, boolean> = flag({
  default: true,
  text: 'Whether each callback waits for the Promise of the one before.',
});

/** One event's work. Never throws, and its Promise is never rejected. */
export type Task = () => unknown;

/** A queue of callbacks. */
export class Worker {
  readonly #serialize: boolean;
  readonly #waiting = new Set<Task>();
  #isBusy = false;

  /** @param serialize false: everything runs at once, and nothing is waited for */
  constructor(serialize: boolean) {
    this.#serialize = serialize;
  }

  /**
   * Runs a task now, or after those that came before.
   * @returns whether it was started: an idle worker starts it before this returns
   */
  post(task: Task): boolean {
    if (!this.#serialize) {
      task();
      return true;
    }
    if (this.#isBusy) {
      this.#waiting.add(task);
      return false;
    }
    this.#start(task);
    this.#goOn();
    return true;
  }

  /** As `post`, but never on the caller's stack. */
  postApart(task: Task): boolean {
    if (this.#serialize && this.#isBusy) return this.post(task);
    this.postLater(task);
    return false;
  }

  /** Takes a task back that has not been started. */
  drop(task: Task): void {
    this.#waiting.delete(task);
  }

  /** Posts a task that runs, with all that follow it, when the code at hand is done. */
  postLater(task: Task): void {
    if (!this.#serialize) {
      process.nextTick(task);
      return;
    }
    this.#isBusy = true;
    this.#waiting.add(task);
    process.nextTick(() => this.#finish());
  }

  #start(task: Task): void {
    this.#isBusy = true;
    const result = task();
    if (isThenable(result)) {
      const finish = () => this.#finish();
      Promise.resolve(result).then(finish, finish);
    } else {
      this.#isBusy = false;
    }
  }

  #finish(): void {
    this.#isBusy = false;
    this.#goOn();
  }

  #goOn(): void {
    while (!this.#isBusy) {
      const { value: task, done } = this.#waiting.values().next();
      if (done) return;
      this.#waiting.delete(task);
      this.#start(task);
    }
  }
}
