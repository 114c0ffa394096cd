/**
 * The bounds and deadlines of a connection, and their defaults for a server and for a client. RFC 6455 §10.4 leaves the limits to the
 * implementation. docs/architecture.md says why each limit has its value. deadlines.ts and frame/ apply the limits.
 */

import { type MemoryBudget, processMemoryBudget } from '../frame/memory-budget.ts';

/** The bounds and deadlines of one connection. Times are in milliseconds. `Infinity` disables a bound or deadline. */
export interface ConnectionLimits {
  /** The maximum size of a received message in bytes, over all its fragments. A longer message fails the connection with 1009. */
  readonly maxMessageSize: number;
  /** The maximum size, in bytes, of a received message that the application reads in parts. If it is absent, `maxMessageSize` applies. */
  readonly maxStreamSize?: number;
  /**
   * If more bytes than this wait to be sent, `send` returns that the application should wait. A server also stops reading if more bytes
   * than this wait in its replies.
   */
  readonly highWaterMark: number;
  /**
   * The maximum number of bytes that wait to be sent. If more bytes wait, the connection is dropped. If nothing waits, one message of any
   * size is accepted.
   */
  readonly sendCap: number;
  /** The maximum number of keys of `sendLatest` whose newest value may wait at the same time. */
  readonly maxLatestKeys: number;
  /**
   * How long a peer may take no bytes while more than 1 MiB waits to be sent. If less waits, the limit is `sendTimeout` or
   * `heartbeatInterval` plus `heartbeatTimeout`, whichever is longer.
   */
  readonly sendTimeout: number;
  /** How long the closing handshake and the end of TCP may take together. */
  readonly closeTimeout: number;
  /** How long the peer may be silent before a ping is sent. */
  readonly heartbeatInterval: number;
  /** How long the peer may stay silent after the ping. After this time, the connection is dropped. */
  readonly heartbeatTimeout: number;
  /** How long an incomplete message may make no progress. After this time, the connection fails with 1008. */
  readonly messageTimeout: number;
  /**
   * When sent bytes leave. With 'turn', they leave at the end of the event loop's turn. With 'read', they also leave after each chunk that
   * was received.
   */
  readonly flush: 'turn' | 'read';
  readonly memoryBudget: MemoryBudget;
  /** The schedule of pings at a fixed interval. */
  readonly pings?: PingSchedule;
}

/**
 * The schedule of pings that are sent at a fixed interval, even if the peer sends messages. Only a pong counts as an answer. Times are in
 * milliseconds.
 */
export interface PingSchedule {
  /** The time from the start of the connection to the first ping. */
  readonly first: number;
  readonly interval: number;
  /** How long the peer may send no pong. After this time, the connection fails with 1011. */
  readonly timeout: number;
  /** If true, a pong has to come before the next ping is due. Otherwise the connection fails with 1011. */
  readonly answerEach: boolean;
  /** Returns the payload of the next ping, at most 125 bytes. */
  payload(): Uint8Array | undefined;
}

/** The defaults of a server; docs/architecture.md explains each value. */
export const serverLimits: ConnectionLimits = {
  maxMessageSize: 1_048_576,
  highWaterMark: 65_536,
  sendCap: 67_108_864,
  maxLatestKeys: 1_000,
  sendTimeout: 10_000,
  closeTimeout: 5_000,
  heartbeatInterval: 25_000,
  heartbeatTimeout: 20_000,
  messageTimeout: 30_000,
  flush: 'turn',
  memoryBudget: processMemoryBudget,
};

/**
 * The defaults of a client. A client accepts larger messages than a server. The number of bytes that wait to be sent is not limited: the
 * application decides how much to send.
 */
export const clientLimits: ConnectionLimits = {
  ...serverLimits,
  maxMessageSize: 16_777_216,
  sendCap: Number.POSITIVE_INFINITY,
};

/** How long the opening handshake may take, in either role, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000;

/** The maximum number of connections of a server. */
export const MAX_CONNECTIONS = 10_000;

/** How long connections may take to close when a server shuts down, in milliseconds. */
export const SHUTDOWN_GRACE = 5_000;
