/**
 * `createWebSocketStream`: a WebSocket of this surface as a Duplex of node:stream. Each chunk is a message in either direction; what the
 * reader does not take stops the connection from reading, what the peer does not take stops the writer (RFC 6455 leaves both to TCP).
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import type { WebSocket } from './websocket.ts';

const { CONNECTING, CLOSED } = { CONNECTING: 0, CLOSED: 3 };

/**
 * A Duplex over a WebSocket, which need not be open yet. Its end closes the connection, `destroy` drops it.
 * @param options of the Duplex. With `readableObjectMode` text messages are read as strings
 */
export function createWebSocketStream(webSocket: WebSocket, options: DuplexOptions = {}): Duplex {
  // An error of the connection has ended it already.
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
        // Never opened: its error comes.
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
      // What goes wrong meanwhile is the reason, and comes first.
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

/** Messages become chunks, and the end of the connection the end of the stream. */
function readInto(webSocket: WebSocket, duplex: Duplex): void {
  webSocket.on('message', (message, isBinary) => {
    const data = !isBinary && duplex.readableObjectMode ? message.toString() : message;
    if (!duplex.push(data)) webSocket.pause();
  });
  webSocket.once('close', () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  // Both ends have been reached: sooner than the stream would find out.
  duplex.on('end', () => {
    if (!duplex.destroyed && duplex.writableFinished) duplex.destroy();
  });
}

function whenOpen(webSocket: WebSocket, then: () => void): void {
  if (webSocket.readyState === CONNECTING) webSocket.once('open', then);
  else then();
}
