/**
 * The interface between the class `Connection` and its hidden state. connection.ts implements the class, which the application uses.
 * dispatch.ts implements the hidden state.
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
  /** The negotiated subprotocol. '' if there is none. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** On a client, the URL of the server after redirects. On a server, the first 1,024 characters of the request target (path and query). */
  readonly url: string;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /**
   * On a client, the header fields of the response, as a flat list: name, value, name, value … On a server, an empty list. Use `request`
   * instead, which is set if the `upgrade` handler returned `keepRequest: true`.
   */
  readonly headers: readonly string[];
  /** On a server, the request. Only set if the `upgrade` handler returned `keepRequest: true`. */
  readonly request?: ServerRequest | null;
}

/** @internal An object that wants to know when a connection is closed, such as a `Group`. For a server, `ServerOwner` has this purpose. */
export interface Membership {
  /**
   * Is called before the `close` handler. @param connection the `Connection`. Its type is `object`, because this file does not import the
   * class
   */
  connectionClosed(connection: object): void;
}

/** @internal The state of a connection that the library hides from the application. `Dispatch` implements this interface. */
export interface ConnectionCore {
  readonly info: ConnectionInfo;
  readonly binding: SocketConnection;
  readonly role: Role;
  /** The groups that contain the connection. Null if there are none. */
  memberships: Set<Membership> | null;
  /** The values of `sendLatest`. Null before the first call of `sendLatest`. */
  latest: LatestValues | null;
  /** True if a handler receives the messages. */
  readonly handlesMessages: boolean;
  /** True if `send` has returned false, so that the `drain` handler has to be called later. */
  needsDrain: boolean;
  /** True if the application has called `pause`. If the connection stops reading because of a full inbox, this value does not change. */
  isPaused: boolean;
  openInbox(): Inbox;
  /**
   * Returns the iterator for `for await`. @throws {TypeError} if a handler or another loop reads the messages, or the messages were dropped
   */
  messages(): AsyncIterableIterator<string | Buffer>;
  /** True if the connection has stopped reading because too many messages wait for the application. */
  readonly isHolding: boolean;
  /**
   * Is called when the application closes the connection. After this call, the connection does not stop reading, even if many messages
   * wait, because it has to read the peer's Close frame.
   */
  stopPausing(): void;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<CloseInfo>;
  /** Wraps `done`. The wrapper adds the peer's name to each error that `done` receives. If `done` throws, the wrapper reports the error. */
  completion(done: SendCallback): SendCallback;
  /**
   * Returns the error for a message that was not sent, or that was not received completely.
   * @param cause the error that ended the connection; null if it is unknown
   */
  lost(code: ConnectionFaultCode, cause: Error | null): Error;
  /** Calls `done` with the error that says why a message was not sent. The call happens after the current code has returned. */
  refuse(done: SendCallback): void;
}
