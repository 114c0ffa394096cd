/**
 * Which paths an endpoint serves. RFC 6455 §4.2.2 (4): a server may serve several, and refuses what it does not serve.
 */

/** Which paths an endpoint serves: one, compared literally; those that a RegExp finds something in; or, with `''`, all others. */
export type PathPattern = string | RegExp;

/** Whether an endpoint with this pattern serves a path. */
export function servesPath(pattern: PathPattern, path: string): boolean {
  // `search`, unlike `test`, keeps no state in a RegExp with the flag g or y.
  return typeof pattern === 'string' ? pattern === '' || pattern === path : path.search(pattern) !== -1;
}

/** The path of a request target, literally. §4.2.1 (1): the target may be an absolute URI; handshake/ checks its host. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (path.startsWith('/') || !/^https?:\/\//i.test(path)) return path;
  const slash = path.indexOf('/', path.indexOf('//') + 2);
  return slash === -1 ? '/' : path.slice(slash);
}
