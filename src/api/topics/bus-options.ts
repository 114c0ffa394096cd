/** The options of the buses, each specified once. */

import {
  custom,
  flag,
  integer,
  limit,
  optionalGroup,
  type SpecsOf,
  show,
  type ValuesOf,
} from '../option-spec.ts';

/** The options of every bus to another process. */
export interface BusOptions {
  /**
   * The beginning of all names that the bus uses in its engine: programs with different prefixes do not receive each other's messages.
   * @default 'rfc6455'
   */
  readonly prefix?: string | undefined;
  /**
   * Bytes of messages that may wait for the engine. Further messages are refused, and their subscribers are notified of a gap. @default 16
   * MiB
   */
  readonly maxWaiting?: number | undefined;
}

/** How much of each topic a bus keeps, for subscribers that were away. */
export interface HistoryOptions {
  /** The number of messages of each topic that are kept at least; Redis may keep about 100 more. @default 1000 */
  readonly size?: number | undefined;
  /** Milliseconds after the last message of a topic until all of its messages are deleted; an hour. @default 3600000 */
  readonly ttl?: number | undefined;
}

/** Options of a `RedisBus`. */
export interface RedisBusOptions extends BusOptions {
  /** True: sharded pub/sub, for a Redis Cluster: SPUBLISH and SSUBSCRIBE, from Redis 7 on. It does not support patterns. @default false */
  readonly sharded?: boolean | undefined;
  /**
   * Keeps the messages of each topic in a stream of Redis, so that a subscriber receives what it missed. All buses with the same `prefix`
   * need the same value. Without it, messages are not kept. @default none
   */
  readonly history?: HistoryOptions | undefined;
}

/** Options of a `NatsBus`. */
export interface NatsBusOptions extends BusOptions {}

/** Options of a `ClusterBus`. */
export interface ClusterBusOptions extends BusOptions {}

// These characters have a meaning: a cluster hashes the text between braces, NATS separates tokens by dots, and both have wildcards.
const prefix = custom<string, string>(
  'letters, digits, `_`, `-` and `:`',
  {
    default: 'rfc6455',
    text: 'Begins the names that the bus uses in its engine: programs with different ones do not see each other.',
  },
  (value, name) => {
    if (typeof value === 'string' && /^[\w:-]{1,100}$/.test(value)) return;
    throw new TypeError(`${name} is ${show(value)}, not up to 100 letters, digits, "_", "-" and ":"`);
  },
);

const maxWaiting = limit('bytes', {
  default: 16 * 1024 * 1024,
  text: 'Messages that the engine has not taken yet. What is published beyond that is refused, and its subscribers are notified of a gap.',
});

/** The table of `BusOptions`. */
export const busSpecs: SpecsOf<BusOptions> = { prefix, maxWaiting };

/** The values of `HistoryOptions`. */
export interface HistoryValues {
  readonly size: number;
  readonly ttl: number;
}

const historySpecs: SpecsOf<HistoryOptions> = {
  size: integer(1, 1_000_000, {
    default: 1_000,
    text: 'How many messages of each topic are kept at least; Redis may keep about 100 more.',
  }),
  ttl: integer(
    1_000,
    2_147_483_647,
    {
      default: 3_600_000,
      text: 'How long after the last message of a topic all of its messages are deleted.',
    },
    'ms',
  ),
};

type RedisBusValues = Omit<ValuesOf<RedisBusOptions>, 'history'> & {
  readonly history: HistoryValues | undefined;
};

/** The table of `RedisBusOptions`. */
export const redisBusSpecs: SpecsOf<RedisBusOptions, RedisBusValues> = {
  prefix,
  maxWaiting,
  sharded: flag({
    default: false,
    text: 'Sharded pub/sub, for a Redis Cluster: SPUBLISH and SSUBSCRIBE, Redis 7. It has no patterns.',
  }),
  history: optionalGroup<HistoryOptions, typeof historySpecs>(
    historySpecs,
    'Keeps the messages of each topic in a stream of Redis, so that a subscriber receives what it missed. All buses with the same `prefix` need the same value. Without it, messages are not kept.',
  ),
};
