/**
 * Exports the classes of the browser under the names of `rfc6455/websocket`. A bundler for browsers takes this file instead of websocket.ts:
 * package.json names it under the condition `browser`. So the same program runs in Node.js and in a page. The types are those of
 * websocket.ts.
 */

export {
  CloseEvent,
  ErrorEvent,
  WebSocket,
  WebSocketError,
  WebSocketStream,
} from './api/whatwg/browser-classes.ts';
