/**
 * Implements a worker, as in 4D. A worker is a queue that runs callbacks one at a time, in the order of their events. If a callback returns
 * a Promise, the next callback waits until the Promise has settled. While an event of a connection waits, link.ts pauses the connection.
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
  text: 'If a callback has not ended after this time, and other callbacks wait for it, `onError` of its handler is called.',
});

/** The work for one event, such as calling a callback. A task never throws, and its Promise never rejects. */
export type Task = () => unknown;

/** The object whose callback a task calls. */
export interface TaskOwner {
  /**
   * Is called when the callback does not end.
   * @param waiting the number of tasks that wait for the callback
   * @param isGivenUp whether the worker stops waiting for the callback
   */
  reportSlow(waiting: number, isGivenUp: boolean): void;
}

export class Worker {
  #serialize: boolean;
  readonly #waiting = new Map<Task, TaskOwner | null>();
  readonly #slow: SlowCallback;
  #isBusy = false;
  /** Whether the code that runs now was called by a task. */
  #isOnStack = false;
  /**
   * The number of the task that the worker waits for. If the worker gives up a task, this number changes. The end of the task then has no
   * effect.
   */
  #turn = 0;
  #owner: TaskOwner | null = null;
  /** With `serialize` false, the number of tasks that have not ended. */
  #unsettled = 0;
  #idle: (() => void)[] = [];

  /**
   * @param serialize false: no task waits for another task
   * @param warnAfter milliseconds after which a task is reported to its owner, if other tasks wait for it
   */
  constructor(serialize: boolean, warnAfter: number = Number.POSITIVE_INFINITY) {
    this.#serialize = serialize;
    this.#slow = new SlowCallback(() => warnAfter);
  }

  /**
   * Whether a task has called the code that reads this property. Such code must not wait for `idle`: the task would wait for its own end.
   */
  get isOnStack(): boolean {
    return this.#isOnStack;
  }

  /**
   * Runs a task during this call. If other tasks wait or are running, the task runs after them.
   * @returns whether the task was started before this method returned
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
   * Waits as `idle` does, but for a limited time. After this time the worker reports the task that has not ended. It then runs all waiting
   * tasks, and does not wait for any Promise.
   * @param time milliseconds
   */
  async end(time: number): Promise<void> {
    // Above this maximum, `setTimeout` would fire at once. So no timer is started for a longer time.
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

  /** Runs a task immediately. No other task waits for this task; only `idle` does. */
  #runUnordered(task: Task): void {
    const result = this.#call(task);
    if (!isThenable(result)) return;
    this.#unsettled++;
    const settle = () => this.#settle();
    Promise.resolve(result).then(settle, settle);
  }

  #settle(): void {
    // `#giveUp` sets the count to 0 before all tasks have settled. The count must not become negative after that.
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
