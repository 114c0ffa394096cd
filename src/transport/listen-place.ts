/** Makes the options for `server.listen` of node:net. These options say where a listener waits for connections. */

import type { ListenOptions as NetListenOptions } from 'node:net';

/** The options that say how to listen, in addition to host and port. */
export interface PlaceOptions {
  /** The maximum number of connections that wait in the operating system until the process accepts them. @default 511 */
  readonly backlog?: number | undefined;
  /**
   * If true, several processes may listen on the port. The operating system distributes the connections among them. Requires Node.js 22.12.
   * @default false
   */
  readonly reusePort?: boolean | undefined;
  /**
   * If true, a worker of node:cluster listens on the port itself. The primary does not distribute the connections.
   * @default false
   */
  readonly exclusive?: boolean | undefined;
  /** If true, a listener on '::' accepts no IPv4 connections. @default false */
  readonly ipv6Only?: boolean | undefined;
  /**
   * A file descriptor that is already listening, for example from systemd. It is used instead of `host` and `port`. It is not available on
   * Windows.
   */
  readonly fd?: number | undefined;
}

// The first versions of Node that support `reusePort`. Older versions ignore `reusePort`. Then the second process would fail with
// EADDRINUSE, and the error would not name the cause.
const REUSE_PORT_SINCE: readonly (readonly [number, number])[] = [
  [22, 12],
  [23, 1],
];

/** Returns the options for `server.listen`. @throws {TypeError} if `reusePort` is true, but this version of Node does not support it */
export function toPlace(
  where: { readonly path: string } | { readonly host: string; readonly port: number },
  { backlog, reusePort, exclusive, ipv6Only, fd }: PlaceOptions,
): NetListenOptions {
  const place: NetListenOptions & { fd?: number; reusePort?: boolean } =
    fd === undefined ? { ...where } : { fd };
  if (backlog !== undefined) place.backlog = backlog;
  if (exclusive === true) place.exclusive = true;
  if (ipv6Only === true) place.ipv6Only = true;
  if (reusePort !== true) return place;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isKnown = major > 23 || REUSE_PORT_SINCE.some(([known, since]) => major === known && minor >= since);
  if (!isKnown) throw new TypeError(`reusePort needs Node 22.12 or newer, not ${process.versions.node}`);
  place.reusePort = true;
  return place;
}
