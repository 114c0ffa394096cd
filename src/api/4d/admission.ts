/**
 * Calls 4D's `onConnection`, which decides whether a client gets a connection. RFC 6455 §4.2.2 (4): a refused client gets an HTTP status.
 * server.ts makes the connection.
 */

import type { UpgradeRequest } from '../../handshake/upgrade-request.ts';
import type { PendingUpgrade } from '../../transport/upgrade-host.ts';
import { isThenable } from '../callback.ts';
import { type Rejection, reject } from '../upgrade-answer.ts';
import type { Callbacks } from './callbacks.ts';
import { FourDError } from './error.ts';
import type { ConnectionEvent } from './handlers.ts';
import { toConnectionRequest } from './request.ts';
import type { Worker } from './worker.ts';

/**
 * The decision of `onConnection`. With a `handler`, the client is accepted. Otherwise the client is refused. `failed` is true if
 * `onConnection` threw.
 */
export type Verdict<Handler> =
  | { readonly handler: Handler; readonly failed: false }
  | { readonly handler: null; readonly failed: boolean };

/** Calls `onConnection`. To accept a client, `onConnection` returns a `Handler`. */
export class Admission<Handler extends object> {
  readonly #callbacks: Callbacks;
  readonly #worker: Worker;
  readonly #trustedProxies: number;

  constructor(callbacks: Callbacks, worker: Worker, trustedProxies: number) {
    this.#callbacks = callbacks;
    this.#worker = worker;
    this.#trustedProxies = trustedProxies;
  }

  /**
   * C64: calls `onConnection` before the 101 response is written, because §4.2.2 requires an HTTP status for a refusal.
   * @param seat makes the answer for a request that `onConnection` has accepted
   */
  decide<Seated>(
    request: UpgradeRequest,
    { signal }: PendingUpgrade,
    seat: (handler: Handler) => Seated,
  ): Seated | Rejection | Promise<Seated | Rejection> {
    let answer: Seated | Rejection | null = null;
    let resolve: ((answer: Seated | Rejection) => void) | null = null;
    const settle = (verdict: Verdict<Handler>): void => {
      const { handler } = verdict;
      answer = handler !== null ? seat(handler) : reject(verdict.failed ? 500 : 403);
      resolve?.(answer);
    };
    const task = (): unknown => {
      const verdict = this.ask(request);
      if (verdict instanceof Promise) return verdict.then(settle);
      settle(verdict);
      return undefined;
    };
    this.#worker.post(task, this.#callbacks);
    if (answer !== null) return answer;
    return new Promise((settled) => {
      resolve = settled;
      // An aborted request needs no answer. If `onConnection` was not called yet, the library does not call it.
      signal.addEventListener('abort', () => {
        this.#worker.drop(task);
        settled(reject(503));
      });
    });
  }

  /** Calls `onConnection`, and returns its decision. This method never throws, and the returned Promise never rejects. */
  ask(request: UpgradeRequest): Verdict<Handler> | Promise<Verdict<Handler>> {
    const event: ConnectionEvent = {
      type: 'connection',
      request: toConnectionRequest(request, this.#trustedProxies),
    };
    try {
      const result = this.#callbacks.invoke('onConnection', event);
      if (!isThenable(result)) return this.#judge(result);
      return Promise.resolve(result).then(
        (settled) => this.#judge(settled),
        (error: unknown) => this.#onConnectionFailed(error),
      );
    } catch (error) {
      return this.#onConnectionFailed(error);
    }
  }

  #judge(result: unknown): Verdict<Handler> | Promise<Verdict<Handler>> {
    const refused = { handler: null, failed: false } as const;
    if (result === null || result === undefined) return refused;
    try {
      if (isConnectionHandler<Handler>(result)) return { handler: result, failed: false };
    } catch (error) {
      return this.#onConnectionFailed(error);
    }
    const error = new FourDError('NO_HANDLER', 'onConnection returned no object with a function onMessage');
    return after(this.#callbacks.reportThrown(error), refused);
  }

  #onConnectionFailed(error: unknown): Verdict<Handler> | Promise<Verdict<Handler>> {
    return after(this.#callbacks.reportThrown(error), { handler: null, failed: true } as const);
  }
}

function isConnectionHandler<Handler>(value: unknown): value is Handler {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly onMessage?: unknown }).onMessage === 'function'
  );
}

/** Returns `value`. If `result` is a Promise, returns a Promise of `value` that waits for `result`. */
function after<Value>(result: unknown, value: Value): Value | Promise<Value> {
  return isThenable(result) ? Promise.resolve(result).then(() => value) : value;
}
