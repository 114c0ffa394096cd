/**
 * Stops reading from a socket immediately. To do this, `HeldBack` puts the end of the last chunk back into the socket. Then the buffer of
 * the socket is full. After `pause()` alone, Node would read one more chunk of up to 64 KiB for each connection. No memory budget would
 * count this chunk (RFC 6455 §10.4).
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Charge } from '../frame/charge.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';

/**
 * Returns how many bytes of the chunk have to go back into the socket to fill the buffer of the socket. Returns 0 if the chunk is not
 * larger than this buffer, or if another listener also received the chunk.
 */
export function bytesToHoldBack(socket: Duplex, chunk: Buffer): number {
  if (!(socket instanceof Socket)) return 0;
  const size = socket.readableHighWaterMark;
  return chunk.length > size && socket.listenerCount('data') === 1 ? size : 0;
}

/** Puts received bytes back into one socket, and counts them in a memory budget. */
export class HeldBack {
  readonly #charge: Charge;

  constructor(budget: MemoryBudget) {
    this.#charge = new Charge(budget);
  }

  /**
   * Stops reading from a socket. Call this in a 'data' listener of the socket.
   * @param bytes the end of the chunk of the 'data' event. They are put back into the socket
   */
  stop(socket: Duplex, bytes: Buffer): void {
    socket.pause();
    this.#charge.resize(bytes.length);
    // We copy the bytes, so that the whole chunk can be freed.
    const copy = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(copy);
    socket.unshift(copy);
  }

  /** Stops counting the bytes that were put back. Call this when the socket has emitted these bytes again, or is closed. */
  clear(): void {
    this.#charge.resize(0);
  }
}
