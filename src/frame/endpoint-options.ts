/** What an endpoint is made with: its role, its codec, and the bounds on what a peer may make it hold (RFC 6455 §10.4). */

import type { MemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import type { Role } from './parser.ts';

/**
 * How text messages are delivered. 'string': decoded; small ones that arrive together are parts of one string of at most 1 KiB, which
 * is kept as long as one of them. 'own-string': decoded, each by itself. 'bytes': as bytes that were checked to be UTF-8.
 */
export type TextDelivery = 'string' | 'own-string' | 'bytes';

/** Bounds on what a peer may make us hold. */
export interface Limits {
  /** Bytes of a message's payload over all fragments, inclusive; `Infinity` for none. 1009 beyond it. */
  readonly maxMessageSize: number;
  /** Shared with other connections. @default the budget of the process */
  readonly memoryBudget?: MemoryBudget | undefined;
}

export interface EndpointOptions extends Limits {
  readonly role: Role;
  /** Bytes of a message, inclusive, if messages are reported in parts while they arrive. @default undefined: they are reported whole */
  readonly maxStreamSize?: number | undefined;
  /** How text messages are delivered. @default 'string' */
  readonly text?: TextDelivery | undefined;
  /** Of the negotiated extension; null or absent: RSV1 stays reserved. */
  readonly codec?: MessageCodec | null | undefined;
  /**
   * What our Close frame gives as its reason when the connection fails: at most 123 bytes, and nothing that is secret. If it
   * throws, or returns more, the default holds. @default the text of a `ProtocolError`, '' for anything else
   */
  readonly closeReason?: ((error: Error) => string) | undefined;
  /**
   * Bytes. A server whose replies to received data wait, and are more, stops reading until they have left. @default Infinity
   */
  readonly highWaterMark?: number | undefined;
  /** Whether pings are answered (§5.5.2: they MUST be). False leaves that to the user of the endpoint. @default true */
  readonly autoPong?: boolean | undefined;
  /**
   * Whether a pause goes on when this side closes: messages that came before the peer's Close frame are then delivered after
   * `resume`. Otherwise the pause ends, and they are dropped. @default false
   */
  readonly pauseOutlivesClose?: boolean | undefined;
  /** Bytes that may wait to be sent; one message is always admitted to an empty queue. WS_SEND_CAP beyond it. @default Infinity */
  readonly sendCap?: number | undefined;
}

/** @throws {TypeError | RangeError} for an invalid role, and for a limit that is not a number from 0 up */
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
  // Compared the other way round, NaN and undefined would be no limit at all.
  if (!(value >= 0)) throw new RangeError(`${name} is ${String(value)}, not a number of bytes`);
}
