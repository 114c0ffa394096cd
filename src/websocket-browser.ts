/**
 * Exports the classes of the browser under the names of `rfc6455/websocket`. package.json names this file under the condition `browser`: a
 * bundler for browsers takes it instead of websocket.ts. So the same program runs in Node.js and in a page. The types are those of
 * websocket.ts.
 */

export {
  CloseEvent,
  ErrorEvent,
  WebSocket,
  WebSocketError,
  WebSocketStream,
} from './api/whatwg/browser-classes.ts';
