/**
 * Our server for the bench. All options are defaults, except for the limit of the message size. It receives text as strings and encodes the
 * strings again, as an application does. The path of the request selects the kind of traffic.
 */
import { WebSocketServer } from 'rfc6455';
import { certificate, countReceived, serve } from './serve.js';

const server = new WebSocketServer(
  {
    upgrade: ({ path }) => ({ data: path }),
    message(connection, message) {
      if (connection.data === '/') {
        connection.send(message);
      } else if (connection.data === '/sink') {
        countReceived();
      } else if (connection.data === '/ask') {
        const { size, count } = JSON.parse(String(message));
        const text = 'x'.repeat(size);
        for (let index = 0; index < count; index++) server.broadcast(text, connection);
      }
    },
  },
  { maxMessageSize: 64 * 1024 * 1024, maxConnections: Number.POSITIVE_INFINITY, origins: 'any' },
);
const { port } = await server.listen();
const { port: securePort } = await server.listen({ tls: certificate() });
serve(port, securePort);
