/**
 * Calls the WHATWG URL parser. No other file of handshake/ calls it.
 */

/**
 * Returns `text` as a URL, or null if `text` is not a URL. We do not use `URL.canParse`. In Node 20, it has a bug: the optimized function
 * returns false for any text with characters from U+0080 to U+00FF.
 */
export function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
