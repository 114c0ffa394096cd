/**
 * Exports the classes of the browser under the names of `rfc6455/websocket`. The condition `browser` in package.json names this file. So a
 * bundler for browsers uses this file instead of websocket.ts, and the same program runs in Node.js and in a page. The types come from
 * websocket.ts.
 */

export {
  CloseEvent,
  ErrorEvent,
  WebSocket,
  WebSocketError,
  WebSocketStream,
} from './api/whatwg/browser-classes.ts';
