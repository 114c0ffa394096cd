/** `rfc6455/plugin-v1`: the commands of the IX WebSocket plugin, version 1. */

// The declarations name Buffer and node:stream: TypeScript 6 and later load @types/node only where it is asked for.
/// <reference types="node" preserve="true" />

export type { SendStatus } from './api/plugin/engine-events.ts';
export type { PluginEvents } from './api/plugin/event-queue.ts';
export { methods, type PluginMethod } from './api/plugin/methods.ts';
export {
  clearAll,
  events,
  type WebsocketClient,
  type WebsocketClientOptions,
  type WebsocketClientStatus,
  type WebsocketCloseContext,
  type WebsocketContext,
  type WebsocketDataContext,
  type WebsocketDeflateOptions,
  type WebsocketErrorContext,
  type WebsocketEventType,
  type WebsocketMethod,
  type WebsocketMethodOptions,
  type WebsocketOpenContext,
  type WebsocketServer,
  type WebsocketServerOptions,
  type WebsocketServerSendStatus,
  type WebsocketServerStatus,
  type WebsocketWaitingEvent,
  websocketClient,
  websocketClientClear,
  websocketClientMessages,
  websocketClientSend,
  websocketClientStart,
  websocketClientStop,
  websocketServer,
  websocketServerClear,
  websocketServerClients,
  websocketServerMessages,
  websocketServerSend,
  websocketServerStart,
  websocketServerStop,
} from './api/plugin/v1.ts';
