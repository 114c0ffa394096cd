/**
 * Calls the callbacks that report the result of sending (RFC 6455 §6.1): the message has left the process, or it will never leave. Each
 * callback is called exactly once. It is never called before the method that receives it (such as `sendText`) has returned.
 */

import { ConnectionError } from './connection-error.ts';
import type { ByteSink, SendCallback } from './sink.ts';

/** The endpoint that sends the messages. */
export interface CompletionOwner {
  /** Is called with the error that a callback throws. */
  fail(error: unknown): void;
}

/** Calls the callbacks of one endpoint. */
export class Completion {
  readonly #sink: ByteSink;
  readonly #owner: CompletionOwner;

  constructor(sink: ByteSink, owner: CompletionOwner) {
    this.#sink = sink;
    this.#owner = owner;
  }

  /** Calls `done` when all bytes that were written so far have left the process. If they cannot leave, `done` receives an error. */
  whenSent(done: SendCallback): void {
    let isInside = true;
    this.#sink.whenSent((error) => {
      if (isInside) queueMicrotask(() => this.#notify(done, error));
      else this.#notify(done, error);
    });
    isInside = false;
  }

  /**
   * Calls `done` with the error WS_NOT_SENT, because the message of `done` will never be sent.
   * @param reason the error of the connection, or null if it is not known
   */
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
