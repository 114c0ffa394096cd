/**
 * Defines the callbacks of the 4D API and their events. The names and members come from 4D's pages WebSocketServer, WebSocketConnection and
 * WebSocket. In each callback, `this` is the handler. Every callback may return a Promise, and the next callback waits until that Promise
 * has settled. The first argument of a callback is an object of a class in server.ts or client.ts.
 */

import type { DataOf, DataType } from './data.ts';
import type { FourDError } from './error.ts';
import type { ConnectionRequest } from './request.ts';

/** The event that `onConnection` of a server receives. 4D: WebSocketServer, `WSHandler.onConnection`. */
export interface ConnectionEvent {
  readonly type: 'connection';
  readonly request: ConnectionRequest;
}

/** The event that `onOpen` receives. 4D: WebSocketServer, `WSHandler.onOpen`, `connectionHandler.onOpen`; WebSocket, `onOpen`. */
export interface OpenEvent {
  readonly type: 'open';
}

/** The event that `onMessage` receives. 4D: WebSocketServer, `connectionHandler.onMessage`; WebSocket, `onMessage`. */
export interface MessageEvent<T extends DataType = 'text'> {
  readonly type: 'message';
  /**
   * The type depends on the dataType: a string for "text", a Buffer for "blob", and any JSON value for "object". The application may keep
   * the Buffer.
   */
  readonly data: DataOf[T];
}

/** The event that `onError` receives. 4D: WebSocketServer, `WSHandler.onError`, `connectionHandler.onError`; WebSocket, `onError`. */
export interface ErrorEvent {
  readonly type: 'error';
  /** At least one error. */
  readonly errors: readonly FourDError[];
}

/** The event that `onTerminate` of a server receives. 4D: WebSocketServer, `WSHandler.onTerminate`. */
export interface ServerTerminateEvent {
  readonly type: 'terminate';
}

/** The event that `onTerminate` of a connection receives. 4D: WebSocketServer, `connectionHandler.onTerminate`. */
export interface TerminateEvent {
  readonly type: 'terminate';
  /** The peer's close code. It is 1005 if the peer's Close frame had no code, and 1006 if the peer sent no Close frame. */
  readonly code: number;
  /** The reason in the peer's Close frame; undefined if the frame had no reason. */
  readonly reason: string | undefined;
}

/** The event that `onTerminate` of a client receives. 4D: WebSocket, `onTerminate`. */
export interface ClientTerminateEvent extends TerminateEvent {
  /** True if both sides sent a Close frame. In 4D, only the first release of the class had this member. */
  readonly wasClean: boolean;
}

/** The result of a callback: nothing, or a Promise that the library waits for. */
export type Done = void | PromiseLike<void>;

/** The callbacks of a server. */
export interface ServerCallbacks<Server, Handler> {
  /**
   * Is called when a client requests a connection. To accept the client, return the handler of the connection. If the callback returns null
   * or nothing, the client gets HTTP 403. If the callback throws, the client gets HTTP 500. With the option `cancel: 'close'`, the client
   * gets a Close frame instead.
   */
  onConnection(
    wss: Server,
    event: ConnectionEvent,
  ):
    | Handler
    | null
    | undefined
    | void
    // biome-ignore lint/suspicious/noConfusingVoidType: as in 4D, a function without a return statement refuses the client.
    | PromiseLike<Handler | null | undefined | void>;
  /** Is called after the server has started, and after the code that created it has returned. */
  onOpen?(wss: Server, event: OpenEvent): Done;
  /** Is called when the server is closed, because `terminate` was called or because the web server stopped. */
  onTerminate?(wss: Server, event: ServerTerminateEvent): Done;
  /** Is called when a callback of this handler threw, or when the web server failed. */
  onError?(wss: Server, event: ErrorEvent): Done;
}

/** The callbacks of a server's connection. */
export interface ConnectionCallbacks<T extends DataType, Connection> {
  onMessage(ws: Connection, event: MessageEvent<T>): Done;
  /** Is called when the connection is open. From this call on, the application may send. */
  onOpen?(ws: Connection, event: OpenEvent): Done;
  /**
   * Is called when the connection is closed. At that time `ws.status` is "Closed", and `wss.connections` no longer contains the connection.
   */
  onTerminate?(ws: Connection, event: TerminateEvent): Done;
  /** Is called when a callback of this handler threw, a message could not be converted to the dataType, or the connection failed. */
  onError?(ws: Connection, event: ErrorEvent): Done;
}

/** The callbacks of a client, and the options for its connection. */
export interface ClientCallbacks<T extends DataType, Client> {
  onMessage?(ws: Client, event: MessageEvent<T>): Done;
  onOpen?(ws: Client, event: OpenEvent): Done;
  /**
   * Is called when the connection has ended or could not be opened. If it could not be opened, the code is 1006. No other callback is
   * called after `onTerminate`.
   */
  onTerminate?(ws: Client, event: ClientTerminateEvent): Done;
  onError?(ws: Client, event: ErrorEvent): Done;
  /** The type of the data that `onMessage` receives. @default "text" */
  readonly dataType?: T | undefined;
  /** Additional header fields for the request. If the value is an array, the field is sent once for each element. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
}
