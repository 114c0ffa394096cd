/**
 * The owner of a socket receives its events: first the opening handshake, then the connection. All sockets share one set of listeners,
 * and one assignment gives a socket to another owner: a connection costs no closures, and no event is lost between two owners.
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

/** Says whether a socket has, or had, an owner. */
export function isOwned(socket: Duplex): boolean {
  return (socket as OwnedSocket)[owner] !== undefined;
}

/** Makes `next` the owner: it receives the socket's end, errors and close from now on, and its data once `readSocket` was called. */
export function ownSocket(socket: Duplex, next: SocketOwner): void {
  const owned = socket as OwnedSocket;
  const isFirst = owned[owner] === undefined;
  owned[owner] = next;
  if (!isFirst) return;
  socket.on('error', onError);
  socket.on('close', onClose);
  socket.on('end', onEnd);
}

/** Passes the socket's data to its owner. Data flows from now on unless the socket was paused. One call is enough for all owners. */
export function readSocket(socket: Duplex): void {
  const owned = socket as OwnedSocket;
  if (owned[isRead] === true) return;
  owned[isRead] = true;
  socket.on('data', onData);
}

/** Says whether no other code uses the memory of a chunk that was read from a socket. */
export function isWhole(socket: Duplex, chunk: Buffer): boolean {
  // Any other Duplex may keep or share the memory that it emits, and a second listener has received the same chunk.
  if (!(socket instanceof Socket) || socket.listenerCount('data') > 1) return false;
  return chunk.length === chunk.buffer.byteLength;
}
