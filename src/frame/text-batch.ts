/**
 * Collects small texts that are sent one after another, and encodes all of them with one call of V8's encoder (RFC 6455 §5.2, §5.6). This
 * is faster, because a call takes as long as the encoding of a hundred characters. The texts are joined to one string, with a placeholder
 * before each text. After the encoding, the headers of the frames replace the placeholders. `writeText` in writer.ts is the reference,
 * which encodes each text separately.
 */

import { applyMask, nextMaskingKey } from './mask.ts';
import { MAX_SHORT_LENGTH } from './text-kernel.ts';

/** When a batch has at least this many characters, it is encoded. */
const FULL_LENGTH = 4096;

// The first byte of a frame with FIN, no reserved bits, and the opcode of text.
const WHOLE_TEXT = 0x81;

// The number of bytes of the longest character in UTF-8.
const MAX_CHARACTER_SIZE = 4;

/**
 * Returns the placeholders for texts of 0 to 125 characters. A placeholder has as many ASCII characters as the header has bytes. The code
 * of the second character is the length of the text.
 */
function makePlaceholders(isMasked: boolean): readonly string[] {
  const rest = isMasked ? '\0\0\0\0' : '';
  const lengths = Array.from({ length: MAX_SHORT_LENGTH + 1 }, (_, length) => length);
  return lengths.map((length) => `\0${String.fromCharCode(length)}${rest}`);
}

const unmasked = makePlaceholders(false);
const masked = makePlaceholders(true);

/** Collects texts of at most 125 characters until they are encoded. */
export class TextBatch {
  #frames = '';
  /** The number of characters of the last text that was added. */
  lastLength = 0;

  /** The number of collected characters, including the placeholders. */
  get length(): number {
    return this.#frames.length;
  }

  /** Adds a text. @returns true if the batch is full. If so, the caller has to encode it now */
  add(text: string, isMasked: boolean): boolean {
    const placeholders = isMasked ? masked : unmasked;
    this.lastLength = text.length;
    this.#frames = this.#frames + placeholders[text.length]! + text;
    return this.#frames.length >= FULL_LENGTH;
  }

  /** Empties the batch. @returns the texts with their placeholders, for `encodeBatch` or `textsOfBatch` */
  take(): string {
    const frames = this.#frames;
    this.#frames = '';
    return frames;
  }
}

/** Returns how many bytes `encodeBatch` may write. */
export function roomForBatch(frames: string): number {
  return frames.length + MAX_CHARACTER_SIZE;
}

/**
 * Encodes the frames of a batch at `buffer[offset…]`. A text with a character outside ASCII has more bytes than characters, and may need a
 * longer header. So this function encodes only batches that are entirely ASCII.
 * @returns true if all texts are ASCII. If so, `frames.length` bytes were written
 */
export function encodeBatch(frames: string, isMasked: boolean, buffer: Buffer, offset: number): boolean {
  const { length } = frames;
  // The buffer has room for one more character. So if a character is not ASCII, the encoder writes more than `length` bytes.
  if (buffer.write(frames, offset, roomForBatch(frames)) !== length) return false;
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const size = buffer[at + 1]!;
    buffer[at] = WHOLE_TEXT;
    at += 2;
    if (isMasked) {
      const key = nextMaskingKey();
      buffer[at - 1] = 0x80 | size;
      for (let shift = 0; shift < 32; shift += 8) buffer[at++] = (key >>> shift) & 0xff;
      applyMask(buffer, at, at + size, key);
    }
    at += size;
  }
  return true;
}

/** Returns the texts of a batch, without the placeholders. */
export function textsOfBatch(frames: string, isMasked: boolean): string[] {
  const texts: string[] = [];
  const headerSize = isMasked ? 6 : 2;
  for (let at = 0; at < frames.length; ) {
    const start = at + headerSize;
    at = start + frames.charCodeAt(at + 1);
    texts.push(frames.slice(start, at));
  }
  return texts;
}
