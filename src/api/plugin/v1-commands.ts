/**
 * Exports the commands of the IX WebSocket plugin, version 1, as functions that programs call. All functions use the same `V1Surface` of
 * v1.ts. So a process has one set of clients and servers, and one event queue.
 */

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

/** The queue that calls the callbacks. A program can set the limits of the queue, and functions for errors and dropped events. */
export const events: PluginEvents = surface.events;

/** The 4D command `Websocket server`: creates a server. @returns the configuration of the server, which includes its `ref` */
export function websocketServer(options?: WebsocketServerOptions | null): WebsocketServer {
  return surface.server(options);
}

/** The 4D command `Websocket client`: creates a client. @returns the configuration of the client, which includes its `ref` */
export function websocketClient(options?: WebsocketClientOptions | null): WebsocketClient {
  return surface.client(options);
}

/**
 * The 4D command `Websocket server start`: begins to listen. The argument may change `method`, `worker`, `window`, `process` and
 * `contextAs`. While the server is stopped, the argument may also change `port`, `host`, `backlog` and `maxConnections`.
 */
export function websocketServerStart(
  server: { ref?: number | undefined } & WebsocketServerOptions,
): Promise<WebsocketServerStatus> {
  return surface.serverStart(server);
}

/**
 * The 4D command `Websocket client start`: applies the options, and connects. The argument may change any option except `unref`.
 * @param client `timeout` is in seconds. The default is 20
 */
export function websocketClientStart(
  client: { ref?: number | undefined; timeout?: number | undefined } & WebsocketClientOptions,
): Promise<WebsocketClientStatus> {
  return surface.clientStart(client);
}

/**
 * The 4D command `Websocket server stop`: closes the server. The Promise resolves when all connections are closed.
 * @returns the configuration; `{}` for an unknown ref
 */
export function websocketServerStop(
  server: { ref?: number | undefined } & WebsocketServerOptions,
): Promise<Partial<WebsocketServer>> {
  return surface.serverStop(server);
}

/**
 * The 4D command `Websocket client stop`: closes the connection. The Promise resolves when the connection is closed.
 * @returns the configuration; `{}` for an unknown ref
 */
export function websocketClientStop(
  client: { ref?: number | undefined } & WebsocketClientOptions,
): Promise<Partial<WebsocketClient>> {
  return surface.clientStop(client);
}

/** A value that can be sent immediately. A `Blob` is not such a value, because it has to be read first. */
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
 * The 4D command `Websocket server send`: sends to all connections. With `clients`, sends only to the connections with these numbers, in
 * this order.
 * @param data a string or UTF-8 bytes, which are sent as a text message. With `binary: true`, a string or any bytes are sent as a binary
 *   message
 * @returns a status for each connection. If `data` is a `Blob`, returns a Promise, because the `Blob` has to be read first. Messages that
 *   the program sends meanwhile are sent before the `Blob`
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
 * The 4D command `Websocket client send`: sends to the server.
 * @param data a string or UTF-8 bytes, which are sent as a text message. With `binary: true`, a string or any bytes are sent as a binary
 *   message
 * @returns the status; `{}` for an unknown ref. If `data` is a `Blob`, returns a Promise of the same value
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

/**
 * The 4D command `Websocket server clear`: stops and forgets the server. @returns a Promise of `{}`, which resolves when the server is
 * closed
 */
export function websocketServerClear(server: { ref?: number | undefined }): Promise<Record<string, never>> {
  return surface.serverClear(server);
}

/**
 * The 4D command `Websocket client clear`: stops and forgets the client. @returns a Promise of `{}`, which resolves when the client is
 * closed
 */
export function websocketClientClear(client: { ref?: number | undefined }): Promise<Record<string, never>> {
  return surface.clientClear(client);
}

/** The 4D command `Websocket server clients`: returns the numbers of the connections in ascending order. */
export function websocketServerClients(server: { ref?: number | undefined }): number[] {
  return surface.serverClients(server);
}

/** The 4D command `Websocket server messages`: returns the events of this server that wait in the queue. The events stay in the queue. */
export function websocketServerMessages(server: { ref?: number | undefined }): WebsocketWaitingEvent[] {
  return surface.serverMessages(server);
}

/** The 4D command `Websocket client messages`: returns the events of this client that wait in the queue. The events stay in the queue. */
export function websocketClientMessages(client: { ref?: number | undefined }): WebsocketWaitingEvent[] {
  return surface.clientMessages(client);
}

/** Stops and forgets all clients and servers. Drops the events in the queue. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
