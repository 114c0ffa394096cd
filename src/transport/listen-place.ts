/** Makes the options of node:net that say where a listener binds. */

import type { ListenOptions as NetListenOptions } from 'node:net';

/** The options for binding, in addition to host and port. */
export interface PlaceOptions {
  /** The length of the system's queue for connections that the process has not accepted yet. @default 511 */
  readonly backlog?: number | undefined;
  /**
   * If true, several processes may listen on the same port, and the system distributes the connections among these processes. Requires Node
   * 22.12. @default false
   */
  readonly reusePort?: boolean | undefined;
  /**
   * For a worker of node:cluster. If true, the worker listens by itself, and the primary process does not share the port among the workers.
   * @default false
   */
  readonly exclusive?: boolean | undefined;
  /** If true, a listener on '::' accepts no IPv4 connections. @default false */
  readonly ipv6Only?: boolean | undefined;
  /**
   * A file descriptor that is already listening, for example a descriptor from systemd. It is used instead of host and port. Windows does
   * not support this option.
   */
  readonly fd?: number | undefined;
}

// The first versions of Node that support `reusePort`. Older versions ignore `reusePort`, so the second process would fail with EADDRINUSE,
// which does not name the cause.
const REUSE_PORT_SINCE: readonly (readonly [number, number])[] = [
  [22, 12],
  [23, 1],
];

/** @throws {TypeError} if `reusePort` is set and this version of Node does not support it */
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
