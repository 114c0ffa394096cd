/**
 * Payloads that still belong to the caller while they wait: RFC 6455 does not say when they have to leave. They are read, and copied, when
 * the socket takes them. The copy is needed because a socket that cannot take everything at once reads the memory later, and Node does not
 * keep memory alive that was transferred meanwhile. A payload whose length has changed cannot be sent, because its header was sent already.
 */

import { abandonSlab, acquireSlab, releaseSlab } from './slabs.ts';

/** The number of bytes that are passed to a socket in one write. */
export const WRITE_SIZE = 65_536;

/** A write may exceed `WRITE_SIZE` by this many bytes if nothing is left to send after it. */
export const MAX_REST = 4096;

const SCRATCH_SIZE: number = WRITE_SIZE + MAX_REST;

// Copies of this size or more use one buffer again and again; smaller copies use slabs.
const SCRATCH_THRESHOLD: number = WRITE_SIZE / 2;

// This buffer is reused as long as every socket takes its bytes at once.
let scratch: Buffer | null = null;

/** The application transferred or resized a payload before it had left. */
export class PayloadChangedError extends TypeError {
  constructor(size: number) {
    super(`a payload of ${size} bytes was transferred or resized after it was sent, and before it had left`);
  }
}

/** A payload that belongs to the caller, from the first byte that has not left. */
export class Borrowed {
  readonly #payload: Uint8Array;
  readonly #size: number;
  #offset = 0;

  constructor(payload: Uint8Array) {
    this.#payload = payload;
    this.#size = payload.length;
  }

  /** Bytes that have not left. */
  get length(): number {
    return this.#size - this.#offset;
  }

  /**
   * Returns the next `size` bytes without a copy. Read them before the application runs again.
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
 * Returns memory for a copy: `size` bytes or more. `size` is at most `WRITE_SIZE` plus `MAX_REST`. Only the caller changes the
 * memory until `giveBack` or `giveUp`.
 */
export function takeMemory(size: number): Buffer {
  if (size < SCRATCH_THRESHOLD) return acquireSlab(size);
  const memory = scratch ?? Buffer.allocUnsafeSlow(SCRATCH_SIZE);
  scratch = null;
  return memory;
}

/** Returns the memory of `takeMemory` for reuse, since the socket took everything. */
export function giveBack(memory: Buffer): void {
  if (memory.length === SCRATCH_SIZE) scratch = memory;
  else releaseSlab(memory);
}

/** Leaves the memory of `takeMemory` to the garbage collector, since the socket may still read from it. */
export function giveUp(memory: Buffer): void {
  if (memory.length !== SCRATCH_SIZE) abandonSlab(memory);
}
