/**
 * Calls the callbacks of a handler, which is the object that an application passes to the 4D API. If a callback throws, `onError` of the
 * same handler receives the error. If `onError` itself throws, the error becomes a process warning. An error in a callback never becomes an
 * uncaught exception, because a peer might be able to cause the error.
 */

import { isThenable, warn } from '../callback.ts';
import { FourDError, toFourDError } from './error.ts';
import type { TaskOwner } from './worker.ts';

/**
 * The callbacks of one handler. If a method of this class returns a Promise, the caller has to wait for the Promise. Only the Promise of
 * `invoke` may reject.
 */
export class Callbacks implements TaskOwner {
  readonly #handler: Readonly<Record<string, unknown>>;
  readonly #target: unknown;
  readonly #owner: () => string;
  #last = '';

  /**
   * @param target the first argument of every callback
   * @param owner returns the name of the server or connection, for error texts
   */
  constructor(handler: object, target: unknown, owner: () => string) {
    this.#handler = handler as Readonly<Record<string, unknown>>;
    this.#target = target;
    this.#owner = owner;
  }

  /** Calls the callback of this name, if the handler has one. In the callback, `this` is the handler. */
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

  /** Passes the error of a callback to `onError`. Without `onError`, the error becomes a process warning, so that it is not lost. */
  reportThrown(thrown: unknown): unknown {
    const error = toFourDError('CALLBACK', thrown);
    return this.#report([error], () => warn(thrown));
  }

  /** Passes an error of the peer or of the network to `onError`. Without `onError`, the error is ignored. */
  report(...errors: readonly FourDError[]): unknown {
    return this.#report(errors, () => {});
  }

  /** Passes an important error, such as NOT_SENT or SLOW_CALLBACK, to `onError`. Without `onError`, the error becomes a process warning. */
  reportLoudly(error: FourDError): unknown {
    return this.#report([error], () => warn(error));
  }

  reportSlow(waiting: number, isGivenUp: boolean): void {
    const what = `${this.#last} of ${this.#owner()} has not ended`;
    const text = isGivenUp
      ? `${what}: the server no longer waits for it, because the server is terminated`
      : `${what}: ${waiting} callbacks wait for it, and new connections are refused with 408`;
    void this.reportLoudly(new FourDError('SLOW_CALLBACK', text));
  }

  #report(errors: readonly FourDError[], otherwise: () => void): unknown {
    try {
      const event: { readonly type: 'error'; readonly errors: readonly FourDError[] } = {
        type: 'error',
        errors,
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

  /**
   * Calls the callback of this name, if the handler has one.
   * @throws the error of the callback, or of a getter in the handler
   */
  invoke(name: string, event: { readonly type: string }): unknown {
    const callback = this.#handler[name];
    if (callback === undefined || callback === null) return undefined;
    if (typeof callback !== 'function') throw new TypeError(`${name} is no function`);
    if (name !== 'onError') this.#last = name;
    return callback.call(this.#handler, this.#target, event);
  }
}
