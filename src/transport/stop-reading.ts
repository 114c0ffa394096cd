/**
 * Stops a socket from reading at once. After `pause` alone Node reads one more chunk of up to 64 KiB into the socket's own
 * buffer, where no memory budget counts it (RFC 6455 §10.4): with thousands of connections that wait for room, more than
 * the budget itself. Node has no public call for that: where a socket lacks what is used here, it is paused as before.
 */

import type { Duplex } from 'node:stream';

/** What Node's sockets read with, TLS included: `pause` does the same with it if the socket has an `onread` buffer. */
interface Handle {
  reading: boolean;
  readStop(): number;
}

function handleOf(socket: Duplex): Handle | null {
  const { _handle: handle } = socket as { readonly _handle?: Partial<Handle> | null };
  const isKnown = typeof handle?.reading === 'boolean' && typeof handle.readStop === 'function';
  return isKnown ? (handle as Handle) : null;
}

function stopPaused(socket: Duplex): void {
  const handle = handleOf(socket);
  if (handle === null || !handle.reading || socket.destroyed || !socket.isPaused()) return;
  handle.reading = false;
  handle.readStop();
}

/** As `pause`, and nothing more is read, once what runs now is over. `startReading` ends it. */
export function stopReading(socket: Duplex): void {
  if (socket.isPaused()) return;
  socket.pause();
  // Once a 'data' listener that calls this has returned, the stream asks for more: only after that.
  queueMicrotask(() => stopPaused(socket));
}

/** As `resume`, after `stopReading` too. */
export function startReading(socket: Duplex): void {
  socket.resume();
  // The stream believes that it is being filled.
  if (handleOf(socket)?.reading === false && !socket.destroyed) socket._read(0);
}
