/** Defines the handlers of a server, for its connections and for its opening handshakes. */

import type { HandshakeError } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { HeaderFieldsInit } from '../handshake/header-fields.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { PendingUpgrade } from '../transport/upgrade-host.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { AnyUpgradeAnswer, Rejection, UpgradeAnswer } from './upgrade-answer.ts';

/** The content of the 101 response, before the response is written. */
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
   * `reject(…)` to refuse it. A Promise of these values has to settle within `handshakeTimeout`. If the handler throws, or returns any
   * other value, the server answers 500. The handler is required if `Data` does not include undefined.
   * @param pending has a `signal` that aborts when the answer is no longer needed, and the `context` of `handleUpgrade`
   */
  upgrade?(request: ServerRequest, pending: PendingUpgrade): Answer | PromiseLike<Answer>;
  /**
   * Called before the 101 response is written. Return additional header fields for the response, or nothing. A Promise is not awaited. The
   * server answers 500 if the handler throws, or returns invalid fields or fields of the handshake itself.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  accepting?(request: ServerRequest, answer: AcceptedAnswer): HeaderFieldsInit | undefined | void;
  /**
   * Called before the server refuses a request because of a rule, a limit or the answer of `upgrade`. Return `reject(…)` to replace the
   * response, or nothing. A Promise is not awaited. If the handler throws, or returns any other value, the original response is written,
   * with a process warning. After this handler, `refused` is called, with the status of the response. A server that is full or shut down
   * answers 503 without calling this handler.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  refusing?(error: HandshakeError, request: HandshakeRequest | null): Rejection | undefined | void;
  /**
   * Called when the server has refused a request because of a rule, a limit or the answer of `upgrade`. Escape `error.value` when you log
   * it, since the peer sent it.
   */
  refused?(error: HandshakeError, request: HandshakeRequest | null): unknown;
}

/** @internal All handlers of a server, with the types that the implementation uses. */
export interface AllServerHandlers<Data>
  extends ConnectionHandlers<Data, string | Buffer>,
    HandshakeHandlers<AnyUpgradeAnswer<Data>> {}

/**
 * The handlers of a server, and of its connections. `upgrade` is required if `Data` does not include undefined: only this handler supplies
 * the `data` of a connection.
 */
export type ServerHandlers<Data = undefined, Text extends string | Buffer = string> = ConnectionHandlers<
  Data,
  Text
> &
  HandshakeHandlers<UpgradeAnswer<Data>> &
  (undefined extends Data ? unknown : Required<Pick<HandshakeHandlers<UpgradeAnswer<Data>>, 'upgrade'>>);
