/**
 * Borrowed payloads: large payloads that are not copied when the application sends them. While they wait, they belong to the application.
 * RFC 6455 does not say when a payload has to leave. We read and copy a payload only when the socket takes it. We copy because a socket
 * that cannot take everything immediately reads the memory later. If the application transfers the memory before the socket reads it, Node
 * does not keep the memory alive. A payload whose length has changed cannot be sent, because the frame's header has already left with the
 * old length.
 */

import { abandonSlab, acquireSlab, releaseSlab } from './slabs.ts';

/** The usual number of bytes that we pass to a socket in one write. */
export const WRITE_SIZE = 65_536;

/** A write may exceed `WRITE_SIZE` by this many bytes if nothing is left to send after this write. */
export const MAX_REST = 4096;

const SCRATCH_SIZE: number = WRITE_SIZE + MAX_REST;

// Copies of this size or more use the buffer `scratch`, one after another; smaller copies use slabs.
const SCRATCH_THRESHOLD: number = WRITE_SIZE / 2;

// The buffer for large copies. It is reused if the socket took all its bytes immediately. It is null while it is in use and after `giveUp`.
let scratch: Buffer | null = null;

/** The error for a payload that the application transferred or resized before the payload had left. */
export class PayloadChangedError extends TypeError {
  constructor(size: number) {
    super(`a payload of ${size} bytes was transferred or resized after it was sent, and before it had left`);
  }
}

/** A payload of the caller, and how much of the payload has left already. */
export class Borrowed {
  readonly #payload: Uint8Array;
  readonly #size: number;
  #offset = 0;

  constructor(payload: Uint8Array) {
    this.#payload = payload;
    this.#size = payload.length;
  }

  /** The number of bytes that have not left yet. */
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
 * Returns memory for a copy: `size` bytes or more. `size` is at most `WRITE_SIZE` plus `MAX_REST`. No other code changes the memory until
 * the caller passes it to `giveBack` or `giveUp`.
 */
export function takeMemory(size: number): Buffer {
  if (size < SCRATCH_THRESHOLD) return acquireSlab(size);
  const memory = scratch ?? Buffer.allocUnsafeSlow(SCRATCH_SIZE);
  scratch = null;
  return memory;
}

/** Makes memory of `takeMemory` available for the next copy. Call this if the socket has taken all its bytes. */
export function giveBack(memory: Buffer): void {
  if (memory.length === SCRATCH_SIZE) scratch = memory;
  else releaseSlab(memory);
}

/** Leaves memory of `takeMemory` to the garbage collector. Call this if the socket may still read from the memory. */
export function giveUp(memory: Buffer): void {
  if (memory.length !== SCRATCH_SIZE) abandonSlab(memory);
}
