/**
 * Encodes the parts of one message as bytes (RFC 6455 §5.6). Each part is a string or bytes. A text can be divided anywhere, even between
 * the two surrogates of a character.
 */

import { type Message, toBytes } from './message.ts';

/** The UTF-8 bytes of U+FFFD, which replaces a lone surrogate. */
const REPLACEMENT: Uint8Array = Uint8Array.of(0xef, 0xbf, 0xbd);

export class ChunkEncoder {
  /** The high surrogate at the end of the previous part. Its low surrogate can be at the beginning of the next part. */
  #surrogate = '';

  /**
   * Encodes the next part of the message.
   * @returns the bytes, which can be empty
   * @throws {TypeError} for a part that is not a string, an ArrayBuffer or an ArrayBufferView
   */
  encode(chunk: Message): Uint8Array {
    if (typeof chunk !== 'string') {
      const bytes = toBytes(chunk);
      return this.#surrogate === '' ? bytes : Buffer.concat([this.finish(), bytes]);
    }
    const text = this.#surrogate + chunk;
    const isCut = isHighSurrogate(text.charCodeAt(text.length - 1));
    this.#surrogate = isCut ? text.slice(-1) : '';
    return Buffer.from(isCut ? text.slice(0, -1) : text);
  }

  /** Ends the message. If a high surrogate is left, returns the bytes of U+FFFD. Otherwise returns no bytes. */
  finish(): Uint8Array {
    const rest = this.#surrogate === '' ? new Uint8Array(0) : REPLACEMENT;
    this.#surrogate = '';
    return rest;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
