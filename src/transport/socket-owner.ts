/**
 * Gives each socket an owner, which receives the events of the socket. The first owner is the opening handshake, and the next owner is the
 * connection. All sockets use the same listener functions, so a connection needs no closures. The owner changes by one assignment, so no
 * event is lost.
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Receives the events of a socket. */
export interface SocketOwner {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onError(error: Error): void;
  onClose(): void;
}

const owner: unique symbol = Symbol('rfc6455 owner');
const isRead: unique symbol = Symbol('rfc6455 is read');
type OwnedSocket = Duplex & { [owner]: SocketOwner | undefined; [isRead]: boolean | undefined };

function onData(this: Duplex, chunk: Buffer): void {
  (this as OwnedSocket)[owner]!.onData(chunk);
}
function onEnd(this: Duplex): void {
  (this as OwnedSocket)[owner]!.onEnd();
}
function onError(this: Duplex, error: Error): void {
  (this as OwnedSocket)[owner]!.onError(error);
}
function onClose(this: Duplex): void {
  (this as OwnedSocket)[owner]!.onClose();
}

/** Returns true if the socket has an owner. */
export function isOwned(socket: Duplex): boolean {
  return (socket as OwnedSocket)[owner] !== undefined;
}

/**
 * Makes `next` the owner of the socket. From now on, `next` receives the socket's 'end', 'error' and 'close' events. It also receives the
 * 'data' events if `readSocket` was called.
 */
export function ownSocket(socket: Duplex, next: SocketOwner): void {
  const owned = socket as OwnedSocket;
  const isFirst = owned[owner] === undefined;
  owned[owner] = next;
  if (!isFirst) return;
  socket.on('error', onError);
  socket.on('close', onClose);
  socket.on('end', onEnd);
}

/**
 * Starts to pass the socket's 'data' events to its owner. If the socket was not paused, it begins to flow. One call for each socket is
 * enough, even if its owner changes later.
 */
export function readSocket(socket: Duplex): void {
  const owned = socket as OwnedSocket;
  if (owned[isRead] === true) return;
  owned[isRead] = true;
  socket.on('data', onData);
}

/** Returns true if the chunk fills its whole ArrayBuffer, and no other code uses this ArrayBuffer. */
export function isWhole(socket: Duplex, chunk: Buffer): boolean {
  // A Duplex that is not a Socket might keep or share the memory that it emits. A second 'data' listener might keep the chunk too.
  if (!(socket instanceof Socket) || socket.listenerCount('data') > 1) return false;
  return chunk.length === chunk.buffer.byteLength;
}
