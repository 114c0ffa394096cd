/** Exports the commands of the IX WebSocket plugin, version 2, as `rfc6455/plugin`. */

// The declaration file of this module uses Buffer and node:stream, so it needs @types/node. TypeScript 6 and later
// load @types/node only if the next line is present.
/// <reference types="node" preserve="true" />

export type { SendStatus } from './api/plugin/engine-events.ts';
export type { PluginEvents } from './api/plugin/event-queue.ts';
export { methods, type PluginMethod } from './api/plugin/methods.ts';
export {
  clearAll,
  events,
  websocketClient,
  websocketClientClear,
  websocketClientSend,
  websocketClientStart,
  websocketClientStop,
  websocketGetMethod,
  websocketServer,
  websocketServerClear,
  websocketServerSend,
  websocketServerStart,
  websocketServerStop,
  websocketSetMethod,
} from './api/plugin/v2-commands.ts';
export {
  type SetMethodOptions,
  type WebsocketClientInfo,
  type WebsocketClientOptions,
  type WebsocketClientStart,
  type WebsocketClientStatus,
  type WebsocketClientStop,
  type WebsocketClose,
  type WebsocketError,
  type WebsocketEvent,
  WebsocketEventType,
  type WebsocketIdentity,
  type WebsocketMessage,
  type WebsocketMethod,
  type WebsocketOpen,
  type WebsocketServerConnection,
  type WebsocketServerInfo,
  type WebsocketServerOptions,
  type WebsocketServerSend,
  type WebsocketServerSendStatus,
  type WebsocketServerStatus,
  type WebsocketTlsOptions,
} from './api/plugin/v2-types.ts';
