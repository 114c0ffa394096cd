/**
 * The limits and deadlines of a connection, and their defaults for a server and for a client. RFC 6455 §10.4 leaves the limits to the
 * implementation. docs/architecture.md says why each limit has its value. deadlines.ts and frame/ apply the limits.
 */

import { type MemoryBudget, processMemoryBudget } from '../frame/memory-budget.ts';

/** The limits and deadlines of one connection. All times are in milliseconds. `Infinity` disables a limit or a deadline. */
export interface ConnectionLimits {
  /** The maximum size of a received message in bytes, including all its fragments. A larger message fails the connection with 1009. */
  readonly maxMessageSize: number;
  /**
   * The maximum size in bytes of a received message that the application reads in parts. A larger message fails the connection with 1009.
   * @default `maxMessageSize`
   */
  readonly maxStreamSize?: number;
  /**
   * If more than this number of bytes wait to be sent, `send` returns false. A server also counts the bytes that it sends while it delivers
   * data from the peer. While more than this number of such bytes wait, the server does not read from the peer.
   */
  readonly highWaterMark: number;
  /**
   * The maximum number of bytes that may wait to be sent. If more bytes wait, the connection is dropped. If nothing waits, one message of
   * any size is accepted.
   */
  readonly sendCap: number;
  /** The maximum number of keys of `sendLatest` that may wait at the same time. For a further key, `sendLatest` returns false. */
  readonly maxLatestKeys: number;
  /**
   * If more than 1 MiB waits to be sent, and the peer takes no byte for this time, the connection is dropped. If fewer bytes wait, the time
   * is at least `heartbeatInterval` plus `heartbeatTimeout`.
   */
  readonly sendTimeout: number;
  /** The longest time for the closing handshake and the end of the TCP connection. */
  readonly closeTimeout: number;
  /** If the peer is silent for this time, a ping is sent. */
  readonly heartbeatInterval: number;
  /** If the peer stays silent for this time after the ping, the connection is dropped. */
  readonly heartbeatTimeout: number;
  /** If no further part of an incomplete message arrives for this time, the connection fails with 1008. */
  readonly messageTimeout: number;
  /**
   * When messages are written to the socket. With 'turn', they are written at the end of the turn of the event loop. With 'read', they are
   * also written after each read from the socket.
   */
  readonly flush: 'turn' | 'read';
  readonly memoryBudget: MemoryBudget;
  /** The schedule of the pings that are sent at a fixed interval, in addition to the heartbeat. */
  readonly pings?: PingSchedule;
}

/**
 * The schedule of pings at a fixed interval. These pings are sent even while the peer sends messages. Only a pong counts as an answer. All
 * times are in milliseconds.
 */
export interface PingSchedule {
  /** The time from the opening of the connection to the first ping. With 0, the first ping is sent immediately. */
  readonly first: number;
  readonly interval: number;
  /** If no pong arrives for this time, the connection fails with 1011. */
  readonly timeout: number;
  /** If true, the connection fails with 1011 when the next ping is due and the last ping has no answer. */
  readonly answerEach: boolean;
  /** Returns the payload of the next ping. The maximum is 125 bytes. */
  payload(): Uint8Array | undefined;
}

/** The defaults of a server. docs/architecture.md explains each value. */
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
 * The defaults of a client. A client accepts larger messages than a server. The number of bytes that wait to be sent is not limited,
 * because the application decides how much it sends.
 */
export const clientLimits: ConnectionLimits = {
  ...serverLimits,
  maxMessageSize: 16_777_216,
  sendCap: Number.POSITIVE_INFINITY,
};

/** The default of `handshakeTimeout` for a client and for a server, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000;

/** The default of `maxConnections`, the maximum number of open sockets of a server. */
export const MAX_CONNECTIONS = 10_000;

/** The default of `grace`, the longest time for the closing handshakes when a server shuts down. In milliseconds. */
export const SHUTDOWN_GRACE = 5_000;
