/**
 * NODE_DEBUG=rfc6455: refused handshakes and failed connections on stderr. RFC 6455 §7.1.7: a server SHOULD log problems.
 */

import { debuglog } from 'node:util';

/** Formats like `util.format`; what comes from a peer goes in with %j, which escapes it. */
export const log: (format: string, ...values: unknown[]) => void = debuglog('rfc6455');
