/** Exports the commands of the IX WebSocket plugin, version 1, as `rfc6455/plugin-v1`. */

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
} from './api/plugin/v1-commands.ts';
export type {
  WebsocketClient,
  WebsocketClientOptions,
  WebsocketClientStatus,
  WebsocketCloseContext,
  WebsocketContext,
  WebsocketDataContext,
  WebsocketDeflateOptions,
  WebsocketErrorContext,
  WebsocketEventType,
  WebsocketMethod,
  WebsocketMethodOptions,
  WebsocketOpenContext,
  WebsocketServer,
  WebsocketServerOptions,
  WebsocketServerSendStatus,
  WebsocketServerStatus,
  WebsocketWaitingEvent,
} from './api/plugin/v1-types.ts';
