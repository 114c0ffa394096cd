/**
 * Decodes several small text messages in one step (RFC 6455 §5.2, §5.3, §5.6). Messages that follow each other in a chunk are a run. The
 * WebAssembly of text-kernel.wat (the kernel) finds and unmasks the messages of a run. Then one call decodes all of them to one string, and
 * each message becomes a part of this string. parser.ts parses all other frames. If the process cannot use WebAssembly, it parses these
 * frames too.
 */

import { textKernelBytes } from './text-kernel-bytes.ts';
import { instantiate } from './web-assembly.ts';

/**
 * The maximum number of bytes of text that are decoded to one string. In V8, each message is a slice of this string. So one message can
 * keep the whole string in memory.
 */
export const MAX_RUN_SIZE = 1024;

/** The largest payload length that fits into the second byte of a frame (§5.2). */
export const MAX_SHORT_LENGTH = 125;

// The kernel loads at most `WINDOW_SIZE` bytes at once, and writes the text at `TEXT_OFFSET`. text-kernel.wat uses the same values.
const WINDOW_SIZE = 65_536;
const TEXT_OFFSET = 69_632;

// The size of the longest frame that the kernel decodes: 6 bytes of header, and the payload.
const MAX_FRAME_SIZE = 6 + MAX_SHORT_LENGTH;

interface TextKernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** @returns the number of frames (bits 16 to 23) and the number of bytes of their text (bits 0 to 15) */
  texts(at: number, end: number, mask: number): number;
}

/** Reads runs of text frames. Call `leave` when a chunk has been parsed. */
export class TextKernel {
  readonly #memory: Buffer;
  readonly #texts: (at: number, end: number, mask: number) => number;
  /**
   * The chunk that is loaded, or null. The kernel's memory contains the bytes `[#from, #to)` of this chunk. All endpoints of a thread use
   * one kernel.
   */
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
   * Decodes the run of complete text frames that begins at `chunk[position]` and ends at or before `end`. Does not change the chunk.
   * @param mask 0x80 if the frames must be masked, else 0
   * @returns the text of `count` messages, which is ASCII; '' if no message was found, or if all messages are empty
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

  /** Releases the chunk. */
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

/** The kernel of this thread, or null if the process cannot use WebAssembly. */
export const textKernel: TextKernel | null = loaded === null ? null : new TextKernel(loaded);
