/**
 * Masks 16 bytes at a time (RFC 6455 §5.3) with the WebAssembly of mask-kernel.wat. We call this code the kernel. For large payloads, it is
 * faster than JavaScript, although the payload is copied twice. mask.ts decides when the kernel is used. It also has a JavaScript version,
 * which is used if the process cannot use WebAssembly.
 */

import { maskKernelBytes } from './mask-kernel-bytes.ts';
import { instantiate } from './web-assembly.ts';

/**
 * The maximum number of bytes that the kernel masks at once. It is a multiple of four, so that each piece begins with the same byte of the
 * key.
 */
const PIECE_SIZE = 65_536;

interface MaskKernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Masks the first `length` bytes of the memory. */
  mask(length: number, key: number): void;
}

/** Masks bytes in the memory of the WebAssembly module. There is no state between calls. */
export class MaskKernel {
  readonly #memory: Buffer;
  readonly #mask: (length: number, key: number) => void;

  constructor({ memory, mask }: MaskKernelExports) {
    this.#memory = Buffer.from(memory.buffer);
    this.#mask = mask;
  }

  /**
   * Copies `source[start, end)` to `target`, from index `at` on, and masks the copy. If `start` equals `at`, `source` and `target` may be
   * the same.
   * @param key the masking key for the first byte, see mask.ts
   */
  copy(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number, key: number): void {
    const memory = this.#memory;
    for (let position = start; position < end; position += PIECE_SIZE) {
      const size = Math.min(PIECE_SIZE, end - position);
      memory.set(size === source.length ? source : source.subarray(position, position + size), 0);
      this.#mask(size, key);
      memory.copy(target, at + (position - start), 0, size);
    }
  }
}

const loaded: MaskKernelExports | null = instantiate<MaskKernelExports>(maskKernelBytes);

/** The kernel of this thread, or null if the process cannot use WebAssembly. */
export const maskKernel: MaskKernel | null = loaded === null ? null : new MaskKernel(loaded);
