/**
 * Decides which paths an endpoint serves. RFC 6455 §4.2.2 (4): a server may serve several paths, and refuses requests for other paths. The
 * path of a request is percent-encoded (RFC 3986 §3.3). So we percent-encode the path of an option before we compare it.
 */

/**
 * The paths that an endpoint serves.
 * - A string stands for one path. Paths are compared in percent-encoded form, so `/caf%C3%A9` and `/café` are the same path.
 * - A RegExp stands for every path in which the RegExp finds a match. The RegExp searches the percent-encoded path. So the RegExp may
 *   contain `%C3` or `%c3`.
 * - `''` stands for every path that no other endpoint serves.
 */
export type PathPattern = string | RegExp;

// The characters that we percent-encode. Browsers encode most of them in a path. Some other clients also encode `\ ^ |`.
const unencoded = /[^!-~]|["<>\\^`{|}]/gu;

/**
 * Converts a path to the normal form, in which paths are compared. In this form, the characters of `unencoded` are percent-encoded, and
 * hexadecimal digits are upper case. Nothing is decoded or resolved. For example, `/%63hat` and `/x/../chat` do not become `/chat`.
 */
export function normalizePath(path: string): string {
  // This function runs for each request. Most paths need no encoding, so we check this first.
  if (!/[^!$&-;=?-Z[\]_a-z~]/.test(path)) return path;
  return path
    .replace(/%[0-9a-f]{2}/gi, (triplet) => triplet.toUpperCase())
    .replace(unencoded, (character) => encodeURIComponent(character));
}

/** Returns true if an endpoint with this pattern serves the path of a request. A string has to be in normal form (see `normalizePath`). */
export function servesPath(pattern: PathPattern, path: string): boolean {
  if (pattern === '') return true;
  const normal = normalizePath(path);
  if (typeof pattern === 'string') return pattern === normal;
  // We use `search`, because `test` keeps state in a RegExp with the flag g or y. We search three forms of the path: the form that the
  // client sent, and the normal form with upper-case (%C3) and with lower-case digits (%c3).
  if (path.search(pattern) !== -1) return true;
  if (normal !== path && normal.search(pattern) !== -1) return true;
  if (!normal.includes('%')) return false;
  const lower = normal.replace(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase());
  return lower !== path && lower.search(pattern) !== -1;
}

const prefixes = new WeakMap<RegExp, string>();

/** Returns a RegExp that matches every path that begins with `prefix`. The prefix has to be in normal form (see `normalizePath`). */
export function prefixPattern(prefix: string): RegExp {
  const pattern = new RegExp(`^${prefix.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}`);
  prefixes.set(pattern, prefix);
  return pattern;
}

/** Returns the length of the prefix if `prefixPattern` made the RegExp. Returns -1 for any other RegExp. */
export function prefixLength(pattern: RegExp): number {
  return prefixes.get(pattern)?.length ?? -1;
}

/**
 * Returns the path of a request target, as the client sent it. §4.2.1 (1): the target may be an absolute URI. The folder handshake/ checks
 * the host of this URI.
 */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (path.startsWith('/') || !/^https?:\/\//i.test(path)) return path;
  const slash = path.indexOf('/', path.indexOf('//') + 2);
  return slash === -1 ? '/' : path.slice(slash);
}

/**
 * Checks the value of a `path` option, and converts it to the form that `servesPath` needs.
 * @throws {TypeError} for a value that no request's path can match
 */
export function toPathPattern(path: unknown): PathPattern {
  if (path instanceof RegExp) {
    // The path of every request is ASCII. A RegExp with other characters would never match, and the application would get no error.
    if (/[^ -~]/.test(path.source)) {
      throw new TypeError(`path is ${String(path)}: paths arrive percent-encoded, so write the encoded form`);
    }
    return path;
  }
  if (path === '') return path;
  if (typeof path !== 'string' || !path.startsWith('/') || /[?#]/.test(path)) {
    throw new TypeError(
      `path is ${JSON.stringify(path)}, not a valid path: it starts with "/" and has no query`,
    );
  }
  // URL parsers remove line ends and tabs. They encode other control characters in a way that the application does not expect. So we refuse
  // all of these characters.
  if (/\p{Cc}|\p{Surrogate}/u.test(path)) {
    throw new TypeError(
      `path is ${JSON.stringify(path)}: no request has control characters or lone surrogates`,
    );
  }
  return normalizePath(path);
}
