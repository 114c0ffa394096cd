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
 * Websocket SET METHOD: the one callback for all clients and servers, called with `(type, id, message)`.
 * @param method a function; or a name, which is looked up in `methods` for each event; '' drops events
 */
export function websocketSetMethod(method: string | WebsocketMethod, options?: SetMethodOptions): void {
  surface.setMethod(method, options);
}

/** Websocket Get method: the method that was set, '' if no method was set. */
export function websocketGetMethod(): string | WebsocketMethod {
  return surface.getMethod();
}

/** Options without an `id`: the command creates a client or a server for them. */
type New<Options> = Omit<Options, 'id'> & { readonly id?: never };

/**
 * Websocket client: creates one, and writes its `id` into the options; with an `id` in the options, information about it.
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

/**
 * Websocket client start: connects, after applying the options, any of which may be changed. Resolves when the opening handshake has ended.
 */
export function websocketClientStart(socket: WebsocketClientStart): Promise<WebsocketClientStatus> {
  return surface.clientStart(socket);
}

/** Websocket client stop: closes the connection, or aborts the attempt. Resolves with information when it is closed. */
export function websocketClientStop(socket: WebsocketClientStop): Promise<WebsocketClientInfo> {
  return surface.clientStop(socket);
}

/** A value that can be sent at once, without being read first. */
type Ready = Exclude<Sendable, Blob>;

type ClientSendStatus = { success: boolean } & Partial<SendStatus>;

/**
 * Websocket client send. @returns the status, at once; `success` means that the local stack took the message. For a `Blob` it returns a
 * Promise: the Blob is read first, and messages that are sent meanwhile leave before it
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

/** Websocket client clear: stops and forgets it. Resolves when it is closed. */
export function websocketClientClear(socket: { id?: number | undefined }): Promise<{ success: boolean }> {
  return surface.clientClear(socket);
}

/** Websocket server: the same as `websocketClient`, for a server. */
export function websocketServer(options: New<WebsocketServerOptions>): { id: number };
export function websocketServer(
  options?: WebsocketServerOptions | null,
): WebsocketServerInfo & { id?: number };
export function websocketServer(
  options?: WebsocketServerOptions | null,
): WebsocketServerInfo & { id?: number } {
  return surface.server(options);
}

/** Websocket server start: listens, after applying the options that may still change. */
export function websocketServerStart(socket: WebsocketServerOptions): Promise<WebsocketServerStatus> {
  return surface.serverStart(socket);
}

/** Websocket server stop: closes all connections with 1000, then the port. Resolves with information. */
export function websocketServerStop(socket: { id?: number | undefined }): Promise<WebsocketServerInfo> {
  return surface.serverStop(socket);
}

/**
 * Websocket server send: to all connections, or to those with one of the targets. @returns a status for each connection, at once; for a
 * `Blob` a Promise, as `websocketClientSend` does
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

/** Websocket server clear: stops and forgets it. */
export function websocketServerClear(socket: { id?: number | undefined }): Promise<{ success: boolean }> {
  return surface.serverClear(socket);
}

/** Stops and forgets all clients and servers, and the method; the events in the queue are dropped. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
