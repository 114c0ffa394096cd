/** Escapes text from a peer for an error message or a log line. RFC 6455 §10: applications should not trust received data. */

// Real origins are shorter than this. But a peer may send a header field of 8 KiB.
const MAX_QUOTED = 200;

/** Returns `text` in quotation marks. The result is one line of printable ASCII. Text after the first 200 characters is cut off. */
export function quote(text: string): string {
  let quoted = '';
  for (const character of text.slice(0, MAX_QUOTED)) {
    const isPlain = character >= ' ' && character <= '~' && character !== '"' && character !== '\\';
    quoted += isPlain ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  }
  return `"${quoted}${text.length > MAX_QUOTED ? '…' : ''}"`;
}
