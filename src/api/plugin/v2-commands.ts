/**
 * Exports the commands of the IX WebSocket plugin, version 2, as functions that programs call. All functions use the same `V2Surface` of
 * v2.ts. So a process has one set of clients and servers, and one event queue.
 */

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

/** The queue that calls the callback. A program can set the limits of the queue, and functions for errors and dropped events. */
export const events: PluginEvents = surface.events;

/**
 * The 4D command `Websocket SET METHOD`: sets the callback that all clients and servers share. The callback receives `(type, id, message)`.
 * @param method a function, or the name of a function in `methods`, which is looked up for each event. With '', all events are dropped
 */
export function websocketSetMethod(method: string | WebsocketMethod, options?: SetMethodOptions): void {
  surface.setMethod(method, options);
}

/** The 4D command `Websocket Get method`: returns the method that was set, or '' if no method was set. */
export function websocketGetMethod(): string | WebsocketMethod {
  return surface.getMethod();
}

/** Options without an `id`. With such options, a command creates a client or a server. */
type New<Options> = Omit<Options, 'id'> & { readonly id?: never };

/**
 * The 4D command `Websocket client`: creates a client, and writes the new `id` into the options. If the options already have an `id`, the
 * command returns information about that client.
 * @returns `{ id }` of a new client, or the information. `{}` for an unknown id, or if the options are not an object
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
 * The 4D command `Websocket client start`: applies the options, and connects. The argument may change any option except `unref`. The
 * Promise resolves after the opening handshake.
 */
export function websocketClientStart(socket: WebsocketClientStart): Promise<WebsocketClientStatus> {
  return surface.clientStart(socket);
}

/**
 * The 4D command `Websocket client stop`: closes the connection, or aborts the attempt to connect. After that, the Promise resolves with
 * information about the client.
 */
export function websocketClientStop(socket: WebsocketClientStop): Promise<WebsocketClientInfo> {
  return surface.clientStop(socket);
}

/** A value that can be sent immediately. A `Blob` is not such a value, because it has to be read first. */
type Ready = Exclude<Sendable, Blob>;

type ClientSendStatus = { success: boolean } & Partial<SendStatus>;

/**
 * The 4D command `Websocket client send`: sends to the server.
 * @returns the status. `success` means that the connection accepted the message. If the message is a `Blob`, returns a Promise, because the
 *   `Blob` has to be read first. Messages that the program sends meanwhile are sent before the `Blob`
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

/** The 4D command `Websocket client clear`: stops and forgets the client. The Promise resolves when the client is closed. */
export function websocketClientClear(socket: { id?: number | undefined }): Promise<{ success: boolean }> {
  return surface.clientClear(socket);
}

/**
 * The 4D command `Websocket server`: creates a server, and writes the new `id` into the options. If the options already have an `id`, the
 * command returns information about that server.
 */
export function websocketServer(options: New<WebsocketServerOptions>): { id: number };
export function websocketServer(
  options?: WebsocketServerOptions | null,
): WebsocketServerInfo & { id?: number };
export function websocketServer(
  options?: WebsocketServerOptions | null,
): WebsocketServerInfo & { id?: number } {
  return surface.server(options);
}

/**
 * The 4D command `Websocket server start`: applies the options, and begins to listen. The argument may change TLS, compression, `origins`
 * and limits.
 */
export function websocketServerStart(socket: WebsocketServerOptions): Promise<WebsocketServerStatus> {
  return surface.serverStart(socket);
}

/**
 * The 4D command `Websocket server stop`: stops listening, and closes all connections with 1000. The Promise then resolves with information
 * about the server.
 */
export function websocketServerStop(socket: { id?: number | undefined }): Promise<WebsocketServerInfo> {
  return surface.serverStop(socket);
}

/**
 * The 4D command `Websocket server send`: sends to all connections. With `uri` or `client`, sends only to the connections with these uris
 * or numbers.
 * @returns a status for each receiver. If the message is a `Blob`, returns a Promise, because the `Blob` has to be read first
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

/** The 4D command `Websocket server clear`: stops and forgets the server. The Promise resolves when the server is closed. */
export function websocketServerClear(socket: { id?: number | undefined }): Promise<{ success: boolean }> {
  return surface.serverClear(socket);
}

/** Stops and forgets all clients and servers. Drops the events in the queue, and forgets the method that would receive them. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
