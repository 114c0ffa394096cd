/**
 * Converts the option `path` of 4D's `WebSocketServer` to a path pattern of this library. 4D calls the option "the pattern of the path"
 * (WebSocketServer, `.path`), but defines no wildcards. In this library, a `*` at the end of the path matches any text. A RegExp is allowed
 * too. transport/path-pattern.ts compares paths.
 */

import {
  type PathPattern,
  prefixPattern,
  toPathPattern as toNativePattern,
} from '../../transport/path-pattern.ts';

/**
 * Converts the option to a path for `attach`. '' means every path that no other server has.
 * @throws {TypeError} if the path of a request can never match the value
 */
export function toPathPattern(path: string | RegExp | null | undefined): PathPattern {
  if (path === undefined || path === null || path === '') return '';
  if (typeof path !== 'string') return toNativePattern(path);
  const pattern = toNativePattern(path.startsWith('/') ? path : `/${path}`);
  if (typeof pattern !== 'string' || !pattern.endsWith('*')) return pattern;
  return prefixPattern(pattern.slice(0, -1));
}
