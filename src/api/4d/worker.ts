/**
 * Implements the worker of the 4D API, which is a queue that runs callbacks one at a time, in the order of their events. If a callback
 * returns a Promise, the next callback waits until the Promise has settled. While an event of a connection waits, link.ts stops reading
 * from that connection.
 */

import { isThenable } from '../callback.ts';
import { flag, limit, type OptionSpec } from '../option-spec.ts';
import { SlowCallback } from '../slow-callback.ts';

/** The option `serialize`, of servers and clients. */
export const serializeOption: OptionSpec<boolean, boolean> = flag({
  default: true,
  text: 'If true, each callback waits until the Promise of the previous callback has settled.',
});

/** The option `warnAfter`, of servers and clients. */
export const warnAfterOption: OptionSpec<number, number> = limit('ms', {
  default: 10_000,
  text: 'If a callback takes longer than this time while other callbacks wait for it, the library calls `onError`.',
});

/** The work for one event, such as calling a callback. A task never throws, and its Promise never rejects. */
export type Task = () => unknown;

/** The owner of a task's callback. The owner receives a report if the callback takes too long. */
export interface TaskOwner {
  /**
   * The worker calls this method if the callback takes too long.
   * @param waiting the number of tasks that wait for the callback
   * @param isGivenUp true if the worker stops waiting for the callback
   */
  reportSlow(waiting: number, isGivenUp: boolean): void;
}

export class Worker {
  #serialize: boolean;
  readonly #waiting = new Map<Task, TaskOwner | null>();
  readonly #slow: SlowCallback;
  #isBusy = false;
  /** True while a task is on the call stack. */
  #isOnStack = false;
  /**
   * The number of the task that the worker waits for. To give up a task, the worker changes this number. The end of that task then has no
   * effect.
   */
  #turn = 0;
  #owner: TaskOwner | null = null;
  /** The number of tasks that have not ended, if `serialize` is false. */
  #unsettled = 0;
  #idle: (() => void)[] = [];

  /**
   * @param serialize if false, no task waits for another task
   * @param warnAfter milliseconds. If a task takes longer while other tasks wait, the owner of the task receives a report
   */
  constructor(serialize: boolean, warnAfter: number = Number.POSITIVE_INFINITY) {
    this.#serialize = serialize;
    this.#slow = new SlowCallback(() => warnAfter);
  }

  /**
   * True if a task has called the code that reads this property. This code must then not wait for `idle`, because the task would never
   * end.
   */
  get isOnStack(): boolean {
    return this.#isOnStack;
  }

  /**
   * Runs a task during this call. If other tasks wait or are running, the task runs after these tasks.
   * @returns true if the task was started before this method returned
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

  /** Does the same as `post`, but never runs the task during this call. */
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

  /** Runs a task after the current code has returned. Tasks that are posted later run after this task. */
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

  /** Returns a Promise that is fulfilled when no task waits and no task is running. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
  }

  /**
   * Waits until no task waits and no task is running, but not longer than `time`. After `time`, reports the task that has not ended. Then
   * runs all waiting tasks, and does not wait for their Promises.
   * @param time milliseconds
   */
  async end(time: number): Promise<void> {
    // If the delay is above this maximum, `setTimeout` fires at once. So a longer time gets no timer.
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

  /** Runs a task immediately. No other task waits for this task, but `idle` does. */
  #runUnordered(task: Task): void {
    const result = this.#call(task);
    if (!isThenable(result)) return;
    this.#unsettled++;
    const settle = () => this.#settle();
    Promise.resolve(result).then(settle, settle);
  }

  #settle(): void {
    // `#giveUp` sets the count to 0 although some tasks have not ended. When these tasks end, the count must not become negative.
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
