/**
 * Specifies the options that servers and clients share (option-spec.ts). Makes the limits for the transport layer from their values.
 * `Infinity` disables a limit. 0 is an error.
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

/** The limits and time limits of a connection. All times are in milliseconds. */
export interface ConnectionOptions {
  /**
   * The maximum size of a received message in bytes. A larger message fails the connection with 1009. @default 1 MiB on a server, 16 MiB on
   * a client
   */
  readonly maxMessageSize?: number | undefined;
  /**
   * The maximum size in bytes of a message for a `stream` handler. A larger message fails the connection with 1009. @default
   * `maxMessageSize`
   */
  readonly maxStreamSize?: number | undefined;
  /** If more than this number of bytes wait to be sent, `send` returns false. @default 64 KiB */
  readonly highWaterMark?: number | undefined;
  /**
   * The maximum number of bytes that may wait to be sent. If more bytes wait, the connection is dropped. @default 64 MiB on a server,
   * `Infinity` on a client
   */
  readonly sendCap?: number | undefined;
  /**
   * The maximum number of keys of `sendLatest` that may wait at the same time. For a further key, `sendLatest` returns false. @default 1000
   */
  readonly maxLatestKeys?: number | undefined;
  /**
   * If more than 1 MiB waits to be sent, and the peer accepts no byte for this time, the connection is dropped. If 1 MiB or less waits,
   * the time is at least `heartbeat.interval` plus `heartbeat.timeout`. @default 10000
   */
  readonly sendTimeout?: number | undefined;
  /** The longest time for the closing handshake. @default 5000 */
  readonly closeTimeout?: number | undefined;
  /** The heartbeat sends a ping to a silent peer, and drops the connection if the peer stays silent. */
  readonly heartbeat?: HeartbeatOptions | undefined;
  /** Pings that are sent at a fixed interval, in addition to the heartbeat. @default none */
  readonly pings?: PingOptions | undefined;
  /** If no further part of an incomplete message arrives for this time, the connection fails with 1008. @default 30000 */
  readonly messageTimeout?: number | undefined;
  /**
   * When messages are written to the socket. 'turn': at the end of the turn of the event loop. 'read': also after each read. @default
   * 'turn'
   */
  readonly flush?: 'turn' | 'read' | undefined;
  /**
   * How text messages are delivered.
   * - 'string': as strings. Small texts that arrive together can share up to 1 KiB of memory. This memory is freed when the application no
   *   longer holds any of these texts.
   * - 'own-string': as strings that share no memory. This takes more time.
   * - 'bytes': as Buffers that were checked to be UTF-8.
   * @default 'string'
   */
  readonly text?: TextDelivery | undefined;
  /**
   * permessage-deflate (RFC 7692). A server accepts this extension, and a client offers it. Do not compress a secret together with data
   * that an attacker can choose. The length of the result would reveal the secret (CRIME attack). @default false
   */
  readonly compression?: boolean | CompressionOptions | undefined;
  /** The budget that counts the memory of this connection. @default `processMemoryBudget`, 256 MiB */
  readonly memoryBudget?: MemoryBudget | undefined;
  /**
   * If false, the library does not answer pings. The `ping` handler then has to call `pong`, because RFC 6455 §5.5.2 requires an answer to
   * each ping.
   * @default true
   */
  readonly autoPong?: boolean | undefined;
  /**
   * Returns the reason for our Close frame when a connection fails. The peer can read the reason. The maximum is 123 bytes of UTF-8. If the
   * function throws, or returns more bytes, the default is used. @default the text of a `ProtocolError`, '' for other errors
   */
  readonly closeReason?: ((error: Error) => string) | undefined;
}

/** The heartbeat sends a ping to a silent peer. Any byte from the peer shows that it is alive. All times are in milliseconds. */
export interface HeartbeatOptions {
  /** If the peer is silent for this time, a ping is sent. `Infinity` disables the heartbeat. @default 25000 */
  readonly interval?: number | undefined;
  /** If the peer stays silent for this time after the ping, the connection is dropped. @default 20000 */
  readonly timeout?: number | undefined;
}

