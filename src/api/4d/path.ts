/**
 * The `path` option of a `WebSocketServer`: "the pattern of the path". 4D: WebSocketServer, `.path`. 4D defines no
 * wildcards; here a `*` at the end stands for anything, and a RegExp is one.
 */

import type { PathPattern } from '../../transport/path-pattern.ts';

/**
 * The path as `attach` takes it: '' for every path that no other server has.
 * @throws {TypeError} for what no request's path can match
 */
export function toPathPattern(path: string | RegExp | null | undefined): PathPattern {
  if (path === undefined || path === null || path === '') return '';
  if (path instanceof RegExp) return path;
  if (typeof path !== 'string' || /[?#]/.test(path)) {
    throw new TypeError(`path is ${JSON.stringify(path)}: a path without a query, or a RegExp`);
  }
  const absolute = encode(path.startsWith('/') ? path : `/${path}`);
  if (!absolute.endsWith('*')) return absolute;
  return new RegExp(`^${absolute.slice(0, -1).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}`);
}

/** A path as a request has it: browsers encode what no URL can hold, other letters than those of ASCII among it. */
function encode(path: string): string {
  return path.replace(
    /[^!-~]|["<>`{}]/gu,
    (sign) => `%${Buffer.from(sign).toString('hex').toUpperCase().match(/../g)!.join('%')}`,
  );
}
