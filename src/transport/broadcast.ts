/**
 * Sends one message to many connections. A server does not mask its frames (RFC 6455 §5.1), so all connections can get the same bytes. The
 * message is serialized only once. Connections that keep no compression context (RFC 7692 §7.1.1.1) also share the compressed message.
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

/** A serialized frame (`bytes`), and the number of its payload bytes (`size`). */
interface SharedFrame {
  readonly bytes: Buffer;
  readonly size: number;
  /**
   * Counts the memory of the frame in the memory budget, once for all connections. Null for a small frame, because each connection copies
   * it.
   */
  readonly charge: Charge | null;
}

/** A message that a server sends to any number of its connections. Call `sendTo` for each connection. Then call `release`. */
export class Broadcast {
  readonly #opcode: number;
  #payload: Uint8Array;
  /** True if `#payload` is a copy that the application cannot change. */
  #ownsPayload: boolean;
  readonly #compress: boolean;
  /** Counts the memory of the payload in the memory budget while the payload waits for compression. */
  #charge: Charge | null = null;
  /**
   * The serialized frames. The uncompressed frame has the key ''. Every other key is the `sharedKey` of a codec (the object that compresses
   * the messages of a connection). All codecs with the same `sharedKey` produce the same bytes.
   */
  readonly #frames = new Map<string, SharedFrame>();
  /**
   * The compressed payloads, with the same keys as `#frames`. They are needed if a thread of zlib compresses the message. They are also
   * needed if a connection cannot send a serialized frame yet (`canSendSerialized` is false).
   */
  readonly #compressed = new Map<string, Uint8Array | Promise<Uint8Array>>();

  /** @param isText true for a text message. If it is true and `message` is a `Uint8Array`, the bytes must be valid UTF-8 */
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

  /**
   * Sends the message to one connection.
   * @returns the number of payload bytes that are sent, or -1 if this number is only known after the compression. 0 if the connection is
   *   not open
   */
  sendTo({ endpoint, codec, memoryBudget }: SocketConnection): number {
    const { length } = this.#payload;
    if (!this.#compress || codec === null || length < codec.threshold) {
      return this.#send(endpoint, '', null, memoryBudget);
    }
    const key = codec.sharedKey;
    // This connection keeps a compression context, so the message is compressed separately for it.
    if (key === null) return this.#sendShared(endpoint, true, memoryBudget);
    if (!codec.compressesInThreadPool(length)) return this.#send(endpoint, key, codec, memoryBudget);
    return this.#sendShared(endpoint, () => this.#compressedFor(key, codec), memoryBudget);
  }

  /**
   * Call this after the last `sendTo`. Then the memory of the message counts only as long as a connection still has the message in its
   * queue.
   */
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
   * Passes the payload to the endpoint, instead of a serialized frame. The endpoint still uses the payload after this call. So the first
   * call makes one copy for all connections.
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
