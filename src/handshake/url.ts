/**
 * Contains the only call of the WHATWG URL parser in this layer.
 */

/**
 * Returns `text` as a URL, or null if it is not a URL.
 * This does not use URL.canParse: on Node 20, its optimized code returns false for any text with U+0080 to U+00FF.
 */
export function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
