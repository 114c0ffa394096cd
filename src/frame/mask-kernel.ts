/**
 * Masks 16 bytes at a time (RFC 6455 §5.3) with the WebAssembly of mask-kernel.wat. For large payloads this is faster than JavaScript,
 * although the payload is copied twice. mask.ts decides when the kernel is used. mask.ts also has the same transformation in JavaScript.
 * The JavaScript is the reference, and is used if this process cannot use WebAssembly.
 */

import { maskKernelBytes } from './mask-kernel-bytes.ts';
import { instantiate } from './web-assembly.ts';

/** Bytes that go through the kernel's memory at a time. A multiple of four, so that the key is the same for each piece. */
const PIECE_SIZE = 65_536;

interface MaskKernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Masks the first `length` bytes of the memory. */
  mask(length: number, key: number): void;
}

/** Masks bytes in WebAssembly memory. A kernel keeps no state between calls. */
export class MaskKernel {
  readonly #memory: Buffer;
  readonly #mask: (length: number, key: number) => void;

  constructor({ memory, mask }: MaskKernelExports) {
    this.#memory = Buffer.from(memory.buffer);
    this.#mask = mask;
  }

  /**
   * Copies `source[start, end)` to `target[at…]` and masks the copy. If `start` equals `at`, both may be the same memory.
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

/** The kernel of this thread, or null if WebAssembly cannot be used. */
export const maskKernel: MaskKernel | null = loaded === null ? null : new MaskKernel(loaded);
