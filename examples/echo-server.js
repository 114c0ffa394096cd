/**
 * The smallest useful server: it sends each message back.
 *
 *     node examples/echo-server.js          then run: node examples/client.js ws://127.0.0.1:8080/ hello
 */
import { WebSocketServer } from 'rfc6455';

const server = new WebSocketServer({
  message(connection, message) {
    // A string is sent as a text message, and a Buffer as a binary message.
    connection.send(message);
  },
});

const { address, port } = await server.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`listening on ws://${address}:${port}/`);

// `shutdown` sends a Close frame with code 1001 on each open connection. When all connections have ended, the process ends.
process.once('SIGINT', () => server.shutdown());
