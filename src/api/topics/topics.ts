/**
 * Publishes messages to the connections that have subscribed to a topic. A bus connects this process with other processes. subscriptions.ts
 * keeps the subscribers. fan-out.ts sends messages to them. bus-messages.ts reads the messages of other processes.
 */

import { inspect } from 'node:util';
import type { Connection } from '../connection.ts';
import { type Message, toBytes } from '../message.ts';
import { checkOptions } from '../option-names.ts';
import { readOptions } from '../option-spec.ts';
import type { BusHistory } from './bus.ts';
import { BusLink } from './bus-link.ts';
import { BusMessages } from './bus-messages.ts';
import { ENVELOPE_SIZE } from './envelope.ts';
import { fanOut, type Outgoing, treatSlow } from './fan-out.ts';
import { checkPresenceHandlers, type Presence, type PresenceHandlers } from './presence.ts';
import { PresenceExchange } from './presence-exchange.ts';
import { isPresenceName } from './presence-messages.ts';
import { showTopics } from './show-topics.ts';
import { Subscriptions, type Topic } from './subscriptions.ts';
import { TopicError } from './topic-error.ts';
import { TopicHistory } from './topic-history.ts';
import { checkTopic, isTopic } from './topic-name.ts';
import { checkConnection, checkExcept, checkSize } from './topics-checks.ts';
import { TopicsEvents } from './topics-events.ts';
import {
  noCounts,
  type Published,
  type PublishOptions,
  type SubscribeOptions,
  type TopicsCounts,
  type TopicsOptions,
  type TopicsValues,
  topicsSpecs,
} from './topics-options.ts';

const subscribeNames = { wildcards: true, after: true };
const publishNames = { except: true, local: true, compress: true };

/** Topics for the connections of one or more servers in this process. */
export class Topics {
  readonly #options: TopicsValues;
  readonly #events: TopicsEvents;
  readonly #subscriptions: Subscriptions;
  readonly #messages = new BusMessages();
  readonly #link: BusLink | null;
  readonly #presence: PresenceExchange | null;
  /** Null if the bus keeps no messages. */
  readonly #history: TopicHistory | null;
  readonly #counts = noCounts();
  #isClosed = false;

  static {
    Object.defineProperty(Topics.prototype, inspect.custom, { value: showTopics });
  }

