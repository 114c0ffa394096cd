/**
 * Defines the objects that the commands of version 2 of the plugin accept and return. In the original plugin, these are 4D objects. "Not in
 * the original" marks a property that this library has added; see also docs/plugin.md.
 */

import type { OriginPolicy } from '../../handshake/origin.ts';
import type { Sendable } from './arguments.ts';
import type { ReadyState } from './engine-client.ts';
import type { SendStatus } from './engine-events.ts';

/** The first parameter of the callback. The callback is called only for the types Message, Open, Close and Error. */
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
  /** The target of the client's request: path and query. Several connections may have the same target. */
  uri?: string;
  /** The number of the connection. The server never uses a number twice. The original plugin does not have this member. */
  client?: number;
}

/** The event of type 0: a message. */
export interface WebsocketMessage extends WebsocketIdentity {
  binary: boolean;
  /** The text. The bytes of a binary message are decoded as UTF-8, and invalid bytes become U+FFFD. */
  str: string;
  /** The number of payload bytes on the wire. */
  wireSize: number;
  /** The bytes of a binary message. The original plugin does not have this member. */
  bytes?: Buffer;
}

/** The event of type 1: the connection is open. */
export interface WebsocketOpen extends WebsocketIdentity {
  /** The header fields. A client gets the fields of the response. A server gets the fields of the request. */
  headers: Readonly<Record<string, string>>;
  uri: string;
}

/** The event of type 2: the connection is closed. */
export interface WebsocketClose extends WebsocketIdentity {
  code: number;
  reason: string;
  /** True if the peer began the closing handshake. */
  remote: boolean;
}

/**
 * The event of type 3: a new attempt to connect failed, or a message could not be decompressed. After a decompression error, the Close
 * event follows directly.
 */
export interface WebsocketError extends WebsocketIdentity {
  /** The number of attempts that have failed since the connection was lost. */
  retries: number;
  /** Milliseconds until the next attempt to connect. */
  wait_time: number;
  http_status: number;
  reason: string;
  decompressionError: boolean;
}

export type WebsocketEvent = WebsocketMessage | WebsocketOpen | WebsocketClose | WebsocketError;

/**
 * The callback. The parameter `type` tells the kind of the event. With `messageAs: 'json'` the event is a text. In TypeScript, a callback
 * may declare the type of its event: `(type, id, event: WebsocketMessage) => …`.
 */
export type WebsocketMethod = {
  // The type is declared as a method, so that TypeScript accepts callbacks with narrower parameter types.
  call(type: WebsocketEventType, id: number, message: WebsocketEvent | string): unknown;
}['call'];

/** The options of `websocketSetMethod`. */
export interface SetMethodOptions {
  /**
   * The form of the callback's third parameter. 'object' gives an object. 'json' gives the JSON text of the original plugin. @default
   * 'object'
   */
  readonly messageAs?: 'object' | 'json' | undefined;
}

/**
 * The TLS options. A client command that passes one of these options resets the absent ones to their defaults. A server command does this
 * only if it passes `tls`.
 */
export interface WebsocketTlsOptions {
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** The trusted authorities: "SYSTEM", "NONE", PEM text, or the path of a PEM file. @default "SYSTEM" for a client, "NONE" for a server */
  caFile?: string | undefined;
  /** An OpenSSL cipher list. @default the list of Node */
  ciphers?: string | undefined;
  /**
   * On a server, true turns TLS on. Otherwise the server ignores the other four options. On a client, this option has no effect, because
   * the URL decides whether TLS is used.
   */
  tls?: boolean | undefined;
}

