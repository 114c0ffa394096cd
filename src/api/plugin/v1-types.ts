/**
 * The objects that the commands of version 1 accept and return: in the original they are 4D objects. Which properties the original had,
 * and which are additions, is in docs/plugin.md.
 */

import type { OriginPolicy } from '../../handshake/origin.ts';
import type { EngineEvent, SendStatus } from './engine-events.ts';

export type WebsocketEventType = EngineEvent['type'];

/** With message, ping, pong, fragment. */
export interface WebsocketDataContext {
  wireSize: number;
  binary: boolean;
  /** The text, or a ping's payload; of a binary message, its bytes read as UTF-8, which may lose some. */
  data: string;
  /** Ours: the bytes of a binary message. */
  bytes?: Buffer;
}

/** With open: `uri`, and every header field as a further property. */
export type WebsocketOpenContext = { uri: string } & Record<string, string>;

/** With close. */
export interface WebsocketCloseContext {
  code: number;
  reason: string;
  /** Whether the peer began it. */
  remote: boolean;
}

/** With error, of clients: an attempt to connect again failed; or a message could not be decompressed. */
export interface WebsocketErrorContext {
  decompressionError: boolean;
  reason: string;
  http_status: number;
  /** Milliseconds until the next attempt. */
  wait_time: number;
  retries: number;
}

export type WebsocketContext =
  | WebsocketDataContext
  | WebsocketOpenContext
  | WebsocketCloseContext
  | WebsocketErrorContext;

/**
 * The callback. The type decides which context it receives; with `contextAs: 'json'` the context is a text. A parameter may be declared
 * as one of these: `(server, client, type, context: WebsocketDataContext) => …`.
 */
export type WebsocketMethod = {
  // Declared as a method, so that its parameters may be narrower than the types here.
  call(
    server: number,
    client: number,
    type: WebsocketEventType,
    context: WebsocketContext | string,
    worker: string,
    window: number,
    process: number,
  ): unknown;
}['call'];

/** The callback, and the values that it receives unchanged. */
export interface WebsocketMethodOptions {
  /** Called with `(server, client, type, context, worker, window, process)`; a function, or a name in `methods`. */
  method?: string | WebsocketMethod | undefined;
  worker?: string | undefined;
  window?: number | undefined;
  process?: number | undefined;
  /** Ours: the context as an object, or as the JSON text of the original. @default 'object' */
  contextAs?: 'object' | 'json' | undefined;
}

/** The sub-options of permessage-deflate. */
export interface WebsocketDeflateOptions {
  enabled?: boolean | undefined;
  clientNoContextTakeover?: boolean | undefined;
  serverNoContextTakeover?: boolean | undefined;
  /** 8 to 15. @default 15 */
  serverMaxWindowBits?: number | undefined;
  clientMaxWindowBits?: number | undefined;
}

/** Options that may be changed until a client is started. */
export interface WebsocketClientOptions extends WebsocketMethodOptions {
  url?: string | undefined;
  /** Seconds between pings; 0 or less: none. @default -1 */
  pingInterval?: number | undefined;
  /** Seconds without a pong after which the connection is closed; only if pings are sent. @default -1 */
  pingTimeout?: number | undefined;
  /** @default true */
  enableAutomaticReconnection?: boolean | undefined;
  /** Without effect: RFC 6455 §5.5.2 requires an answer to every ping. */
  enablePong?: boolean | undefined;
  perMessageDeflate?: WebsocketDeflateOptions | undefined;
  /** Counts only if `perMessageDeflate` is absent: either value leaves compression off. */
  disablePerMessageDeflate?: boolean | undefined;
  /** Ours: a text that is not UTF-8 closes the connection with 1007, as in the original; otherwise it is refused. */
  strictUtf8?: boolean | undefined;
  /** Ours: milliseconds that a peer may take to answer a Close frame. @default 5000 */
  closeTimeout?: number | undefined;
  /** Ours: bytes of a received message; 1009 beyond. @default 16777216 */
  maxMessageSize?: number | undefined;
  /** Ours: the process may end while the client exists. @default false */
  unref?: boolean | undefined;
}

/** The configuration of a client. */
export interface WebsocketClient {
  ref: number;
  url: string;
  pingInterval: number;
  isAutomaticReconnectionEnabled: boolean;
  perMessageDeflateOptions: Required<WebsocketDeflateOptions>;
  /** These three if they were given. */
  pingTimeout?: number;
  enablePong?: boolean;
  disablePerMessageDeflate?: boolean;
  /** Ours: the same two under the names of the options. */
  enableAutomaticReconnection: boolean;
  perMessageDeflate: Required<WebsocketDeflateOptions>;
  method: string | WebsocketMethod;
  worker: string;
  window: number;
  process: number;
}

export interface WebsocketClientStatus {
  success: boolean;
  /** Absent for an unknown ref. */
  http_status?: number;
  /** '' if there was no error. */
  errorStr: string;
  uri?: string;
  headers?: Record<string, string>;
}

export interface WebsocketServerOptions extends WebsocketMethodOptions {
  /** 0: any free one, see the status of `websocketServerStart`. The decimal text of a port is taken too. @default 8080 */
  port?: number | string | undefined;
  /** @default '127.0.0.1' */
  host?: string | undefined;
  /** @default 5 */
  backlog?: number | undefined;
  /** @default 32 */
  maxConnections?: number | undefined;
  /** Ours: which pages in browsers may connect. @default 'any' */
  origins?: OriginPolicy | undefined;
  /** Ours, as of a client. */
  strictUtf8?: boolean | undefined;
  /** Ours, as of a client. @default 5000 */
  closeTimeout?: number | undefined;
  /** Ours, as of a client. @default 1048576 */
  maxMessageSize?: number | undefined;
  /** Ours: the process may end while the server exists. @default false */
  unref?: boolean | undefined;
}

/** The configuration of a server. */
export interface WebsocketServer {
  ref: number;
  port: number;
  host: string;
  backlog: number;
  maxConnections: number;
  method: string | WebsocketMethod;
  worker: string;
  window: number;
  process: number;
}

export interface WebsocketServerStatus {
  success: boolean;
  /** '' if there was no error. */
  message: string;
  /** Ours: the address that it is bound to. */
  port?: number;
  host?: string;
}

export interface WebsocketServerSendStatus extends SendStatus {
  client: number;
}

/** An event that waits in the queue. */
export interface WebsocketWaitingEvent {
  type: WebsocketEventType;
  context: WebsocketContext;
}
