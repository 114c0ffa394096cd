/**
 * The commands of the IX WebSocket plugin, version 1, as the functions that programs call: those of one surface, v1.ts.
 */

import type { SendStatus } from './engine-events.ts';
import type { PluginEvents } from './event-queue.ts';
import { V1Surface } from './v1.ts';
import type {
  WebsocketClient,
  WebsocketClientOptions,
  WebsocketClientStatus,
  WebsocketMethodOptions,
  WebsocketServer,
  WebsocketServerOptions,
  WebsocketServerSendStatus,
  WebsocketServerStatus,
  WebsocketWaitingEvent,
} from './v1-types.ts';

const surface: V1Surface = new V1Surface();

/** The queue that the callbacks are fed from: its limits, and what is called for errors and drops. */
export const events: PluginEvents = surface.events;

/** Websocket server: creates one. @returns its configuration, with its `ref` */
export function websocketServer(options?: WebsocketServerOptions | null): WebsocketServer {
  return surface.server(options);
}

/** Websocket client: creates one. @returns its configuration, with its `ref` */
export function websocketClient(options?: WebsocketClientOptions | null): WebsocketClient {
  return surface.client(options);
}

/** Websocket server start: listens. `method`, `worker`, `window` and `process` may be changed. */
export function websocketServerStart(
  server: { ref?: number | undefined } & WebsocketMethodOptions,
): Promise<WebsocketServerStatus> {
  return surface.serverStart(server);
}

/** Websocket client start: connects, with any option changed before. @param client `timeout` in seconds, default 20 */
export function websocketClientStart(
  client: { ref?: number | undefined; timeout?: number | undefined } & WebsocketClientOptions,
): Promise<WebsocketClientStatus> {
  return surface.clientStart(client);
}

/** Websocket server stop. @returns the configuration, when all connections are closed; `{}` for an unknown ref */
export function websocketServerStop(
  server: { ref?: number | undefined } & WebsocketMethodOptions,
): Promise<Partial<WebsocketServer>> {
  return surface.serverStop(server);
}

/** Websocket client stop. @returns the configuration, when it is closed; `{}` for an unknown ref */
export function websocketClientStop(
  client: { ref?: number | undefined } & WebsocketClientOptions,
): Promise<Partial<WebsocketClient>> {
  return surface.clientStop(client);
}

/**
 * Websocket server send: to all connections, or to those whose numbers are in `clients`, in its order.
 * @param data UTF-8, sent as a text message; with `binary: true` any bytes, sent as a binary one
 * @returns a status for each, at once
 */
export function websocketServerSend(
  server: {
    ref?: number | undefined;
    clients?: readonly number[] | null | undefined;
    binary?: boolean | undefined;
  } & WebsocketMethodOptions,
  data: Uint8Array,
): WebsocketServerSendStatus[] {
  return surface.serverSend(server, data);
}

/** Websocket client send. @param data as of `websocketServerSend` @returns at once; `{}` for an unknown ref */
export function websocketClientSend(
  client: { ref?: number | undefined; binary?: boolean | undefined } & WebsocketClientOptions,
  data: Uint8Array,
): Partial<SendStatus> {
  return surface.clientSend(client, data);
}

/** Websocket server clear: stops and forgets it. @returns `{}`, when it is closed */
export function websocketServerClear(server: { ref?: number | undefined }): Promise<Record<string, never>> {
  return surface.serverClear(server);
}

/** Websocket client clear: stops and forgets it. @returns `{}`, when it is closed */
export function websocketClientClear(client: { ref?: number | undefined }): Promise<Record<string, never>> {
  return surface.clientClear(client);
}

/** Websocket server clients: the numbers of the connections, ascending. */
export function websocketServerClients(server: { ref?: number | undefined }): number[] {
  return surface.serverClients(server);
}

/** Websocket server messages: the events of this server that wait in the queue; they stay there. */
export function websocketServerMessages(server: { ref?: number | undefined }): WebsocketWaitingEvent[] {
  return surface.serverMessages(server);
}

/** Websocket client messages: the same of a client. */
export function websocketClientMessages(client: { ref?: number | undefined }): WebsocketWaitingEvent[] {
  return surface.clientMessages(client);
}

/** Stops and forgets all clients and servers; what waits in the queue is dropped. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
