/** The options of `Topics`, and its handlers. */

import type { Connection } from '../connection.ts';
import { checkOptions, describe } from '../option-names.ts';
import { custom, limit, oneOf, optionalGroup, type SpecsOf, type ValuesOf } from '../option-spec.ts';
import type { Bus } from './bus.ts';
import { type PresenceOptions, type PresenceValues, presenceSpecs } from './presence-options.ts';

/** The handlers of `Topics`. If a handler throws, the error is reported as a process warning. */
export interface TopicsHandlers {
  /**
   * Is called when messages of other processes may have been lost. Either the bus could not be reached, or the number of a message is
   * missing. After `subscribe` with `after`, a call can also mean that the history begins after the offset.
   * @param topic the topic, or the pattern that a connection has subscribed to
   * @param connections the subscribers in this process; notify them with a message of your own protocol
   */
  gap?(topic: string, connections: readonly Connection<unknown>[]): unknown;
  /**
   * Is called when the connection to the bus is lost (`false`) or established again (`true`). Meanwhile, topics within this process still
   * work.
   */
  state?(up: boolean): unknown;
  /** Is called when a message was not sent to a slow subscriber, or its connection was closed. See the option `slow`. */
  slow?(connection: Connection<unknown>, topic: string): unknown;
  /**
   * Is called with a `TopicError` in three cases. The bus failed (`WS_BUS`, with the error of the bus as `cause`). The bus carried bytes
   * that are not a message of this library (`WS_BUS_MESSAGE`). The info of a member is invalid (`WS_PRESENCE_INFO`). Without this handler
   * the library writes a line to stderr, at most one line per minute for each code.
   */
  error?(error: Error): unknown;
}

/** How `Topics` treats a subscriber that reads more slowly than messages are published. */
export type SlowPolicy = 'close' | 'skip' | 'latest';

/** The options of `Topics`. */
export interface TopicsOptions {
  /**
   * The bus that connects this `Topics` with other processes. It belongs to this `Topics`, whose method `close` also closes the bus.
   * @default none
   */
  readonly bus?: Bus | undefined;
  /** The functions that notify the application. */
  readonly handlers?: TopicsHandlers | undefined;
  /**
   * Enables the method `presence`, which lists the subscribers in all processes that have this option. `{}` uses the defaults. @default
   * none
   */
  readonly presence?: PresenceOptions | undefined;
  /** How to treat a subscriber for which more than `maxBuffered` bytes wait. @default 'close' */
  readonly slow?: SlowPolicy | undefined;
  /** The maximum number of bytes that may wait for a subscriber. If more bytes wait, the option `slow` applies. @default 1 MiB */
  readonly maxBuffered?: number | undefined;
  /** The maximum number of bytes of a published message. Larger messages from the bus are ignored. @default 1 MiB */
  readonly maxMessageSize?: number | undefined;
  /** The maximum number of topics and patterns that one connection may have subscribed to. @default 100 */
  readonly maxTopicsPerConnection?: number | undefined;
  /**
   * The average number of subscriptions that one connection may make per second. Up to `maxTopicsPerConnection` subscriptions may come at
   * the same time.
   * @default 100
   */
  readonly maxSubscribeRate?: number | undefined;
  /** The maximum number of topics and patterns with subscribers in this process. @default 250000 */
  readonly maxTopics?: number | undefined;
  /** The maximum number of characters in the name of a topic, as JavaScript counts them. @default 256 */
  readonly maxTopicLength?: number | undefined;
  /**
   * The maximum number of parts in the name of a topic. For a topic of n parts, the library may have to look for 2ⁿ patterns. @default 8
   */
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
      text: 'The `Bus` that connects this `Topics` with other processes. It belongs to this `Topics`, whose method `close` also closes the bus.',
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
      text: '`TopicsHandlers`, the functions that notify the application: `gap(topic, connections)`, `state(up)`, `slow(connection, topic)`, `error(error)`.',
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
    'Enables `presence(topic)`, which lists the subscribers in all processes that have this option.',
  ),
  slow: oneOf(['close', 'skip', 'latest'], {
    default: 'close',
    text: "How to treat a subscriber for which more than `maxBuffered` bytes wait. `'close'` closes the connection with 1013. `'skip'` sends no further messages to the subscriber while it is slow. In both cases, the handler `slow` is called, and `counts` has the number of these cases. `'latest'` keeps only the newest message of each topic for the subscriber, as `sendLatest` does, and counts it as `conflated`.",
  }),
  maxBuffered: limit('bytes', {
    default: 1_048_576,
    text: 'The maximum number of bytes that may wait for a subscriber. If more bytes wait, the option `slow` applies.',
  }),
  maxMessageSize: limit('bytes', {
    default: 1_048_576,
    text: 'The maximum size of a published message. Larger messages from the bus are ignored.',
  }),
  maxTopicsPerConnection: limit('', {
    default: 100,
    text: 'The maximum number of topics and patterns that one connection is subscribed to. Beyond this number, `subscribe` throws `WS_TOPIC_LIMIT`.',
  }),
  maxSubscribeRate: limit('', {
    default: 100,
    text: 'The average number of subscriptions that one connection may make per second; up to `maxTopicsPerConnection` of them may come at once. Beyond this rate, `subscribe` throws `WS_TOPIC_RATE`.',
  }),
  maxTopics: limit('', {
    default: 250_000,
    text: 'The maximum number of topics and patterns with subscribers in this process. Beyond this number, `subscribe` throws `WS_TOPIC_FULL`.',
  }),
  maxTopicLength: limit('', {
    default: 256,
    text: 'The maximum number of characters in the name of a topic, as JavaScript counts them.',
  }),
  maxTopicParts: limit('', {
    default: 8,
    text: 'The maximum number of parts in the name of a topic. To find the patterns that match a topic of n parts, the library may have to look at up to 2ⁿ patterns.',
  }),
};

