/**
 * Callbacks of the application: the Promises that they return, and what they throw if no handler is there to receive it.
 */

import { inspect } from 'node:util';
import { SeldomSaid } from '../transport/log.ts';

/** A Promise, of whichever realm or library. */
export function isThenable<Value>(value: Value): value is Value & PromiseLike<Awaited<Value>> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** What became a warning. */
export const warned: SeldomSaid = new SeldomSaid();

// Characters of a text that tell it from others.
const MAX_KIND = 200;

/** For errors that no handler receives: a process warning, once per text and minute, since a peer may be able to cause them. */
export function warn(thrown: unknown): void {
  // Not `String`: it throws for an object that cannot be converted, and nothing catches that here.
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

/** A Promise for a callback that receives an Error, or null. What `start` throws is thrown here. */
export function settled(start: (done: (error: Error | null) => void) => void): Promise<void> {
  let done: (error: Error | null) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    done = (error) => (error === null ? resolve() : reject(error));
  });
  start(done);
  // The application need not wait for it, and a peer must not be able to end the process.
  promise.catch(() => {});
  return promise;
}
