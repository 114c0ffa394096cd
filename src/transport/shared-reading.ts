/**
 * Lets all client sockets of a thread read into one shared buffer. By default, Node allocates 64 KiB for each read, and passes each chunk
 * through a stream. Node's option `onread` avoids both costs. The option works for sockets of `net.connect`, but not for sockets that a
 * server accepts. docs/performance.md has the measurements.
 *
 * Node reads into the buffer, and calls us before it reads from any other socket. Node also reads no socket while a callback of the
 * application runs. So one buffer is enough.
 */

import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** Receives the data that a socket reads. */
export interface BorrowedReader {
  /** @param isBorrowed true if the memory of the chunk is used for other data after this call */
  onData(chunk: Buffer, isBorrowed: boolean): void;
}

// The maximum size of one read, in bytes. Without `onread`, Node uses the same size.
const READ_SIZE = 65_536;

const reader: unique symbol = Symbol('rfc6455 reader');
type SharingSocket = Socket & { [reader]: BorrowedReader | undefined };

/** The shared buffer. Null until a client connects. */
let memory: Buffer | null = null;

/**
 * Works like `net.connect`. Until `readShared` is called, the socket emits 'data' events like any other socket. In a runtime that ignores
 * `onread`, the socket always emits 'data' events.
 */
export function connectShared(options: NetConnectOpts): Socket {
  memory ??= Buffer.allocUnsafeSlow(READ_SIZE);
  const callback = (size: number, buffer: Uint8Array): boolean => pass(socket, buffer as Buffer, size);
  const socket: Socket = connect({ ...options, onread: { buffer: memory, callback } });
  return socket;
}

/**
 * From now on, passes the data of a socket to `next`, if `connectShared` made the socket. While the socket has more than one 'data'
 * listener, the socket emits 'data' events instead.
 */
export function readShared(socket: object, next: BorrowedReader): void {
  (socket as SharingSocket)[reader] = next;
}

function pass(socket: Socket, buffer: Buffer, size: number): boolean {
  const next = (socket as SharingSocket)[reader];
  // The socket may have a 'data' listener of other code. That listener may keep the data, so it gets a copy.
  if (next === undefined || socket.listenerCount('data') > 1) {
    // If `push` returns false, Node stops reading until the stream's buffer is empty.
    return socket.push(Buffer.from(buffer.subarray(0, size)));
  }
  next.onData(buffer.subarray(0, size), true);
  return true;
}
