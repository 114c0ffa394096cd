/** Finds out how long a socket uses memory that was written to it. */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/**
 * How a Duplex uses memory that is written to it.
 * - 'taken': the Duplex is a socket of node:net. It reads from the memory until the kernel has taken all bytes.
 * - 'encrypted': the Duplex is a TLS socket. When `write` returns, the socket has encrypted the bytes, except if earlier bytes still wait
 *   in the socket.
 * - 'kept': the Duplex is any other stream, which might keep or share the memory.
 */
export type Ownership = 'taken' | 'encrypted' | 'kept';

export function ownershipOf(socket: Duplex): Ownership {
  if (socket instanceof TLSSocket) return 'encrypted';
  return socket instanceof Socket ? 'taken' : 'kept';
}
