/**
 * Exports the browser's own classes, such as `WebSocket`. On a web page, rfc6455/websocket exports them. A page cannot open TCP
 * connections, so the classes of this library cannot work there.
 */

const browser = globalThis as unknown as Readonly<Record<string, unknown>>;

export const WebSocket: unknown = browser.WebSocket;
export const CloseEvent: unknown = browser.CloseEvent;
export const ErrorEvent: unknown = browser.ErrorEvent;
/** Undefined if the browser does not have this class. */
export const WebSocketStream: unknown = browser.WebSocketStream;
/** Undefined if the browser does not have this class. */
export const WebSocketError: unknown = browser.WebSocketError;
