/**
 * Calls the callbacks of a handler. Whatever goes wrong in one goes to the same handler's `onError`, and what goes wrong
 * there becomes a process warning: a peer may be able to trigger it, so it never becomes an uncaught exception.
 */

import { isThenable, warn } from '../callback.ts';
import { type FourDError, toFourDError } from './error.ts';

/** The callbacks of one handler. What they return has to be waited for where it is a Promise; it is never rejected. */
export class Callbacks {
  readonly #handler: Readonly<Record<string, unknown>>;
  readonly #target: unknown;

  /** @param target the first argument of every callback */
  constructor(handler: object, target: unknown) {
    this.#handler = handler as Readonly<Record<string, unknown>>;
    this.#target = target;
  }

  /** Calls a callback if it is there, `this` being the handler. */
  call(name: string, event: { readonly type: string }): unknown {
    try {
      const result = this.invoke(name, event);
      if (isThenable(result)) {
        return Promise.resolve(result).then(undefined, (error: unknown) => this.reportThrown(error));
      }
    } catch (error) {
      return this.reportThrown(error);
    }
    return undefined;
  }

  /** Tells `onError` what a callback threw. Without an `onError` it must not vanish. */
  reportThrown(thrown: unknown): unknown {
    const error = toFourDError('CALLBACK', thrown);
    return this.#report(error, () => warn(thrown));
  }

  /** Tells `onError`, if it is there, of something that is a peer's or the network's fault. */
  report(error: FourDError): unknown {
    return this.#report(error, () => {});
  }

  #report(error: FourDError, otherwise: () => void): unknown {
    try {
      const event: { readonly type: 'error'; readonly errors: readonly FourDError[] } = {
        type: 'error',
        errors: [error],
      };
      const { onError } = this.#handler;
      if (onError === undefined || onError === null) {
        otherwise();
        return undefined;
      }
      const result = this.invoke('onError', event);
      return isThenable(result) ? Promise.resolve(result).then(undefined, warn) : undefined;
    } catch (thrown) {
      warn(thrown);
      return undefined;
    }
  }

  /** Calls a callback if it is there. @throws what it throws; reading it may throw as well, where it is a getter */
  invoke(name: string, event: { readonly type: string }): unknown {
    const callback = this.#handler[name];
    if (callback === undefined || callback === null) return undefined;
    if (typeof callback !== 'function') throw new TypeError(`${name} is no function`);
    return callback.call(this.#handler, this.#target, event);
  }
}
