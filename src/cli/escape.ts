/**
 * Makes text from a peer safe for a terminal and a log. Escapes control characters, line breaks, and characters that change the writing
 * direction. RFC 6455 §7.1.6 and §10 tell applications not to trust received data.
 */

// The characters of C0, DEL and C1 can move the cursor and start escape sequences. The separators break a line. The bidirectional controls
// change the order in which a terminal shows the characters of a line. A lone surrogate is not a character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: this expression has to find control characters.
const unfit = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

const named = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * Returns the text on one line. Characters that would control a terminal become text such as `\n`, `\x1b` or `\u202e`. A backslash stays as
 * it is.
 */
export function escapeText(text: string): string {
  return text.replace(unfit, (character) => {
    const name = named.get(character);
    if (name !== undefined) return name;
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** `describeBytes` shows at most this number of bytes. */
const SHOWN_BYTES = 32;

/** Describes binary data by its size and its first bytes in hex: `5 bytes: 68 65 6c 6c 6f`. */
export function describeBytes(bytes: Uint8Array): string {
  const size = `${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'}`;
  if (bytes.length === 0) return size;
  const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0'));
  return `${size}: ${shown.join(' ')}${bytes.length > SHOWN_BYTES ? ' …' : ''}`;
}
