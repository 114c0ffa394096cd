/**
 * The smallest useful server: what comes in goes out again.
 *
 *     node examples/echo-server.js          then: node examples/client.js ws://127.0.0.1:8080/ hello
 */
import { WebSocketServer } from 'rfc6455';

const server = new WebSocketServer({
  message(connection, message) {
    // A string goes out as a text message, a Buffer as a binary one.
    connection.send(message);
  },
});

const { address, port } = await server.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`listening on ws://${address}:${port}/`);

// Each open connection gets a Close frame with 1001; the process ends when the last one is gone.
process.once('SIGINT', () => server.shutdown());
