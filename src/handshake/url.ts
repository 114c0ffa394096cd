/**
 * The only file of handshake/ that calls the WHATWG URL parser.
 */

/**
 * Returns `text` as a URL, or null if it is not a URL. We do not use URL.canParse: on Node 20, its optimized code returns false for any
 * text with U+0080 to U+00FF.
 */
export function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
