/** Says where a listener binds, in the form that node:net takes. */

import type { ListenOptions as NetListenOptions } from 'node:net';

/** The options for the system in addition to host and port. */
export interface PlaceOptions {
  /** The length of the system's queue for connections that the process has not accepted yet. @default 511 */
  readonly backlog?: number | undefined;
  /**
   * Several processes may listen on the port, and the system distributes the connections among them. Requires Node 22.12. @default false
   */
  readonly reusePort?: boolean | undefined;
  /**
   * In a worker of node:cluster: the worker listens by itself, and the primary does not share the port among the workers. @default false
   */
  readonly exclusive?: boolean | undefined;
  /** A listener on '::' accepts no IPv4 connections. @default false */
  readonly ipv6Only?: boolean | undefined;
  /** A descriptor that is already listening, such as one from systemd, instead of host and port. Windows does not support this. */
  readonly fd?: number | undefined;
}

// The first versions of Node that support `reusePort`. Older versions would ignore `reusePort`, and the second process would fail with an
// error far from the cause.
const REUSE_PORT_SINCE: readonly (readonly [number, number])[] = [
  [22, 12],
  [23, 1],
];

/** @throws {TypeError} for `reusePort` if this version of Node does not have it */
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
