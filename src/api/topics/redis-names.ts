/** The names of topics and patterns in Redis. Each topic has a channel. Each pattern has a glob, which Redis compares with channels. */

import { isPattern, isWildcard } from './pattern.ts';
import type { RedisSubscriptionKind } from './redis-link.ts';

export class RedisNames {
  readonly #start: string;
  /** The channel over which buses notify each other of lost messages. */
  readonly control: string;

  /** @param prefix the option `prefix` of the bus */
  constructor(prefix: string) {
    this.#start = `${prefix}/`;
    this.control = `${prefix}!`;
  }

  channelOf(topic: string): string {
    return this.#start + topic;
  }

  topicOf(channel: string): string {
    return channel.slice(this.#start.length);
  }

  /** Returns the glob of a pattern. The glob can match more topics than the pattern, because `*` in a glob also matches `/`. */
  globOf(pattern: string): string {
    const parts = pattern.split('/');
    return this.#start + parts.map((part) => (isWildcard(part) ? '*' : escapePart(part))).join('/');
  }

  /** Returns the kind of subscription that a topic or pattern needs in Redis. Also returns the name of its channel or glob. */
  subscriptionOf(pattern: string, sharded: boolean): { kind: RedisSubscriptionKind; name: string } {
    if (isPattern(pattern)) return { kind: 'glob', name: this.globOf(pattern) };
    return { kind: sharded ? 'shard' : 'channel', name: this.channelOf(pattern) };
  }
}

function escapePart(part: string): string {
  return part.replace(/[\\*?[\]]/g, '\\$&');
}
