/** The interface of presence, which lists the subscribers of a topic in all processes. presence-exchange.ts explains how this works. */

import { checkOptions, describe } from '../option-names.ts';

/** One subscriber of a topic, in this or another process. */
export interface PresenceMember {
  /** The id of the connection, unique among all processes. A connection has the same id in all topics. */
  readonly id: string;
  /** The random name of the process that the connection belongs to. Each `Topics` has a new name. */
  readonly process: string;
  /** A copy of the value that the option `member` returned in the member's process. Null if that process does not use the option. */
  readonly info: unknown;
}

/** The handlers for members that join, change and leave. If a handler throws, the error is reported as a process warning. */
export interface PresenceHandlers {
  /** Is called when `members` has a new member. The member has just subscribed, or this process has just learned of it. */
  join?(member: PresenceMember): unknown;
  /**
   * Is called when the info of a member has changed after a call of `updatePresence`.
   * @param previous the member with its earlier info
   */
  update?(member: PresenceMember, previous: PresenceMember): unknown;
  /**
   * Is called when a member is no longer in `members`. The member has unsubscribed, its connection was closed, or its process cannot be
   * reached any more.
   */
  leave?(member: PresenceMember): unknown;
}

/** The subscribers of one topic in all processes. */
export interface Presence {
  readonly topic: string;
  /** The members that this process knows of; empty after `close`. */
  readonly members: readonly PresenceMember[];
  /** The number of members that this process knows of. */
  readonly size: number;
  /** Whether members are missing in `members` because of the limit `maxMembers`. */
  readonly isPartial: boolean;
  /**
   * Resolves when all other processes have answered, or one second after they were asked. The Promise waits while the bus cannot be
   * reached. The Promise also resolves when this `Presence` is closed.
   */
  ready(): Promise<void>;
  /**
   * Stops all calls of the handlers. After the last `Presence` of a topic was closed, this process no longer receives changes of the topic.
   */
  close(): void;
  [Symbol.dispose](): void;
}

const handlerNames = { join: true, update: true, leave: true };

/** Checks the handlers. @throws {TypeError} for anything but an object with these handlers */
export function checkPresenceHandlers(handlers: PresenceHandlers): void {
  checkOptions('presence', handlers, handlerNames);
  for (const name of ['join', 'update', 'leave'] as const) {
    const handler: unknown = handlers[name];
    if (handler !== undefined && typeof handler !== 'function')
      throw new TypeError(`the handler "${name}" is ${describe(handler)}, not a function`);
  }
}
