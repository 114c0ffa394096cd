/** Defines the handlers of a server. There are handlers for its connections, and handlers for its opening handshakes. */

import type { HandshakeError } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { HeaderFieldsInit } from '../handshake/header-fields.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { PendingUpgrade } from '../transport/upgrade-host.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { AnyUpgradeAnswer, Rejection, UpgradeAnswer } from './upgrade-answer.ts';

/** The content of a 101 response that is not written yet. */
export interface AcceptedAnswer {
  /** The negotiated subprotocol. '' if there is none. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The header fields that the `upgrade` handler has returned, as a flat list: name, value, name, value … */
  readonly headers: readonly string[];
}

/** The handlers for opening handshakes. @typeParam Answer the type of the values that `upgrade` returns */
interface HandshakeHandlers<Answer> {
  /**
   * Decides whether the server accepts a request. Is called for each valid request from an allowed origin. To accept the request, return `{
   * data, subprotocol, headers }` or nothing. To refuse it, return `reject(…)`. The handler may return a Promise, which has to settle
   * within `handshakeTimeout`. If the handler throws, or returns any other value, the server answers 500. The handler is required if `Data`
   * does not include undefined.
   * @param pending has a `signal`, which aborts when the answer is no longer needed, and the `context` of `handleUpgrade`
   */
  upgrade?(request: ServerRequest, pending: PendingUpgrade): Answer | PromiseLike<Answer>;
  /**
   * Is called before a 101 response is written. Return additional header fields for the response, or nothing. The server does not wait for
   * a Promise. It answers 500 if the handler throws, or returns invalid fields, or returns fields that belong to the opening handshake.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  accepting?(request: ServerRequest, answer: AcceptedAnswer): HeaderFieldsInit | undefined | void;
  /**
   * Is called before the server refuses a request because of a rule, a limit or the answer of `upgrade`. To replace the response, return
   * `reject(…)`. To keep the response, return nothing. The server does not wait for a Promise. If the handler throws, or returns any other
   * value, the original response is written, and the error becomes a process warning. After this handler, `refused` is called with the new
   * status. If the server is full or is shutting down, it answers 503, and this handler is not called.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  refusing?(error: HandshakeError, request: HandshakeRequest | null): Rejection | undefined | void;
  /**
   * Is called when the server has refused a request because of a rule, a limit or the answer of `upgrade`. The peer has sent `error.value`,
   * so escape it when you log it.
   */
  refused?(error: HandshakeError, request: HandshakeRequest | null): unknown;
}

/** @internal All handlers of a server, in the form that the implementation uses. */
export interface AllServerHandlers<Data>
  extends ConnectionHandlers<Data, string | Buffer>,
    HandshakeHandlers<AnyUpgradeAnswer<Data>> {}

/**
 * The handlers of a server and of its connections. `upgrade` is required if `Data` does not include undefined, because no other handler can
 * supply `data`.
 */
export type ServerHandlers<Data = undefined, Text extends string | Buffer = string> = ConnectionHandlers<
  Data,
  Text
> &
  HandshakeHandlers<UpgradeAnswer<Data>> &
  (undefined extends Data ? unknown : Required<Pick<HandshakeHandlers<UpgradeAnswer<Data>>, 'upgrade'>>);