/**
 * Options for pings at a fixed interval. These pings are sent even while the peer sends messages. Only a pong counts as an answer. If the
 * pong does not come in time, the connection fails with 1011 and a `ConnectionError` WS_HEARTBEAT_TIMEOUT. In most cases, `heartbeat` is
 * enough, and sends fewer pings. All times are in milliseconds.
 */
export interface PingOptions {
  /** The time from one ping to the next. @default `Infinity` */
  readonly interval: number;
  /** The time from the opening of the connection to the first ping. With 0, the first ping is sent immediately. @default `interval` */
  readonly first?: number | undefined;
  /** If no pong arrives for this time, the connection fails. @default `Infinity` */
  readonly timeout?: number | undefined;
  /** If true, the connection fails when the next ping is due and the last ping is unanswered. @default true */
  readonly answerEach?: boolean | undefined;
  /** Returns the payload of the next ping. The maximum is 125 bytes. @default an empty payload */
  readonly payload?: (() => Uint8Array) | undefined;
}

/** The options of a connection, after the defaults were filled in. */
export interface ConnectionValues
  extends Omit<ValuesOf<ConnectionOptions, 'closeReason'>, 'heartbeat' | 'pings'> {
  readonly heartbeat: ValuesOf<HeartbeatOptions>;
  readonly pings: ValuesOf<PingOptions, 'first' | 'payload'> | undefined;
}

const heartbeatSpecs: SpecsOf<HeartbeatOptions> = {
  interval: limit('ms', {
    default: serverLimits.heartbeatInterval,
    text: 'If the peer is silent for this time, a ping is sent. Any byte from the peer ends the silence. While the application has paused reading, pings are sent, but no answer is expected. If this side receives data, but sends nothing for this time, it sends a pong.',
  }),
  timeout: limit('ms', {
    default: serverLimits.heartbeatTimeout,
    text: 'If the peer stays silent for this time after the ping, the connection is dropped with `WS_HEARTBEAT_TIMEOUT`. The time is 1 s longer for each 32 KiB that were sent since the peer’s last byte, because the peer has to read these bytes before the ping. At most 8 MiB are counted.',
  }),
};

const pingSpecs: SpecsOf<PingOptions, ValuesOf<PingOptions, 'first' | 'payload'>> = {
  interval: limit('ms', { default: Number.POSITIVE_INFINITY, text: 'The time from one ping to the next.' }),
  first: amount('ms', 0, ' of milliseconds', {
    defaultText: '`interval`',
    text: 'The time from the opening of the connection to the first ping. With 0, the first ping is sent immediately.',
  }),
  timeout: limit('ms', {
    default: Number.POSITIVE_INFINITY,
    text: 'If no pong arrives for this time, the connection fails with 1011 and `WS_HEARTBEAT_TIMEOUT`.',
  }),
  answerEach: flag({
    default: true,
    text: 'If true, the connection fails when the next ping is due and the last ping is unanswered.',
  }),
  payload: callback<NonNullable<PingOptions['payload']>>('() => Uint8Array', {
    defaultText: 'an empty payload',
    text: 'Returns the payload of the next ping. The maximum is 125 bytes.',
  }),
};

