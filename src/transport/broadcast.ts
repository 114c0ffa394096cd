/**
 * Sends one message to many connections. A server's frames are not masked (RFC 6455 §5.1), so all connections can get the same bytes. The
 * message is serialized once. For all connections that keep no compression context (RFC 7692 §7.1.1.1), the message is compressed once as
 * well.
 */

import type { DeflateCodec } from '../deflate/codec.ts';
import { Charge } from '../frame/charge.ts';
import type { Endpoint } from '../frame/endpoint.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Compressing } from '../frame/outgoing.ts';
import { serializeFrame } from '../frame/serializer.ts';
import { COPY_THRESHOLD } from '../frame/writer.ts';
import type { SocketConnection } from './socket.ts';

/** The bytes of a frame, and the number of its payload bytes. */
interface SharedFrame {
  readonly bytes: Buffer;
  readonly size: number;
  /** Counts the frame's memory in the budget, once for all connections. Null if each connection copies the frame. */
  readonly charge: Charge | null;
}

/**
 * A message that a server sends to any number of its connections. Call `sendTo` for each connection, and `release` after the last `sendTo`.
 */
export class Broadcast {
  readonly #opcode: number;
  #payload: Uint8Array;
  /** Whether the payload is a copy, which the application cannot change. */
  #ownsPayload: boolean;
  readonly #compress: boolean;
  /** Counts the payload's memory in the budget while the payload waits for a codec. */
  #charge: Charge | null = null;
  /**
   * The frames that were serialized already, by key. Key '' has the uncompressed frame. Every other key is a `sharedKey` of a codec. All
   * codecs with the same key compress the message to the same bytes.
   */
  readonly #frames = new Map<string, SharedFrame>();
  /**
   * Compressed payloads, by the keys of `#frames`. They are needed if zlib's threads compress, or if a connection cannot send a serialized
   * frame yet (`canSendSerialized` is false).
   */
  readonly #compressed = new Map<string, Uint8Array | Promise<Uint8Array>>();

  /** @param isText whether this is a text message. If so, a payload of bytes is valid UTF-8 */
  constructor(
    message: string | Uint8Array,
    compress: boolean,
    isText: boolean = typeof message === 'string',
  ) {
    this.#opcode = isText ? Opcode.Text : Opcode.Binary;
    this.#payload = typeof message === 'string' ? Buffer.from(message) : message;
    this.#ownsPayload = typeof message === 'string';
    this.#compress = compress;
  }

  /** @returns the number of payload bytes that go on the wire. -1 if compression must first find it. 0 if the connection is not open */
  sendTo({ endpoint, codec, memoryBudget }: SocketConnection): number {
    const { length } = this.#payload;
    if (!this.#compress || codec === null || length < codec.threshold) {
      return this.#send(endpoint, '', null, memoryBudget);
    }
    const key = codec.sharedKey;
    // This connection keeps its own compression context, so it has to compress the message separately.
    if (key === null) return this.#sendShared(endpoint, true, memoryBudget);
    if (!codec.compressesInThreadPool(length)) return this.#send(endpoint, key, codec, memoryBudget);
    return this.#sendShared(endpoint, () => this.#compressedFor(key, codec), memoryBudget);
  }

  /** Call this after the last `sendTo`. From then on, only the connections that still have the message in their queue hold its memory. */
  release(): void {
    this.#charge?.release();
    for (const { charge } of this.#frames.values()) charge?.release();
  }

  #send(endpoint: Endpoint, key: string, codec: DeflateCodec | null, memoryBudget: MemoryBudget): number {
    // Earlier messages of this connection are still being compressed, so the endpoint has to queue the payload.
    if (!endpoint.canSendSerialized) {
      const compress = codec === null ? false : () => this.#compressedFor(key, codec);
      return this.#sendShared(endpoint, compress, memoryBudget);
    }
    const { bytes, size, charge } = this.#frames.get(key) ?? this.#serialize(key, codec, memoryBudget);
    return endpoint.sendSerialized(bytes, size, charge);
  }

  /**
   * Passes the payload, not a serialized frame, to the endpoint. The endpoint uses the payload after this call has returned. So we copy the
   * payload, once for all connections.
   */
  #sendShared(endpoint: Endpoint, compress: Compressing, memoryBudget: MemoryBudget): number {
    if (!this.#ownsPayload) this.#payload = new Uint8Array(this.#payload);
    this.#ownsPayload = true;
    this.#charge ??= new Charge(memoryBudget, this.#payload.length);
    return endpoint.sendShared(this.#opcode, this.#payload, compress, this.#charge);
  }

  #serialize(key: string, codec: DeflateCodec | null, memoryBudget: MemoryBudget): SharedFrame {
    const payload = codec === null ? this.#payload : codec.compressNow(this.#payload);
    const rsv1 = payload !== this.#payload;
    const bytes = serializeFrame({ opcode: this.#opcode, payload, rsv1 }, 'server');
    const charge = bytes.length > COPY_THRESHOLD ? new Charge(memoryBudget, bytes.length) : null;
    const frame = { bytes, size: payload.length, charge };
    this.#frames.set(key, frame);
    return frame;
  }

  #compressedFor(key: string, codec: DeflateCodec): Uint8Array | Promise<Uint8Array> {
    let compressed = this.#compressed.get(key);
    if (compressed === undefined) {
      compressed = codec.compress(this.#payload, this.#ownsPayload);
      this.#compressed.set(key, compressed);
    }
    return compressed;
  }
}
