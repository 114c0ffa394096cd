/** The options of the buses, each specified once. */

import { custom, flag, limit, type SpecsOf, show } from '../option-spec.ts';

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

/** Options of a `RedisBus`. */
export interface RedisBusOptions extends BusOptions {
  /** True: sharded pub/sub, for a Redis Cluster: SPUBLISH and SSUBSCRIBE, from Redis 7 on. It does not support patterns. @default false */
  readonly sharded?: boolean | undefined;
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

/** The table of `RedisBusOptions`. */
export const redisBusSpecs: SpecsOf<RedisBusOptions> = {
  prefix,
  maxWaiting,
  sharded: flag({
    default: false,
    text: 'Sharded pub/sub, for a Redis Cluster: SPUBLISH and SSUBSCRIBE, Redis 7. It has no patterns.',
  }),
};
