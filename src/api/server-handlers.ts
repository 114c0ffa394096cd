/**
 * What a server calls: the handlers of its connections, and of the opening handshakes before them.
 */

import type { HandshakeError } from '../handshake/error.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { PendingUpgrade } from '../transport/upgrade-host.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { AnyUpgradeAnswer, UpgradeAnswer } from './upgrade-answer.ts';

/** The handlers for opening handshakes. @typeParam Answer what `upgrade` may answer */
interface HandshakeHandlers<Answer> {
  /**
   * A valid request from an allowed origin asks for a connection. Return `{ data, subprotocol, headers }` or nothing to accept
   * it, `reject(…)` to refuse it; a Promise of either is waited for, within `handshakeTimeout`. A throw is answered with 500,
   * and so is any other value: no request is accepted by mistake. Required if `Data` does not include undefined.
   * @param pending has a `signal` that aborts when the answer is not needed any more, and the `context` of `handleUpgrade`
   */
  upgrade?(request: ServerRequest, pending: PendingUpgrade): Answer | PromiseLike<Answer>;
  /** A request was refused, by a rule, a limit or `upgrade`. For logs: what the peer sent is in `error.value`, not escaped. */
  refused?(error: HandshakeError, request: HandshakeRequest | null): unknown;
}

/** @internal Every handler of a server, as the server calls them. */
export interface AllServerHandlers<Data>
  extends ConnectionHandlers<Data, string | Buffer>,
    HandshakeHandlers<AnyUpgradeAnswer<Data>> {}

/**
 * The handlers of a server, and of its connections. If `Data` does not include undefined, `upgrade` is required: it alone
 * supplies the `data` of a connection.
 */
export type ServerHandlers<Data = undefined, Text extends string | Buffer = string> = ConnectionHandlers<
  Data,
  Text
> &
  HandshakeHandlers<UpgradeAnswer<Data>> &
  (undefined extends Data ? unknown : Required<Pick<HandshakeHandlers<UpgradeAnswer<Data>>, 'upgrade'>>);
