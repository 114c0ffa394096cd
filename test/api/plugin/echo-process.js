/** An echo server in a child process. The parent passes the port and later kills the process. */
import { WebSocketServer } from 'rfc6455';

const server = new WebSocketServer({
  message: (connection, message) => void connection.send(message),
});
await server.listen({ port: Number(process.argv[2]) });
process.send?.('listening');
