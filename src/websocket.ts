/** Exports the `WebSocket` of browsers (WHATWG standard), as `rfc6455/websocket`. */

// The declaration file of this module uses Buffer and node:stream, so it needs @types/node. TypeScript 6 and later
// load @types/node only if the next line is present.
/// <reference types="node" preserve="true" />

export type { WebSocketInit, WebSocketOptions } from './api/whatwg/arguments.ts';
export { CloseEvent, ErrorEvent } from './api/whatwg/event-classes.ts';
export type {
  AnyEventInit,
  CloseEventConstructor,
  CloseEventInit,
  ErrorEventConstructor,
  ErrorEventInit,
  MessageEvent,
} from './api/whatwg/events.ts';
export type { ListenerOptions, WebSocketEventMap, WebSocketListener } from './api/whatwg/listeners.ts';
export type { BinaryType } from './api/whatwg/session.ts';
export { WebSocket } from './api/whatwg/web-socket.ts';
export {
  type WebSocketCloseInfo,
  type WebSocketConnectionInfo,
  WebSocketError,
  WebSocketStream,
} from './api/whatwg/web-socket-stream.ts';
