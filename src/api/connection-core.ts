/**
 * The seam between the object that a user holds (connection.ts) and what the library keeps for it (dispatch.ts).
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

/** What the opening handshake agreed on. */
export interface ConnectionInfo {
  /** The negotiated subprotocol, '' for none. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** Client: the URL that was reached. Server: the request target (path and query), as sent, up to its first 1,024 characters. */
  readonly url: string;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Client: the header fields of the response, flat. Server: none; those of the request are `upgrade`'s to keep. */
  readonly headers: readonly string[];
  /** Server: the request, if `upgrade` asked to keep it. */
  readonly request?: ServerRequest | null;
}

/** @internal What a connection belongs to until it is closed, beside its server: a group. */
export interface Membership {
  /** Called before the `close` handler. @param connection the `Connection`, which this file does not know */
  connectionClosed(connection: object): void;
}

/** @internal What the library keeps for a connection, out of its user's reach: `Dispatch`. */
export interface ConnectionCore {
  readonly info: ConnectionInfo;
  readonly binding: SocketConnection;
  readonly role: Role;
  /** What the connection belongs to beside its server; null while there is nothing. */
  memberships: Set<Membership> | null;
  /** Values of which only the newest is of interest; made for the first one. */
  latest: LatestValues | null;
  /** Whether a handler takes the messages. */
  readonly handlesMessages: boolean;
  /** `send` returned false: `drain` is due. */
  needsDrain: boolean;
  /** The application paused reading; an inbox has its own reasons. */
  isPaused: boolean;
  openInbox(): Inbox;
  /** The loop over the messages. @throws {TypeError} as the loop of `Connection` */
  messages(): AsyncIterableIterator<string | Buffer>;
  /** Whether it is not read because of messages that wait for the application. */
  readonly isHolding: boolean;
  /** The application closes: what waits must not keep the peer's Close frame from being read. */
  stopPausing(): void;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<CloseInfo>;
  /** `done`, so that its errors name the peer, and what it throws is reported. */
  completion(done: SendCallback): SendCallback;
  /** Why a message is not sent, or not received. @param cause what the connection failed with, if that is known */
  lost(code: ConnectionFaultCode, cause: Error | null): Error;
  /** A message is not sent: `done` receives the reason, later. */
  refuse(done: SendCallback): void;
}
