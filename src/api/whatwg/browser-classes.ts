/**
 * The browser's own classes, which rfc6455/websocket exports in a page. A page cannot open TCP connections, so our classes cannot work
 * there.
 */

const browser = globalThis as unknown as Readonly<Record<string, unknown>>;

export const WebSocket: unknown = browser.WebSocket;
export const CloseEvent: unknown = browser.CloseEvent;
export const ErrorEvent: unknown = browser.ErrorEvent;
/** Undefined in a browser that does not have it. */
export const WebSocketStream: unknown = browser.WebSocketStream;
/** Undefined in a browser that does not have it. */
export const WebSocketError: unknown = browser.WebSocketError;
