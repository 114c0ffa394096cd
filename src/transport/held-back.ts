/**
 * Puts the end of a chunk back into its socket. So the socket stops at once. After `pause()` alone, Node reads on until the socket's own
 * buffer is full. That is one more chunk of 64 KiB for each connection. No budget would count it (RFC 6455 §10.4).
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Charge } from '../frame/charge.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';

/**
 * Returns how many bytes fill a socket's own buffer. Returns 0 if the chunk is not larger than this buffer, or if another listener also
 * received the chunk.
 */
export function bytesToHoldBack(socket: Duplex, chunk: Buffer): number {
  if (!(socket instanceof Socket)) return 0;
  const size = socket.readableHighWaterMark;
  return chunk.length > size && socket.listenerCount('data') === 1 ? size : 0;
}

/** Holds back bytes in one socket. */
export class HeldBack {
  readonly #charge: Charge;

  constructor(budget: MemoryBudget) {
    this.#charge = new Charge(budget);
  }

  /** Stops a socket. Call it from the socket's 'data' event, with the end of that event's chunk. */
  stop(socket: Duplex, bytes: Buffer): void {
    socket.pause();
    this.#charge.resize(bytes.length);
    // The bytes are copied. So the whole chunk is not kept alive.
    const copy = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(copy);
    socket.unshift(copy);
  }

  /** Forgets the bytes: the socket emits them again, or drops them when it is destroyed. */
  clear(): void {
    this.#charge.resize(0);
  }
}
