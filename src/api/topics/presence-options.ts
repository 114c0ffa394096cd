/** The options of presence. Each option is specified once. */

import type { Connection } from '../connection.ts';
import { callback, integer, limit, type OptionValues, type SpecsOf, type ValuesOf } from '../option-spec.ts';

/** The options of presence. Use the same values in all processes. */
export interface PresenceOptions {
  /**
   * Returns the info that other processes receive about a subscriber, such as the name of its user. The info is a value that JSON can
   * represent. While a process watches the topic, `member` is called once for each subscription, and again by `updatePresence`. Without
   * `member` the info is null.
   * @default none
   */
  readonly member?: ((connection: Connection<unknown>, topic: string) => unknown) | undefined;
  /**
   * Milliseconds. If no message of a process arrives for this time, the other processes report that its members have left. Each process
   * sends a message three times per lease.
   * @default 15000
   */
  readonly lease?: number | undefined;
  /** The maximum number of members of one topic, counted over all processes. @default 10000 */
  readonly maxMembers?: number | undefined;
  /** The maximum size in bytes of the value that `member` returns, as JSON. @default 1 KiB */
  readonly maxInfoSize?: number | undefined;
  /**
   * The maximum number of topics that this process watches. The same limit applies to the topics that other processes watch. @default 10000
   */
  readonly maxTopics?: number | undefined;
}

/** The longest lease in milliseconds. It also limits the lease that another process asks for. */
export const MAX_LEASE = 600_000;
/** The shortest lease in milliseconds. */
export const MIN_LEASE = 1_000;

type Member = NonNullable<PresenceOptions['member']>;

/** The table of `PresenceOptions`. */
export const presenceSpecs: SpecsOf<PresenceOptions, ValuesOf<PresenceOptions, 'member'>> = {
  member: callback<Member>('(connection, topic) => value', {
    defaultText: 'none',
    text: 'Returns the info that other processes receive about a subscriber. The info is a value that JSON can represent. While a process watches the topic, `member` is called once for each subscription, and again by `updatePresence`. Without `member` the info is `null`.',
  }),
  lease: integer(
    MIN_LEASE,
    MAX_LEASE,
    {
      default: 15_000,
      text: 'If no message of a process arrives for this time, the other processes report that its members have left. Each process sends three messages in this time.',
    },
    'ms',
  ),
  maxMembers: limit('', {
    default: 10_000,
    text: 'The maximum number of members of one topic, counted over all processes. Further members are left out, and `isPartial` is true.',
  }),
  maxInfoSize: integer(
    4,
    65_536,
    {
      default: 1_024,
      text: 'The maximum size of the JSON of the value that `member` returns. If the value is larger, the member has `null` instead, and `WS_PRESENCE_INFO` is reported.',
    },
    'bytes',
  ),
  maxTopics: limit('', {
    default: 10_000,
    text: 'The maximum number of topics whose presence this process watches. Beyond this number, `presence` throws `WS_PRESENCE_FULL`. The same limit applies to the topics that other processes watch.',
  }),
};

/** The options with their defaults. */
export type PresenceValues = OptionValues<typeof presenceSpecs>;
