/**
 * Exports the same names as the package `ws`. All other exports are also static members of the class `WebSocket`. websocket.ts and
 * server.ts implement the classes.
 */

import type { ClientOptions as OwnClientOptions } from './client-options.ts';
import type { RawData as OwnRawData } from './data.ts';
import type { SendOptions as OwnSendOptions } from './send-line.ts';
import { WebSocketServer } from './server.ts';
import type { ServerOptions as OwnServerOptions } from './server-options.ts';
import { createWebSocketStream } from './stream.ts';
import { WebSocket as WebSocketClass } from './websocket.ts';

/** The static members of `WebSocket`. */
export interface Statics {
  readonly WebSocket: typeof WebSocketClass & Statics;
  readonly Server: typeof WebSocketServer;
  readonly WebSocketServer: typeof WebSocketServer;
  readonly createWebSocketStream: typeof createWebSocketStream;
}

/** The class of a WebSocket, on a client or on a server. As in `ws`, its static members are all other exports of the package. */
export const WebSocket: typeof WebSocketClass & Statics = Object.assign(WebSocketClass, {
  Server: WebSocketServer,
  WebSocketServer,
  createWebSocketStream,
  WebSocket: WebSocketClass as typeof WebSocketClass & Statics,
});
export type WebSocket = WebSocketClass;

// TypeScript code can use a default import. If the option `esModuleInterop` is off, TypeScript compiles this import to the property
// `default`.
Object.defineProperty(WebSocketClass, 'default', { value: WebSocketClass });

/** The names of the types, as in the declarations of `ws`. */
export declare namespace WebSocket {
  export type Server = WebSocketServer;
  export type RawData = OwnRawData;
  export type Data = string | OwnRawData;
  export type ClientOptions = OwnClientOptions;
  export type ServerOptions = OwnServerOptions;
  export type SendOptions = OwnSendOptions;
}
