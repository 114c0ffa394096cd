/**
 * What an extension may do to whole messages: RFC 6455 §9.1. The one there is, permessage-deflate, is deflate/codec.ts;
 * which messages go through it, and in which order, is sender.ts and delivery.ts.
 */

import type { Charge } from './charge.ts';

/**
 * What an extension does to messages (RFC 6455 §9.1); permessage-deflate is deflate/codec.ts. RSV1 of a message's first frame
 * says that it went through. One call in each direction is pending at most; the endpoint holds back what follows.
 */
export interface MessageCodec {
  /** Shorter messages are sent as they are. Bytes. */
  readonly threshold: number;
  /**
   * The payload to send; the very same object if compressing would not make it smaller. The result may be kept and
   * changed by the endpoint. A Promise only for large payloads.
   * @param ownsPayload nothing changes, transfers or shrinks the payload until the result is there. Otherwise the codec copies it
   *   before any asynchronous work. @default false
   */
  compress(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /**
   * For a message that is sent in parts (§5.4): what to send for the next one, as `compress`, but never the payload itself. If it is
   * absent, such messages are not compressed.
   */
  compressPart?(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /** What ends a message after its parts. */
  readonly endOfParts?: Uint8Array;
  /**
   * The message, in memory that is the receiver's to keep. Throws, or rejects with, a `ProtocolError`.
   * @param maxLength bytes; more is WS_MESSAGE_TOO_BIG, found while decompressing
   * @param charge while a Promise is pending it is resized to what is held: the payload, and what came out of it so far
   */
  decompress(payload: Uint8Array, maxLength: number, charge?: Charge | null): Buffer | Promise<Buffer>;
  /** The connection is closed: memory is released. */
  close(): void;
}
