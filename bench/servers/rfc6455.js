/**
 * Our server for the bench, with its defaults but for the largest message. Text comes as strings and is encoded again, as an
 * application would have it. The path says what a connection is for.
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
