/**
 * One message for many connections, serialized once: a server's frames are not masked (RFC 6455 §5.1), so that all get the
 * same bytes. Compressed once as well for those that keep no context (RFC 7692 §7.1.1.1).
 */

import type { DeflateCodec } from '../deflate/codec.ts';
import { Opcode } from '../frame/opcode.ts';
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
  readonly #payload: Uint8Array;
  readonly #compress: boolean;
  /** '' is the uncompressed frame; the others are keyed by what makes compression come out alike. */
  readonly #frames = new Map<string, SharedFrame>();

  constructor(message: string | Uint8Array, compress: boolean) {
    this.#opcode = typeof message === 'string' ? Opcode.Text : Opcode.Binary;
    this.#payload = typeof message === 'string' ? Buffer.from(message) : message;
    this.#compress = compress;
  }

  /** @returns payload bytes on the wire; -1 while they are not known, 0 where the connection is not open */
  sendTo({ endpoint, codec }: SocketConnection): number {
    const compressed = this.#compress && codec !== null && this.#payload.length >= codec.threshold;
    const key = compressed ? codec.sharedKey : '';
    // A context of its own, or messages before this one that are still being compressed: it goes the usual way.
    if (key === null || !endpoint.takesSerialized) {
      return this.#opcode === Opcode.Text
        ? endpoint.sendTextBytes(this.#payload, this.#compress)
        : endpoint.sendBinary(this.#payload, this.#compress);
    }
    const { bytes, size } = this.#frames.get(key) ?? this.#serialize(key, compressed ? codec : null);
    return endpoint.sendSerialized(bytes, size);
  }

  #serialize(key: string, codec: DeflateCodec | null): SharedFrame {
    const payload = codec === null ? this.#payload : codec.compressNow(this.#payload);
    const rsv1 = payload !== this.#payload;
    const bytes = serializeFrame({ opcode: this.#opcode, payload, rsv1 }, 'server');
    const frame = { bytes, size: payload.length };
    this.#frames.set(key, frame);
    return frame;
  }
}
