/**
 * The clock and the timers of all connections. This file takes Node's functions once, when it is loaded, so that the fake timers of an
 * application's tests stop neither sending nor a deadline. All connections share the timers. So the callbacks of the timers run outside the
 * AsyncLocalStorage context of any connection: otherwise all callbacks would run in the context of the first connection.
 */

import { AsyncResource } from 'node:async_hooks';

export interface Clock {
  /** Returns milliseconds on a clock that never jumps. */
  now(): number;
  /** The same as Node's `setTimeout`, but the timer does not keep the process alive: only sockets do that. */
  setTimeout(callback: () => void, delay: number): NodeJS.Timeout;
  clearTimeout(timer: NodeJS.Timeout): void;
  /** Calls `callback` at the end of this turn of the event loop. */
  atEndOfTurn(callback: () => void): void;
  /** Calls `callback` after the sockets were polled for received data. */
  afterPoll(callback: () => void): void;
}

class NoContext extends AsyncResource {
  /** Tools that find out why a process stays alive, such as Jest with `--detectOpenHandles`, call this on each asynchronous resource. */
  hasRef(): boolean {
    return false;
  }
}

// This resource has the context in which the library was loaded. Usually no AsyncLocalStorage has a value in it.
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
