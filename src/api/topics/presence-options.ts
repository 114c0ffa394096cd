/** Defines the options of presence (the list of a topic's subscribers in all processes). */

import type { Connection } from '../connection.ts';
import { callback, integer, limit, type OptionValues, type SpecsOf, type ValuesOf } from '../option-spec.ts';

/** The options of presence (the list of a topic's subscribers in all processes). Use the same values in all processes. */
export interface PresenceOptions {
  /**
   * Returns the info about a subscriber, such as the name of the user. Other processes receive this info. It is a value that JSON can
   * represent. While any process watches the topic, the library calls `member` once for each subscription, and again when the program
   * calls `updatePresence`. Without `member`, the info is null.
   * @default none
   */
  readonly member?: ((connection: Connection<unknown>, topic: string) => unknown) | undefined;
  /**
   * Milliseconds. If no message of a process arrives for this time, the other processes report that its members have left. Each process
   * sends three messages in this time.
   * @default 15000
   */
  readonly lease?: number | undefined;
  /** The maximum number of members of one topic, counted over all processes. @default 10000 */
  readonly maxMembers?: number | undefined;
  /** The maximum size in bytes of the info that `member` returns, written as JSON. @default 1 KiB */
  readonly maxInfoSize?: number | undefined;
  /**
   * The maximum number of topics whose members this process watches. A second limit of the same size applies to the topics that other
   * processes watch. @default 10000
   */
  readonly maxTopics?: number | undefined;
}

/**
 * The maximum lease in milliseconds. A lease is the time after which a silent process counts as dead. If another process announces a
 * longer lease, this process uses the maximum.
 */
export const MAX_LEASE = 600_000;
/** The minimum lease in milliseconds. A lease is the time after which a silent process counts as dead. */
export const MIN_LEASE = 1_000;

type Member = NonNullable<PresenceOptions['member']>;

/** The checks, the defaults and the documentation of the options of presence. */
export const presenceSpecs: SpecsOf<PresenceOptions, ValuesOf<PresenceOptions, 'member'>> = {
  member: callback<Member>('(connection, topic) => value', {
    defaultText: 'none',
    text: 'Returns the info about a subscriber, such as the name of the user. Other processes receive this info. It is a value that JSON can represent. While any process watches the topic, the library calls `member` once for each subscription, and again when the program calls `updatePresence`. Without `member`, the info is `null`.',
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
    text: 'The maximum number of members of one topic, counted over all processes. If a topic has more members, the object that `presence` returns leaves out some of them, and its `isPartial` is true.',
  }),
  maxInfoSize: integer(
    4,
    65_536,
    {
      default: 1_024,
      text: 'The maximum size of the info that `member` returns, written as JSON. If the info is larger, it is replaced by `null`, and `WS_PRESENCE_INFO` is reported.',
    },
    'bytes',
  ),
  maxTopics: limit('', {
    default: 10_000,
    text: 'The maximum number of topics whose members this process watches. Beyond this number, `presence` throws `WS_PRESENCE_FULL`. A second limit of the same size applies to the topics that other processes watch.',
  }),
};

/** The options of presence, after the defaults were filled in. */
export type PresenceValues = OptionValues<typeof presenceSpecs>;
