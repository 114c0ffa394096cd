/**
 * Decodes a run in one step (RFC 6455 §5.2, §5.3, §5.6). A run is a sequence of small text messages that follow each other in a chunk. The
 * WebAssembly of text-kernel.wat finds and unmasks the messages. One call decodes all of them to one string, and each message becomes a
 * part of this string. parser.ts reads all other frames. parser.ts can also read the frames of a run one by one. That code is the
 * reference, and is used if this process cannot use WebAssembly.
 */

import { textKernelBytes } from './text-kernel-bytes.ts';
import { instantiate } from './web-assembly.ts';

/**
 * The maximum number of bytes of text in a run. V8 makes each message a view of the run's string, so one message can keep all these bytes
 * alive.
 */
export const MAX_RUN_SIZE = 1024;

/** The largest payload whose length fits into the second byte (§5.2). */
export const MAX_SHORT_LENGTH = 125;

// The bytes that are loaded at a time, and the offset of the decoded text. text-kernel.wat uses the same values.
const WINDOW_SIZE = 65_536;
const TEXT_OFFSET = 69_632;

// The size of the longest frame that the kernel decodes: a header of 6 bytes, and the payload.
const MAX_FRAME_SIZE = 6 + MAX_SHORT_LENGTH;

interface TextKernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** @returns the number of frames in bits 16 to 23, the number of bytes of their text in bits 0 to 15 */
  texts(at: number, end: number, mask: number): number;
}

/** Reads runs of text frames. It holds a chunk while the chunk is parsed; `leave` releases the chunk. */
export class TextKernel {
  readonly #memory: Buffer;
  readonly #texts: (at: number, end: number, mask: number) => number;
  /** The chunk whose bytes `[#from, #to)` are loaded, or null. While a handler runs, another endpoint may load its own chunk. */
  #chunk: Buffer | null = null;
  #from = 0;
  #to = 0;
  /** The number of messages in the last run. */
  count = 0;

  constructor({ memory, texts }: TextKernelExports) {
    this.#memory = Buffer.from(memory.buffer);
    this.#texts = texts;
  }

  /**
   * Decodes the run of whole text frames that begins at `chunk[position]` and lies before `end`. Does not change the chunk.
   * @param mask the required value of the mask bit: 0x80 or 0
   * @returns the text of `count` messages, all ASCII; '' if no message was found, or if all of them are empty
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

  /** Releases the chunk. Called when the chunk has been parsed. */
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
