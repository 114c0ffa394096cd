/** The interface of presence: a list of the subscribers of a topic in all processes. presence-exchange.ts explains how it works. */

import { checkOptions, describe } from '../option-names.ts';

/** A subscriber of a topic, in this process or in another process. */
export interface PresenceMember {
  /** The id of the connection. It is unique among all processes. A connection has the same id in all topics. */
  readonly id: string;
  /** The random name of the connection's process. Each `Topics` object has a new name. */
  readonly process: string;
  /** A copy of the value that the option `member` returned in the process of the member. Null if that process does not use this option. */
  readonly info: unknown;
}

/** The handlers that are called when a member joins, changes or leaves. If a handler throws, the error is reported as a process warning. */
export interface PresenceHandlers {
  /** Is called when `members` has a new member. The member has just subscribed, or another process has just reported it. */
  join?(member: PresenceMember): unknown;
  /**
   * Is called when the info of a member has changed after a call of `updatePresence`.
   * @param previous the member with its earlier info
   */
  update?(member: PresenceMember, previous: PresenceMember): unknown;
  /**
   * Is called when a member was removed from `members`. There are three possible reasons: the member has unsubscribed, its connection was
   * closed, or its process cannot be reached any more.
   */
  leave?(member: PresenceMember): unknown;
}

/** The subscribers of one topic in all processes. */
export interface Presence {
  readonly topic: string;
  /** The members that this process currently knows. Empty after `close`. */
  readonly members: readonly PresenceMember[];
  /** The number of members that this process currently knows. */
  readonly size: number;
  /** True if `members` lacks some members because of the option `maxMembers`. */
  readonly isPartial: boolean;
  /**
   * Resolves when all other processes have sent their members, or one second after they were asked. While the bus cannot be reached, the
   * Promise stays pending. The Promise also resolves when this `Presence` is closed.
   */
  ready(): Promise<void>;
  /** Stops all calls of the handlers. If this is the last `Presence` of the topic, this process no longer receives changes of the topic. */
  close(): void;
  [Symbol.dispose](): void;
}

const handlerNames = { join: true, update: true, leave: true };

/** Checks the handlers. @throws {TypeError} if the value is not an object with these handlers */
export function checkPresenceHandlers(handlers: PresenceHandlers): void {
  checkOptions('presence', handlers, handlerNames);
  for (const name of ['join', 'update', 'leave'] as const) {
    const handler: unknown = handlers[name];
    if (handler !== undefined && typeof handler !== 'function')
      throw new TypeError(`the handler "${name}" is ${describe(handler)}, not a function`);
  }
}
