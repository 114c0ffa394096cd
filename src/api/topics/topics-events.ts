/**
 * Calls the handlers of a `Topics`. If a handler throws, the error is only reported. The error must not end the process or a connection.
 */

import { warnOnStderr } from '../../transport/log.ts';
import { isThenable, warn } from '../callback.ts';
import type { Connection } from '../connection.ts';
import type { TopicError } from './topic-error.ts';
import type { TopicsHandlers } from './topics-options.ts';

export class TopicsEvents {
  readonly #handlers: TopicsHandlers;

  constructor(handlers: TopicsHandlers) {
    this.#handlers = handlers;
  }

  gap(topic: string, connections: readonly Connection<unknown>[]): void {
    this.call(() => this.#handlers.gap?.(topic, connections));
  }

  state(up: boolean): void {
    this.call(() => this.#handlers.state?.(up));
  }

  slow(connection: Connection<unknown>, topic: string): void {
    this.call(() => this.#handlers.slow?.(connection, topic));
  }

  error(error: TopicError): void {
    if (this.#handlers.error === undefined) warnOnStderr(error.code, error.message);
    else this.call(() => this.#handlers.error?.(error));
  }

  call(handler: () => unknown): void {
    try {
      const result = handler();
      if (isThenable(result)) result.then(undefined, warn);
    } catch (error) {
      warn(error);
    }
  }
}