/** The options of `websocketClient`. Each option of the original keeps its unit, seconds or milliseconds. */
export interface WebsocketClientOptions extends WebsocketTlsOptions {
  /**
   * If the program sets `id`, the command returns information about that client. Otherwise the command creates a client, and writes its
   * number into `id`.
   */
  id?: number | undefined;
  /** A URL that begins with ws: or wss: */
  URL?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Seconds between pings. With 0 or less, no pings are sent. @default -1 */
  pingInterval?: number | undefined;
  /** @default true */
  enableAutomaticReconnection?: boolean | undefined;
  /** Milliseconds. @default 10000 */
  maxWaitBetweenReconnectionRetries?: number | undefined;
  /** The shortest wait in milliseconds. The original plugin does not have this member. @default 1 */
  minWaitBetweenReconnectionRetries?: number | undefined;
  /** Has no effect, because RFC 6455 §5.5.2 requires an answer to every ping. */
  enablePong?: boolean | undefined;
  /** @default false */
  enablePerMessageDeflate?: boolean | undefined;
  /**
   * The number of milliseconds that a peer may take to answer a Close frame. The original plugin does not have this member.
   * @default 5000
   */
  closeTimeout?: number | undefined;
  /**
   * The maximum number of bytes of a received message. A larger message fails the connection with 1009. The original plugin does not have
   * this member.
   * @default 16777216
   */
  maxMessageSize?: number | undefined;
  /** If true, the process may end while the client is open. The original plugin does not have this member. @default false */
  unref?: boolean | undefined;
}

/** Information about a client. Every property is absent for an unknown id. */
export interface WebsocketClientInfo {
  readyState?: ReadyState;
  URL?: string;
  perMessageDeflateOptionsEnabled?: boolean;
  pingInterval?: number;
  /** The number of bytes that wait to be sent, including the headers of frames. */
  bufferedAmount?: number;
  automaticReconnectionEnabled?: boolean;
  maxWaitBetweenReconnectionRetries?: number;
  /** The error text if `websocketClientStop` got an invalid close code. The original plugin does not have this member. */
  errorStr?: string;
}

export interface WebsocketClientStart extends WebsocketClientOptions {
  /** Seconds for the opening handshake. @default 30 for this start, 60 for each attempt after a lost connection */
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
  /**
   * If the program sets `id`, the command returns information about that server. Otherwise the command creates a server, and writes its
   * number into `id`.
   */
  id?: number | undefined;
  /**
   * The port, as a number or a decimal text. With 0, the system chooses a free port. The status of `websocketServerStart` contains the
   * chosen port.
   * @default 8080
   */
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
  /** Has no effect, because RFC 6455 §5.5.2 requires an answer to every ping. */
  enablePong?: boolean | undefined;
  /** If true, the server accepts compression when a client offers it. @default true */
  enablePerMessageDeflate?: boolean | undefined;
  /** The origins of the web pages from which browsers may connect. The original plugin does not have this member. @default 'any' */
  origins?: OriginPolicy | undefined;
  /**
   * The number of milliseconds that a client may take to answer a Close frame. The original plugin does not have this member.
   * @default 5000
   */
  closeTimeout?: number | undefined;
  /**
   * The maximum number of bytes of a received message. A larger message fails the connection with 1009. The original plugin does not have
   * this member.
   * @default 1048576
   */
  maxMessageSize?: number | undefined;
  /** If true, the process may end while the server is open. The original plugin does not have this member. @default false */
  unref?: boolean | undefined;
}

/** One connection of a server. The original plugin does not have this interface. */
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
  /**
   * The connections with their numbers. The numbers distinguish connections with the same `uri`. The original plugin does not have this
   * member.
   */
  connections?: WebsocketServerConnection[];
}

export interface WebsocketServerStatus {
  success: boolean;
  errorStr?: string;
  /** The same text as `errorStr`, under the name that the original used. @deprecated use `errorStr` */
  errStr?: string;
  /** The address that the server is bound to. The original plugin does not have this member. */
  port?: number;
  host?: string;
}

export interface WebsocketServerSend {
  id?: number | undefined;
  /**
   * A text is sent as a text message. Bytes are sent as a binary message. The original did not accept bytes. If the message is a `Blob`,
   * the command returns a Promise, because the `Blob` has to be read first.
   */
  message?: Sendable | undefined;
  /** The receivers: all connections with this `uri`, or with a `uri` in this collection. @default all connections */
  uri?: string | readonly string[] | null | undefined;
  /**
   * The numbers of connections that receive the message in addition to the connections that `uri` selects. The original plugin does not
   * have this member.
   */
  client?: number | readonly number[] | undefined;
}

export interface WebsocketServerSendStatus extends SendStatus {
  uri: string;
  /** The number of the connection. The original plugin does not have this member. */
  client: number;
}
