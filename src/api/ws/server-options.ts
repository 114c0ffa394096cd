/** The options of a `WebSocketServer` of this surface, and the parts of a request that its callbacks receive. */

import type { Server as HttpServer, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { ConnectionOptions } from './client-options.ts';
import type { PerMessageDeflateOptions } from './deflate.ts';
import type { WebSocket } from './websocket.ts';

/** What `verifyClient` is asked about. */
export interface VerifyClientInfo {
  /** The Origin field; undefined if there is none. */
  readonly origin: string;
  /** Whether the connection is TLS. */
  readonly secure: boolean;
  readonly req: IncomingMessage;
}

/** The answer of a `verifyClient` with two parameters. */
export type VerifyClientAnswer = (
  result: boolean,
  code?: number,
  message?: string,
  headers?: OutgoingHttpHeaders,
) => void;

/**
 * Accepts or refuses a request: one that has two parameters by calling the second one, any other by returning whether it accepts.
 */
export type VerifyClient = (info: VerifyClientInfo, answer: VerifyClientAnswer) => unknown;

/** Exactly one of `port`, `server` and `noServer` is required. */
export interface ServerOptions extends ConnectionOptions {
  /** Listens on a port of its own; 0 for any. */
  port?: number | null | undefined;
  host?: string | null | undefined;
  backlog?: number | null | undefined;
  /** Takes the upgrades of an HTTP server. */
  server?: HttpServer | HttpsServer | null | undefined;
  /** Leaves it to the application to call `handleUpgrade`. */
  noServer?: boolean | undefined;
  /** Only requests for this path, compared literally. */
  path?: string | null | undefined;
  /** @default false */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  verifyClient?: VerifyClient | null | undefined;
  /** Chooses a subprotocol, or none. @default the first that the client offers */
  handleProtocols?:
    | ((protocols: Set<string>, request: IncomingMessage) => string | false | undefined)
    | null
    | undefined;
  /** Whether `clients` is kept. @default true */
  clientTracking?: boolean | undefined;
  /** The class of the connections: this surface's, or one derived from it. */
  WebSocket?:
    | (new (
        address: null,
        protocols: undefined,
        options: ConnectionOptions,
      ) => WebSocket)
    | undefined;
}
