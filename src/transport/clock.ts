/**
 * The clock and the timers of all connections. This file reads Node's functions once, when the file is loaded. If an application's tests
 * replace the global functions by fake timers later, sending and the deadlines still work. All connections share the timers. So a callback
 * of a timer must not run in the AsyncLocalStorage context of one connection. Otherwise all callbacks would run in the context of the first
 * connection.
 */

import { AsyncResource } from 'node:async_hooks';

export interface Clock {
  /** Returns milliseconds on a clock that never jumps. */
  now(): number;
  /** Does the same as Node's `setTimeout`, but the timer does not keep the process alive: only sockets keep it alive. */
  setTimeout(callback: () => void, delay: number): NodeJS.Timeout;
  clearTimeout(timer: NodeJS.Timeout): void;
  /** Calls `callback` at the end of this turn of the event loop. */
  atEndOfTurn(callback: () => void): void;
  /** Calls `callback` after the poll phase of the event loop. In this phase, Node reads the sockets and reports the received data. */
  afterPoll(callback: () => void): void;
}

class NoContext extends AsyncResource {
  /**
   * Returns false: this resource does not keep the process alive. Tools that search for the reason why a process does not end call this
   * method on each asynchronous resource. One such tool is Jest with `--detectOpenHandles`.
   */
  hasRef(): boolean {
    return false;
  }
}

// This resource has the context in which the library was loaded. In this context, usually no AsyncLocalStorage has a value.
const noContext = new NoContext('rfc6455');

const { setTimeout, clearTimeout, setImmediate } = globalThis;
const now = performance.now.bind(performance);

/** Runs `step` in the context in which the library was loaded, not in the caller's context. */
export function withoutContext<This>(step: (this: This) => void, target: This): void {
  noContext.runInAsyncScope(step, target);
}

/** The clock of the process. Only tests replace its members. */
export const clock: Clock = {
  now,
  setTimeout: (callback, delay) => noContext.runInAsyncScope(setTimeout, null, callback, delay).unref(),
  clearTimeout: (timer) => clearTimeout(timer),
  // `setImmediate` calls back after the poll phase of the turn in which it is called.
  atEndOfTurn: (callback) => void noContext.runInAsyncScope(setImmediate, null, callback),
  afterPoll: (callback) => void noContext.runInAsyncScope(setImmediate, null, callback),
};
