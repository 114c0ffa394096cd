/** The functions of `Topics` that the files of presence use. */

import type { Connection } from '../connection.ts';
import type { TopicError } from './topic-error.ts';

export interface PresenceHost {
  subscribersOf(topic: string): Iterable<Connection<unknown>>;
  isTopic(name: string): boolean;
  /** Is called for bytes from the bus that are not a valid message. */
  invalid(): void;
  failed(error: TopicError): void;
  /** Calls a handler, and catches its errors. */
  call(handler: () => unknown): void;
}
