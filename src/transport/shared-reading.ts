/**
 * Lets the sockets of clients read into one piece of memory that they share. By default Node allocates 64 KiB for each read and passes each
 * chunk through a stream. Node's option `onread` avoids both, but exists only for sockets that connect, not for those that a server
 * accepts. docs/performance.md has the gain.
 *
 * Node calls us for a read before it reads from any other socket, so one piece of memory is enough for all sockets of a thread: while a
 * callback of the application runs, no socket is read.
 */

import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** Receives what a socket reads. */
export interface BorrowedReader {
  /** @param isBorrowed true: the chunk's memory belongs to the socket again after this call */
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
 * `onread`, the socket always does so.
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
  // A program may listen for 'data' on the socket too. Its listener may keep what it receives, so it needs memory of its own.
  if (next === undefined || socket.listenerCount('data') > 1) {
    // If the result is false, Node stops reading until the stream's buffer is empty.
    return socket.push(Buffer.from(buffer.subarray(0, size)));
  }
  next.onData(buffer.subarray(0, size), true);
  return true;
}
