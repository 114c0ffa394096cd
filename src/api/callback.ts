/** Handles the Promises that the application's callbacks return, and errors that no handler receives. */

import { inspect } from 'node:util';
import { SeldomSaid } from '../transport/log.ts';

/** Says whether a value is a Promise. Promises of any realm or library count. */
export function isThenable<Value>(value: Value): value is Value & PromiseLike<Awaited<Value>> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** The errors that were reported as a warning. */
export const warned: SeldomSaid = new SeldomSaid();

// Two texts count as the same text if their first characters, up to this number, are equal.
const MAX_KIND = 200;

/** Reports an error that no handler receives as a process warning, at most once per text and minute, since a peer may cause the error. */
export function warn(thrown: unknown): void {
  // `String` would throw for an object that cannot be converted, and nothing would catch that error here.
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

/** Turns a callback that receives an Error or null into a Promise. If `start` throws, this function throws the same error. */
export function settled(start: (done: (error: Error | null) => void) => void): Promise<void> {
  let done: (error: Error | null) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    done = (error) => (error === null ? resolve() : reject(error));
  });
  start(done);
  // The application may ignore the Promise. Its rejection, which a peer can cause, must not end the process.
  promise.catch(() => {});
  return promise;
}
