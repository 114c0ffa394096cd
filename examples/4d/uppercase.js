/**
 * The upper-case server from 4D's documentation of WebSocketServer, translated line by line. docs/4d.md shows the 4D code next to this
 * code.
 *
 *     node examples/4d/uppercase.js
 *     npx rfc6455 connect ws://127.0.0.1:8080/
 */
import { WebSocketServer, webServer } from 'rfc6455/4d';

// myServerHandler class
class MyServerHandler {
  onConnection() {
    // returns an instance of the user class
    // that will handle the messages
    return new MyConnectionHandler();
  }
}

// myConnectionHandler class
class MyConnectionHandler {
  /**
   * @param {import('rfc6455/4d').WebSocketConnection} ws
   * @param {import('rfc6455/4d').MessageEvent} message
   */
  onMessage(ws, message) {
    // resends the message in uppercase
    ws.send(message.data.toUpperCase());
  }
}

// The 4D Web Server must be started.
await webServer.start({ port: Number(process.env.PORT ?? 8080) });

// create an instance of the user class
// that will handle the connections to the server
const handler = new MyServerHandler();
const wss = WebSocketServer.new(handler);
console.log(`listening on ws://${webServer.host}:${webServer.port}/`);

// assign a variable (wss) to the WebSocket allows you
// to call wss.terminate() afterwards
process.once('SIGINT', async () => {
  await wss.terminate();
  await webServer.stop();
});
