/** The options of the buses. A bus connects processes, for example over Redis or NATS. */

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
import { isJetStream, type NatsJetStream } from './nats-jetstream.ts';

/** The options of every bus that connects processes. */
export interface BusOptions {
  /**
   * The beginning of all names that the bus uses in its engine (for example Redis or NATS). Programs with different prefixes do not receive
   * each other's messages.
   * @default 'rfc6455'
   */
  readonly prefix?: string | undefined;
  /**
   * The maximum number of bytes of messages that may wait until the engine (for example Redis) accepts them. Further messages are refused,
   * and their subscribers are notified of lost messages.
   * @default 16 MiB
   */
  readonly maxWaiting?: number | undefined;
}

/** Which messages a bus keeps for each topic. A subscriber that was disconnected can read these messages later. */
export interface HistoryOptions {
  /** The minimum number of messages that are kept for each topic. Redis may keep about 100 more. @default 1000 */
  readonly size?: number | undefined;
  /**
   * Milliseconds. If a topic has had no message for this time, all of its messages are deleted. The default is one hour.
   * @default 3600000
   */
  readonly ttl?: number | undefined;
}

/** Options of a `RedisBus`. */
export interface RedisBusOptions extends BusOptions {
  /**
   * If true, the bus uses sharded pub/sub, which is made for a Redis Cluster. The commands SPUBLISH and SSUBSCRIBE need Redis 7 or later.
   * Sharded pub/sub does not support patterns.
   * @default false
   */
  readonly sharded?: boolean | undefined;
  /**
   * Keeps the messages of each topic in a stream of Redis. A subscriber that was disconnected can then receive the messages that it missed.
   * Use the same value for all buses with the same `prefix`. Without this option, no messages are kept. @default none
   */
  readonly history?: HistoryOptions | undefined;
}

/** Which messages a `NatsBus` keeps, and where it keeps them. */
export interface NatsHistoryOptions {
  /** The result of `await jetstreamManager(connection)`. This function belongs to the package `@nats-io/jetstream`. */
  readonly jetstream: NatsJetStream;
  /** The number of messages that are kept for each topic. @default 1000 */
  readonly size?: number | undefined;
  /** The number of milliseconds that a message is kept. The default is one hour. @default 3600000 */
  readonly ttl?: number | undefined;
}

/** Options of a `NatsBus`. */
export interface NatsBusOptions extends BusOptions {
  /**
   * Keeps the messages of all topics in a stream of JetStream. A subscriber that was disconnected can then receive the messages that it
   * missed. Use the same value for all buses with the same `prefix`. Without this option, no messages are kept. @default none
   */
  readonly history?: NatsHistoryOptions | undefined;
}

/** Options of a `ClusterBus`. */
export interface ClusterBusOptions extends BusOptions {}

// Other characters are refused, because they have a special meaning in Redis or NATS. A Redis Cluster hashes the text between braces. NATS
// separates tokens with dots. Redis and NATS have wildcards.
const prefix = custom<string, string>(
  'letters, digits, `_`, `-` and `:`',
  {
    default: 'rfc6455',
    text: "The beginning of all names that the bus uses in Redis, NATS or the cluster. Programs with different prefixes do not receive each other's messages.",
  },
  (value, name) => {
    if (typeof value === 'string' && /^[\w:-]{1,100}$/.test(value)) return;
    throw new TypeError(`${name} is ${show(value)}, not 1 to 100 letters, digits, "_", "-" and ":"`);
  },
);

const maxWaiting = limit('bytes', {
  default: 16 * 1024 * 1024,
  text: 'The maximum number of bytes of messages that may wait until Redis, NATS or the primary of the cluster accepts them. Further messages are refused, and their subscribers are notified of lost messages.',
});

/** The checks, the defaults and the documentation of the options that all buses have. */
export const busSpecs: SpecsOf<BusOptions> = { prefix, maxWaiting };

/** The options of a history, after the defaults were filled in. */
export interface HistoryValues {
  readonly size: number;
  readonly ttl: number;
}

const sizeOf = (text: string) => integer(1, 1_000_000, { default: 1_000, text });
const ttlOf = (text: string) => integer(1_000, 2_147_483_647, { default: 3_600_000, text }, 'ms');

const historySpecs: SpecsOf<HistoryOptions> = {
  size: sizeOf('The minimum number of messages that are kept for each topic. Redis may keep about 100 more.'),
  ttl: ttlOf('If a topic has had no message for this time, all of its messages are deleted.'),
};

type RedisBusValues = Omit<ValuesOf<RedisBusOptions>, 'history'> & {
  readonly history: HistoryValues | undefined;
};

/** The checks, the defaults and the documentation of the options of a `RedisBus`. */
export const redisBusSpecs: SpecsOf<RedisBusOptions, RedisBusValues> = {
  prefix,
  maxWaiting,
  sharded: flag({
    default: false,
    text: 'If true, the bus uses sharded pub/sub, which is made for a Redis Cluster. The commands SPUBLISH and SSUBSCRIBE need Redis 7 or later. Sharded pub/sub does not support patterns.',
  }),
  history: optionalGroup<HistoryOptions, typeof historySpecs>(
    historySpecs,
    'Keeps the messages of each topic in a stream of Redis. A subscriber that was disconnected can then receive the messages that it missed. Use the same value for all buses with the same `prefix`. Without this option, messages are not kept.',
  ),
};

const checkJetStream = (value: unknown, name: string): void => {
  if (isJetStream(value)) return;
  throw new TypeError(
    `${name} is ${show(value)}, not what jetstreamManager() of the package @nats-io/jetstream returns`,
  );
};

const natsHistorySpecs: SpecsOf<NatsHistoryOptions> = {
  jetstream: {
    ...custom<NatsJetStream, undefined>('what `await jetstreamManager(connection)` returns', {
      text: 'Required. The result of `await jetstreamManager(connection)`, for the same connection. This function belongs to the package `@nats-io/jetstream`.',
    }),
    // The option `jetstream` is required, so it has no default.
    read: (value, name) => {
      checkJetStream(value, name);
      return value as NatsJetStream;
    },
  },
  size: sizeOf('The number of messages that are kept for each topic.'),
  ttl: ttlOf('The time for which each message is kept.'),
};

/** The options of a NATS history, after the defaults were filled in. */
export interface NatsHistoryValues extends HistoryValues {
  readonly jetstream: NatsJetStream;
}

type NatsBusValues = Omit<ValuesOf<NatsBusOptions>, 'history'> & {
  readonly history: NatsHistoryValues | undefined;
};

/** The checks, the defaults and the documentation of the options of a `NatsBus`. */
export const natsBusSpecs: SpecsOf<NatsBusOptions, NatsBusValues> = {
  prefix,
  maxWaiting,
  history: optionalGroup<NatsHistoryOptions, typeof natsHistorySpecs>(
    natsHistorySpecs,
    'Keeps the messages of each topic in a stream of JetStream. A subscriber that was disconnected can then receive the messages that it missed. Use the same value for all buses with the same `prefix`. Without this option, messages are not kept.',
  ),
};
