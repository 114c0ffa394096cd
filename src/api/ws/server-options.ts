/** Defines the options of a `WebSocketServer` with the API of `ws`, and the arguments that `verifyClient` receives. */

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

/** The second argument of `verifyClient`. Calling this function accepts or refuses the request. */
export type VerifyClientAnswer = (
  result: boolean,
  code?: number,
  message?: string,
  headers?: OutgoingHttpHeaders,
) => void;

/**
 * Decides whether a request is accepted. A function with two parameters calls its second argument with the result. Any other function
 * returns the result.
 */
export type VerifyClient = (info: VerifyClientInfo, answer: VerifyClientAnswer) => unknown;

/** The options of a server. Exactly one of `port`, `server` and `noServer` is required. */
export interface ServerOptions extends ConnectionOptions {
  /** The port that the server listens on; 0 for any free port. */
  port?: number | null | undefined;
  host?: string | null | undefined;
  backlog?: number | null | undefined;
  /** The HTTP server whose upgrade requests this server handles. */
  server?: HttpServer | HttpsServer | null | undefined;
  /** True: this server uses no HTTP server, and the application calls `handleUpgrade` for each request. */
  noServer?: boolean | undefined;
  /** If set, only requests for exactly this path are accepted. The query of a request is ignored. */
  path?: string | null | undefined;
  /** @default false */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  verifyClient?: VerifyClient | null | undefined;
  /** Returns the subprotocol that the server chooses, or false for no subprotocol. @default the first subprotocol that the client offers */
  handleProtocols?:
    | ((protocols: Set<string>, request: IncomingMessage) => string | false | undefined)
    | null
    | undefined;
  /** Whether the server keeps the set `clients`. @default true */
  clientTracking?: boolean | undefined;
  /** The class of the server's WebSockets: `WebSocket` or a subclass. */
  WebSocket?:
    | (new (
        address: null,
        protocols: undefined,
        options: ConnectionOptions,
      ) => WebSocket)
    | undefined;
}
