/**
 * The options that servers and clients share, and how they become limits: `Infinity` switches a limit off, 0 never does.
 */

import type { MemoryBudget } from '../frame/memory-budget.ts';
import { Compression, type CompressionOptions } from '../transport/compression.ts';
import type { ConnectionLimits, PingSchedule } from '../transport/socket.ts';
import { checkOptions, describe, type OptionNames } from './option-names.ts';

/** Bounds and deadlines of a connection; times in milliseconds. */
export interface ConnectionOptions {
  /** Bytes of a received message, inclusive; 1009 beyond. @default 1 MiB on a server, 16 MiB on a client */
  readonly maxMessageSize?: number;
  /** Bytes waiting to be sent above which `send` returns false. @default 65536 */
  readonly highWaterMark?: number;
  /** Bytes that may wait to be sent; the connection is dropped beyond. @default 64 MiB on a server, `Infinity` on a client */
  readonly sendCap?: number;
  /**
   * How long a peer may take nothing while over 1 MiB waits for it. While less waits: as long as `heartbeat.interval` and
   * `heartbeat.timeout` together, where that is longer. @default 10000
   */
  readonly sendTimeout?: number;
  /** How long the closing handshake may take. @default 5000 */
  readonly closeTimeout?: number;
  /** Silence after which a ping is sent, and how long its answer may take. @default 25000 and 20000 */
  readonly heartbeat?: { readonly interval?: number; readonly timeout?: number };
  /** Pings at a fixed pace, beside the heartbeat. @default none */
  readonly pings?: PingOptions;
  /** How long a message may stand still before it is complete; 1008 beyond. @default 30000 */
  readonly messageTimeout?: number;
  /** When sent bytes leave: at the end of the loop's turn, or after each read. @default 'turn' */
  readonly flush?: 'turn' | 'read';
  /** Text messages as strings, or as bytes that were checked to be UTF-8. @default 'string' */
  readonly text?: 'string' | 'bytes';
  /**
   * permessage-deflate (RFC 7692): a server accepts it, a client offers it, with these options. Do not compress secrets together
   * with what an attacker can choose: the length tells (CRIME). @default false
   */
  readonly compression?: boolean | CompressionOptions;
  /** The budget that this connection's memory counts for. @default the one of the process, `processMemoryBudget` */
  readonly memoryBudget?: MemoryBudget;
  /**
   * The reason in our Close frame when a connection fails, in your words: at most 123 bytes of UTF-8, seen by the peer. Where it
   * throws, or returns more, the default holds. @default the text of a `ProtocolError`, '' for anything else
   */
  readonly closeReason?: (error: Error) => string;
}

/**
 * Pings at a fixed pace, whatever else the peer sends; only a pong counts as an answer. Without one the connection fails with
 * 1011 and a `ConnectionError` WS_HEARTBEAT_TIMEOUT. For most purposes `heartbeat` is enough, and sends less.
 */
export interface PingOptions {
  readonly interval: number;
  /** From the beginning to the first ping; 0: at once. @default `interval` */
  readonly first?: number;
  /** How long no pong may come. @default Infinity */
  readonly timeout?: number;
  /** Whether each ping has to be answered before the next one is due. @default true */
  readonly answerEach?: boolean;
  /** What the next ping carries, at most 125 bytes. @default nothing */
  readonly payload?: () => Uint8Array;
}

export const connectionOptionNames: OptionNames<ConnectionOptions> = {
  maxMessageSize: true,
  highWaterMark: true,
  sendCap: true,
  sendTimeout: true,
  closeTimeout: true,
  heartbeat: true,
  pings: true,
  messageTimeout: true,
  flush: true,
  text: true,
  compression: true,
  memoryBudget: true,
  closeReason: true,
};

const heartbeatNames: OptionNames<NonNullable<ConnectionOptions['heartbeat']>> = {
  interval: true,
  timeout: true,
};

const pingNames: OptionNames<PingOptions> = {
  interval: true,
  first: true,
  timeout: true,
  answerEach: true,
  payload: true,
};

const compressionNames: OptionNames<CompressionOptions> = {
  threshold: true,
  level: true,
  engine: true,
  synchronous: true,
  budget: true,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: true,
  clientMaxWindowBits: true,
};

