/**
 * Defines the objects that the commands of version 2 accept and return. In the original they are 4D objects. "Addition" marks what the
 * original did not have; see also docs/plugin.md.
 */

import type { OriginPolicy } from '../../handshake/origin.ts';
import type { Sendable } from './arguments.ts';
import type { ReadyState } from './engine-client.ts';
import type { SendStatus } from './engine-events.ts';

/** The first parameter of the callback. Only the first four types occur. */
export const WebsocketEventType = {
  Message: 0,
  Open: 1,
  Close: 2,
  Error: 3,
  Ping: 4,
  Pong: 5,
  Fragment: 6,
} as const;

export type WebsocketEventType = (typeof WebsocketEventType)[keyof typeof WebsocketEventType];

/** Names the connection that an event of a server belongs to. */
export interface WebsocketIdentity {
  remoteIp?: string;
  remotePort?: number;
  /** The target of the request (path and query). Several connections may have the same target. */
  uri?: string;
  /** Addition: the connection's number on its server, never used twice. */
  client?: number;
}

/** The event of type 0: a message. */
export interface WebsocketMessage extends WebsocketIdentity {
  binary: boolean;
  /** The text. For a binary message, its bytes read as UTF-8, which may lose information. */
  str: string;
  /** The number of payload bytes on the wire. */
  wireSize: number;
  /** Addition: the bytes of a binary message. */
  bytes?: Buffer;
}

/** The event of type 1: the connection is open. */
export interface WebsocketOpen extends WebsocketIdentity {
  /** On a client, the headers of the response; on a server, those of the request. */
  headers: Readonly<Record<string, string>>;
  uri: string;
}

/** The event of type 2: the connection is closed. */
export interface WebsocketClose extends WebsocketIdentity {
  code: number;
  reason: string;
  /** Whether the peer began the closing handshake. */
  remote: boolean;
}

/**
 * The event of type 3: an attempt to connect again failed. If a message could not be decompressed, this event comes directly before the Close
 * event.
 */
export interface WebsocketError extends WebsocketIdentity {
  /** The number of attempts that have failed since the connection was lost. */
  retries: number;
  /** Milliseconds until the next attempt. */
  wait_time: number;
  http_status: number;
  reason: string;
  decompressionError: boolean;
}

export type WebsocketEvent = WebsocketMessage | WebsocketOpen | WebsocketClose | WebsocketError;

/**
 * The callback. The type decides which event the callback receives. With `messageAs: 'json'` the event is a text. A callback may declare one
 * of the events: `(type, id, event: WebsocketMessage) => …`.
 */
export type WebsocketMethod = {
  // Declared as a method, so that its parameters may be narrower than the types here.
  call(type: WebsocketEventType, id: number, message: WebsocketEvent | string): unknown;
}['call'];

/** The options of `websocketSetMethod`. */
export interface SetMethodOptions {
  /** The callback's third parameter: an object, or the compact JSON text of the original. @default 'object' */
  readonly messageAs?: 'object' | 'json' | undefined;
}

/** The sources of certificates: paths of PEM files. */
export interface WebsocketTlsOptions {
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** "SYSTEM", "NONE", PEM text, or a path. @default "SYSTEM" for a client, "NONE" for a server */
  caFile?: string | undefined;
  /** An OpenSSL cipher list. @default Node's */
  ciphers?: string | undefined;
  /** On a server, turns TLS on. Without this option, the other four options have no effect. On a client, the URL decides about TLS. */
  tls?: boolean | undefined;
}

/** The options of `websocketClient`. A time that the original also has is in the unit of the original. */
export interface WebsocketClientOptions extends WebsocketTlsOptions {
  /** If the option is set, the command returns information and creates no client. Otherwise the command sets it. */
  id?: number | undefined;
  /** ws: or wss: */
  URL?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Seconds between pings. With 0 or less, no pings are sent. @default -1 */
  pingInterval?: number | undefined;
  /** @default true */
  enableAutomaticReconnection?: boolean | undefined;
  /** Milliseconds. @default 10000 */
  maxWaitBetweenReconnectionRetries?: number | undefined;
  /** Addition: the shortest wait in milliseconds. @default 1 */
  minWaitBetweenReconnectionRetries?: number | undefined;
  /** Has no effect: RFC 6455 §5.5.2 requires an answer to every ping. */
  enablePong?: boolean | undefined;
  /** @default false */
  enablePerMessageDeflate?: boolean | undefined;
  /** Addition: milliseconds that a peer may take to answer a Close frame. @default 5000 */
  closeTimeout?: number | undefined;
  /** Addition: the maximum number of bytes of a received message; a larger message fails the connection with 1009. @default 16777216 */
  maxMessageSize?: number | undefined;
  /** Addition. True: the process may end while the client exists. @default false */
  unref?: boolean | undefined;
}

