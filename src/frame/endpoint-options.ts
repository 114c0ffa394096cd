/** The options of an endpoint: its role, its codec, and limits on the memory that a peer can use (RFC 6455 §10.4). */

import type { MemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import type { Role } from './parser.ts';

/**
 * The form in which text messages are delivered.
 * - 'string': as strings. Small messages that arrive together are decoded together, as parts of one string of at most 1 KiB. If the
 *   application keeps one of these messages, the whole string stays in memory.
 * - 'own-string': as strings that are decoded separately.
 * - 'bytes': as bytes. The endpoint has checked that they are UTF-8.
 */
export type TextDelivery = 'string' | 'own-string' | 'bytes';

/** Limits for the memory that a peer can occupy. */
export interface Limits {
  /**
   * The maximum payload of a message in bytes, with all its fragments. `Infinity` means no limit. If a message is larger, the connection
   * fails with 1009.
   */
  readonly maxMessageSize: number;
  /** The memory budget of this connection. Other connections may share it. @default the budget of the process */
  readonly memoryBudget?: MemoryBudget | undefined;
}

export interface EndpointOptions extends Limits {
  readonly role: Role;
  /**
   * The maximum size, in bytes, of a message that is reported in parts. If this option is set, each part of an uncompressed message is
   * reported when it arrives. @default undefined: every message is reported as a whole
   */
  readonly maxStreamSize?: number | undefined;
  /** How text messages are delivered. @default 'string' */
  readonly text?: TextDelivery | undefined;
  /** The codec of the negotiated extension. Without a codec, the peer must not set RSV1. */
  readonly codec?: MessageCodec | null | undefined;
  /**
   * Returns the reason for our Close frame when the connection fails. The peer can read this reason. If the function throws, or if its
   * result has more than 123 bytes, the default is sent. @default the text of a `ProtocolError`, '' for any other error
   */
  readonly closeReason?: ((error: Error) => string) | undefined;
  /**
   * A limit in bytes, only for a server. If the waiting replies exceed this limit, the server stops reading. Replies are messages that the
   * server sends while it delivers received data. @default Infinity
   */
  readonly highWaterMark?: number | undefined;
  /**
   * If true, the endpoint answers pings. If false, the application must answer them, because pings MUST be answered (§5.5.2).
   * @default true
   */
  readonly autoPong?: boolean | undefined;
  /**
   * If true, a pause continues after `close`. Then messages that arrive before the peer's Close frame are delivered after `resume`. If
   * false, `close` ends the pause, and these messages are dropped. @default false
   */
  readonly pauseOutlivesClose?: boolean | undefined;
  /**
   * The maximum number of bytes that wait to be sent. If more bytes wait, the connection is dropped with WS_SEND_CAP. There is one
   * exception: if nothing waits, one message of any size is accepted. @default Infinity
   */
  readonly sendCap?: number | undefined;
}

/** @throws {TypeError | RangeError} if the role is invalid, or if a limit is not a number of at least 0 */
export function checkEndpointOptions(options: EndpointOptions): void {
  const { role, maxMessageSize, highWaterMark = 0, sendCap = 0 } = options;
  if (role !== 'client' && role !== 'server') {
    throw new TypeError(`role is ${String(role)}, neither 'client' nor 'server'`);
  }
  checkLimit('maxMessageSize', maxMessageSize);
  if (options.maxStreamSize !== undefined) checkLimit('maxStreamSize', options.maxStreamSize);
  checkLimit('highWaterMark', highWaterMark);
  checkLimit('sendCap', sendCap);
}

function checkLimit(name: string, value: number): void {
  // NaN and undefined must be refused: with them, there would be no limit. A check `value < 0` would not refuse them.
  if (!(value >= 0)) throw new RangeError(`${name} is ${String(value)}, not a number of bytes`);
}
