/** Makes a name of the peer for error texts. */

import type { Role } from '../frame/parser.ts';
import type { ConnectionInfo } from './connection-core.ts';

/**
 * Returns a name of the peer for error texts. The name does not contain the query and the credentials of a URL, because they can be secret.
 */
export function nameOf({ url, remoteAddress, remotePort }: ConnectionInfo, role: Role): string {
  if (role === 'client' && URL.canParse(url)) {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  }
  if (remoteAddress === undefined) return 'peer without an address';
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
