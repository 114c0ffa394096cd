/**
 * The worker that callbacks run in, as in 4D: one at a time, in the order of their events. If a callback returns a Promise, the next
 * callback waits for it. The effect of a waiting event on its connection (it stops reading) is in link.ts.
 */

import { isThenable } from '../callback.ts';
import { flag, limit, type OptionSpec } from '../option-spec.ts';
import { SlowCallback } from '../slow-callback.ts';

/** The option `serialize`, of servers and clients. */
export const serializeOption: OptionSpec<boolean, boolean> = flag({
  default: true,
  text: 'Whether each callback waits until the Promise of the previous callback is settled.',
});

/** The option `warnAfter`, of servers and clients. */
export const warnAfterOption: OptionSpec<number, number> = limit('ms', {
  default: 10_000,
  text: 'How long a callback may run while others wait for it, before it is reported to its `onError`.',
});

/** One event's work. Never throws, and its Promise is never rejected. */
export type Task = () => unknown;

/** The object whose callback a task calls. */
export interface TaskOwner {
  /** The callback does not end. @param waiting how many tasks wait for it */
  reportSlow(waiting: number, isGivenUp: boolean): void;
}

/** A queue of callbacks. */
export class Worker {
  #serialize: boolean;
  readonly #waiting = new Map<Task, TaskOwner | null>();
  readonly #slow: SlowCallback;
  #isBusy = false;
  /** A task is being called, further down the stack. */
  #isOnStack = false;
  /**
   * Number of the task that the worker waits for. A task that the worker no longer waits for has an older number, and its end has no
   * effect.
   */
  #turn = 0;
  #owner: TaskOwner | null = null;
  /** Tasks whose Promises have not settled, and those that are about to run. */
  #unsettled = 0;
  #idle: (() => void)[] = [];

  /**
   * @param serialize false: everything runs at once, and nothing waits
   * @param warnAfter milliseconds after which a task that others wait for is reported to its owner
   */
  constructor(serialize: boolean, warnAfter: number = Number.POSITIVE_INFINITY) {
    this.#serialize = serialize;
    this.#slow = new SlowCallback(() => warnAfter);
  }

  /** Whether the caller is a task, so that waiting for this worker would be waiting for itself. */
  get isOnStack(): boolean {
    return this.#isOnStack;
  }

  /**
   * Runs a task now, or after those that came before.
   * @returns whether it was started: an idle worker starts it before this returns
   */
  post(task: Task, owner: TaskOwner | null = null): boolean {
    if (!this.#serialize) {
      this.#runUnordered(task);
      return true;
    }
    if (this.#isBusy) {
      this.#waiting.set(task, owner);
      return false;
    }
    this.#start(task, owner);
    this.#goOn();
    return true;
  }

  /** The same as `post`, but never on the caller's stack. */
  postApart(task: Task, owner: TaskOwner | null = null): boolean {
    if (this.#serialize && this.#isBusy) return this.post(task, owner);
    this.postLater(task, owner);
    return false;
  }

  /** Removes a task that has not been started. */
  drop(task: Task): void {
    this.#waiting.delete(task);
    this.#checkIdle();
  }

  /** Posts a task that runs, with all that follow it, once the current code has returned. */
  postLater(task: Task, owner: TaskOwner | null = null): void {
    if (!this.#serialize) {
      this.#unsettled++;
      process.nextTick(() => {
        this.#runUnordered(task);
        this.#settle();
      });
      return;
    }
    this.#isBusy = true;
    this.#waiting.set(task, owner);
    const turn = ++this.#turn;
    process.nextTick(() => this.#finish(turn));
  }

  /** Resolves when no task waits and none is running. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
  }

  /**
   * The same as `idle`, but for a limited time. After that the worker reports the task that does not end, no longer waits for it, and runs
   * the other tasks without waiting.
   * @param time milliseconds
   */
  async end(time: number): Promise<void> {
    // Node fires a longer timer at once, so a longer time gets no timer.
    const timer = time <= 2_147_483_647 ? setTimeout(() => this.#giveUp(), time) : undefined;
    await this.idle();
    clearTimeout(timer);
  }

  #giveUp(): void {
    this.#serialize = false;
    this.#unsettled = 0;
    if (this.#isBusy) this.#owner?.reportSlow(this.#waiting.size, true);
    this.#turn++;
    this.#isBusy = false;
    this.#slow.end();
    for (const task of [...this.#waiting.keys()]) {
      this.#waiting.delete(task);
      this.#call(task);
    }
    this.#checkIdle();
  }

  #call(task: Task): unknown {
    const before = this.#isOnStack;
    this.#isOnStack = true;
    const result = task();
    this.#isOnStack = before;
    return result;
  }

  /** Runs a task without waiting for others, and without others waiting for it; only `idle` waits for it. */
  #runUnordered(task: Task): void {
    const result = this.#call(task);
    if (!isThenable(result)) return;
    this.#unsettled++;
    const settle = () => this.#settle();
    Promise.resolve(result).then(settle, settle);
  }

  #settle(): void {
    // After `#giveUp`, some tasks are no longer counted.
    this.#unsettled = Math.max(0, this.#unsettled - 1);
    this.#checkIdle();
  }

  #start(task: Task, owner: TaskOwner | null): void {
    this.#isBusy = true;
    const result = this.#call(task);
    if (!isThenable(result)) {
      this.#isBusy = false;
      return;
    }
    const turn = ++this.#turn;
    this.#owner = owner;
    if (owner !== null) this.#slow.begin(() => owner.reportSlow(this.#waiting.size, false));
    const finish = () => this.#finish(turn);
    Promise.resolve(result).then(finish, finish);
  }

  #finish(turn: number): void {
    if (turn !== this.#turn) return;
    this.#slow.end();
    this.#owner = null;
    this.#isBusy = false;
    this.#goOn();
  }

  #goOn(): void {
    while (!this.#isBusy) {
      const { value: next, done } = this.#waiting.entries().next();
      if (done) break;
      const [task, owner] = next;
      this.#waiting.delete(task);
      this.#start(task, owner);
    }
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#idle.length === 0 || this.#isBusy || this.#waiting.size + this.#unsettled > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
