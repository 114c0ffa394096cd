/**
 * Two functions that write waiting bytes to a socket in one system call. `writeJoined` is for TLS sockets. `writeParts` is for other
 * sockets.
 */

import type { Duplex } from 'node:stream';
import { MAX_REST } from './borrowed.ts';
import type { Waiting } from './waiting.ts';

/** The function that a Duplex calls when it has finished a write. */
export type WriteCallback = (error?: Error | null) => void;

/**
 * The number of bytes that a TLS socket gets in one write while the peer is not slow. The bytes fill eight TLS records (RFC 8446 §5.1).
 * With half or twice this number, sending 1 MiB takes 10 % longer.
 */
export const ENCRYPTED_SIZE: number = 8 * 16_384;

// Memory into which `writeJoined` copies the parts of a slice. TLS reads this memory before `write` returns, so all connections can share
// it.
let joint: Buffer | null = null;

/**
 * Writes the next `size` bytes with one call of `write`, so that TLS does not have to join several parts. Call this only if the socket
 * reads the bytes before `write` returns.
 * @param size at most `ENCRYPTED_SIZE + MAX_REST`
 * @throws {PayloadChangedError}
 */
export function writeJoined(
  socket: Duplex,
  waiting: Waiting,
  size: number,
  callback: WriteCallback | undefined,
): void {
  // While this memory is in use, `joint` is null, because `write` may call code of the application. This code may call `writeJoined` again.
  const memory = joint ?? Buffer.allocUnsafeSlow(ENCRYPTED_SIZE + MAX_REST);
  joint = null;
  socket.write(waiting.join(size, memory), callback);
  joint = memory;
}

/**
 * Writes the next `size` bytes in several parts, without a copy. Only the `write` of the last part gets the callback.
 * @throws the errors of `socket.write` and `waiting.next`
 */
export function writeParts(
  socket: Duplex,
  waiting: Waiting,
  size: number,
  callback: WriteCallback | undefined,
): void {
  socket.cork();
  for (let room = size; room > 0; ) {
    const part = waiting.next(room);
    room -= part.length;
    if (room > 0) socket.write(part);
    else socket.write(part, callback);
  }
  socket.uncork();
}
