/** Two ways to write the first waiting bytes to a socket, in one system call. */

import type { Duplex } from 'node:stream';
import { MAX_REST } from './borrowed.ts';
import type { Waiting } from './waiting.ts';

/** What a Duplex calls once it is done with a write. */
export type WriteCallback = (error?: Error | null) => void;

/**
 * Bytes that TLS is given at a time while the peer keeps up: eight full records (RFC 8446 §5.1). With half or twice as many bytes, sending
 * 1 MiB costs a tenth more.
 */
export const ENCRYPTED_SIZE: number = 8 * 16_384;

// Memory in which the parts of a slice are put together for TLS, which reads them before `write` returns.
let joint: Buffer | null = null;

/**
 * Writes `size` bytes as one part, so that TLS need not put them together. Only for a socket that reads the bytes before `write` returns.
 * @param size at most `ENCRYPTED_SIZE + MAX_REST`
 * @throws {PayloadChangedError}
 */
export function writeJoined(
  socket: Duplex,
  waiting: Waiting,
  size: number,
  callback: WriteCallback | undefined,
): void {
  // `joint` is null while its memory is in use: `write` may call hooks of an application, which may write.
  const memory = joint ?? Buffer.allocUnsafeSlow(ENCRYPTED_SIZE + MAX_REST);
  joint = null;
  socket.write(waiting.join(size, memory), callback);
  joint = memory;
}

/** Writes `size` bytes without joining them; the callback belongs to the last part. @throws what `write` throws */
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
