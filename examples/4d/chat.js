/**
 * The chat from 4D's documentation of WebSocketServer, translated line by line, and a web page for the chat. docs/4d.md shows the 4D code
 * next to this code. For wss, set CERTIFICATES to a folder with cert.pem and key.pem.
 *
 *     node examples/4d/chat.js
 */
import { fileURLToPath } from 'node:url';
import { WebSocketServer, webServer } from 'rfc6455/4d';

/** @typedef {import('rfc6455/4d').WebSocketConnection} WebSocketConnection */

const allowed = (process.env.ALLOWED ?? '127.0.0.1 ::1').split(' ');

// The VerifyAddress method validates the client address
/** @param {string} address */
const verifyAddress = (address) => allowed.includes(address);

/** @param {string} line */
const logFile = (line) => console.log(line);

// myWSServerHandler class
class MyWSServerHandler {
  /**
   * @param {WebSocketServer} _wss
   * @param {import('rfc6455/4d').ConnectionEvent} event
   */
  onConnection(_wss, event) {
    if (verifyAddress(event.request.remoteAddress)) {
      // The returned connectionHandler object will be used
      // to instantiate the WebSocketConnection object
      // related to this connection
      return new MyConnectionHandler();
      // See connectionHandler object
    } else {
      // The connection is cancelled
      return null;
    }
  }

  onOpen() {
    logFile('*** Server started');
  }

  onTerminate() {
    logFile('*** Server closed');
  }

  /**
   * @param {WebSocketServer} _wss
   * @param {import('rfc6455/4d').ErrorEvent} event
   */
  onError(_wss, event) {
    logFile(`!!! Server error: ${event.errors[0]?.message}`);
  }
}

// myConnectionHandler Class
class MyConnectionHandler {
  /**
   * @param {WebSocketConnection} ws
   * @param {import('rfc6455/4d').MessageEvent} message
   */
  onMessage(ws, message) {
    // Resend the message to all chat clients
    this.broadcast(ws, message.data);
  }

  /** @param {WebSocketConnection} ws */
  onOpen(ws) {
    // Send a message to new connected users
    ws.send('Welcome on the chat!');
    // Send "New client connected" message to all other chat clients
    this.broadcast(ws, 'New client connected');
  }

  /** @param {WebSocketConnection} ws */
  onTerminate(ws) {
    // Send "Client disconnected" message to all other chat clients
    this.broadcast(ws, 'Client disconnected');
  }

  /**
   * @param {WebSocketConnection} ws
   * @param {string} message
   */
  broadcast(ws, message) {
    // Resend the message to all chat clients
    for (const client of ws.wss.connections) {
      // Check that the id is not the current connection
      if (client.id !== ws.id) {
        client.send(message);
      }
    }
  }
}

const { CERTIFICATES, PORT = '8080' } = process.env;
await webServer.start({
  port: Number(PORT),
  rootFolder: fileURLToPath(new URL('page', import.meta.url)),
  ...(CERTIFICATES === undefined ? null : { certificateFolder: CERTIFICATES }),
});
// Only the page of this web server may connect. Without this option, a page of any origin may connect, as in 4D.
WebSocketServer.new(new MyWSServerHandler(), { origins: 'same-origin' });
const scheme = CERTIFICATES === undefined ? 'http' : 'https';
console.log(`listening on ${scheme}://${webServer.host}:${webServer.port}/`);

// Stopping the web server also terminates its WebSocket server.
process.once('SIGINT', () => webServer.stop());