  /** @throws {RangeError | TypeError} for invalid options */
  constructor(options: TopicsOptions = {}) {
    const values = readOptions('Topics', options, topicsSpecs);
    this.#options = values;
    this.#events = new TopicsEvents(values.handlers ?? {});
    this.#subscriptions = new Subscriptions(values, {
      opened: ({ name }) => this.#link?.want(name),
      closed: ({ name }) => {
        this.#link?.drop(name);
        this.#history?.closed(name);
      },
      joined: ({ name }, connection) => this.#presence?.joined(name, connection),
      left: ({ name }, connection) => {
        this.#presence?.left(name, connection);
        this.#history?.left(name, connection);
      },
    });
    this.#link = values.bus === undefined ? null : this.#linkTo(values.bus);
    this.#history = values.bus?.history === undefined ? null : this.#readFrom(values.bus.history);
    this.#presence = this.#openPresence(values.presence);
    this.#presence?.start();
  }

  /** The number of topics and patterns with subscribers in this process. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** The number of events of each kind since this `Topics` was created. */
  get counts(): TopicsCounts {
    return { ...this.#counts };
  }

  /**
   * Subscribes a connection of a server to a topic or pattern. The subscription ends automatically when the connection is closed. With
   * `after`, the connection first receives the messages that it missed, in a later turn of the event loop. If the bus no longer has some of
   * them, the handler `gap` is called before the next message is sent.
   * @param topic parts separated by `/`; with `wildcards: true`, a part may be `*`, and the last part may be `**`
   * @returns true if the connection is subscribed now; false if the connection is not open, or if this `Topics` was closed
   * @throws {TopicError} for an invalid name or offset, or if a limit is exceeded
   * @throws {TypeError} if `connection` is not a connection of a server, or for `after` if the bus has no history
   */
  subscribe(connection: Connection<unknown>, topic: string, options: SubscribeOptions = {}): boolean {
    checkOptions('subscribe', options, subscribeNames);
    checkConnection(connection);
    const { wildcards = false, after = null } = options;
    if (after !== null && this.#history === null)
      throw new TypeError('`after` needs a bus with a history, such as a RedisBus with the option `history`');
    if (connection.state !== 'open' || this.#isClosed) return false;
    if (after === null) this.#subscriptions.add(connection, topic, wildcards === true);
    else this.#history?.subscribe(connection, topic, wildcards === true, after);
    return true;
  }

  /** Ends a subscription. @returns true if the connection had subscribed to this topic or pattern */
  unsubscribe(connection: Connection<unknown>, topic: string): boolean {
    return this.#subscriptions.remove(connection, topic);
  }

  /** Returns the topics and patterns that a connection has subscribed to. After its `close` handler has run, the list is empty. */
  topicsOf(connection: Connection<unknown>): string[] {
    return this.#subscriptions.of(connection);
  }

  /**
   * Returns an offset, which says which messages of a topic a connection has received. Use it for the option `after`. It is a string of at
   * most 400 characters. Send it to the client in a separate message, after the messages of the topic.
   * @returns null for a pattern, before `ready` resolves, if the bus has no history, or if the connection has not subscribed
   */
  offsetOf(connection: Connection<unknown>, topic: string): string | null {
    return this.#history?.offsetOf(connection, topic) ?? null;
  }

  /**
   * Sends a message once to each subscriber of a topic. Serializes the message once. Compresses it once for all connections without context
   * takeover. Subscribers in other processes receive the message over the bus. `publish` does not wait for the bus. If the bus refuses the
   * message, the handler `error` is called. A message of more than 4 KiB is not copied: do not change its bytes before they are sent.
   * @param topic a name without wildcards
   * @throws {TopicError} for an invalid name
   * @throws {RangeError} for a message over `maxMessageSize`
   * @throws {TypeError} for any other type of message, and for invalid options
   */
  publish(topic: string, message: Message, options: PublishOptions = {}): Published {
    checkOptions('publish', options, publishNames);
    checkTopic(topic, this.#options, false);
    const { except, local = false, compress = true } = options;
    checkExcept(except);
    const isText = typeof message === 'string';
    let data = isText ? message : toBytes(message);
    checkSize(data, this.#options.maxMessageSize);
    if (this.#isClosed) return { local: 0 };
    this.#counts.published++;
    if (this.#link !== null && !local) {
      const bytes = this.#messages.wrap(topic, data, compress);
      const number = this.#messages.lastNumber;
      this.#history?.published(topic, number, bytes);
      this.#link.publish(topic, bytes, (isPublished) => {
        if (!isPublished) this.#counts.unpublished++;
        this.#history?.settled(topic, number, isPublished);
      });
      // The bus needs the text as bytes. So the subscribers of this process get the same bytes, and the text is encoded only once.
      if (isText) data = bytes.subarray(ENVELOPE_SIZE);
    } else this.#history?.publishedLocally(topic);
    const outgoing = { name: topic, message: data, isText, compress, except };
    return { local: this.#send(this.#subscriptions.match(topic), outgoing) };
  }

  /**
   * Lists the subscribers of a topic in all processes with the option `presence`. Does not list the subscribers of patterns.
   * @param topic a name without wildcards
   * @throws {TopicError} for an invalid name, or if `maxTopics` of the option `presence` is exceeded
   * @throws {TypeError} without the option `presence`, and for invalid handlers
   */
  presence(topic: string, handlers: PresenceHandlers = {}): Presence {
    if (this.#presence === null) throw new TypeError('presence() needs the option `presence` of Topics');
    checkPresenceHandlers(handlers);
    checkTopic(topic, this.#options, false);
    return this.#presence.watch(topic, handlers);
  }

  /**
   * Calls the option `member` of `presence` again to get the new info of a connection. @throws {TypeError} without the option `presence`
   */
  updatePresence(connection: Connection<unknown>): void {
    if (this.#presence === null)
      throw new TypeError('updatePresence() needs the option `presence` of Topics');
    for (const topic of this.topicsOf(connection)) this.#presence.updated(topic, connection);
  }

  /**
   * Resolves when the bus has accepted all subscriptions so far. From then on, this process receives the messages of other processes.
   * Without a bus, resolves immediately.
   */
  async ready(): Promise<void> {
    await this.#link?.ready();
  }

  /** Unsubscribes all connections. Closes the bus and each `Presence`. The connections stay open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const farewell = this.#presence?.close();
    this.#subscriptions.clear();
    await farewell;
    await this.#link?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #send(topics: readonly Topic[], outgoing: Outgoing): number {
    const { sent, conflated, slow } = fanOut(topics, outgoing, this.#options);
    this.#counts.sent += sent;
    this.#counts.conflated += conflated;
    // The handlers are called after the message was sent to all subscribers. If a handler publishes a message, each subscriber receives
    // that message later.
    for (const connection of slow ?? []) {
      this.#counts[this.#options.slow === 'close' ? 'closed' : 'skipped']++;
      treatSlow(connection, this.#options.slow);
      this.#events.slow(connection, outgoing.name);
    }
    return sent;
  }

  #linkTo(bus: NonNullable<TopicsOptions['bus']>): BusLink {
    return new BusLink(bus, {
      received: (pattern, topic, bytes) => {
        this.#received(pattern, topic, bytes);
        if (pattern === topic) this.#history?.received(topic, bytes);
      },
      covered: (pattern) => {
        this.#presence?.covered(pattern);
        const topic = this.#subscriptions.get(pattern);
        if (topic !== undefined) this.#messages.cover(topic);
        this.#history?.covered(pattern);
      },
      lost: (pattern) => {
        this.#presence?.lost(pattern);
        const topic = this.#subscriptions.get(pattern);
        this.#history?.lost(pattern);
        if (topic !== undefined) this.#lost(pattern, [topic]);
      },
      state: (up) => this.#events.state(up),
      failed: (error) => this.#events.error(error),
    });
  }

  #readFrom(history: BusHistory): TopicHistory {
    return new TopicHistory(history, this.#subscriptions, {
      limits: this.#options,
      messages: this.#messages,
      counts: this.#counts,
      events: this.#events,
      send: (topic, outgoing) => void this.#send([topic], outgoing),
    });
  }

  #openPresence(options: TopicsValues['presence']): PresenceExchange | null {
    if (options === undefined) return null;
    return new PresenceExchange(options, this.#link, {
      subscribersOf: (topic) => this.#subscriptions.subscribersOf(topic),
      isTopic: (name) => isTopic(name, this.#options),
      invalid: () => this.#invalid(),
      failed: (error) => this.#events.error(error),
      call: (handler) => this.#events.call(handler),
    });
  }

  #received(pattern: string, name: string, bytes: Uint8Array): void {
    if (isPresenceName(name)) {
      this.#presence?.received(pattern, name, bytes);
      return;
    }
    // Another program might have published to an invalid name, or to a name that the pattern does not match. Such a message is ignored.
    if (!isTopic(name, this.#options) || bytes.length > this.#options.maxMessageSize + ENVELOPE_SIZE) {
      this.#invalid();
      return;
    }
    const topics = this.#subscriptions.match(name);
    if (!topics.some((topic) => topic.name === pattern)) return;
    const arrival = this.#messages.unwrap(name, bytes, topics);
    if (arrival === null) return;
    if (arrival === 'invalid') {
      this.#invalid();
      return;
    }
    this.#counts.received++;
    if (arrival.isGap) this.#lost(name, topics);
    const { isBinary, compress, payload } = arrival.envelope;
    const except = this.#history?.receivedBefore(name, arrival.envelope, topics) ?? null;
    this.#send(topics, { name, message: payload, isText: !isBinary, compress, except });
  }

  #invalid(): void {
    this.#counts.invalid++;
    this.#events.error(new TopicError('WS_BUS_MESSAGE'));
  }

  #lost(name: string, topics: readonly Topic[]): void {
    this.#counts.gaps++;
    for (const topic of topics) this.#messages.cover(topic);
    this.#events.gap(name, [...new Set(topics.flatMap(({ members }) => [...members]))]);
  }
}
