/**
 * Specifies the options that servers and clients share (see option-spec.ts), and makes the transport's limits from the values. `Infinity`
 * disables a limit; 0 is an error.
 */

import type { TextDelivery } from '../frame/endpoint-options.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';
import type { CompressionOptions } from '../transport/compression.ts';
import { type ConnectionLimits, clientLimits, serverLimits } from '../transport/limits.ts';
import { checkCompression, compressionSpecs } from './compression-options.ts';
import { describe } from './option-names.ts';
import {
  amount,
  callback,
  custom,
  flag,
  group,
  limit,
  oneOf,
  optionalGroup,
  type SpecsOf,
  type ValuesOf,
} from './option-spec.ts';

/** The limits and deadlines of a connection. All times are in milliseconds. */
export interface ConnectionOptions {
  /**
   * The largest accepted message in bytes. A larger message fails the connection with 1009. @default 1 MiB on a server, 16 MiB on a client
   */
  readonly maxMessageSize?: number | undefined;
  /** The largest message for a `stream` handler, in bytes. A larger message fails the connection with 1009. @default `maxMessageSize` */
  readonly maxStreamSize?: number | undefined;
  /** `send` returns false while more than this number of bytes wait to be sent. @default 64 KiB */
  readonly highWaterMark?: number | undefined;
  /**
   * How many bytes may wait to be sent. If more bytes wait, the connection is dropped. @default 64 MiB on a server, `Infinity` on a client
   */
  readonly sendCap?: number | undefined;
  /** The number of keys of `sendLatest` that may wait at the same time. `sendLatest` returns false for a further key. @default 1000 */
  readonly maxLatestKeys?: number | undefined;
  /**
   * The longest time in which the peer accepts no byte while more than 1 MiB waits to be sent. If fewer bytes wait, the limit is at least
   * `heartbeat.interval` plus `heartbeat.timeout`. @default 10000
   */
  readonly sendTimeout?: number | undefined;
  /** How long the closing handshake may take. @default 5000 */
  readonly closeTimeout?: number | undefined;
  /** Sends a ping to a silent peer, and drops the connection if the peer stays silent. */
  readonly heartbeat?: HeartbeatOptions | undefined;
  /** Sends pings at a fixed interval, in addition to the heartbeat. @default none */
  readonly pings?: PingOptions | undefined;
  /**
   * The longest time in which no further part of an incomplete message arrives. After this time the connection fails with 1008. @default
   * 30000
   */
  readonly messageTimeout?: number | undefined;
  /** When sent bytes are written to the socket: at the end of the turn of the event loop, or also after each read. @default 'turn' */
  readonly flush?: 'turn' | 'read' | undefined;
  /**
   * 'string': text messages are strings. Small texts that arrive together may share up to 1 KiB of memory. This memory is freed when the
   * application keeps none of these texts. 'own-string': each text has its own memory, which takes more time. 'bytes': text messages are
   * Buffers that were checked to be UTF-8.
   * @default 'string'
   */
  readonly text?: TextDelivery | undefined;
  /**
   * permessage-deflate (RFC 7692): a server accepts this extension, and a client offers it. Do not compress secrets together with data that
   * an attacker can choose: the length of the result reveals the secret (CRIME). @default false
   */
  readonly compression?: boolean | CompressionOptions | undefined;
  /** The budget that counts the memory of this connection. @default `processMemoryBudget`, 256 MiB */
  readonly memoryBudget?: MemoryBudget | undefined;
  /**
   * False: the library does not answer pings, so the `ping` handler has to call `pong`. RFC 6455 §5.5.2 requires an answer to each ping.
   * @default true
   */
  readonly autoPong?: boolean | undefined;
  /**
   * Returns the reason in our Close frame when a connection fails, at most 123 bytes of UTF-8. The peer can read the reason. If the
   * function throws, or returns more than 123 bytes, the default is used. @default the text of a `ProtocolError`, '' for other errors
   */
  readonly closeReason?: ((error: Error) => string) | undefined;
}

/** The heartbeat sends a ping to a silent peer. Any byte from the peer shows that the peer is alive. All times are in milliseconds. */
export interface HeartbeatOptions {
  /** How long the peer may be silent before a ping is sent; `Infinity` disables the heartbeat. @default 25000 */
  readonly interval?: number | undefined;
  /** How long the peer may stay silent after the ping. @default 20000 */
  readonly timeout?: number | undefined;
}

/**
 * Options for pings at a fixed interval. These pings are sent even while the peer sends messages. Only a pong counts as an answer. If the
 * pong does not come in time, the connection fails with 1011 and a `ConnectionError` WS_HEARTBEAT_TIMEOUT. For most purposes `heartbeat` is
 * enough, and sends fewer pings. All times are in milliseconds.
 */
