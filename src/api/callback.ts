/** Handles the Promises that callbacks of the application return. Reports errors that no handler receives. */

import { inspect } from 'node:util';
import { SeldomSaid } from '../transport/log.ts';

/** Returns true for a Promise. Any object with a method `then` counts as a Promise, because it can come from another realm or library. */
export function isThenable<Value>(value: Value): value is Value & PromiseLike<Awaited<Value>> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** Remembers which errors `warn` has already reported, and when it reported them. */
export const warned: SeldomSaid = new SeldomSaid();

// Two errors count as the same error if the first 200 characters of their messages are equal.
const MAX_KIND = 200;

/**
 * Reports an error that no handler receives, as a process warning. A peer might cause the same error many times. So errors with the same
 * message are reported at most once a minute.
 */
export function warn(thrown: unknown): void {
  // `String` throws if an object cannot be converted to a string. This exception would not be caught. `inspect` never throws.
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
 * Calls `start` with a callback, and returns a Promise. If the callback receives null, the Promise resolves. If the callback receives an
 * Error, the Promise rejects. If `start` throws, this function throws the same error.
 */
export function settled(start: (done: (error: Error | null) => void) => void): Promise<void> {
  let done: (error: Error | null) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    done = (error) => (error === null ? resolve() : reject(error));
  });
  start(done);
  // The application does not have to use the Promise. A peer can cause its rejection, which must not end the process.
  promise.catch(() => {});
  return promise;
}
