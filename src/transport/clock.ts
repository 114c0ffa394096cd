/**
 * The clock and the timers that all connections use. This file stores Node's timer functions when it is loaded. So connections still work
 * if a test later replaces the global functions with fake timers. Callbacks do not run in the AsyncLocalStorage context of the code that
 * set the timer. Otherwise the callbacks of all connections would run in the context of the first connection.
 */

import { AsyncResource } from 'node:async_hooks';

export interface Clock {
  /** Returns the time in milliseconds. A change of the system time does not affect this clock. */
  now(): number;
  /** Sets a timer, like Node's `setTimeout`. But this timer does not keep the process alive. */
  setTimeout(callback: () => void, delay: number): NodeJS.Timeout;
  clearTimeout(timer: NodeJS.Timeout): void;
  /** Calls `callback` at the end of this turn of the event loop. */
  atEndOfTurn(callback: () => void): void;
  /** Calls `callback` after the poll phase of the event loop. In this phase, Node reads the sockets and reports the received data. */
  afterPoll(callback: () => void): void;
}

class NoContext extends AsyncResource {
  /**
   * Returns false, because this resource does not keep the process alive. Some tools call this method to find out why a process does not
   * end, for example Jest with `--detectOpenHandles`.
   */
  hasRef(): boolean {
    return false;
  }
}

// Runs callbacks in the AsyncLocalStorage context in which the library was loaded. Usually, this context has no values.
const noContext = new NoContext('rfc6455');

const { setTimeout, clearTimeout, setImmediate } = globalThis;
const now = performance.now.bind(performance);

/** Calls `step` in the AsyncLocalStorage context in which the library was loaded, not in the context of the caller. */
export function withoutContext<This>(step: (this: This) => void, target: This): void {
  noContext.runInAsyncScope(step, target);
}

/** The clock of the process. Only tests replace its members. */
export const clock: Clock = {
  now,
  setTimeout: (callback, delay) => noContext.runInAsyncScope(setTimeout, null, callback, delay).unref(),
  clearTimeout: (timer) => clearTimeout(timer),
  // `setImmediate` calls its callback after the poll phase of the current turn of the event loop.
  atEndOfTurn: (callback) => void noContext.runInAsyncScope(setImmediate, null, callback),
  afterPoll: (callback) => void noContext.runInAsyncScope(setImmediate, null, callback),
};
