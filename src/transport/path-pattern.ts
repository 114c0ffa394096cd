/**
 * Decides which paths an endpoint serves. RFC 6455 §4.2.2 (4): a server may serve several paths, and refuses requests for other paths. A
 * path in a request is percent-encoded (RFC 3986 §3.3), so the paths of options are percent-encoded before they are compared.
 */

/**
 * The paths that an endpoint serves. A string is one path, compared literally in its percent-encoded form: `/caf%C3%A9` and `/café` are one
 * path. A RegExp stands for every path in which it finds a match. It searches the percent-encoded form, with hexadecimal digits in either
 * case. `''` stands for all other paths.
 */
export type PathPattern = string | RegExp;

// Characters that the URL parser of browsers encodes in a path, and `\ ^ |`, which other clients encode.
const unencoded = /[^!-~]|["<>\\^`{|}]/gu;

/**
 * Converts a path to the normal form in which paths are compared: percent-encoded where a URL requires it, with hexadecimal digits in
 * capitals. Nothing is decoded or resolved: `/%63hat` and `/x/../chat` are not `/chat`.
 */
export function normalizePath(path: string): string {
  // Most paths have nothing to encode, and this runs for each request.
  if (!/[^!$&-;=?-Z[\]_a-z~]/.test(path)) return path;
  return path
    .replace(/%[0-9a-f]{2}/gi, (triplet) => triplet.toUpperCase())
    .replace(unencoded, (character) => encodeURIComponent(character));
}

/** Says whether an endpoint with this pattern serves the path of a request. A pattern that is a string has to be in normal form. */
export function servesPath(pattern: PathPattern, path: string): boolean {
  if (pattern === '') return true;
  const normal = normalizePath(path);
  if (typeof pattern === 'string') return pattern === normal;
  // `search`, unlike `test`, keeps no state in a RegExp with the flag g or y. We search the path as it was sent, with %c3 written as %C3,
  // and with %C3 written as %c3.
  if (path.search(pattern) !== -1) return true;
  if (normal !== path && normal.search(pattern) !== -1) return true;
  if (!normal.includes('%')) return false;
  const lower = normal.replace(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase());
  return lower !== path && lower.search(pattern) !== -1;
}

const prefixes = new WeakMap<RegExp, string>();

/** Returns the pattern of every path that begins with a prefix in normal form. */
export function prefixPattern(prefix: string): RegExp {
  const pattern = new RegExp(`^${prefix.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}`);
  prefixes.set(pattern, prefix);
  return pattern;
}

/** Returns the length of the prefix of a `prefixPattern`; -1 for any other RegExp. */
export function prefixLength(pattern: RegExp): number {
  return prefixes.get(pattern)?.length ?? -1;
}

/** Returns the path of a request target, literally. §4.2.1 (1): the target may be an absolute URI; handshake/ checks its host. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (path.startsWith('/') || !/^https?:\/\//i.test(path)) return path;
  const slash = path.indexOf('/', path.indexOf('//') + 2);
  return slash === -1 ? '/' : path.slice(slash);
}

/**
 * Converts a `path` option to the form that `servesPath` takes.
 * @throws {TypeError} for a value that no request's path can match
 */
export function toPathPattern(path: unknown): PathPattern {
  if (path instanceof RegExp) {
    // Every path is ASCII when it arrives, so a pattern with other characters would silently never match.
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
  // URL parsers drop line ends and tabs, and encode other control characters in a way that an application does not expect.
  if (/\p{Cc}|\p{Surrogate}/u.test(path)) {
    throw new TypeError(
      `path is ${JSON.stringify(path)}: no request has control characters or lone surrogates`,
    );
  }
  return normalizePath(path);
}