export interface PingOptions {
  /** The time from one ping to the next. @default `Infinity` */
  readonly interval: number;
  /** The time from the opening of the connection to the first ping; with 0, the first ping is sent at once. @default `interval` */
  readonly first?: number | undefined;
  /** The longest time without a pong. @default `Infinity` */
  readonly timeout?: number | undefined;
  /** Whether the peer has to answer each ping before the next ping is due. @default true */
  readonly answerEach?: boolean | undefined;
  /** Returns the payload of the next ping, at most 125 bytes. @default an empty payload */
  readonly payload?: (() => Uint8Array) | undefined;
}

/** The options of a connection with their defaults. */
export interface ConnectionValues
  extends Omit<ValuesOf<ConnectionOptions, 'closeReason'>, 'heartbeat' | 'pings'> {
  readonly heartbeat: ValuesOf<HeartbeatOptions>;
  readonly pings: ValuesOf<PingOptions, 'first' | 'payload'> | undefined;
}

const heartbeatSpecs: SpecsOf<HeartbeatOptions> = {
  interval: limit('ms', {
    default: serverLimits.heartbeatInterval,
    text: 'How long the peer may be silent before a ping is sent; any byte from the peer counts as a sign of life. While the application has paused reading, pings are sent, but no answer is expected. If this side receives data but has sent nothing for this time, it sends a pong.',
  }),
  timeout: limit('ms', {
    default: serverLimits.heartbeatTimeout,
    text: 'How long the peer may stay silent after that ping before the connection is dropped with `WS_HEARTBEAT_TIMEOUT`. The time becomes 1 s longer for each 32 KiB that were sent since the peer’s last sign of life, because the peer has to read these bytes first; at most 8 MiB are counted.',
  }),
};

const pingSpecs: SpecsOf<PingOptions, ValuesOf<PingOptions, 'first' | 'payload'>> = {
  interval: limit('ms', { default: Number.POSITIVE_INFINITY, text: 'The time from one ping to the next.' }),
  first: amount('ms', 0, ' of milliseconds', {
    defaultText: '`interval`',
    text: 'The time from the opening of the connection to the first ping; with 0, the first ping is sent at once.',
  }),
  timeout: limit('ms', {
    default: Number.POSITIVE_INFINITY,
    text: 'If no pong arrives for this time, the connection fails with 1011, `WS_HEARTBEAT_TIMEOUT`.',
  }),
  answerEach: flag({
    default: true,
    text: 'Whether the peer has to answer each ping before the next one is due.',
  }),
  payload: callback<NonNullable<PingOptions['payload']>>('() => Uint8Array', {
    defaultText: 'an empty payload',
    text: 'Returns the payload of the next ping, at most 125 bytes.',
  }),
};

