/**
 * Small text messages that arrive together, decoded together (RFC 6455 §5.2, §5.3, §5.6): the WebAssembly of text-kernel.wat finds and
 * unmasks them, one call decodes them, and each message is a part of that string. A frame that is anything else is left to parser.ts,
 * which does the same frame by frame: the reference, and the fallback where WebAssembly does not exist or is forbidden.
 */

import { textKernelBytes } from './text-kernel-bytes.ts';
import { instantiate } from './web-assembly.ts';

/** Bytes of text in a run, at most: what a message that is kept can keep alive, since V8 makes it a view of the whole string. */
export const MAX_RUN_SIZE = 1024;

/** The largest payload whose length stands in the second byte (§5.2). */
export const MAX_SHORT_LENGTH = 125;

// Bytes that are loaded at a time, and where the text comes out: as in text-kernel.wat.
const WINDOW_SIZE = 65_536;
const TEXT_OFFSET = 69_632;

// The longest frame that is taken: a header of 6 bytes, and its payload.
const MAX_FRAME_SIZE = 6 + MAX_SHORT_LENGTH;

interface TextKernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** @returns the number of frames in bits 16 to 23, and the bytes of their text below */
  texts(at: number, end: number, mask: number): number;
}

/** Runs of text frames. It holds a chunk only while it is parsed: `leave` ends that. */
export class TextKernel {
  readonly #memory: Buffer;
  readonly #texts: (at: number, end: number, mask: number) => number;
  /** The chunk of which `[#from, #to)` is loaded, or null. Another endpoint's may replace it, from inside a handler. */
  #chunk: Buffer | null = null;
  #from = 0;
  #to = 0;
  /** Messages in the run that was found last. */
  count = 0;

  constructor({ memory, texts }: TextKernelExports) {
    this.#memory = Buffer.from(memory.buffer);
    this.#texts = texts;
  }

  /**
   * Finds the run of whole text frames at `chunk[position…end)`, and leaves the chunk as it is.
   * @param mask what the mask bit has to be: 0x80 or 0
   * @returns the text of `count` messages, all ASCII; '' with a `count` of 0 or of empty messages
   */
  read(chunk: Buffer, position: number, end: number, mask: number): string {
    const isLoaded =
      chunk === this.#chunk &&
      position >= this.#from &&
      (this.#to === end || position + MAX_FRAME_SIZE <= this.#to);
    if (!isLoaded) this.#load(chunk, position, end);
    const found = this.#texts(position - this.#from, this.#to - this.#from, mask);
    this.count = found >>> 16;
    return this.#memory.toString('latin1', TEXT_OFFSET, TEXT_OFFSET + (found & 0xffff));
  }

  /** The chunk is done with. */
  leave(): void {
    this.#chunk = null;
  }

  #load(chunk: Buffer, position: number, end: number): void {
    this.#chunk = chunk;
    this.#from = position;
    this.#to = Math.min(end, position + WINDOW_SIZE);
    const isWhole = position === 0 && this.#to === chunk.length;
    this.#memory.set(isWhole ? chunk : chunk.subarray(position, this.#to), 0);
  }
}

const loaded: TextKernelExports | null = instantiate<TextKernelExports>(textKernelBytes);

/** The kernel of this thread, or null if WebAssembly cannot be used. */
export const textKernel: TextKernel | null = loaded === null ? null : new TextKernel(loaded);
