/** A server in a process of its own, to be killed: echoes on the port that it is given. */
import { WebSocketServer } from 'rfc6455';

const server = new WebSocketServer({
  message: (connection, message) => void connection.send(message),
});
await server.listen({ port: Number(process.argv[2]) });
process.send?.('listening');
