/** Defines the options of a `WebSocketServer` of this surface, and the parts of a request that its callbacks receive. */

import type { Server as HttpServer, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { ConnectionOptions } from './client-options.ts';
import type { PerMessageDeflateOptions } from './deflate.ts';
import type { WebSocket } from './websocket.ts';

/** The first argument of `verifyClient`. */
export interface VerifyClientInfo {
  /** The Origin field; undefined if the request has no such field. */
  readonly origin: string;
  /** Whether the connection is TLS. */
  readonly secure: boolean;
  readonly req: IncomingMessage;
}

/** The function with which a `verifyClient` of two parameters answers. */
export type VerifyClientAnswer = (
  result: boolean,
  code?: number,
  message?: string,
  headers?: OutgoingHttpHeaders,
) => void;

/**
 * Accepts or refuses a request. A function with two parameters calls the second parameter. Any other function returns whether it accepts the
 * request.
 */
export type VerifyClient = (info: VerifyClientInfo, answer: VerifyClientAnswer) => unknown;

/** The options of a server. Exactly one of `port`, `server` and `noServer` is required. */
export interface ServerOptions extends ConnectionOptions {
  /** The port that the server listens on; 0 for any free port. */
  port?: number | null | undefined;
  host?: string | null | undefined;
  backlog?: number | null | undefined;
  /** The HTTP server whose upgrades the WebSocket server accepts. */
  server?: HttpServer | HttpsServer | null | undefined;
  /** True: the application calls `handleUpgrade` itself. */
  noServer?: boolean | undefined;
  /** The only path that is accepted, compared literally. */
  path?: string | null | undefined;
  /** @default false */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  verifyClient?: VerifyClient | null | undefined;
  /** Returns the chosen subprotocol, or false for none. @default the first subprotocol that the client offers */
  handleProtocols?:
    | ((protocols: Set<string>, request: IncomingMessage) => string | false | undefined)
    | null
    | undefined;
  /** Whether the server keeps the set `clients`. @default true */
  clientTracking?: boolean | undefined;
  /** The class of the connections: the class of this surface, or a subclass of it. */
  WebSocket?:
    | (new (
        address: null,
        protocols: undefined,
        options: ConnectionOptions,
      ) => WebSocket)
    | undefined;
}
