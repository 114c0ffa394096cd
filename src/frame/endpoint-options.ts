/** The options of an endpoint: its role, its codec, and limits on the memory that a peer can use (RFC 6455 §10.4). */

import type { MemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import type { Role } from './parser.ts';

/**
 * The form in which text messages are delivered. 'string': as strings. Small messages that arrive together are parts of one string of at
 * most 1 KiB. This string stays in memory as long as one of these messages does. 'own-string': as strings, each of which is decoded
 * separately. 'bytes': as bytes that were checked to be UTF-8.
 */
export type TextDelivery = 'string' | 'own-string' | 'bytes';

/** Limits on the memory that a peer can make us hold. */
export interface Limits {
  /** The maximum payload of a message in bytes, over all its fragments; `Infinity` for no limit. A larger message fails with 1009. */
  readonly maxMessageSize: number;
  /** The memory budget that this connection shares with other connections. @default the budget of the process */
  readonly memoryBudget?: MemoryBudget | undefined;
}

export interface EndpointOptions extends Limits {
  readonly role: Role;
  /**
   * The maximum size, in bytes, of a message that is reported in parts. If this option is set, uncompressed messages are reported in parts
   * as they arrive. @default undefined: messages are reported whole
   */
  readonly maxStreamSize?: number | undefined;
  /** How text messages are delivered. @default 'string' */
  readonly text?: TextDelivery | undefined;
  /** The codec of the negotiated extension. If it is null or absent, RSV1 stays reserved. */
  readonly codec?: MessageCodec | null | undefined;
  /**
   * Returns the reason for our Close frame when the connection fails. At most 123 bytes, and nothing secret. If the function throws, or
   * returns more, the default is used. @default the text of a `ProtocolError`, '' for any other error
   */
  readonly closeReason?: ((error: Error) => string) | undefined;
  /**
   * A limit in bytes, for a server. Replies are messages that are sent while received data is delivered. The server stops reading while
   * the replies that wait exceed this limit. @default Infinity
   */
  readonly highWaterMark?: number | undefined;
  /** Whether the endpoint answers pings. If false, the application must answer them (§5.5.2: pings MUST be answered). @default true */
  readonly autoPong?: boolean | undefined;
  /**
   * Whether a pause continues when this side closes. If true, messages that arrive before the peer's Close frame are delivered after
   * `resume`. If false, `close` ends the pause, and these messages are dropped. @default false
   */
  readonly pauseOutlivesClose?: boolean | undefined;
  /**
   * The maximum number of bytes that wait to be sent. If more bytes wait, the connection is dropped with WS_SEND_CAP. However, if nothing
   * waits, one message of any size is accepted. @default Infinity
   */
  readonly sendCap?: number | undefined;
}

/** @throws {TypeError | RangeError} for an invalid role, and for a limit that is not a number of at least 0 */
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
  // NaN and undefined must fail this check, because they would mean "no limit". They would pass the check `value < 0`.
  if (!(value >= 0)) throw new RangeError(`${name} is ${String(value)}, not a number of bytes`);
}
