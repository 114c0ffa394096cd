/**
 * One message for many connections, serialized once: a server's frames are not masked (RFC 6455 §5.1), so that all get the
 * same bytes.
 */

import { Opcode } from '../frame/opcode.ts';
import { serializeFrame } from '../frame/serializer.ts';
import type { SocketConnection } from './socket.ts';

/** A message to be sent to any number of server connections. */
export class Broadcast {
  readonly #frame: Buffer;
  readonly #size: number;

  constructor(message: string | Uint8Array) {
    const isText = typeof message === 'string';
    const payload = isText ? Buffer.from(message) : message;
    this.#size = payload.length;
    this.#frame = serializeFrame({ opcode: isText ? Opcode.Text : Opcode.Binary, payload }, 'server');
  }

  sendTo(connection: SocketConnection): void {
    connection.endpoint.sendSerialized(this.#frame, this.#size);
  }
}
