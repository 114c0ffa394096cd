/** The commands of the IX WebSocket plugin, version 1, as the functions that programs call. They use one surface, see v1.ts. */

import { bytesOf, type Sendable } from './arguments.ts';
import type { SendStatus } from './engine-events.ts';
import type { PluginEvents } from './event-queue.ts';
import { V1Surface } from './v1.ts';
import type {
  WebsocketClient,
  WebsocketClientOptions,
  WebsocketClientStatus,
  WebsocketServer,
  WebsocketServerOptions,
  WebsocketServerSendStatus,
  WebsocketServerStatus,
  WebsocketWaitingEvent,
} from './v1-types.ts';

const surface: V1Surface = new V1Surface();

/** The queue that calls the callbacks: its limits, and the functions that are called for errors and dropped events. */
export const events: PluginEvents = surface.events;

/** Websocket server: creates one. @returns its configuration, with its `ref` */
export function websocketServer(options?: WebsocketServerOptions | null): WebsocketServer {
  return surface.server(options);
}

/** Websocket client: creates one. @returns its configuration, with its `ref` */
export function websocketClient(options?: WebsocketClientOptions | null): WebsocketClient {
  return surface.client(options);
}

/**
 * Websocket server start: listens. `method`, `worker`, `window` and `process` may be changed; while it is stopped, `port`, `host`,
 * `backlog` and `maxConnections` too.
 */
export function websocketServerStart(
  server: { ref?: number | undefined } & WebsocketServerOptions,
): Promise<WebsocketServerStatus> {
  return surface.serverStart(server);
}

/**
 * Websocket client start: connects, after applying the options, any of which may be changed. @param client `timeout` in seconds, default 20
 */
export function websocketClientStart(
  client: { ref?: number | undefined; timeout?: number | undefined } & WebsocketClientOptions,
): Promise<WebsocketClientStatus> {
  return surface.clientStart(client);
}

/** Websocket server stop. @returns the configuration, when all connections are closed; `{}` for an unknown ref */
export function websocketServerStop(
  server: { ref?: number | undefined } & WebsocketServerOptions,
): Promise<Partial<WebsocketServer>> {
  return surface.serverStop(server);
}

/** Websocket client stop. @returns the configuration, when it is closed; `{}` for an unknown ref */
export function websocketClientStop(
  client: { ref?: number | undefined } & WebsocketClientOptions,
): Promise<Partial<WebsocketClient>> {
  return surface.clientStop(client);
}

/** A value that can be sent at once, without being read first. */
type Ready = Exclude<Sendable, Blob>;

interface ServerTarget extends WebsocketServerOptions {
  ref?: number | undefined;
  clients?: readonly number[] | null | undefined;
  binary?: boolean | undefined;
}

interface ClientTarget extends WebsocketClientOptions {
  ref?: number | undefined;
  binary?: boolean | undefined;
}

/**
 * Websocket server send: to all connections, or to those whose numbers are in `clients`, in that order.
 * @param data a string or its bytes in UTF-8, sent as a text message; with `binary: true` any bytes, sent as a binary message
 * @returns a status for each connection, at once. For a `Blob` it returns a Promise: the Blob is read first, and messages that are sent
 *   meanwhile leave before it
 */
export function websocketServerSend(server: ServerTarget, data: Ready): WebsocketServerSendStatus[];
export function websocketServerSend(server: ServerTarget, data: Blob): Promise<WebsocketServerSendStatus[]>;
export function websocketServerSend(
  server: ServerTarget,
  data: Sendable,
): WebsocketServerSendStatus[] | Promise<WebsocketServerSendStatus[]> {
  if (!(data instanceof Blob)) return surface.serverSend(server, data);
  return bytesOf(data).then((bytes) => surface.serverSend(server, bytes));
}

/**
 * Websocket client send. @param data as for `websocketServerSend` @returns the status, or a Promise, as that does; `{}` for an unknown ref
 */
export function websocketClientSend(client: ClientTarget, data: Ready): Partial<SendStatus>;
export function websocketClientSend(client: ClientTarget, data: Blob): Promise<Partial<SendStatus>>;
export function websocketClientSend(
  client: ClientTarget,
  data: Sendable,
): Partial<SendStatus> | Promise<Partial<SendStatus>> {
  if (!(data instanceof Blob)) return surface.clientSend(client, data);
  return bytesOf(data).then((bytes) => surface.clientSend(client, bytes));
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

/** Websocket client messages: the events of this client that wait in the queue; they stay there. */
export function websocketClientMessages(client: { ref?: number | undefined }): WebsocketWaitingEvent[] {
  return surface.clientMessages(client);
}

/** Stops and forgets all clients and servers; the events in the queue are dropped. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
