/** The commands of the IX WebSocket plugin, version 2, as the functions that programs call. They use one surface, see v2.ts. */

import { bytesOf, type Sendable } from './arguments.ts';
import type { SendStatus } from './engine-events.ts';
import type { PluginEvents } from './event-queue.ts';
import { V2Surface } from './v2.ts';
import type {
  SetMethodOptions,
  WebsocketClientInfo,
  WebsocketClientOptions,
  WebsocketClientStart,
  WebsocketClientStatus,
  WebsocketClientStop,
  WebsocketMethod,
  WebsocketServerInfo,
  WebsocketServerOptions,
  WebsocketServerSend,
  WebsocketServerSendStatus,
  WebsocketServerStatus,
} from './v2-types.ts';

const surface: V2Surface = new V2Surface();

/** The queue that calls the callback: its limits, and the functions that are called for errors and dropped events. */
export const events: PluginEvents = surface.events;

/**
 * Websocket SET METHOD: sets the one callback for all clients and servers. It is called with `(type, id, message)`.
 * @param method a function, or a name that is looked up in `methods` for each event. '' drops events
 */
export function websocketSetMethod(method: string | WebsocketMethod, options?: SetMethodOptions): void {
  surface.setMethod(method, options);
}

/** Websocket Get method: returns the method that was set, or '' if no method was set. */
export function websocketGetMethod(): string | WebsocketMethod {
  return surface.getMethod();
}

/** Options without an `id`. The command creates a client or a server for them. */
type New<Options> = Omit<Options, 'id'> & { readonly id?: never };

/**
 * Websocket client: creates a client, and writes its `id` into the options. If the options have an `id`, returns information about that
 * client.
 * @returns `{ id }` or the information; `{}` for a value that is not an object, and for an unknown id
 */
export function websocketClient(options: New<WebsocketClientOptions>): { id: number };
export function websocketClient(
  options?: WebsocketClientOptions | null,
): WebsocketClientInfo & { id?: number };
export function websocketClient(
  options?: WebsocketClientOptions | null,
): WebsocketClientInfo & { id?: number } {
  return surface.client(options);
}

/** Websocket client start: applies the options, and connects. Any option may be changed. Resolves when the opening handshake has ended. */
export function websocketClientStart(socket: WebsocketClientStart): Promise<WebsocketClientStatus> {
  return surface.clientStart(socket);
}

/** Websocket client stop: closes the connection, or aborts the attempt. When the client is closed, resolves with information about it. */
export function websocketClientStop(socket: WebsocketClientStop): Promise<WebsocketClientInfo> {
  return surface.clientStop(socket);
}

/** A value that need not be read before it is sent. */
type Ready = Exclude<Sendable, Blob>;

type ClientSendStatus = { success: boolean } & Partial<SendStatus>;

/**
 * Websocket client send: sends to the server.
 * @returns the status, at once. `success` means that the local stack took the message. For a `Blob`, returns a Promise: the Blob is read
 *   first, and messages that the program sends during this time leave before the Blob
 */
export function websocketClientSend(socket: {
  id?: number | undefined;
  message?: Ready | undefined;
}): ClientSendStatus;
export function websocketClientSend(socket: {
  id?: number | undefined;
  message: Blob;
}): Promise<ClientSendStatus>;
export function websocketClientSend(socket: {
  id?: number | undefined;
  message?: Sendable | undefined;
}): ClientSendStatus | Promise<ClientSendStatus> {
  const message = socket?.message;
  if (!(message instanceof Blob)) return surface.clientSend(socket);
  return bytesOf(message).then((bytes) => surface.clientSend({ ...socket, message: bytes }));
}

/** Websocket client clear: stops and forgets the client. Resolves when the client is closed. */
export function websocketClientClear(socket: { id?: number | undefined }): Promise<{ success: boolean }> {
  return surface.clientClear(socket);
}

/** Websocket server: does the same as `websocketClient`, for a server. */
export function websocketServer(options: New<WebsocketServerOptions>): { id: number };
export function websocketServer(
  options?: WebsocketServerOptions | null,
): WebsocketServerInfo & { id?: number };
export function websocketServer(
  options?: WebsocketServerOptions | null,
): WebsocketServerInfo & { id?: number } {
  return surface.server(options);
}

/** Websocket server start: applies the options that may still change, and listens. */
export function websocketServerStart(socket: WebsocketServerOptions): Promise<WebsocketServerStatus> {
  return surface.serverStart(socket);
}

/** Websocket server stop: closes all connections with 1000, and then the port. Resolves with information about the server. */
export function websocketServerStop(socket: { id?: number | undefined }): Promise<WebsocketServerInfo> {
  return surface.serverStop(socket);
}

/**
 * Websocket server send: sends to all connections, or to the connections with one of the targets.
 * @returns a status for each connection, at once. For a `Blob`, returns a Promise, as `websocketClientSend` does
 */
export function websocketServerSend(socket: WebsocketServerSend & { message?: Ready | undefined }): {
  statuses: WebsocketServerSendStatus[];
};
export function websocketServerSend(
  socket: WebsocketServerSend & { message: Blob },
): Promise<{ statuses: WebsocketServerSendStatus[] }>;
export function websocketServerSend(
  socket: WebsocketServerSend,
): { statuses: WebsocketServerSendStatus[] } | Promise<{ statuses: WebsocketServerSendStatus[] }> {
  const message = socket?.message;
  if (!(message instanceof Blob)) return surface.serverSend(socket);
  return bytesOf(message).then((bytes) => surface.serverSend({ ...socket, message: bytes }));
}

/** Websocket server clear: stops and forgets the server. */
export function websocketServerClear(socket: { id?: number | undefined }): Promise<{ success: boolean }> {
  return surface.serverClear(socket);
}

/** Stops and forgets all clients and servers. Forgets the method, and drops the events in the queue. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