/** The options that clients and servers share. */
export const connectionSpecs: SpecsOf<ConnectionOptions, ConnectionValues> = {
  maxMessageSize: limit('bytes', {
    default: serverLimits.maxMessageSize,
    client: clientLimits.maxMessageSize,
    text: 'The maximum size of a received message, including all its fragments, and after decompression. If a frame header announces a larger message, the connection fails with 1009, before the payload is buffered.',
  }),
  maxStreamSize: limit('bytes', {
    defaultText: '`maxMessageSize`',
    text: 'The maximum size of a message that a `stream` handler receives, including all its fragments. If a frame header announces a larger message, the connection fails with 1009. For compressed messages, the limit is `maxMessageSize` instead.',
  }),
  highWaterMark: limit('bytes', {
    default: serverLimits.highWaterMark,
    text: 'If more than this number of bytes wait to be sent, `send` returns false. A server also stops reading from a peer while more than this number of bytes of replies wait. Replies are the bytes that the server sends while it delivers data from this peer.',
  }),
  sendCap: limit('bytes', {
    default: serverLimits.sendCap,
    client: clientLimits.sendCap,
    text: 'The maximum number of bytes that may wait to be sent. If more bytes wait, the connection is dropped with `WS_SEND_CAP`. If nothing waits, one message of any size is accepted, even if it is sent in several frames.',
  }),
  maxLatestKeys: limit('', {
    default: serverLimits.maxLatestKeys,
    text: 'The maximum number of keys of `sendLatest` that may wait at the same time. For a further key, `sendLatest` returns false. The limit `sendCap` includes the waiting values.',
  }),
  sendTimeout: limit('ms', {
    default: serverLimits.sendTimeout,
    text: 'If more than 1 MiB waits to be sent, and the peer accepts no byte for this time, the connection is dropped with `WS_SEND_CAP`. If 1 MiB or less waits, the time is at least `heartbeat.interval` plus `heartbeat.timeout`. Data from the peer does not extend the time.',
  }),
  closeTimeout: limit('ms', {
    default: serverLimits.closeTimeout,
    text: "The longest time for the closing handshake and the end of the TCP connection. After this time, the connection is dropped. If the peer's Close frame has not arrived, the error is `WS_CLOSE_TIMEOUT`.",
  }),
  heartbeat: group<HeartbeatOptions, typeof heartbeatSpecs>(
    heartbeatSpecs,
    'The heartbeat sends a ping to a silent peer, and drops the connection if the peer stays silent.',
    '; { interval: Infinity } disables it',
  ),
  pings: optionalGroup<PingOptions, typeof pingSpecs>(
    pingSpecs,
    'Pings that are sent at a fixed interval, even while the peer sends messages. Only a pong counts as an answer.',
  ),
  messageTimeout: limit('ms', {
    default: serverLimits.messageTimeout,
    text: 'If no further part of an incomplete message arrives for this time, the connection fails with 1008. The time does not run while the application has paused reading.',
  }),
  flush: oneOf(['turn', 'read'], {
    default: serverLimits.flush,
    text: "When messages are written to the socket. With `'turn'`, they are written at the end of the turn of the event loop. With `'read'`, they are also written after each read from the socket.",
  }),
  text: oneOf(['string', 'own-string', 'bytes'], {
    default: 'string',
    text: "How text messages are delivered. With `'string'`, they are strings. Small texts that arrive together can share up to 1 KiB of memory. This memory is freed when the application no longer holds any of these texts. With `'own-string'`, they are strings that share no memory. This takes more time. With `'bytes'`, they are Buffers that were checked to be UTF-8.",
  }),
  compression: custom<boolean | CompressionOptions, boolean>(
    'boolean or an object',
    {
      default: false,
      members: compressionSpecs,
      text: 'Enables permessage-deflate (RFC 7692). A server accepts this extension, and a client offers it.',
    },
    checkCompression,
  ),
  memoryBudget: custom<MemoryBudget, MemoryBudget>(
    'a `MemoryBudget`',
    {
      default: serverLimits.memoryBudget,
      defaultText: '`processMemoryBudget`, 256 MiB',
      text: 'The budget that counts the memory of this connection. If the budget is almost used up, the library reads from the connections of this budget one after the other.',
    },
    checkMemoryBudget,
  ),
  autoPong: flag({
    default: true,
    text: 'With `false`, the library does not answer pings. The `ping` handler then has to call `pong`, because RFC 6455 requires an answer to each ping.',
  }),
  closeReason: callback<NonNullable<ConnectionOptions['closeReason']>>('(error) => string', {
    defaultText: "the text of a `ProtocolError`, '' for other errors",
    text: 'Returns the reason for our Close frame when a connection fails. The peer can read the reason. The maximum is 123 bytes of UTF-8.',
  }),
};

function checkMemoryBudget(value: unknown, name: string): void {
  if (typeof (value as MemoryBudget | null)?.review === 'function') return;
  throw new TypeError(`${name} is ${describe(value)}, not a MemoryBudget`);
}

/**
 * Makes the limits for the transport layer from the options.
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

/** Returns the options of `bindSocket` that are not limits. */
export function toBindOptions({ closeReason, autoPong, text }: ConnectionValues): {
  readonly text: TextDelivery;
  readonly autoPong: boolean;
  readonly closeReason?: (error: Error) => string;
} {
  return { text, autoPong, ...(closeReason === undefined ? null : { closeReason }) };
}
