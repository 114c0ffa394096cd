/**
 * The interface of an extension that changes whole messages: RFC 6455 §9.1. The only such extension is permessage-deflate, in
 * deflate/codec.ts. sender.ts and delivery.ts decide which messages go through it, and in which order.
 */

import type { Charge } from './charge.ts';

/**
 * Compresses and decompresses messages (RFC 6455 §9.1). RSV1 on a message's first frame says that the message is compressed. At most one
 * call in each direction is pending. Meanwhile, later messages of this direction wait in the endpoint.
 */
export interface MessageCodec {
  /** Messages with fewer bytes than this are not compressed. */
  readonly threshold: number;
  /**
   * Returns the payload to send. If compressing would not make the payload smaller, the result is the payload object itself. The endpoint
   * may keep and change this result. The result is a Promise only for large payloads.
   * @param ownsPayload true: nothing changes, transfers or shrinks the payload until the result is returned. If false, the codec copies the
   *   payload before any asynchronous work. @default false
   */
  compress(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /**
   * Returns the bytes to send for the next part of a message that is sent in parts (§5.4). This method works like `compress`, but never
   * returns the payload object itself. If a codec does not have this method, messages in parts are not compressed.
   */
  compressPart?(payload: Uint8Array, ownsPayload?: boolean): Uint8Array | Promise<Uint8Array>;
  /** When a message is sent in parts, this is the payload of its last frame. It ends the compressed data. */
  readonly endOfParts?: Uint8Array;
  /**
   * Returns the message, in memory that the endpoint may keep. Throws, or rejects with, a `ProtocolError`.
   * @param maxLength bytes; a larger message fails with WS_MESSAGE_TOO_BIG while it is decompressed
   * @param charge counts the codec's memory. While a Promise is pending, the codec sets its size to the payload and the output so far
   */
  decompress(payload: Uint8Array, maxLength: number, charge?: Charge | null): Buffer | Promise<Buffer>;
  /** Releases the codec's memory, since the connection is closed. */
  close(): void;
}
