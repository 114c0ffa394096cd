/**
 * The browser's own classes. In a page, rfc6455/websocket exports them: a page cannot open a TCP connection, and does not need another
 * class.
 */

const browser = globalThis as unknown as Readonly<Record<string, unknown>>;

export const WebSocket: unknown = browser.WebSocket;
export const CloseEvent: unknown = browser.CloseEvent;
export const ErrorEvent: unknown = browser.ErrorEvent;
/** Undefined in a browser that does not have it. */
export const WebSocketStream: unknown = browser.WebSocketStream;
/** Undefined in a browser that does not have it. */
export const WebSocketError: unknown = browser.WebSocketError;
