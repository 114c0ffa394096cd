/**
 * Checks and decodes UTF-8: RFC 6455 §5.6, §8.1. The whole text message must be valid UTF-8, but a fragment or a chunk may end inside a
 * character. If a message arrives in pieces, each piece is checked at once. So an invalid byte fails the connection before the last
 * fragment arrives.
 */

import { isAscii, isUtf8 } from 'node:buffer';

// Up to this number of bytes, it is faster to decode first, and then to search for the replacement character. For larger texts, it is
// faster to check first, and then to decode.
const MAX_DECODE_FIRST_SIZE = 2048;

const REPLACEMENT = '\ufffd';

/** Returns true if the bytes are valid UTF-8 (RFC 3629: no overlong forms, no surrogates, no code above U+10FFFF). */
export function isValidUtf8(bytes: Uint8Array): boolean {
  return isUtf8(bytes);
}

/**
 * Decodes `buffer[start, end)`. Returns null if the bytes are not valid UTF-8. A byte order mark is kept, because it is part of the
 * payload.
 */
export function decodeUtf8(buffer: Buffer, start: number, end: number): string | null {
  if (end - start <= MAX_DECODE_FIRST_SIZE) {
    const text = buffer.toString('utf8', start, end);
    // The decoder replaces invalid bytes with U+FFFD. But a valid message may also contain U+FFFD.
    if (text.indexOf(REPLACEMENT) === -1) return text;
    return isUtf8(buffer.subarray(start, end)) ? text : null;
  }
  const bytes = buffer.subarray(start, end);
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

/** Checks a text that arrives in pieces. A piece may end inside a character. The three fields describe which bytes may come next. */
export class Utf8Validator {
  /** The number of bytes that the unfinished character still needs. */
  #missing = 0;
  /** The valid range of the next byte. After some first bytes, the range of the second byte is smaller (RFC 3629 §4). */
  #lowest = 0x80;
  #highest = 0xbf;

  /** Checks the next piece, `buffer[start, end)`. @returns false if the text is not valid UTF-8 so far */
  push(buffer: Buffer, start: number, end: number): boolean {
    let index = start;
    while (this.#missing > 0 && index < end) {
      if (!this.#step(buffer[index++]!)) return false;
    }
    const cut = lastCharacterStart(buffer, index, end);
    if (index < cut && !isUtf8(buffer.subarray(index, cut))) return false;
    for (index = cut; index < end; index++) {
      if (!this.#step(buffer[index]!)) return false;
    }
    return true;
  }

  /** Returns true if the text is complete, and resets the validator for the next message. */
  finish(): boolean {
    const complete = this.#missing === 0;
    this.reset();
    return complete;
  }

  reset(): void {
    this.#missing = 0;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
  }

  #step(byte: number): boolean {
    if (this.#missing > 0) {
      if (byte < this.#lowest || byte > this.#highest) return false;
      this.#missing--;
      this.#lowest = 0x80;
      this.#highest = 0xbf;
      return true;
    }
    // This is the first byte of a character. RFC 3629 §4: with C0 or C1 the form would be overlong, and with F5 or above the code would be
    // above U+10FFFF.
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#lowest = 0xa0;
    else if (byte === 0xed) this.#highest = 0x9f;
    else if (byte === 0xf0) this.#lowest = 0x90;
    else if (byte === 0xf4) this.#highest = 0x8f;
    return true;
  }
}

/** If the last character of `buffer[start, end)` may be unfinished, returns its start. Otherwise returns `end`. */
function lastCharacterStart(buffer: Buffer, start: number, end: number): number {
  const earliest = Math.max(start, end - 3);
  for (let index = end - 1; index >= earliest; index--) {
    const byte = buffer[index]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return index;
  }
  return end;
}
