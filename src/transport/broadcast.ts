/**
 * Sends one message to many connections, and serializes it once: a server's frames are not masked (RFC 6455 §5.1), so all connections get
 * the same bytes. The message is also compressed once for the connections that keep no context (RFC 7692 §7.1.1.1).
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
  /** Charges the frame's memory to the budget, once for all connections; null if each connection copies the frame. */
  readonly charge: Charge | null;
}

/** A message to be sent to any number of connections of one server. Call `release` when it was sent to all. */
export class Broadcast {
  readonly #opcode: number;
  #payload: Uint8Array;
  /** Whether the payload is a copy, which the application cannot change. */
  #ownsPayload: boolean;
  readonly #compress: boolean;
  /** Charges the payload's memory to the budget while the payload waits for a codec. */
  #charge: Charge | null = null;
  /** Key '' is the uncompressed frame. Every other key stands for the settings with which compression gives the same bytes. */
  readonly #frames = new Map<string, SharedFrame>();
  /** Compressed payloads, by the keys of `#frames`. Needed if zlib's threads compress, or if a connection cannot take whole frames yet. */
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

  /** @returns payload bytes on the wire; -1 while they are not known, 0 if the connection is not open */
  sendTo({ endpoint, codec, memoryBudget }: SocketConnection): number {
    const { length } = this.#payload;
    if (!this.#compress || codec === null || length < codec.threshold) {
      return this.#send(endpoint, '', null, memoryBudget);
    }
    const key = codec.sharedKey;
    // The connection keeps a separate compression context, so it compresses the message itself.
    if (key === null) return this.#sendShared(endpoint, true, memoryBudget);
    if (!codec.compressesInThreadPool(length)) return this.#send(endpoint, key, codec, memoryBudget);
    return this.#sendShared(endpoint, () => this.#compressedFor(key, codec), memoryBudget);
  }

  /** Call this after the last `sendTo`: from then on, only the connections that still have the message in their queue hold its memory. */
  release(): void {
    this.#charge?.release();
    for (const { charge } of this.#frames.values()) charge?.release();
  }

  #send(endpoint: Endpoint, key: string, codec: DeflateCodec | null, memoryBudget: MemoryBudget): number {
    // Messages before this one are still being compressed.
    if (!endpoint.canSendSerialized) {
      const compress = codec === null ? false : () => this.#compressedFor(key, codec);
      return this.#sendShared(endpoint, compress, memoryBudget);
    }
    const { bytes, size, charge } = this.#frames.get(key) ?? this.#serialize(key, codec, memoryBudget);
    return endpoint.sendSerialized(bytes, size, charge);
  }

  /** Sends the payload itself. The connection uses the payload after this call, so we copy it, once for all connections. */
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
