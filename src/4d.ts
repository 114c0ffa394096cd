/** Exports the WebSocket classes of 4D, as `rfc6455/4d`. */

// The declaration file of this module uses Buffer and node:stream, so it needs @types/node. TypeScript 6 and later
// load @types/node only if the next line is present.
/// <reference types="node" preserve="true" />

export { WebSocket, type WebSocketHandler, type WebSocketOptions } from './api/4d/client.ts';
export type { ConnectionStatus } from './api/4d/connection.ts';
export type { DataOf, DataType, Sendable } from './api/4d/data.ts';
export { FourDError, type FourDErrorName, fourDErrors } from './api/4d/error.ts';
export type {
  ClientTerminateEvent,
  ConnectionEvent,
  Done,
  ErrorEvent,
  MessageEvent,
  OpenEvent,
  ServerTerminateEvent,
  TerminateEvent,
} from './api/4d/handlers.ts';
export type { Status, TerminateOptions } from './api/4d/link.ts';
export type { ConnectionRequest, TextsByKey } from './api/4d/request.ts';
export {
  type ConnectionHandler,
  WebSocketConnection,
  WebSocketServer,
  type WSSHandler,
} from './api/4d/server.ts';
export type { WebSocketServerOptions } from './api/4d/server-options.ts';
export { WebServer, webServer } from './api/4d/web-server.ts';
export type { WebServerSettings } from './api/4d/web-server-settings.ts';