/** The options that `connect` and `WebSocketServer` have in common. */
export const connectionSpecs: SpecsOf<ConnectionOptions, ConnectionValues> = {
  maxMessageSize: limit('bytes', {
    default: serverLimits.maxMessageSize,
    client: clientLimits.maxMessageSize,
    text: 'The size of the largest message that is received, counted over all its fragments and after decompression. A larger message closes the connection with 1009 as soon as a frame header exceeds the limit, before that payload is buffered.',
  }),
  maxStreamSize: limit('bytes', {
    defaultText: '`maxMessageSize`',
    text: 'The size of the largest message that a `stream` handler receives, counted over all its fragments. A larger message closes the connection with 1009 as soon as a frame header exceeds the limit. Compressed messages are limited by `maxMessageSize` instead.',
  }),
  highWaterMark: limit('bytes', {
    default: serverLimits.highWaterMark,
    text: '`send` returns false while more bytes than this wait to be sent. A server also stops reading from a peer while more than this number of bytes of replies to the peer wait.',
  }),
  sendCap: limit('bytes', {
    default: serverLimits.sendCap,
    client: clientLimits.sendCap,
    text: 'How many bytes may wait to be sent. If more bytes wait, the connection is dropped with `WS_SEND_CAP`. If nothing waits, one message of any size is accepted, even if it is sent in several frames.',
  }),
  maxLatestKeys: limit('', {
    default: serverLimits.maxLatestKeys,
    text: 'How many keys of `sendLatest` may wait at the same time; for a further key, `sendLatest` returns false. The waiting values count towards `sendCap`.',
  }),
  sendTimeout: limit('ms', {
    default: serverLimits.sendTimeout,
    text: 'How long a peer may accept no bytes while more than 1 MiB waits for it. After this time the connection is dropped with `WS_SEND_CAP`. If fewer bytes wait, the time is the larger of this value and the sum of `heartbeat.interval` and `heartbeat.timeout`, even if the peer sends data.',
  }),
  closeTimeout: limit('ms', {
    default: serverLimits.closeTimeout,
    text: "How long the closing handshake may take, and then the end of the TCP connection. After this time the connection is dropped. If the peer's Close frame did not arrive, the error is `WS_CLOSE_TIMEOUT`.",
  }),
  heartbeat: group<HeartbeatOptions, typeof heartbeatSpecs>(
    heartbeatSpecs,
    'Sends a ping to a silent peer, and drops the connection if the peer stays silent.',
    '; { interval: Infinity } disables it',
  ),
  pings: optionalGroup<PingOptions, typeof pingSpecs>(
    pingSpecs,
    'Sends pings at a fixed interval, even if the peer sends messages. Only a pong counts as an answer.',
  ),
  messageTimeout: limit('ms', {
    default: serverLimits.messageTimeout,
    text: 'How long an incomplete message may make no progress before the connection is closed with 1008. The clock stops while the application has paused reading.',
  }),
  flush: oneOf(['turn', 'read'], {
    default: serverLimits.flush,
    text: "When messages are written to the socket. `'turn'`: at the end of the event loop's turn. `'read'`: also after each read from the socket.",
  }),
  text: oneOf(['string', 'own-string', 'bytes'], {
    default: 'string',
    text: "How text messages are delivered. `'string'`: as strings. Small messages that arrive together may be parts of one string of at most 1 KiB, and this string stays in memory as long as one of the messages does. `'own-string'`: as strings, each with its own memory, which takes more time. `'bytes'`: as Buffers that were checked to be UTF-8.",
  }),
  compression: custom<boolean | CompressionOptions, boolean>(
    'boolean or an object',
    {
      default: false,
      members: compressionSpecs,
      text: 'Enables permessage-deflate (RFC 7692): a server accepts the extension, and a client offers it.',
    },
    checkCompression,
  ),
  memoryBudget: custom<MemoryBudget, MemoryBudget>(
    'a `MemoryBudget`',
    {
      default: serverLimits.memoryBudget,
      defaultText: '`processMemoryBudget`, 256 MiB',
      text: 'The budget that counts the memory of this connection. If the budget has little room, the library reads from its connections in turns.',
    },
    checkMemoryBudget,
  ),
  autoPong: flag({
    default: true,
    text: 'With `false`, pings are not answered automatically, so the `ping` handler has to call `pong`. Use `false` only in tests, since RFC 6455 requires an answer to each ping.',
  }),
  closeReason: callback<NonNullable<ConnectionOptions['closeReason']>>('(error) => string', {
    defaultText: "the text of a `ProtocolError`, '' for other errors",
    text: 'Returns the reason in the Close frame that is sent when a connection fails. The peer sees it; it has at most 123 bytes of UTF-8.',
  }),
};

function checkMemoryBudget(value: unknown, name: string): void {
  if (typeof (value as MemoryBudget | null)?.review === 'function') return;
  throw new TypeError(`${name} is ${describe(value)}, not a MemoryBudget`);
}

/**
 * Makes the transport's limits from the values of the options.
 * @throws {RangeError} if `maxMessageSize` is above the limit of `memoryBudget`
 */
export function toLimits(values: ConnectionValues): ConnectionLimits {
  const { pings, maxMessageSize, memoryBudget } = values;
  if (maxMessageSize > memoryBudget.limit && maxMessageSize !== Number.POSITIVE_INFINITY) {
    throw new RangeError(
      `maxMessageSize is ${maxMessageSize}, above the limit of memoryBudget, ${memoryBudget.limit}: such a message would never find room`,
    );
  }
  return {
    maxMessageSize: values.maxMessageSize,
    maxStreamSize: values.maxStreamSize ?? values.maxMessageSize,
    highWaterMark: values.highWaterMark,
    sendCap: values.sendCap,
    maxLatestKeys: values.maxLatestKeys,
    sendTimeout: values.sendTimeout,
    closeTimeout: values.closeTimeout,
    heartbeatInterval: values.heartbeat.interval,
    heartbeatTimeout: values.heartbeat.timeout,
    messageTimeout: values.messageTimeout,
    flush: values.flush,
    memoryBudget: values.memoryBudget,
    ...(pings === undefined
      ? null
      : { pings: { ...pings, first: pings.first ?? pings.interval, payload: pings.payload ?? noPayload } }),
  };
}

function noPayload(): undefined {}

/** Returns the options that `bindSocket` needs in addition to the limits. */
export function toBindOptions({ closeReason, autoPong, text }: ConnectionValues): {
  readonly text: TextDelivery;
  readonly autoPong: boolean;
  readonly closeReason?: (error: Error) => string;
} {
  return { text, autoPong, ...(closeReason === undefined ? null : { closeReason }) };
}
