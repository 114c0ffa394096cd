/** Defines the options of a `WebSocketServer` with the API of `ws`, and the arguments that `verifyClient` receives. */

import type { Server as HttpServer, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { ConnectionOptions } from './client-options.ts';
import type { PerMessageDeflateOptions } from './deflate.ts';
import type { WebSocket } from './websocket.ts';

/** The first argument of the function `verifyClient`. */
export interface VerifyClientInfo {
  /** The value of the Origin field. Undefined if the request has no Origin field. */
  readonly origin: string;
  /** True if the connection uses TLS. */
  readonly secure: boolean;
  readonly req: IncomingMessage;
}

/** The second argument of the function `verifyClient`. It is a function that accepts or refuses the request. */
export type VerifyClientAnswer = (
  result: boolean,
  code?: number,
  message?: string,
  headers?: OutgoingHttpHeaders,
) => void;

/**
 * Decides whether a request is accepted. A function with two parameters passes its result to the second argument. Any other function
 * returns its result.
 */
export type VerifyClient = (info: VerifyClientInfo, answer: VerifyClientAnswer) => unknown;

/** The options of a server. Exactly one of `port`, `server` and `noServer` is required. */
export interface ServerOptions extends ConnectionOptions {
  /** The port that the server listens on. 0 stands for any free port. */
  port?: number | null | undefined;
  host?: string | null | undefined;
  backlog?: number | null | undefined;
  /** The HTTP server from which this server takes the upgrade requests. */
  server?: HttpServer | HttpsServer | null | undefined;
  /** If true, this server uses no HTTP server. The application calls `handleUpgrade` for each request. */
  noServer?: boolean | undefined;
  /** If this is set, only requests for exactly this path are accepted. The query of the request is ignored. */
  path?: string | null | undefined;
  /** The options for compression; true for the defaults, false for no compression. @default false */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  verifyClient?: VerifyClient | null | undefined;
  /**
   * Returns the subprotocol that the server chooses. Returns false for no subprotocol. @default the first subprotocol that the client
   * offers
   */
  handleProtocols?:
    | ((protocols: Set<string>, request: IncomingMessage) => string | false | undefined)
    | null
    | undefined;
  /** If true, the server has the property `clients`, the set of its open connections. @default true */
  clientTracking?: boolean | undefined;
  /** The class of the WebSockets that the server creates. It is `WebSocket` or a subclass. */
  WebSocket?:
    | (new (
        address: null,
        protocols: undefined,
        options: ConnectionOptions,
      ) => WebSocket)
    | undefined;
}
