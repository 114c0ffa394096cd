/**
 * What a server calls: the handlers of its connections, and of the opening handshakes before them.
 */

import type { HandshakeError } from '../handshake/error.ts';
import type { HandshakeRequest, UpgradeRequest } from '../handshake/server.ts';
import type { PendingUpgrade } from '../transport/upgrade.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { UpgradeAnswer } from './upgrade-answer.ts';

/** What an application hears of its server. */
export interface ServerHandlers<Data = undefined> extends ConnectionHandlers<Data> {
  /**
   * A valid request from an allowed origin asks for a connection. Return `{ data, subprotocol, headers }` or nothing to accept
   * it, `reject(…)` to refuse it; a Promise of either is waited for, within `handshakeTimeout`. A throw is answered with 500,
   * and so is anything else that is returned: what is not understood lets nobody in.
   * @param pending has a `signal` that aborts when nobody waits for the answer any more
   */
  upgrade?(
    request: UpgradeRequest,
    pending: PendingUpgrade,
  ): UpgradeAnswer<Data> | PromiseLike<UpgradeAnswer<Data>>;
  /** A request was refused, by a rule, a limit or `upgrade`. For logs: what the peer sent is in `error.value`, not escaped. */
  refused?(error: HandshakeError, request: HandshakeRequest | null): unknown;
}
