/**
 * Handles borrowed payloads: large payloads that are not copied when the application sends them. While such a payload waits, it belongs to
 * the application. RFC 6455 does not say when a payload has to be sent. We copy a borrowed payload when we write it to the socket. The copy
 * is necessary because the socket may read the memory later. If the application transfers the memory before this read, Node does not keep
 * the memory alive. If the length of a payload has changed while the payload waited, it cannot be sent: the frame header with the old
 * length was already sent.
 */

import { abandonSlab, acquireSlab, releaseSlab } from './slabs.ts';

/** The usual size of one write to a socket, in bytes. */
export const WRITE_SIZE = 65_536;

/** If at most this many bytes would remain after a write of `WRITE_SIZE` bytes, the write includes them. */
export const MAX_REST = 4096;

const SCRATCH_SIZE: number = WRITE_SIZE + MAX_REST;

// A copy of at least this size uses the buffer `scratch`. A smaller copy uses a slab (a buffer from the pool in slabs.ts).
const SCRATCH_THRESHOLD: number = WRITE_SIZE / 2;

// The buffer for large copies. Null while the buffer is in use, and after `giveUp`.
let scratch: Buffer | null = null;

/** The error for a payload that the application transferred or resized before all of its bytes were sent. */
export class PayloadChangedError extends TypeError {
  constructor(size: number) {
    super(`a payload of ${size} bytes was transferred or resized before all of its bytes were sent`);
  }
}

/** A payload that belongs to the application. The class knows how much of the payload was already sent. */
export class Borrowed {
  readonly #payload: Uint8Array;
  readonly #size: number;
  #offset = 0;

  constructor(payload: Uint8Array) {
    this.#payload = payload;
    this.#size = payload.length;
  }

  /** The number of bytes of the payload that were not sent yet. */
  get length(): number {
    return this.#size - this.#offset;
  }

  /**
   * Returns the next `size` bytes without a copy. The caller has to read them immediately, because the application can change them later.
   * @throws {PayloadChangedError}
   */
  next(size: number): Uint8Array {
    if (this.#payload.length !== this.#size) throw new PayloadChangedError(this.#size);
    const from = this.#offset;
    this.#offset += size;
    return this.#payload.subarray(from, this.#offset);
  }
}

/**
 * Returns memory for a copy, with at least `size` bytes. No other code uses the memory until the caller passes it to `giveBack` or
 * `giveUp`.
 * @param size at most `WRITE_SIZE + MAX_REST`
 */
export function takeMemory(size: number): Buffer {
  if (size < SCRATCH_THRESHOLD) return acquireSlab(size);
  const memory = scratch ?? Buffer.allocUnsafeSlow(SCRATCH_SIZE);
  scratch = null;
  return memory;
}

/** Makes memory from `takeMemory` available for the next copy. Call this if the socket does not use the memory any more. */
export function giveBack(memory: Buffer): void {
  if (memory.length === SCRATCH_SIZE) scratch = memory;
  else releaseSlab(memory);
}

/** Leaves memory from `takeMemory` to the garbage collector. Call this if the socket may still read from the memory. */
export function giveUp(memory: Buffer): void {
  if (memory.length !== SCRATCH_SIZE) abandonSlab(memory);
}
