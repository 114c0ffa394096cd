/** The options of `Topics`, and its handlers. */

import type { Connection } from '../connection.ts';
import { checkOptions, describe } from '../option-names.ts';
import { custom, limit, oneOf, optionalGroup, type SpecsOf, type ValuesOf } from '../option-spec.ts';
import type { Bus } from './bus.ts';
import { type PresenceOptions, type PresenceValues, presenceSpecs } from './presence-options.ts';

/** The handlers of `Topics`. If a handler throws, the error becomes a process warning. */
export interface TopicsHandlers {
  /**
   * Messages of other processes were lost, or may have been: the bus was away, or a message before one that came is missing. With `after`,
   * of `subscribe`: the history does not reach back to the offset.
   * @param topic the topic, or the pattern that a connection has subscribed to
   * @param connections its subscribers in this process, to be notified in the words of your protocol
   */
  gap?(topic: string, connections: readonly Connection<unknown>[]): unknown;
  /** The connection to the bus is lost (`false`), or is back (`true`). Topics within this process keep working meanwhile. */
  state?(up: boolean): unknown;
  /** A message was not sent to a slow subscriber, or the subscriber's connection was closed because it was slow: see the option `slow`. */
  slow?(connection: Connection<unknown>, topic: string): unknown;
  /**
   * A `TopicError`: the bus failed (`WS_BUS`, with its error as `cause`), or carried what is not a message of this library
   * (`WS_BUS_MESSAGE`), or the info of a member is not valid (`WS_PRESENCE_INFO`). Without this handler, the library writes a line to stderr, once per code and minute.
   */
  error?(error: Error): unknown;
}

/** What to do with a subscriber that reads more slowly than messages are published. */
export type SlowPolicy = 'close' | 'skip' | 'latest';

/** The options of `Topics`. */
export interface TopicsOptions {
  /** The bus that connects it with the topics of other processes. It belongs to this `Topics`, and is closed with it. @default none */
  readonly bus?: Bus | undefined;
  /** The handlers that the application has. */
  readonly handlers?: TopicsHandlers | undefined;
  /** Lets `presence` know the subscribers of all processes that have this option; `{}` for the defaults. @default none */
  readonly presence?: PresenceOptions | undefined;
  /** What to do with a subscriber for which more than `maxBuffered` bytes wait. @default 'close' */
  readonly slow?: SlowPolicy | undefined;
  /** Bytes that may wait for a subscriber before `slow` applies. @default 1 MiB */
  readonly maxBuffered?: number | undefined;
  /** Bytes that a published message may have; larger ones from the bus are ignored. @default 1 MiB */
  readonly maxMessageSize?: number | undefined;
  /** Topics and patterns that one connection may have subscribed to. @default 100 */
  readonly maxTopicsPerConnection?: number | undefined;
  /** Subscriptions of one connection per second, on average; up to `maxTopicsPerConnection` may come at once. @default 100 */
  readonly maxSubscribeRate?: number | undefined;
  /** Topics and patterns with subscribers in this process. @default 250000 */
  readonly maxTopics?: number | undefined;
  /** Characters in the name of a topic, as JavaScript counts them. @default 256 */
  readonly maxTopicLength?: number | undefined;
  /** Parts in the name of a topic. Matching a topic of n parts may have to visit 2ⁿ patterns. @default 8 */
  readonly maxTopicParts?: number | undefined;
}

const handlerNames = { gap: true, state: true, slow: true, error: true };

const busMethods = ['publish', 'subscribe', 'unsubscribe', 'onState', 'close'] as const;

interface TopicsSpecValues extends Omit<ValuesOf<TopicsOptions, 'bus' | 'handlers'>, 'presence'> {
  readonly presence: PresenceValues | undefined;
}

