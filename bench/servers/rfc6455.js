/** Echo server of ours for the bench: text comes as strings and is encoded again, as an application would have it. */
import { WebSocketServer } from 'rfc6455';
import { serve } from './serve.js';

const server = new WebSocketServer(
  {
    message(connection, message) {
      connection.send(message);
    },
  },
  { maxMessageSize: 64 * 1024 * 1024, origins: 'any' },
);
serve((await server.listen()).port);
