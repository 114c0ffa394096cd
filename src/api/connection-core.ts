/**
 * Defines the interface between the object that the application holds (connection.ts) and the state that the library keeps for this object
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
   * Client: the header fields of the response, flat: name, value, name, value … Server: an empty list; the `upgrade` handler can keep the
   * fields of the request.
   */
  readonly headers: readonly string[];
  /** Server: the request, if the `upgrade` handler asked to keep it. */
  readonly request?: ServerRequest | null;
}

/**
 * @internal An object that a connection belongs to until the connection is closed, such as a group. The connection's server is not a
 * membership.
 */
export interface Membership {
  /** Called before the `close` handler. @param connection the `Connection`, which this file does not know */
  connectionClosed(connection: object): void;
}

/** @internal The state that the library keeps for a connection and does not show to the application. `Dispatch` implements it. */
export interface ConnectionCore {
  readonly info: ConnectionInfo;
  readonly binding: SocketConnection;
  readonly role: Role;
  /** The groups that the connection belongs to; null for none. */
  memberships: Set<Membership> | null;
  /** The values of `sendLatest`; created for the first value. */
  latest: LatestValues | null;
  /** Whether a handler receives the messages. */
  readonly handlesMessages: boolean;
  /** Whether `send` returned false, so that the `drain` handler has to be called. */
  needsDrain: boolean;
  /** Whether the application paused reading. An inbox that is full pauses reading as well, but does not change this field. */
  isPaused: boolean;
  openInbox(): Inbox;
  /** Begins the loop over the messages. @throws {TypeError} as the loop of `Connection` does */
  messages(): AsyncIterableIterator<string | Buffer>;
  /** Whether the connection stopped reading because messages wait for the application. */
  readonly isHolding: boolean;
  /**
   * Is called when the application closes the connection. From now on waiting messages no longer stop the reading, so that the peer's Close
   * frame is read.
   */
  stopPausing(): void;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<CloseInfo>;
  /** Wraps `done`: adds the peer's name to the errors that `done` receives, and reports an error that `done` throws. */
  completion(done: SendCallback): SendCallback;
  /**
   * Returns the error that says why a message is not sent, or not received.
   * @param cause the error that the connection failed with, if it is known
   */
  lost(code: ConnectionFaultCode, cause: Error | null): Error;
  /** Passes to `done`, asynchronously, the reason why a message is not sent. */
  refuse(done: SendCallback): void;
}
