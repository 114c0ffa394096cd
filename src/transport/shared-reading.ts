/**
 * Lets the sockets of clients read into one piece of memory that they share. By default Node allocates 64 KiB for each read and passes each
 * chunk through a stream. Node's option `onread` avoids both. It exists for sockets that connect, not for those that a server accepts.
 * docs/performance.md has the gain.
 *
 * Node reads into this memory, and calls us before it reads from any other socket. It reads no socket while a callback of the application
 * runs. So one piece of memory is enough for all sockets of a thread.
 */

import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** Receives what a socket reads. */
export interface BorrowedReader {
  /** @param isBorrowed true: the socket uses the chunk's memory again after this call */
  onData(chunk: Buffer, isBorrowed: boolean): void;
}

// The size of one read, in bytes: the same as without `onread`.
const READ_SIZE = 65_536;

const reader: unique symbol = Symbol('rfc6455 reader');
type SharingSocket = Socket & { [reader]: BorrowedReader | undefined };

/** Null until a client connects. */
let memory: Buffer | null = null;

/**
 * Works like `net.connect`. Until `readShared` is called, the socket emits what it reads like any other socket. In a runtime that ignores
 * `onread`, the socket always emits what it reads.
 */
export function connectShared(options: NetConnectOpts): Socket {
  memory ??= Buffer.allocUnsafeSlow(READ_SIZE);
  const callback = (size: number, buffer: Uint8Array): boolean => pass(socket, buffer as Buffer, size);
  const socket: Socket = connect({ ...options, onread: { buffer: memory, callback } });
  return socket;
}

/**
 * Passes what the socket reads from now on to `next`, if `connectShared` made the socket. While the socket has more than one listener for
 * 'data', it emits what it reads.
 */
export function readShared(socket: object, next: BorrowedReader): void {
  (socket as SharingSocket)[reader] = next;
}

function pass(socket: Socket, buffer: Buffer, size: number): boolean {
  const next = (socket as SharingSocket)[reader];
  // A program may listen for 'data' on the socket too. This listener may keep what it receives, so it gets a copy.
  if (next === undefined || socket.listenerCount('data') > 1) {
    // If the result is false, Node stops reading until the stream's buffer is empty.
    return socket.push(Buffer.from(buffer.subarray(0, size)));
  }
  next.onData(buffer.subarray(0, size), true);
  return true;
}
