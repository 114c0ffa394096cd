/** Our echo server with permessage-deflate for the bench. Arguments can disable context takeover and the memory budget. */
import { CompressionBudget, WebSocketServer } from 'rfc6455';
import { serve } from './serve.js';

const noContext = process.argv.includes('no-context');
const server = new WebSocketServer(
  {
    message(connection, message) {
      connection.send(message);
    },
  },
  {
    origins: 'any',
    compression: {
      threshold: 0,
      serverNoContextTakeover: noContext,
      clientNoContextTakeover: noContext,
      ...(process.argv.includes('no-budget')
        ? { budget: new CompressionBudget(Number.POSITIVE_INFINITY) }
        : null),
    },
  },
);
serve((await server.listen()).port);
