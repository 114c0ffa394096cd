/** The handlers of a server: for its connections, and for the opening handshakes before them. */

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
  /** '' for none. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The header fields that `upgrade` returned, flat: name, value, name, value … */
  readonly headers: readonly string[];
}

/** The handlers for opening handshakes. @typeParam Answer the answers that `upgrade` may give */
interface HandshakeHandlers<Answer> {
  /**
   * A valid request from an allowed origin asks for a connection. Return `{ data, subprotocol, headers }` or nothing to accept it,
   * `reject(…)` to refuse it; or a Promise of either, which has to settle within `handshakeTimeout`. If the handler throws or returns
   * anything else, the server answers 500, so that no request is accepted by mistake. Required if `Data` does not include undefined.
   * @param pending has a `signal` that aborts when the answer is no longer needed, and the `context` of `handleUpgrade`
   */
  upgrade?(request: ServerRequest, pending: PendingUpgrade): Answer | PromiseLike<Answer>;
  /**
   * The 101 is about to be written: return more header fields for it, or nothing. A Promise is not awaited. If the handler throws, or
   * returns invalid fields or fields of the handshake itself, the server answers 500.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  accepting?(request: ServerRequest, answer: AcceptedAnswer): HeaderFieldsInit | undefined | void;
  /**
   * A refusal by a rule, a limit or `upgrade` is about to be written: return `reject(…)` to replace the answer, or nothing. A Promise is
   * not awaited. If the handler throws, or returns anything else, the original answer is written, with a process warning. `refused`
   * follows, with the status of the answer. A server that is full or shut down answers 503 without calling this handler.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks returns nothing.
  refusing?(error: HandshakeError, request: HandshakeRequest | null): Rejection | undefined | void;
  /** A rule, a limit or `upgrade` refused a request. When you log it, escape `error.value`: the peer sent it. */
  refused?(error: HandshakeError, request: HandshakeRequest | null): unknown;
}

/** @internal Every handler of a server, with the types with which the server calls it. */
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
