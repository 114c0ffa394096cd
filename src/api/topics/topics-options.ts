/** The options and the handlers of `Topics`. */

import type { Connection } from '../connection.ts';
import { checkOptions, describe } from '../option-names.ts';
import { custom, limit, oneOf, optionalGroup, type SpecsOf, type ValuesOf } from '../option-spec.ts';
import type { Bus } from './bus.ts';
import { type PresenceOptions, type PresenceValues, presenceSpecs } from './presence-options.ts';

/** The handlers of `Topics`. If a handler throws, the error is reported as a process warning. */
export interface TopicsHandlers {
  /**
   * Is called when messages of other processes might have been lost, for one of these reasons:
   * - The bus was disconnected.
   * - The number of a message is missing.
   * - A connection has subscribed with the option `after`, but messages after the position in `after` are no longer in the history.
   * @param topic the topic, or the pattern that a connection has subscribed to
   * @param connections the subscribers in this process; notify them with a message of your own protocol
   */
  gap?(topic: string, connections: readonly Connection<unknown>[]): unknown;
  /**
   * Is called when the connection to the bus is lost (`false`) or established again (`true`). Without this connection, topics still work
   * within this process.
   */
  state?(up: boolean): unknown;
  /**
   * Is called when the option `slow` was applied to a subscriber. Either a message was not sent to the subscriber, or its connection was
   * closed.
   */
  slow?(connection: Connection<unknown>, topic: string): unknown;
  /**
   * Is called with a `TopicError`. The `code` of the error is one of these:
   * - `WS_BUS`: the bus failed. `cause` is the error of the bus.
   * - `WS_BUS_MESSAGE`: bytes from the bus are not a message of this library.
   * - `WS_PRESENCE_INFO`: the info of a member is too large, or cannot be written as JSON.
   *
   * Without this handler, the library writes a line to stderr. It writes at most one line per minute for each code.
   */
  error?(error: Error): unknown;
}

/** What `Topics` does with a subscriber that reads more slowly than messages are published. */
export type SlowPolicy = 'close' | 'skip' | 'latest';

/** The options of `Topics`. */
export interface TopicsOptions {
  /**
   * The bus that connects this `Topics` with other processes. It must not be used by another `Topics`. The method `close` of `Topics` also
   * closes the bus.
   * @default none
   */
  readonly bus?: Bus | undefined;
  /** The functions that `Topics` calls to notify the application. */
  readonly handlers?: TopicsHandlers | undefined;
  /**
   * Enables the method `presence`. This method lists the subscribers of a topic in all processes that have this option. `{}` uses the
   * defaults. @default none
   */
  readonly presence?: PresenceOptions | undefined;
  /** What happens to a subscriber if more than `maxBuffered` bytes wait for it. @default 'close' */
  readonly slow?: SlowPolicy | undefined;
  /** The maximum number of bytes that may wait for a subscriber. If more wait, the option `slow` decides what happens. @default 1 MiB */
  readonly maxBuffered?: number | undefined;
  /** The maximum number of bytes of a published message. Larger messages from the bus are ignored. @default 1 MiB */
  readonly maxMessageSize?: number | undefined;
  /** The maximum number of topics and patterns to which one connection may be subscribed. @default 100 */
  readonly maxTopicsPerConnection?: number | undefined;
  /**
   * The average number of subscriptions that one connection may make per second. A connection may make up to `maxTopicsPerConnection`
   * subscriptions at once.
   * @default 100
   */
  readonly maxSubscribeRate?: number | undefined;
  /** The maximum number of topics and patterns with subscribers in this process. @default 250000 */
  readonly maxTopics?: number | undefined;
  /** The maximum length of the name of a topic, as JavaScript counts it. @default 256 */
  readonly maxTopicLength?: number | undefined;
  /** The maximum number of parts in the name of a topic. For a topic with n parts, the library looks for up to 2ⁿ patterns. @default 8 */
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
      text: 'The `Bus` that connects this `Topics` with other processes. It must not be used by another `Topics`. The method `close` of `Topics` also closes the bus.',
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
      text: 'The functions that `Topics` calls to notify the application (`TopicsHandlers`): `gap(topic, connections)`, `state(up)`, `slow(connection, topic)`, `error(error)`.',
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
    'Enables the method `presence(topic)`. This method lists the subscribers of a topic in all processes that have this option.',
  ),
  slow: oneOf(['close', 'skip', 'latest'], {
    default: 'close',
    text: "What happens to a subscriber if more than `maxBuffered` bytes wait for it. `'close'` closes the connection with 1013. `'skip'` sends the subscriber no messages while it is slow. In both cases, the handler `slow` is called, and `counts` counts the subscriber. With `'latest'`, only the newest message of each topic waits for the subscriber, as with `sendLatest`. This message is counted as `conflated`.",
  }),
  maxBuffered: limit('bytes', {
    default: 1_048_576,
    text: 'The maximum number of bytes that may wait for a subscriber. If more bytes wait, the option `slow` decides what happens.',
  }),
  maxMessageSize: limit('bytes', {
    default: 1_048_576,
    text: 'The maximum size of a published message. Larger messages from the bus are ignored.',
  }),
  maxTopicsPerConnection: limit('', {
    default: 100,
    text: 'The maximum number of topics and patterns to which one connection may be subscribed. Beyond this number, `subscribe` throws `WS_TOPIC_LIMIT`.',
  }),
  maxSubscribeRate: limit('', {
    default: 100,
    text: 'The average number of subscriptions that one connection may make per second. A connection may make up to `maxTopicsPerConnection` subscriptions at once. Beyond this rate, `subscribe` throws `WS_TOPIC_RATE`.',
  }),
  maxTopics: limit('', {
    default: 250_000,
    text: 'The maximum number of topics and patterns with subscribers in this process. Beyond this number, `subscribe` throws `WS_TOPIC_FULL`.',
  }),
  maxTopicLength: limit('', {
    default: 256,
    text: 'The maximum length of the name of a topic, as JavaScript counts it (in UTF-16 code units).',
  }),
  maxTopicParts: limit('', {
    default: 8,
    text: 'The maximum number of parts in the name of a topic. For a topic with n parts, the library looks for up to 2ⁿ patterns.',
  }),
};

