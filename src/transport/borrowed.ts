/**
 * Payloads that still belong to the caller while they wait: RFC 6455 does not say when a payload has to leave. We read and copy a payload
 * when the socket takes it. The copy is needed because a socket that cannot take everything at once reads the memory later. If the
 * application transfers the memory before that, Node does not keep the memory alive. A payload whose length has changed cannot be sent,
 * because the frame's header was sent already.
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

/** The part of a caller's payload that has not left yet. */
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
