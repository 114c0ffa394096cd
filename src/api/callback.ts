/** Handles the Promises that the application's callbacks return, and errors that no handler receives. */

import { inspect } from 'node:util';
import { SeldomSaid } from '../transport/log.ts';

/** Returns whether a value is a Promise. Any object with a `then` method counts: the Promise may come from another realm or library. */
export function isThenable<Value>(value: Value): value is Value & PromiseLike<Awaited<Value>> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** Remembers which errors `warn` has reported, and when. */
export const warned: SeldomSaid = new SeldomSaid();

// Two error messages count as the same message if their first 200 characters are equal.
const MAX_KIND = 200;

/**
 * Reports an error that no handler receives. The report is a process warning. A peer may cause the same error many times. So errors with
 * the same message are reported at most once a minute.
 */
export function warn(thrown: unknown): void {
  // `String` throws for an object that cannot be converted to a string, and no caller would catch that error. `inspect` does not throw.
  const error =
    thrown instanceof Error
      ? thrown
      : new Error(typeof thrown === 'string' ? thrown : inspect(thrown, { customInspect: false }));
  const { message } = error;
  const omitted = warned.ask(typeof message === 'string' ? message.slice(0, MAX_KIND) : '');
  if (omitted === null) return;
  process.emitWarning(error);
  if (omitted > 0) process.emitWarning(`the warning before this one was left out ${omitted} times`);
}

/**
 * Calls `start` with a callback, and returns a Promise. When the callback receives null, the Promise is fulfilled; when it receives an
 * Error, the Promise is rejected. If `start` throws, this function throws the same error.
 */
export function settled(start: (done: (error: Error | null) => void) => void): Promise<void> {
  let done: (error: Error | null) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    done = (error) => (error === null ? resolve() : reject(error));
  });
  start(done);
  // The application may ignore the Promise. In that case a rejection, which a peer can cause, must not end the process.
  promise.catch(() => {});
  return promise;
}
