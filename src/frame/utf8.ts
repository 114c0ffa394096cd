/**
 * UTF-8: RFC 6455 §5.6 and §8.1. A text message is valid UTF-8 as a whole. Fragments and chunks may split a character. Whole messages are
 * checked while they are decoded. Messages that arrive in pieces are checked piece by piece. So an invalid byte fails the connection at
 * once, before the last fragment arrives.
 */

import { isAscii, isUtf8 } from 'node:buffer';

// Up to this many bytes, one native call is cheaper than two. The one call decodes, and replaces invalid bytes. The two calls check, then
// decode.
const MAX_DECODE_FIRST_SIZE = 2048;

const REPLACEMENT = '\ufffd';

/** Says whether bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
export function isValidUtf8(bytes: Uint8Array): boolean {
  return isUtf8(bytes);
}

/** Decodes `buffer[start, end)`, or returns null if it is not UTF-8. A byte order mark is kept: it is payload. */
export function decodeUtf8(buffer: Buffer, start: number, end: number): string | null {
  if (end - start <= MAX_DECODE_FIRST_SIZE) {
    const text = buffer.toString('utf8', start, end);
    // The decoder writes U+FFFD in place of invalid bytes; the message may also contain a real U+FFFD.
    if (text.indexOf(REPLACEMENT) === -1) return text;
    return isUtf8(buffer.subarray(start, end)) ? text : null;
  }
  const bytes = buffer.subarray(start, end);
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

/**
 * Checks a text that arrives in pieces. Between two pieces a character may be unfinished: at most three of its bytes have
 * arrived. The three fields describe which bytes may follow.
 */
export class Utf8Validator {
  /** Continuation bytes that the unfinished character still needs. */
  #missing = 0;
  /** The range of the next byte. After some first bytes, the second byte is restricted (RFC 3629 §4). */
  #lowest = 0x80;
  #highest = 0xbf;

  /** Takes the next piece, `buffer[start, end)`. @returns false if no further bytes can make the text valid */
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

  /** Says whether the text may end here. Resets the validator for the next message. */
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
    // This byte begins a character: `lastCharacterStart` returns no other position.
    // RFC 3629 §4: C0 and C1 would be overlong, F5 and above are past U+10FFFF.
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#lowest = 0xa0;
    else if (byte === 0xed) this.#highest = 0x9f;
    else if (byte === 0xf0) this.#lowest = 0x90;
    else if (byte === 0xf4) this.#highest = 0x8f;
    return true;
  }
}

/** Returns the start of the last character of `buffer[start, end)` if this character may be unfinished; else `end`. */
function lastCharacterStart(buffer: Buffer, start: number, end: number): number {
  const earliest = Math.max(start, end - 3);
  for (let index = end - 1; index >= earliest; index--) {
    const byte = buffer[index]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return index;
  }
  return end;
}
