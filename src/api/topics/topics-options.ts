/** The options of `Topics`, and the handlers of what happens to it. */

import type { Connection } from '../connection.ts';
import { checkOptions, describe } from '../option-names.ts';
import { custom, limit, oneOf, type SpecsOf, type ValuesOf } from '../option-spec.ts';
import type { Bus } from './bus.ts';

/** What an application is notified of. What a handler throws becomes a process warning. */
export interface TopicsHandlers {
  /**
   * Messages of other processes were lost, or may have been: the bus was away, or a message came that followed one which did not.
   * @param topic the topic, or the pattern that a connection has subscribed to
   * @param connections its subscribers in this process, to be notified in the words of your protocol
   */
  gap?(topic: string, connections: readonly Connection<unknown>[]): unknown;
  /** The connection to the bus is lost (`false`), or is back (`true`). Topics of this process go on meanwhile. */
  state?(up: boolean): unknown;
  /** A message was not sent to a slow subscriber, or the subscriber was closed for it: see `slow`. */
  slow?(connection: Connection<unknown>, topic: string): unknown;
  /**
   * A `TopicError`: the bus failed (`WS_BUS`, with its error as `cause`), or carried what is not a message of this library
   * (`WS_BUS_MESSAGE`). Without this handler it is a line on stderr, once per code and minute.
   */
  error?(error: Error): unknown;
}

/** What becomes of a subscriber that does not read as fast as is published. */
export type SlowPolicy = 'close' | 'skip' | 'latest';

/** The options of `Topics`. */
export interface TopicsOptions {
  /** What connects it with the topics of other processes. It belongs to this `Topics`, and is closed with it. @default none */
  readonly bus?: Bus | undefined;
  /** What the application is notified of. */
  readonly handlers?: TopicsHandlers | undefined;
  /** What becomes of a subscriber to which more than `maxBuffered` waits to be sent. @default 'close' */
  readonly slow?: SlowPolicy | undefined;
  /** Bytes that may wait for a subscriber before `slow` applies. @default 1 MiB */
  readonly maxBuffered?: number | undefined;
  /** Bytes that a published message may have; larger ones from the bus are ignored. @default 1 MiB */
  readonly maxMessageSize?: number | undefined;
  /** Topics and patterns that one connection may have subscribed to. @default 100 */
  readonly maxTopicsPerConnection?: number | undefined;
  /** Subscriptions of one connection per second, on average; as many as `maxTopicsPerConnection` may come at once. @default 100 */
  readonly maxSubscribeRate?: number | undefined;
  /** Topics and patterns with subscribers in this process. @default 250000 */
  readonly maxTopics?: number | undefined;
  /** Characters in the name of a topic, as JavaScript counts them. @default 256 */
  readonly maxTopicLength?: number | undefined;
  /** Parts in the name of a topic. A topic of n parts may have to look at 2ⁿ patterns. @default 8 */
  readonly maxTopicParts?: number | undefined;
}

const handlerNames = { gap: true, state: true, slow: true, error: true };

const busMethods = ['publish', 'subscribe', 'unsubscribe', 'onState', 'close'] as const;

export const topicsSpecs: SpecsOf<TopicsOptions, ValuesOf<TopicsOptions, 'bus' | 'handlers'>> = {
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

/** How one subscription is made. */
export interface SubscribeOptions {
  /**
   * Whether the name may be a pattern: `*` stands for one part, `**`, as the last part, for one or more. False refuses it, so that a
   * peer that supplies the name does not receive what others publish elsewhere. @default false
   */
  readonly wildcards?: boolean | undefined;
}

/** To whom, and how, a message is published. */
export interface PublishOptions {
  /** Connections of this process that do not receive it: one, or a set of them. */
  readonly except?: ReadonlySet<Connection<unknown>> | Connection<unknown> | null | undefined;
  /** True: not over the bus. @default false */
  readonly local?: boolean | undefined;
  /** False: not compressed, whatever was negotiated. @default true */
  readonly compress?: boolean | undefined;
}

/** What was done with a message at once. */
export interface Published {
  /** To how many connections of this process it was sent. */
  readonly local: number;
}

/** How often something happened since the start. */
export interface TopicsCounts {
  /** Messages that were published here. */
  readonly published: number;
  /** Messages of other processes. */
  readonly received: number;
  /** Messages that were sent to a subscriber; one that goes to two counts twice. */
  readonly sent: number;
  /** Messages that wait, or waited, as the newest of their topic for a slow subscriber. */
  readonly conflated: number;
  /** Messages that were not sent to a slow subscriber. */
  readonly skipped: number;
  /** Subscribers that were closed because they were slow. */
  readonly closed: number;
  /** Losses of messages of other processes, known or possible. */
  readonly gaps: number;
  /** Messages that the bus did not take. */
  readonly unpublished: number;
  /** What came over the bus and is not a message of this library. */
  readonly invalid: number;
}
