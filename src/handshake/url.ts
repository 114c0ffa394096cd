/**
 * The one way in which this layer asks the WHATWG URL parser.
 */

/**
 * `text` as a URL, or null if it is not a URL.
 * Not with URL.canParse: on Node 20, once it is optimized, it says false to any text with U+0080 to U+00FF.
 */
export function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
