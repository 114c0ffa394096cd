/** Defines the handlers of a server, for its connections and for its opening handshakes. */

import type { HandshakeError } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { HeaderFieldsInit } from '../handshake/header-fields.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { PendingUpgrade } from '../transport/upgrade-host.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { AnyUpgradeAnswer, Rejection, UpgradeAnswer } from './upgrade-answer.ts';

/** The contents of the 101, before it is written. */
export interface AcceptedAnswer {
  /** The negotiated subprotocol, or '' if no subprotocol was negotiated. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The header fields that `upgrade` returned, flat: name, value, name, value … */
  readonly headers: readonly string[];
}

/** The handlers for opening handshakes. @typeParam Answer the answers that `upgrade` may give */
interface HandshakeHandlers<Answer> {
  /**
   * Decides about a valid request from an allowed origin. Return `{ data, subprotocol, headers }` or nothing to accept the request, or
   * `reject(…)` to refuse it. A Promise of these values has to settle within `handshakeTimeout`. If the handler throws or returns anything
   * else, the server answers 500, so that no request is accepted by mistake. The handler is required if `Data` does not include undefined.
   * @param pending has a `signal` that aborts when the answer is no longer needed, and the `context` of `handleUpgrade`
   */
  upgrade?(request: ServerRequest, pending: PendingUpgrade): Answer | PromiseLike<Answer>;
  /**
   * Called before the 101 response is written. Return additional header fields for the response, or nothing. A Promise is not awaited. If the
   * handler throws, or returns invalid fields or fields of the handshake itself, the server answers 500.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  accepting?(request: ServerRequest, answer: AcceptedAnswer): HeaderFieldsInit | undefined | void;
  /**
   * Called before a refusal by a rule, a limit or `upgrade` is written. Return `reject(…)` to replace the answer, or nothing. A Promise is
   * not awaited. If the handler throws, or returns anything else, the original answer is written, with a process warning. `refused` is called
   * after this handler, with the status of the answer. A server that is full or shut down answers 503 without calling this handler.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  refusing?(error: HandshakeError, request: HandshakeRequest | null): Rejection | undefined | void;
  /** Called when a rule, a limit or `upgrade` refused a request. Escape `error.value` when you log it, since the peer sent it. */
  refused?(error: HandshakeError, request: HandshakeRequest | null): unknown;
}

/** @internal Every handler of a server, with the types that the server uses. */
export interface AllServerHandlers<Data>
  extends ConnectionHandlers<Data, string | Buffer>,
    HandshakeHandlers<AnyUpgradeAnswer<Data>> {}

/**
 * The handlers of a server, and of its connections. If `Data` does not include undefined, `upgrade` is required: only it can supply the
 * `data` of a connection.
 */
export type ServerHandlers<Data = undefined, Text extends string | Buffer = string> = ConnectionHandlers<
  Data,
  Text
> &
  HandshakeHandlers<UpgradeAnswer<Data>> &
  (undefined extends Data ? unknown : Required<Pick<HandshakeHandlers<UpgradeAnswer<Data>>, 'upgrade'>>);
