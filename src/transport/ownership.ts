/** Says who owns memory that was written to a socket, and until when. */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/**
 * Says what happens to memory that is written. 'taken': a socket passes the memory to the kernel, and reads from it until the kernel has
 * taken all bytes. 'encrypted': TLS has encrypted the bytes when `write` returns, and does not read the memory again. 'kept': any other
 * Duplex may keep or share the memory that it is given.
 */
export type Ownership = 'taken' | 'encrypted' | 'kept';

export function ownershipOf(socket: Duplex): Ownership {
  if (socket instanceof TLSSocket) return 'encrypted';
  return socket instanceof Socket ? 'taken' : 'kept';
}
