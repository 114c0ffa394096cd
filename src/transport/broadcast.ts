/**
 * One message for many connections, serialized once: a server's frames are not masked (RFC 6455 §5.1), so that all get the
 * same bytes. Compressed once as well for those that keep no context (RFC 7692 §7.1.1.1).
 */

import type { DeflateCodec } from '../deflate/codec.ts';
import type { Endpoint } from '../frame/endpoint.ts';
import { Opcode } from '../frame/opcode.ts';
import type { Compressing } from '../frame/outgoing.ts';
import { serializeFrame } from '../frame/serializer.ts';
import type { SocketConnection } from './socket.ts';

/** Bytes of a frame, and how many of them are payload. */
interface SharedFrame {
  readonly bytes: Buffer;
  readonly size: number;
}

/** A message to be sent to any number of server connections. */
export class Broadcast {
  readonly #opcode: number;
  #payload: Uint8Array;
  /** Whether the payload is a copy, which no application changes. */
  #ownsPayload: boolean;
  readonly #compress: boolean;
  /** '' is the uncompressed frame; the others are keyed by what makes compression come out alike. */
  readonly #frames = new Map<string, SharedFrame>();
  /** By the same keys: what is compressed in zlib's threads, or for connections that are not ready for a whole frame. */
  readonly #compressed = new Map<string, Uint8Array | Promise<Uint8Array>>();

  constructor(message: string | Uint8Array, compress: boolean) {
    this.#opcode = typeof message === 'string' ? Opcode.Text : Opcode.Binary;
    this.#payload = typeof message === 'string' ? Buffer.from(message) : message;
    this.#ownsPayload = typeof message === 'string';
    this.#compress = compress;
  }

  /** @returns payload bytes on the wire; -1 while they are not known, 0 where the connection is not open */
  sendTo({ endpoint, codec }: SocketConnection): number {
    const { length } = this.#payload;
    if (!this.#compress || codec === null || length < codec.threshold) return this.#send(endpoint, '', null);
    const key = codec.sharedKey;
    // A context of its own: it compresses by itself.
    if (key === null) return this.#sendShared(endpoint, true);
    if (!codec.compressesInThreadPool(length)) return this.#send(endpoint, key, codec);
    return this.#sendShared(endpoint, () => this.#compressedFor(key, codec));
  }

  #send(endpoint: Endpoint, key: string, codec: DeflateCodec | null): number {
    // Messages before this one are still being compressed.
    if (!endpoint.canSendSerialized) {
      const compress = codec === null ? false : () => this.#compressedFor(key, codec);
      return this.#sendShared(endpoint, compress);
    }
    const { bytes, size } = this.#frames.get(key) ?? this.#serialize(key, codec);
    return endpoint.sendSerialized(bytes, size);
  }

  /** The payload outlives this call: it is copied, once for all connections. */
  #sendShared(endpoint: Endpoint, compress: Compressing): number {
    if (!this.#ownsPayload) this.#payload = new Uint8Array(this.#payload);
    this.#ownsPayload = true;
    return endpoint.sendShared(this.#opcode, this.#payload, compress);
  }

  #serialize(key: string, codec: DeflateCodec | null): SharedFrame {
    const payload = codec === null ? this.#payload : codec.compressNow(this.#payload);
    const rsv1 = payload !== this.#payload;
    const bytes = serializeFrame({ opcode: this.#opcode, payload, rsv1 }, 'server');
    const frame = { bytes, size: payload.length };
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