/**
 * Options over defaults.
 * @throws {RangeError} for a limit that is not a positive number
 * @throws {TypeError} for anything else that can't be
 */
export function toLimits(options: ConnectionOptions, defaults: ConnectionLimits): ConnectionLimits {
  const { heartbeat = {}, flush = defaults.flush, memoryBudget = defaults.memoryBudget, text } = options;
  if (flush !== 'turn' && flush !== 'read')
    throw new TypeError(`flush is 'turn' or 'read', not ${String(flush)}`);
  if (text !== undefined && text !== 'string' && text !== 'bytes') {
    throw new TypeError(`text is 'string' or 'bytes', not ${String(text)}`);
  }
  if (typeof memoryBudget?.reserve !== 'function') throw new TypeError('memoryBudget is not a MemoryBudget');
  // `false` would be read as "no heartbeat" and be the default.
  if (typeof heartbeat !== 'object' || heartbeat === null) {
    throw new TypeError('heartbeat is { interval, timeout }; Infinity switches it off');
  }
  checkOptions('heartbeat', heartbeat, heartbeatNames);
  return {
    maxMessageSize: positive('maxMessageSize', options.maxMessageSize, defaults.maxMessageSize),
    highWaterMark: positive('highWaterMark', options.highWaterMark, defaults.highWaterMark),
    sendCap: positive('sendCap', options.sendCap, defaults.sendCap),
    sendTimeout: positive('sendTimeout', options.sendTimeout, defaults.sendTimeout),
    closeTimeout: positive('closeTimeout', options.closeTimeout, defaults.closeTimeout),
    heartbeatInterval: positive('heartbeat.interval', heartbeat.interval, defaults.heartbeatInterval),
    heartbeatTimeout: positive('heartbeat.timeout', heartbeat.timeout, defaults.heartbeatTimeout),
    messageTimeout: positive('messageTimeout', options.messageTimeout, defaults.messageTimeout),
    flush,
    memoryBudget,
    ...(options.pings === undefined ? null : { pings: toPingSchedule(options.pings) }),
  };
}

/** @throws {RangeError | TypeError} */
function toPingSchedule(options: PingOptions): PingSchedule {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('pings is { interval, first, timeout, answerEach, payload }');
  }
  checkOptions('pings', options, pingNames);
  const { payload = () => undefined, answerEach = true, first = options.interval } = options;
  if (typeof payload !== 'function') throw new TypeError('pings.payload is not a function');
  if (typeof answerEach !== 'boolean') throw new TypeError('pings.answerEach is true or false');
  if (typeof first !== 'number' || !(first >= 0)) {
    throw new RangeError(`pings.first is ${String(first)}, not a number of milliseconds`);
  }
  return {
    first,
    interval: positive('pings.interval', options.interval, Number.POSITIVE_INFINITY),
    timeout: positive('pings.timeout', options.timeout, Number.POSITIVE_INFINITY),
    answerEach,
    payload,
  };
}

/**
 * The `closeReason` option, for `bindSocket`.
 * @throws {TypeError} for anything but a function
 */
export function toCloseReason(options: ConnectionOptions): Pick<ConnectionOptions, 'closeReason'> {
  const { closeReason } = options;
  if (closeReason === undefined) return {};
  if (typeof closeReason !== 'function') throw new TypeError('closeReason is not a function');
  return { closeReason };
}

/**
 * The `compression` option.
 * @throws {RangeError | TypeError} for options that can't be
 */
export function toCompression(option: boolean | CompressionOptions = false): Compression | null {
  if (option === false) return null;
  if (option === true) return new Compression();
  if (typeof option !== 'object' || option === null) {
    throw new TypeError(`compression is true, false or an object, not ${String(option)}`);
  }
  checkOptions('compression', option, compressionNames);
  return new Compression(option);
}

/**
 * A limit. 0 is refused: it would be read as "none" by one and as "nothing" by another.
 * @throws {RangeError}
 */
export function positive(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value > 0)) {
    const found = typeof value === 'number' ? String(value) : describe(value);
    throw new RangeError(`${name} is ${found}, not a positive number (Infinity switches it off)`);
  }
  return value;
}