/** The options with their defaults. */
export type TopicsValues = {
  readonly [Name in keyof typeof topicsSpecs]: ReturnType<(typeof topicsSpecs)[Name]['read']>;
};

/** The options of one subscription. */
export interface SubscribeOptions {
  /**
   * Whether the name may be a pattern. In a pattern, `*` stands for one part. As the last part, `**` stands for one or more parts. If
   * false, patterns are refused. Use false for names from a peer, so that the peer cannot receive the messages of all topics. @default
   * false
   */
  readonly wildcards?: boolean | undefined;
  /**
   * An offset that `offsetOf` has returned for this or an earlier connection of the same client. The connection first receives the messages
   * after the offset. The bus needs a history. @default none: the connection receives only new messages
   */
  readonly after?: string | null | undefined;
}

/** The options of one published message. */
export interface PublishOptions {
  /** The connections of this process that do not receive the message: one connection, or a set of connections. */
  readonly except?: ReadonlySet<Connection<unknown>> | Connection<unknown> | null | undefined;
  /** If true, the message is not sent over the bus. @default false */
  readonly local?: boolean | undefined;
  /** If false, the message is sent uncompressed, even if compression was negotiated. @default true */
  readonly compress?: boolean | undefined;
}

/** The immediate result of `publish`. */
export interface Published {
  /** The number of connections of this process that the message was sent to. */
  readonly local: number;
}

/** The number of events of each kind since the start. */
export interface TopicsCounts {
  /** Messages that this process published. */
  readonly published: number;
  /** Messages that came from other processes over the bus. */
  readonly received: number;
  /** Messages that were sent to subscribers; a message to two subscribers counts twice. */
  readonly sent: number;
  /** Messages that had to wait for a slow subscriber, each as the newest message of its topic. Those that still wait are included. */
  readonly conflated: number;
  /** Messages that were not sent to a slow subscriber. */
  readonly skipped: number;
  /** Connections that were closed because the subscriber was slow. */
  readonly closed: number;
  /** Losses of messages of other processes, including possible losses. */
  readonly gaps: number;
  /** Messages that the bus did not accept. */
  readonly unpublished: number;
  /** Messages from the bus that were ignored, since they are not valid messages of this library. */
  readonly invalid: number;
}

/** The counts at the start: all zero. */
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
