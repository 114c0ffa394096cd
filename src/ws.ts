/**
 * Exports the API of the npm package `ws` 8, as `rfc6455/ws`, for existing programs. For new programs the native API, `rfc6455`, is safer.
 * The native API has limits and an origin policy by default. With the native API, an exception in a handler never ends the process.
 */

// The declaration file of this module uses Buffer and node:http, so it needs @types/node. TypeScript 6 and later
// load @types/node only if the next line is present.
/// <reference types="node" preserve="true" />

export type { ExtraLimits } from './api/ws/bounds.ts';
export type { ClientOptions, ConnectionOptions } from './api/ws/client-options.ts';
export type { BinaryType, RawData } from './api/ws/data.ts';
export type { PerMessageDeflateOptions } from './api/ws/deflate.ts';
export type { WebSocketEvents } from './api/ws/emitter.ts';
export type { CloseEvent, ErrorEvent, Event, MessageEvent } from './api/ws/event-target.ts';
export { WebSocket, WebSocket as default, WebSocket as 'module.exports' } from './api/ws/package.ts';
export type { Done, SendOptions } from './api/ws/send-line.ts';
export {
  type ServerEvents,
  type UpgradeCallback,
  WebSocketServer,
  WebSocketServer as Server,
} from './api/ws/server.ts';
export type {
  ServerOptions,
  VerifyClient,
  VerifyClientAnswer,
  VerifyClientInfo,
} from './api/ws/server-options.ts';
export { createWebSocketStream } from './api/ws/stream.ts';
