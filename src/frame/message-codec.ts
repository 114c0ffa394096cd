/**
 * The interface of an extension that changes whole messages: RFC 6455 §9.1. The only such extension is permessage-deflate, in
 * deflate/codec.ts; sender.ts and delivery.ts decide which messages go through it, and in which order.
 */

import type { Charge } from './charge.ts';

/**
 * Compresses and decompresses messages (RFC 6455 §9.1). RSV1 of a message's first frame says that the codec compressed it.
 * At most one call in each direction is pending; the endpoint holds back the messages that follow.
 */
export interface MessageCodec {
  /** A number of bytes. Shorter messages are not compressed. */
  readonly threshold: number;
  /**
   * Returns the payload to send; the same object if compressing would not make it smaller. The endpoint may keep and change
   * the result. Returns a Promise only for large payloads.
   * @param ownsPayload true: nothing changes, transfers or shrinks the payload until the result is returned. If false, the codec
   *   copies it before any asynchronous work. @default false
   */
  compress(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /**
   * Returns the bytes to send for the next part of a message that is sent in parts (§5.4). It works as `compress` does, but never returns
   * the payload object itself. If this method is absent, messages in parts are not compressed.
   */
  compressPart?(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /** The bytes that end a message after its parts. */
  readonly endOfParts?: Uint8Array;
  /**
   * Returns the message, in memory that the endpoint may keep. Throws, or rejects with, a `ProtocolError`.
   * @param maxLength bytes; a larger message fails with WS_MESSAGE_TOO_BIG while it is decompressed
   * @param charge while a Promise is pending, the codec resizes it to the bytes held: the payload, and the output so far
   */
  decompress(payload: Uint8Array, maxLength: number, charge?: Charge | null): Buffer | Promise<Buffer>;
  /** Releases the codec's memory, since the connection is closed. */
  close(): void;
}
