/** The options of presence, each specified once. */

import type { Connection } from '../connection.ts';
import { callback, integer, limit, type OptionValues, type SpecsOf, type ValuesOf } from '../option-spec.ts';

/** The options of presence. Give the same ones in all processes. */
export interface PresenceOptions {
  /**
   * What other processes receive about a subscriber, such as the name of its user: a value that JSON can hold. It is called once for each
   * subscription, if and when some process watches the topic. Without it, that is null. @default none
   */
  readonly member?: ((connection: Connection<unknown>, topic: string) => unknown) | undefined;
  /**
   * Milliseconds after which the members of a process that is not heard of have left. A process is heard of three times as often.
   * @default 15000
   */
  readonly lease?: number | undefined;
  /** Members of one topic, of all processes together. @default 10000 */
  readonly maxMembers?: number | undefined;
  /** Bytes of what `member` returns, as JSON. @default 1 KiB */
  readonly maxInfoSize?: number | undefined;
  /** Topics whose presence this process watches, and topics that other processes watch. @default 10000 */
  readonly maxTopics?: number | undefined;
}

/** The longest lease, which is also the longest that another process may ask for. */
export const MAX_LEASE = 600_000;
/** The shortest lease. */
export const MIN_LEASE = 1_000;

type Member = NonNullable<PresenceOptions['member']>;

/** The table of `PresenceOptions`. */
export const presenceSpecs: SpecsOf<PresenceOptions, ValuesOf<PresenceOptions, 'member'>> = {
  member: callback<Member>('(connection, topic) => value', {
    defaultText: 'none',
    text: 'What other processes receive about a subscriber, as a value that JSON can hold; without it, that is `null`. It is called once for each subscription, if and when a process watches the topic.',
  }),
  lease: integer(
    MIN_LEASE,
    MAX_LEASE,
    {
      default: 15_000,
      text: 'After this time without a message from a process, its members have left. A process sends one three times as often.',
    },
    'ms',
  ),
  maxMembers: limit('', {
    default: 10_000,
    text: 'Members of one topic, of all processes together; further ones are left out, and `isPartial` is true.',
  }),
  maxInfoSize: integer(
    4,
    65_536,
    {
      default: 1_024,
      text: 'Size of what `member` returns, as JSON; for more, members have `null`, and `WS_PRESENCE_INFO` is reported.',
    },
    'bytes',
  ),
  maxTopics: limit('', {
    default: 10_000,
    text: 'Topics whose presence this process watches, beyond which `presence` throws `WS_PRESENCE_FULL`; and topics that other processes watch.',
  }),
};

/** The options with their defaults. */
export type PresenceValues = OptionValues<typeof presenceSpecs>;
