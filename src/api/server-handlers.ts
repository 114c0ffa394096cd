/**
 * What a server calls: the handlers of its connections, and of the opening handshakes before them.
 */

import type { HandshakeError } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { HeaderFieldsInit } from '../handshake/header-fields.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { PendingUpgrade } from '../transport/upgrade-host.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { AnyUpgradeAnswer, Rejection, UpgradeAnswer } from './upgrade-answer.ts';

/** What the 101 says, before it is written. */
export interface AcceptedAnswer {
  /** '' for none. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** Those that `upgrade` returned, flat: name, value, name, value … */
  readonly headers: readonly string[];
}

/** The handlers for opening handshakes. @typeParam Answer what `upgrade` may answer */
interface HandshakeHandlers<Answer> {
  /**
   * A valid request from an allowed origin asks for a connection. Return `{ data, subprotocol, headers }` or nothing to accept
   * it, `reject(…)` to refuse it; a Promise of either is waited for, within `handshakeTimeout`. A throw is answered with 500,
   * and so is any other value: no request is accepted by mistake. Required if `Data` does not include undefined.
   * @param pending has a `signal` that aborts when the answer is not needed any more, and the `context` of `handleUpgrade`
   */
  upgrade?(request: ServerRequest, pending: PendingUpgrade): Answer | PromiseLike<Answer>;
  /**
   * The 101 is about to be written: return more header fields for it, or nothing. Nothing is waited for. What it throws, and invalid
   * fields or those of the handshake itself, are answered with 500.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  accepting?(request: ServerRequest, answer: AcceptedAnswer): HeaderFieldsInit | undefined | void;
  /**
   * A refusal by a rule, a limit or `upgrade` is about to be written: return `reject(…)` to answer with that in its place, or nothing.
   * Nothing is waited for; if it throws, or returns anything else, our own answer is written and the process warned. `refused`
   * follows, with the status of the answer. A server that is full or shut down answers 503 without asking.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  refusing?(error: HandshakeError, request: HandshakeRequest | null): Rejection | undefined | void;
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
