/**
 * Calls the callback of a message when the message has left the process, or can no longer leave. (The last step of RFC 6455 §6.1 passes the
 * frames to the network.) Each callback is called exactly once. The method that receives the callback, for
 * example `sendText`, always returns before the call.
 */

import { ConnectionError } from './connection-error.ts';
import type { ByteSink, SendCallback } from './sink.ts';

/** The endpoint that the callbacks belong to. */
export interface CompletionOwner {
  /** Receives the error that a callback throws. */
  fail(error: unknown): void;
}

/** Calls one endpoint's `SendCallback`s. */
export class Completion {
  readonly #sink: ByteSink;
  readonly #owner: CompletionOwner;

  constructor(sink: ByteSink, owner: CompletionOwner) {
    this.#sink = sink;
    this.#owner = owner;
  }

  /** Calls `done` when everything that was written so far has left the process. If that fails, `done` receives the reason. */
  whenSent(done: SendCallback): void {
    let isInside = true;
    this.#sink.whenSent((error) => {
      if (isInside) queueMicrotask(() => this.#notify(done, error));
      else this.#notify(done, error);
    });
    isInside = false;
  }

  /** Calls `done` with WS_NOT_SENT: its message will never be sent. @param reason the error that the connection failed with, if known */
  refuse(done: SendCallback | null, reason: Error | null): void {
    if (done === null) return;
    const error = new ConnectionError('WS_NOT_SENT', reason === null ? undefined : { cause: reason });
    queueMicrotask(() => this.#notify(done, error));
  }

  #notify(done: SendCallback, error: Error | null): void {
    try {
      done(error);
    } catch (thrown) {
      this.#owner.fail(thrown);
    }
  }
}
