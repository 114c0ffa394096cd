/**
 * The subscriptions of the connections in this process. Their number is limited, because peers can choose the names. The time that a
 * subscription takes does not depend on the number of topics and subscribers.
 */

import { clock } from '../../transport/clock.ts';
import type { Connection } from '../connection.ts';
import { TopicError } from './topic-error.ts';
import { TopicMap } from './topic-map.ts';
import { checkTopic, type NameLimits } from './topic-name.ts';

export interface SubscriptionLimits extends NameLimits {
  readonly maxTopicsPerConnection: number;
  readonly maxSubscribeRate: number;
  readonly maxTopics: number;
}

/** A topic or pattern with subscribers in this process. */
export class Topic {
  readonly name: string;
  readonly members: Set<Connection<unknown>> = new Set();
  /**
   * Subscribers that still receive the messages that they missed. After that, they become members. Null until there is such a subscriber.
   */
  joining: Set<Connection<unknown>> | null = null;
  /**
   * The time at which the subscription on the bus last became active, or at which a loss of messages was last reported. The time is a value
   * of the counter `#time` in bus-messages.ts. `Infinity` until the subscription is active.
   */
  coveredSince: number = Number.POSITIVE_INFINITY;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Is notified of the first subscriber of a topic (`opened`), of the last subscriber (`closed`), and of each subscriber (`joined`, `left`).
 */
export interface TopicsOwner {
  opened(topic: Topic): void;
  closed(topic: Topic): void;
  joined(topic: Topic, connection: Connection<unknown>): void;
  left(topic: Topic, connection: Connection<unknown>): void;
}

class Member {
  readonly topics = new Set<Topic>();
  /**
   * The number of subscriptions that the connection may still make now. The option `maxSubscribeRate` decides how fast this number grows.
   */
  tokens: number;
  refilledAt: number;

  constructor(tokens: number, now: number) {
    this.tokens = tokens;
    this.refilledAt = now;
  }
}

export class Subscriptions {
  readonly #topics = new TopicMap<Topic>();
  readonly #members = new Map<Connection<unknown>, Member>();
  readonly #limits: SubscriptionLimits;
  readonly #owner: TopicsOwner;

  constructor(limits: SubscriptionLimits, owner: TopicsOwner) {
    this.#limits = limits;
    this.#owner = owner;
  }

  /** The number of topics and patterns with subscribers. */
  get size(): number {
    return this.#topics.size;
  }

  /**
   * Adds a subscription.
   * @param wildcards if true, the name may be a pattern; if false, a pattern is refused
   * @param isJoining if true, the connection becomes a member only when `join` is called
   * @returns false if the connection had already subscribed to the name
   * @throws {TopicError} for an invalid name, and if a limit is exceeded
   */
  add(connection: Connection<unknown>, name: string, wildcards: boolean, isJoining = false): boolean {
    checkTopic(name, this.#limits, wildcards);
    let topic = this.#topics.get(name);
    if (topic?.members.has(connection) || topic?.joining?.has(connection)) return false;
    const member = this.#memberOf(connection);
    this.#admit(member, topic === undefined);
    if (topic === undefined) {
      topic = new Topic(name);
      this.#topics.add(name, topic);
      this.#owner.opened(topic);
    }
    if (isJoining) {
      topic.joining ??= new Set();
      topic.joining.add(connection);
    } else topic.members.add(connection);
    member.topics.add(topic);
    this.#owner.joined(topic, connection);
    return true;
  }

  /** Turns a connection that was added with `isJoining` into a member. */
  join(connection: Connection<unknown>, name: string): void {
    const topic = this.#topics.get(name);
    if (topic?.joining?.delete(connection)) topic.members.add(connection);
  }

  /** Removes a subscription. @returns false if the connection had not subscribed to the name */
  remove(connection: Connection<unknown>, name: string): boolean {
    const topic = this.#topics.get(name);
    const member = this.#members.get(connection);
    if (topic === undefined || member === undefined || !member.topics.delete(topic)) return false;
    this.#leave(connection, topic);
    return true;
  }

  /** Removes all subscriptions of a connection. Is called after the connection was closed. */
  forget(connection: Connection<unknown>): void {
    const member = this.#members.get(connection);
    if (member === undefined) return;
    this.#members.delete(connection);
    for (const topic of member.topics) this.#leave(connection, topic);
  }

  clear(): void {
    for (const connection of [...this.#members.keys()]) this.forget(connection);
  }

  /** Returns the topics and patterns that a connection has subscribed to. */
  of(connection: Connection<unknown>): string[] {
    return Array.from(this.#members.get(connection)?.topics ?? [], ({ name }) => name);
  }

  /** Returns the subscribers of exactly this topic or pattern. Includes the connections that will become members later. */
  subscribersOf(name: string): Connection<unknown>[] {
    const topic = this.#topics.get(name);
    return topic === undefined ? [] : [...topic.members, ...(topic.joining ?? [])];
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** Returns the topics and patterns with subscribers that match a topic. @param topic a valid name without wildcards */
  match(topic: string): readonly Topic[] {
    return this.#topics.match(topic);
  }

  all(): Iterable<Topic> {
    return this.#topics.values();
  }

  #memberOf(connection: Connection<unknown>): Member {
    let member = this.#members.get(connection);
    if (member !== undefined) return member;
    member = new Member(this.#limits.maxTopicsPerConnection, clock.now());
    this.#members.set(connection, member);
    // The Promise `closed` resolves after the `close` handler was called. So this handler can still call `topicsOf`.
    connection.closed.then(() => this.forget(connection));
    return member;
  }

  /** Checks that the limits allow one more subscription. @param isNew true if the topic has no subscriber yet */
  #admit(member: Member, isNew: boolean): void {
    const { maxTopicsPerConnection, maxSubscribeRate, maxTopics } = this.#limits;
    if (member.topics.size >= maxTopicsPerConnection) throw new TopicError('WS_TOPIC_LIMIT');
    if (isNew && this.#topics.size >= maxTopics) throw new TopicError('WS_TOPIC_FULL');
    if (maxSubscribeRate === Number.POSITIVE_INFINITY) return;
    const now = clock.now();
    const refill = ((now - member.refilledAt) / 1000) * maxSubscribeRate;
    member.tokens = Math.min(maxTopicsPerConnection, member.tokens + refill);
    member.refilledAt = now;
    if (member.tokens < 1) throw new TopicError('WS_TOPIC_RATE');
    member.tokens--;
  }

  #leave(connection: Connection<unknown>, topic: Topic): void {
    topic.members.delete(connection);
    topic.joining?.delete(connection);
    if (topic.members.size === 0 && (topic.joining === null || topic.joining.size === 0)) {
      this.#topics.delete(topic.name);
      this.#owner.closed(topic);
    }
    this.#owner.left(topic, connection);
  }
}
