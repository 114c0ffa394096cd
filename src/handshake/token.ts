/**
 * Parses the parts of header fields: tokens, quoted strings and lists (RFC 6455 §4.3, RFC 9110 §5.6). One scanner reads each character
 * once. We use no regular expressions for text from a peer: with some regular expressions, a long text takes very long.
 */

// 9110 §5.6.2: the characters of a token are the visible ASCII characters except the delimiters.
const tokenCharacter: readonly boolean[] = Array.from(
  { length: 128 },
  (_, code) => code > 0x20 && code < 0x7f && !'"(),/:;<=>?@[\\]{}'.includes(String.fromCharCode(code)),
);

const HTAB = 0x09;
const SP = 0x20;

function isTokenCode(code: number): boolean {
  return code < 128 && tokenCharacter[code] === true;
}

/** Returns true if `value` is a token (RFC 9110 §5.6.2): at least one character, visible ASCII without delimiters. */
export function isToken(value: string): boolean {
  for (let at = 0; at < value.length; at++) if (!isTokenCode(value.charCodeAt(at))) return false;
  return value.length > 0;
}

/**
 * Returns true if a line of an HTTP head may contain `text` (RFC 9110 §5.5). Allowed are HTAB, space, visible ASCII, and U+0080 to U+00FF.
 * Other control characters, such as CR, LF and NUL, are forbidden. Characters above U+00FF are forbidden because latin1 could turn them
 * into CR, LF or NUL.
 */
export function isLineText(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isLineByte(text.charCodeAt(at))) return false;
  return true;
}

/** Returns true if a line of an HTTP head may contain this byte. See `isLineText` for the rule. */
export function isLineByte(byte: number): boolean {
  return (byte >= SP && byte < 0x7f) || (byte >= 0x80 && byte <= 0xff) || byte === HTAB;
}

/** Returns true if `text` has at least one character, and all its characters are U+0021 to U+007E. */
export function isVisibleAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= SP || code >= 0x7f) return false;
  }
  return text.length > 0;
}

/** Removes SP and HTAB from the start and the end of `text`. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (start < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}

/**
 * Returns `text` with A to Z in lower case. Other letters are unchanged. RFC 6455 §2.1 needs this for its "ASCII case-insensitive"
 * comparisons.
 */
export function toAsciiLowerCase(text: string): string {
  let isLower = true;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) return lowerLetters(text);
    if (code >= 0x41 && code <= 0x5a) isLower = false;
  }
  return isLower ? text : text.toLowerCase();
}

// This slower function is for texts with characters outside ASCII. `toLowerCase` is wrong for them: it turns U+212A KELVIN SIGN into "k".
function lowerLetters(text: string): string {
  let lower = '';
  for (const character of text) {
    lower += character >= 'A' && character <= 'Z' ? character.toLowerCase() : character;
  }
  return lower;
}

/**
 * Reads the value of a header field from left to right. Each call continues where the previous call stopped. If a call returns null, the
 * text is invalid, and the caller must stop.
 */
export class FieldScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  /** If the next character is `character`, skips it and returns true. Otherwise returns false. */
  skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** Reads and returns a token. Returns null if the next character does not belong to a token. */
  token(): string | null {
    const start = this.#at;
    while (isTokenCode(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#at === start ? null : this.#text.slice(start, this.#at);
  }

  /**
   * Reads a quoted-string (RFC 9110 §5.6.4), and returns its text without quotes and escapes. Returns null if no quoted-string starts at
   * the current position, or if its closing quote is missing.
   */
  quotedString(): string | null {
    if (!this.skip('"')) return null;
    let value = '';
    let start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '"') {
        value += this.#text.slice(start, this.#at++);
        return value;
      }
      if (character === '\\') {
        value += this.#text.slice(start, this.#at++);
        start = this.#at;
      }
    }
    return null;
  }
}

/**
 * Reads a list of elements that are separated by commas (RFC 9110 §5.6.1). White space around a comma is allowed. The function `element`
 * reads one element. Empty elements MUST be ignored.
 * @returns the elements (possibly an empty list), or null if `value` is not a valid list
 */
export function parseList<Element>(
  value: string,
  element: (scanner: FieldScanner) => Element | null,
): Element[] | null {
  const elements: Element[] = [];
  const scanner = new FieldScanner(value);
  for (;;) {
    scanner.skipSpace();
    if (scanner.atEnd) return elements;
    if (scanner.skip(',')) continue;
    const next = element(scanner);
    if (next === null) return null;
    elements.push(next);
    scanner.skipSpace();
    if (!scanner.atEnd && !scanner.skip(',')) return null;
  }
}

/**
 * Returns a list of tokens, or null if `value` is not a valid list. The result may be an empty list. The caller checks whether the field
 * may be empty.
 */
export function parseTokenList(value: string): string[] | null {
  return parseList(value, (scanner) => scanner.token());
}

/**
 * Reads the value of an Upgrade field (RFC 9110 §7.8): a list of protocol names, each with an optional version after `/`.
 * @returns the elements, such as `['h2c', 'TLS/1.0', 'websocket']`, or null if `value` is not a valid list
 */
export function parseUpgradeList(value: string): string[] | null {
  return parseList(value, (scanner) => {
    const name = scanner.token();
    if (name === null || !scanner.skip('/')) return name;
    const version = scanner.token();
    return version === null ? null : `${name}/${version}`;
  });
}
