/** Quotes text from a peer for an error message or a log line. RFC 6455 §10 tells applications not to trust received data. */

// No real origin has more characters than this, but a header field may have 8 KiB.
const MAX_QUOTED = 200;

/** Returns text from a peer between quotation marks, on one line of visible ASCII, cut after 200 characters. */
export function quote(text: string): string {
  let quoted = '';
  for (const character of text.slice(0, MAX_QUOTED)) {
    const isPlain = character >= ' ' && character <= '~' && character !== '"' && character !== '\\';
    quoted += isPlain ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  }
  return `"${quoted}${text.length > MAX_QUOTED ? '…' : ''}"`;
}