/** Information about a client. Every property is absent for an unknown id. */
export interface WebsocketClientInfo {
  readyState?: ReadyState;
  URL?: string;
  perMessageDeflateOptionsEnabled?: boolean;
  pingInterval?: number;
  /** The number of bytes that have not left the process, including the headers of frames. */
  bufferedAmount?: number;
  automaticReconnectionEnabled?: boolean;
  maxWaitBetweenReconnectionRetries?: number;
  /** Addition: the problem with the close code of `websocketClientStop`. */
  errorStr?: string;
}

export interface WebsocketClientStart extends WebsocketClientOptions {
  /** Seconds for the opening handshake. @default 30; 60 for later attempts */
  timeout?: number | undefined;
}

export interface WebsocketClientStatus {
  success: boolean;
  /** Absent for an unknown id. */
  http_status?: number;
  uri?: string;
  headers?: Record<string, string>;
  /** Present if the start failed. */
  errorStr?: string;
}

export interface WebsocketClientStop {
  id?: number | undefined;
  /** @default 1000 */
  code?: number | undefined;
  /** @default 'Normal closure' */
  reason?: string | undefined;
}

/** The options of `websocketServer`. */
export interface WebsocketServerOptions extends WebsocketTlsOptions {
  /** If the option is set, the command returns information and creates no server. Otherwise the command sets it. */
  id?: number | undefined;
  /** 0 chooses any free port, see the status of `websocketServerStart`. A text with the decimal port is accepted too. @default 8080 */
  port?: number | string | undefined;
  /** @default '127.0.0.1' */
  host?: string | undefined;
  /** @default 5 */
  backlog?: number | undefined;
  /** @default 128 */
  maxConnections?: number | undefined;
  /** @default 3 */
  handshakeTimeoutSecs?: number | undefined;
  /** For IPv4: 2, 4 or "IPv4". For IPv6: 6, 10, 23, 30 or "IPv6". @default 2 */
  addressFamily?: number | 'IPv4' | 'IPv6' | undefined;
  /** Has no effect: RFC 6455 §5.5.2 requires an answer to every ping. */
  enablePong?: boolean | undefined;
  /** @default true: accepted if a client offers it */
  enablePerMessageDeflate?: boolean | undefined;
  /** Addition: the origins of pages in browsers that may connect. @default 'any' */
  origins?: OriginPolicy | undefined;
  /** Addition, the same as for a client. @default 5000 */
  closeTimeout?: number | undefined;
  /** Addition, the same as for a client. @default 1048576 */
  maxMessageSize?: number | undefined;
  /** Addition. True: the process may end while the server exists. @default false */
  unref?: boolean | undefined;
}

/** Addition: one connection of a server. */
export interface WebsocketServerConnection {
  client: number;
  uri: string;
  remoteIp: string;
  remotePort: number;
  bufferedAmount: number;
}

/** Information about a server. Every property is absent for an unknown id. */
export interface WebsocketServerInfo {
  /** The `uri` of each connection. */
  clients?: string[];
  /** Addition: the connections with their numbers, so that a program can distinguish connections with the same `uri`. */
  connections?: WebsocketServerConnection[];
}

export interface WebsocketServerStatus {
  success: boolean;
  errorStr?: string;
  /** The name that the original used. @deprecated `errorStr` */
  errStr?: string;
  /** Addition: the address that the server is bound to. */
  port?: number;
  host?: string;
}

export interface WebsocketServerSend {
  id?: number | undefined;
  /**
   * A text; or bytes, which are sent as a binary message. The original did not support bytes. For a `Blob`, the command returns a Promise,
   * since it reads the Blob first.
   */
  message?: Sendable | undefined;
  /** The receivers: all connections with one of these targets. @default all */
  uri?: string | readonly string[] | null | undefined;
  /** Addition: the receivers by their numbers. */
  client?: number | readonly number[] | undefined;
}

export interface WebsocketServerSendStatus extends SendStatus {
  uri: string;
  /** Addition: the number of the connection. */
  client: number;
}