/** The options of `Topics`, after the defaults were filled in. */
export type TopicsValues = {
  readonly [Name in keyof typeof topicsSpecs]: ReturnType<(typeof topicsSpecs)[Name]['read']>;
};

/** The options of one call of `subscribe`. */
export interface SubscribeOptions {
  /**
   * If true, the name may be a pattern. In a pattern, `*` stands for one part. If `**` is the last part, it stands for one or more parts.
   * If false, patterns are refused. Use false for names from a peer. Otherwise the peer could receive the messages of all topics. @default
   * false
   */
  readonly wildcards?: boolean | undefined;
  /**
   * An offset that `offsetOf` has returned for the same client. It can come from an earlier connection. The connection first receives the
   * messages after the offset. The bus needs a history. @default none: the connection receives only new messages
   */
  readonly after?: string | null | undefined;
}

/** The options of one call of `publish`. */
export interface PublishOptions {
  /** The connections of this process that do not receive the message: one connection, or a set of connections. */
  readonly except?: ReadonlySet<Connection<unknown>> | Connection<unknown> | null | undefined;
  /** If true, the message is not sent over the bus. @default false */
  readonly local?: boolean | undefined;
  /** If false, the message is sent uncompressed, even if compression was negotiated. @default true */
  readonly compress?: boolean | undefined;
}

/** The result of `publish`. `publish` returns it without waiting for the bus. */
export interface Published {
  /** The number of connections of this process to which the message was sent. */
  readonly local: number;
}

/** The number of events of each kind since this `Topics` was created. */
export interface TopicsCounts {
  /** Messages that this process published. */
  readonly published: number;
  /** Messages that came from other processes over the bus. */
  readonly received: number;
  /** Messages that were sent to subscribers; a message to two subscribers counts twice. */
  readonly sent: number;
  /** With `slow: 'latest'`: messages that were not sent at once to a slow subscriber, but kept as the newest message of their topic. */
  readonly conflated: number;
  /** Messages that were not sent to a slow subscriber. */
  readonly skipped: number;
  /** Connections that were closed because they were too slow. */
  readonly closed: number;
  /** How often messages of other processes were lost, or might have been lost. */
  readonly gaps: number;
  /** Messages that the bus did not accept. */
  readonly unpublished: number;
  /** Messages from the bus that were ignored, because they are not valid messages of this library. */
  readonly invalid: number;
}

/** Returns the counts of a new `Topics`. They are all zero. */
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
