/** How errors name the other end of a connection. */

import type { Role } from '../frame/parser.ts';
import type { ConnectionInfo } from './connection-core.ts';

/** The other end, for error texts. A query, or the credentials of a URL, may be secret. */
export function nameOf({ url, remoteAddress, remotePort }: ConnectionInfo, role: Role): string {
  if (role === 'client' && URL.canParse(url)) {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  }
  if (remoteAddress === undefined) return 'peer without an address';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
