/** What presence uses of `Topics`. */

import type { Connection } from '../connection.ts';
import type { TopicError } from './topic-error.ts';

export interface PresenceHost {
  subscribersOf(topic: string): Iterable<Connection<unknown>>;
  isTopic(name: string): boolean;
  /** The bus carried something else than a message. */
  invalid(): void;
  failed(error: TopicError): void;
  /** Calls a handler, and catches what it throws. */
  call(handler: () => unknown): void;
}
