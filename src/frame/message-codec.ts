/**
 * The interface for an extension that changes whole messages: RFC 6455 §9.1. deflate/codec.ts implements it for permessage-deflate.
 * sender.ts and delivery.ts decide which messages are compressed, and in which order.
 */

import type { Charge } from './charge.ts';

/**
 * Compresses and decompresses messages (RFC 6455 §9.1). In a compressed message, the first frame has RSV1. If a call returns a Promise, the
 * endpoint makes the next call in the same direction only after this Promise has settled.
 */
export interface MessageCodec {
  /** A message with fewer bytes than this is not compressed. */
  readonly threshold: number;
  /**
   * Returns the payload to send. If compression does not make the payload smaller, the result is the payload object itself. The endpoint
   * may keep and change the result. For a large payload, the result may be a Promise.
   * @param ownsPayload if true, no other code changes, transfers or shrinks the payload until the result is available. If false, the
   *   codec must copy the payload before it works asynchronously. @default false
   */
  compress(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /**
   * Compresses the next part of a message that is sent in parts (§5.4). Works like `compress`, but never returns the payload object itself.
   * Without this method, messages in parts are not compressed.
   */
  compressPart?(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /** The payload of the last frame of a message that is sent in parts. It ends the compressed data. */
  readonly endOfParts?: Uint8Array;
  /**
   * Returns the decompressed message, in a separate Buffer. Throws a `ProtocolError`, or returns a Promise that rejects with a
   * `ProtocolError`.
   * @param maxLength the maximum size of the message in bytes. If the message is larger, decompression stops with WS_MESSAGE_TOO_BIG
   * @param charge counts memory. While the Promise is pending, the codec resizes `charge` to the size of the payload and the output so far
   */
  decompress(payload: Uint8Array, maxLength: number, charge?: Charge | null): Buffer | Promise<Buffer>;
  /** Releases the codec's memory. Called when the connection is closed. */
  close(): void;
}