export const topicsSpecs: SpecsOf<TopicsOptions, TopicsSpecValues> = {
  bus: custom<Bus>(
    'a `Bus`',
    {
      text: 'What connects it with the topics of other processes, a `Bus`. It belongs to this `Topics`, and is closed with it.',
    },
    (value, name) => {
      const bus = value as Partial<Bus> | null;
      const missing = busMethods.find((method) => typeof bus?.[method] !== 'function');
      if (missing !== undefined)
        throw new TypeError(`${name} is ${describe(value)} without ${missing}(), not a Bus`);
    },
  ),
  handlers: custom<TopicsHandlers>(
    'an object',
    {
      text: 'What the application is notified of, `TopicsHandlers`: `gap(topic, connections)`, `state(up)`, `slow(connection, topic)`, `error(error)`.',
    },
    (value) => {
      const handlers = value as Readonly<Record<string, unknown>>;
      checkOptions('handlers', handlers, handlerNames);
      for (const name of Object.keys(handlerNames)) {
        const handler = handlers[name];
        if (handler !== undefined && typeof handler !== 'function')
          throw new TypeError(`the handler "${name}" is ${describe(handler)}, not a function`);
      }
    },
  ),
  presence: optionalGroup<PresenceOptions, typeof presenceSpecs>(
    presenceSpecs,
    'Lets `presence(topic)` know the subscribers of all processes that have this option.',
  ),
  slow: oneOf(['close', 'skip', 'latest'], {
    default: 'close',
    text: "What becomes of a subscriber to which more than `maxBuffered` waits to be sent: `'close'` closes it with 1013, `'skip'` leaves messages out for it; both are counted, and reported to the handler `slow`. `'latest'` keeps the newest message of each topic for it, as `sendLatest` does, and counts as `conflated`.",
  }),
  maxBuffered: limit('bytes', {
    default: 1_048_576,
    text: 'What may wait for a subscriber before `slow` applies.',
  }),
  maxMessageSize: limit('bytes', {
    default: 1_048_576,
    text: 'Size of a published message; larger ones from the bus are ignored.',
  }),
  maxTopicsPerConnection: limit('', {
    default: 100,
    text: 'Topics and patterns that one connection may have subscribed to; beyond it `subscribe` throws `WS_TOPIC_LIMIT`.',
  }),
  maxSubscribeRate: limit('', {
    default: 100,
    text: 'Subscriptions of one connection per second, on average; as many as `maxTopicsPerConnection` may come at once. Beyond it `subscribe` throws `WS_TOPIC_RATE`.',
  }),
  maxTopics: limit('', {
    default: 250_000,
    text: 'Topics and patterns with subscribers in this process; beyond it `subscribe` throws `WS_TOPIC_FULL`.',
  }),
  maxTopicLength: limit('', {
    default: 256,
    text: 'Characters in the name of a topic, as JavaScript counts them.',
  }),
  maxTopicParts: limit('', {
    default: 8,
    text: 'Parts in the name of a topic. A topic of n parts may have to look at 2ⁿ patterns, if there are as many.',
  }),
};

/** The options with their defaults. */
export type TopicsValues = {
  readonly [Name in keyof typeof topicsSpecs]: ReturnType<(typeof topicsSpecs)[Name]['read']>;
};

/** The options of one subscription. */
export interface SubscribeOptions {
  /**
   * Whether the name may be a pattern: `*` stands for one part, `**`, as the last part, for one or more. False refuses patterns, so that a
   * peer that supplies the name cannot receive the messages of other topics. @default false
   */
  readonly wildcards?: boolean | undefined;
  /**
   * What `offsetOf` returned when the connection, or an earlier one of the same client, had received the topic so far: it first receives
   * what it has missed since. This needs a bus with history. @default none: it receives what is published from now on
   */
  readonly after?: string | null | undefined;
}

/** The options of one published message. */
export interface PublishOptions {
  /** Connections of this process that do not receive it: one, or a set of them. */
  readonly except?: ReadonlySet<Connection<unknown>> | Connection<unknown> | null | undefined;
  /** True: the message is not sent over the bus. @default false */
  readonly local?: boolean | undefined;
  /** False: the message is sent uncompressed, even if compression was negotiated. @default true */
  readonly compress?: boolean | undefined;
}

/** The immediate result of `publish`. */
export interface Published {
  /** The number of connections of this process that it was sent to. */
  readonly local: number;
}

/** The number of events since the start. */
export interface TopicsCounts {
  /** Messages that this process published. */
  readonly published: number;
  /** Messages of other processes. */
  readonly received: number;
  /** Messages that were sent to subscribers; a message to two subscribers counts twice. */
  readonly sent: number;
  /** Messages that wait, or have waited, as the newest of their topic for a slow subscriber. */
  readonly conflated: number;
  /** Messages that were not sent to a slow subscriber. */
  readonly skipped: number;
  /** Subscribers that were closed because they were slow. */
  readonly closed: number;
  /** Losses of messages of other processes, known or possible. */
  readonly gaps: number;
  /** Messages that the bus did not take. */
  readonly unpublished: number;
  /** Messages of the bus that are not from this library. */
  readonly invalid: number;
}

/** The counts at the start. */
export function noCounts(): { -readonly [Name in keyof TopicsCounts]: number } {
  return {
    published: 0,
    received: 0,
    sent: 0,
    conflated: 0,
    skipped: 0,
    closed: 0,
    gaps: 0,
    unpublished: 0,
    invalid: 0,
  };
}
