/**
 * Defines the interface between a `Connection`, which the application holds (connection.ts), and its hidden state in the library
 * (dispatch.ts).
 */

import type { ConnectionFaultCode } from '../frame/connection-error.ts';
import type { Role } from '../frame/parser.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { SocketConnection } from '../transport/socket.ts';
import type { CloseInfo } from './close-info.ts';
import type { Inbox } from './inbox.ts';
import type { LatestValues } from './latest-values.ts';
import type { SendCallback } from './message.ts';

/** The result of the opening handshake. */
export interface ConnectionInfo {
  /** The negotiated subprotocol, or '' if no subprotocol was negotiated. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** Client: the URL that was reached. Server: the first 1,024 characters of the request target (path and query), as the client sent it. */
  readonly url: string;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /**
   * Client: the header fields of the response, flat: name, value, name, value … Server: an empty list. If the `upgrade` handler returns
   * `keepRequest: true`, the header fields of the request are in `request`.
   */
  readonly headers: readonly string[];
  /** Server: the request, if the `upgrade` handler returned `keepRequest: true`. */
  readonly request?: ServerRequest | null;
}

/** @internal An object that is notified when a connection is closed, such as a `Group`. A server implements `ServerOwner` instead. */
export interface Membership {
  /** Called before the `close` handler. @param connection the `Connection`. This file does not import the class, so the type is `object` */
  connectionClosed(connection: object): void;
}

/** @internal The state that the library keeps for a connection and does not show to the application. `Dispatch` implements it. */
export interface ConnectionCore {
  readonly info: ConnectionInfo;
  readonly binding: SocketConnection;
  readonly role: Role;
  /** The groups that contain the connection; null if no group contains it. */
  memberships: Set<Membership> | null;
  /** The values of `sendLatest`; null before the first call of `sendLatest`. */
  latest: LatestValues | null;
  /** Whether a handler receives the messages. */
  readonly handlesMessages: boolean;
  /** Whether `send` returned false. If so, the `drain` handler has to be called later. */
  needsDrain: boolean;
  /** Whether the application paused reading. A full inbox (inbox.ts) also pauses reading, but does not change this field. */
  isPaused: boolean;
  openInbox(): Inbox;
  /** Returns the iterator of `for await`. @throws {TypeError} if a handler or another loop reads the messages, or they were dropped */
  messages(): AsyncIterableIterator<string | Buffer>;
  /** Whether the connection stopped reading because messages wait for the application. */
  readonly isHolding: boolean;
  /**
   * Is called when the application closes the connection. From then on the connection does not stop reading, even if many messages wait: it
   * must read the peer's Close frame.
   */
  stopPausing(): void;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<CloseInfo>;
  /** Wraps `done`: adds the peer's name to the errors that `done` receives, and reports an error that `done` throws. */
  completion(done: SendCallback): SendCallback;
  /**
   * Returns the error for a message that was not sent, or not received completely.
   * @param cause the error that the connection failed with, if it is known
   */
  lost(code: ConnectionFaultCode, cause: Error | null): Error;
  /** Calls `done` after the current code has returned, with the error that says why a message was not sent. */
  refuse(done: SendCallback): void;
}
