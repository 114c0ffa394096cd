/**
 * Payloads that are still their caller's while they wait: RFC 6455 leaves open when they leave. They are read when the socket takes
 * them, and copied for that: a socket that cannot take everything at once reads the memory later, and Node does not keep memory
 * alive that was transferred meanwhile. A payload whose length changed is not sent at all: its header is on its way already.
 */

import { abandonSlab, acquireSlab, releaseSlab } from './slabs.ts';

/** Bytes that are given to a socket at a time. */
export const WRITE_SIZE = 65_536;

/** So much more goes along if nothing is left then. */
export const MAX_REST = 4096;

const SCRATCH_SIZE: number = WRITE_SIZE + MAX_REST;

// From here on one memory is used again and again; below, that of slabs is.
const SCRATCH_FROM: number = WRITE_SIZE / 2;

// Used again as long as sockets take what they are given at once.
let scratch: Buffer | null = null;

/** The application transferred or resized a payload too early. */
export class PayloadChangedError extends TypeError {
  constructor(size: number) {
    super(`a payload of ${size} bytes was transferred or resized after it was sent, and before it had left`);
  }
}

/** A payload of a caller's, from the first byte that has not left. */
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
   * The next `size` bytes where they lie: to be read before the application runs again.
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
 * Memory for a copy of `size` bytes, at most `WRITE_SIZE` and `MAX_REST`: so many or more. Only the caller changes it until `giveBack` or
 * `giveUp`.
 */
export function takeMemory(size: number): Buffer {
  if (size < SCRATCH_FROM) return acquireSlab(size);
  const memory = scratch ?? Buffer.allocUnsafeSlow(SCRATCH_SIZE);
  scratch = null;
  return memory;
}

/** The socket took everything: what `takeMemory` returned may be used for others. */
export function giveBack(memory: Buffer): void {
  if (memory.length === SCRATCH_SIZE) scratch = memory;
  else releaseSlab(memory);
}

/** The socket may still read from what `takeMemory` returned: it is left to the garbage collector. */
export function giveUp(memory: Buffer): void {
  if (memory.length !== SCRATCH_SIZE) abandonSlab(memory);
}
