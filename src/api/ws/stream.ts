/**
 * Implements `createWebSocketStream`. This function makes a Duplex of node:stream from a WebSocket with the API of `ws`. Each chunk that
 * the application writes becomes a message. Each received message becomes a chunk. If the application reads slowly, the connection stops
 * reading from the socket. If the peer reads slowly, the application's writes wait. RFC 6455 leaves flow control to TCP.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import type { WebSocket } from './websocket.ts';

const { CONNECTING, CLOSED } = { CONNECTING: 0, CLOSED: 3 };

/**
 * Makes a Duplex from a WebSocket, which may still be connecting. `end` of the Duplex closes the connection, and `destroy` drops it.
 * @param options the options of the Duplex. With `readableObjectMode: true`, text messages are read as strings
 */
export function createWebSocketStream(webSocket: WebSocket, options: DuplexOptions = {}): Duplex {
  // False after an error has ended the connection. `destroy` then has no connection to drop.
  let dropsConnection = true;
  const duplex = new Duplex({
    ...options,
    objectMode: false,
    writableObjectMode: false,
    read: () => {
      if (webSocket.isPaused) webSocket.resume();
    },
    write: (chunk, _encoding, callback) => {
      whenOpen(webSocket, () => {
        try {
          webSocket.send(chunk, callback);
        } catch (error) {
          callback(error as Error);
        }
      });
    },
    final: (callback) => {
      whenOpen(webSocket, () => {
        // The connection was never opened. So the WebSocket will emit 'error', and this error destroys the stream.
        if (webSocket._socket === null) return;
        if (webSocket.readyState === CLOSED) {
          callback();
          return;
        }
        webSocket.once('close', () => callback());
        webSocket.close();
      });
    },
    destroy: (error, callback) => {
      if (webSocket.readyState === CLOSED) {
        callback(error);
        return;
      }
      // If the WebSocket emits 'error' before 'close', this error explains why the connection ended. So it replaces the argument `error`.
      let reason = error;
      const onError = (other: Error): void => {
        reason = other;
      };
      webSocket.once('error', onError);
      webSocket.once('close', () => callback(reason));
      if (dropsConnection) webSocket.terminate();
    },
  });
  readInto(webSocket, duplex);
  webSocket.once('error', (error) => {
    if (duplex.destroyed) return;
    dropsConnection = false;
    duplex.destroy(error);
  });
  return duplex;
}

/** Passes each message to the stream as a chunk. Ends the stream when the connection has ended. */
function readInto(webSocket: WebSocket, duplex: Duplex): void {
  webSocket.on('message', (message, isBinary) => {
    const data = !isBinary && duplex.readableObjectMode ? message.toString() : message;
    if (!duplex.push(data)) webSocket.pause();
  });
  webSocket.once('close', () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  // After both directions have ended, the stream is destroyed immediately. Node.js would destroy it later.
  duplex.on('end', () => {
    if (!duplex.destroyed && duplex.writableFinished) duplex.destroy();
  });
}

function whenOpen(webSocket: WebSocket, then: () => void): void {
  if (webSocket.readyState === CONNECTING) webSocket.once('open', then);
  else then();
}
