/** Checks the value of a Host field: RFC 6455 §4.2.1 (2), RFC 9112 §3.2. */

import { isVisibleAscii } from './token.ts';
import { parseUrl } from './url.ts';

/**
 * Returns true if `text` is a valid Host field (RFC 9112 §3.2): a host with an optional port. The characters are checked first, because
 * `URL` would also accept "a/b", "b@a" or "a<TAB>b" as a host.
 */
export function isHost(text: string): boolean {
  if (isPlainHost(text)) return true;
  if (!isVisibleAscii(text)) return false;
  for (const character of text) if ('"#/<>?@\\^`{|}'.includes(character)) return false;
  return parseUrl(`http://${text}`) !== null;
}

const DOT = 0x2e;
const HYPHEN = 0x2d;
const COLON = 0x3a;

/**
 * Returns true if `text` is one of the two usual kinds of host, with an optional port. The first kind is an IPv4 address: four decimal
 * numbers. The second kind is a name: its labels have letters, digits and single hyphens, and its last label begins with a letter. `URL`
 * accepts every such host.
 * This check avoids a call of `URL`, which takes as long as all other checks of a request together. If the result is false, `isHost` calls
 * `URL`. Two cases need that call. A last label that begins with a digit may be an IPv4 address in another notation. Two hyphens in a row
 * may be punycode.
 */
function isPlainHost(text: string): boolean {
  let end = 0;
  let labels = 1;
  let labelStart = 0;
  let isNumeric = true;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === COLON) break;
    if (code === DOT || code === HYPHEN) {
      if (end === 0) return false;
      const before = text.charCodeAt(end - 1);
      if (before === DOT || before === HYPHEN) return false;
    }
    if (code === DOT) {
      labels++;
      labelStart = end + 1;
    } else if (isLetter(code) || code === HYPHEN) isNumeric = false;
    else if (!isDigit(code)) return false;
  }
  if (labelStart === end || !isPort(text, end)) return false;
  if (isLetter(text.charCodeAt(labelStart))) return true;
  return isNumeric && labels === 4 && isAddress(text, end);
}

/** Returns true if each of the four numbers of an IPv4 address is 0 to 255 and has no leading zero. */
function isAddress(text: string, end: number): boolean {
  let value = 0;
  let digits = 0;
  for (let at = 0; at <= end; at++) {
    const code = at === end ? DOT : text.charCodeAt(at);
    if (code === DOT) {
      if (value > 255) return false;
      value = 0;
      digits = 0;
      continue;
    }
    if (digits > 0 && value === 0) return false;
    value = value * 10 + (code - 0x30);
    if (++digits > 3) return false;
  }
  return true;
}

/** Returns true if the text ends at index `start`, or has a port there: a colon and a number from 0 to 65535. */
function isPort(text: string, start: number): boolean {
  if (start === text.length) return true;
  const digits = text.length - start - 1;
  if (digits < 1 || digits > 5) return false;
  let port = 0;
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isDigit(code)) return false;
    port = port * 10 + (code - 0x30);
  }
  return port <= 65_535;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}
