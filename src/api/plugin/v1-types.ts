/**
 * Defines the objects that the commands of version 1 of the plugin accept and return. In the original plugin, these are 4D objects. "Not in
 * the original" marks a property that this library has added; see also docs/plugin.md.
 */

import type { OriginPolicy } from '../../handshake/origin.ts';
import type { EngineEvent, SendStatus } from './engine-events.ts';

export type WebsocketEventType = EngineEvent['type'];

/** The context of an event of type message, ping, pong or fragment. */
export interface WebsocketDataContext {
  wireSize: number;
  binary: boolean;
  /** The text, or the payload of a ping or pong. The bytes of a binary message are decoded as UTF-8, and invalid bytes become U+FFFD. */
  data: string;
  /** The bytes of a binary message. The original plugin does not have this member. */
  bytes?: Buffer;
}

/** The context of an event of type open: the property `uri`, and a property for each header field. */
export type WebsocketOpenContext = { uri: string } & Record<string, string>;

/** The context of an event of type close. */
export interface WebsocketCloseContext {
  code: number;
  reason: string;
  /** True if the peer began the closing handshake. */
  remote: boolean;
}

/** The context of the type error. The event means that a new attempt to connect failed, or that a message could not be decompressed. */
export interface WebsocketErrorContext {
  decompressionError: boolean;
  reason: string;
  http_status: number;
  /** Milliseconds until the next attempt to connect. */
  wait_time: number;
  retries: number;
}

export type WebsocketContext =
  | WebsocketDataContext
  | WebsocketOpenContext
  | WebsocketCloseContext
  | WebsocketErrorContext;

/**
 * The callback. The parameter `type` tells the kind of the context. With `contextAs: 'json'` the context is a text. In TypeScript, a
 * callback may declare the type of its context: `(server, client, type, context: WebsocketDataContext) => …`.
 */
export type WebsocketMethod = {
  // The type is declared as a method, so that TypeScript accepts callbacks with narrower parameter types.
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
  /**
   * A function, or the name of a function in `methods`. The function is called with `(server, client, type, context, worker, window,
   * process)`.
   */
  method?: string | WebsocketMethod | undefined;
  worker?: string | undefined;
  window?: number | undefined;
  process?: number | undefined;
  /**
   * The form of the context. 'object' gives an object. 'json' gives the JSON text of the original plugin. The original plugin does not have
   * this member.
   * @default 'object'
   */
  contextAs?: 'object' | 'json' | undefined;
}

/** The sub-options of permessage-deflate. */
export interface WebsocketDeflateOptions {
  enabled?: boolean | undefined;
  clientNoContextTakeover?: boolean | undefined;
  serverNoContextTakeover?: boolean | undefined;
  /** A number from 8 to 15. @default 15 */
  serverMaxWindowBits?: number | undefined;
  clientMaxWindowBits?: number | undefined;
}

/** The options of a client. A program may pass changed options with each command. */
export interface WebsocketClientOptions extends WebsocketMethodOptions {
  url?: string | undefined;
  /** Seconds between pings. With 0 or less, no pings are sent. @default -1 */
  pingInterval?: number | undefined;
  /** If no pong arrives for this number of seconds, the connection is closed. Without pings, the option has no effect. @default -1 */
  pingTimeout?: number | undefined;
  /** @default true */
  enableAutomaticReconnection?: boolean | undefined;
  /** Has no effect, because RFC 6455 §5.5.2 requires an answer to every ping. */
  enablePong?: boolean | undefined;
  perMessageDeflate?: WebsocketDeflateOptions | undefined;
  /** If `perMessageDeflate` is absent, any value of this option turns compression off. Even false does. */
  disablePerMessageDeflate?: boolean | undefined;
  /**
   * If true, a text of the program that is not UTF-8 is an error: the connection closes with 1007, as in the original. If false, the text
   * is not sent, and the connection stays open. The original plugin does not have this member.
   */
  strictUtf8?: boolean | undefined;
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

/** The configuration of a client. */
export interface WebsocketClient {
  ref: number;
  url: string;
  pingInterval: number;
  isAutomaticReconnectionEnabled: boolean;
  perMessageDeflateOptions: Required<WebsocketDeflateOptions>;
  /** `pingTimeout`, `enablePong` and `disablePerMessageDeflate` are present only if the program has set them. */
  pingTimeout?: number;
  enablePong?: boolean;
  disablePerMessageDeflate?: boolean;
  /**
   * The same value as `isAutomaticReconnectionEnabled`. This property has the same name as the option. The original plugin does not have
   * this member.
   */
  enableAutomaticReconnection: boolean;
  /**
   * The same value as `perMessageDeflateOptions`. This property has the same name as the option. The original plugin does not have this
   * member.
   */
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
  /** @default 32 */
  maxConnections?: number | undefined;
  /** The origins of the web pages from which browsers may connect. The original plugin does not have this member. @default 'any' */
  origins?: OriginPolicy | undefined;
  /**
   * If true, a text of the program that is not UTF-8 is an error: the connection closes with 1007, as in the original. If false, the text
   * is not sent, and the connection stays open. The original plugin does not have this member.
   */
  strictUtf8?: boolean | undefined;
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
  /** The address that the server is bound to. The original plugin does not have this member. */
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
