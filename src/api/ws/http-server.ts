/** The HTTP server of a `WebSocketServer` that was given a port, and the defaults of its options. RFC 6455 §4.2 is upgrade.ts. */

import { createServer, type Server as HttpServer, STATUS_CODES } from 'node:http';
import type { ServerOptions } from './server-options.ts';

/** What holds for an absent option. */
export const defaults: ServerOptions = {
  allowSynchronousEvents: true,
  autoPong: true,
  backlog: null,
  clientTracking: true,
  handleProtocols: null,
  host: null,
  noServer: false,
  path: null,
  perMessageDeflate: false,
  port: null,
  server: null,
  verifyClient: null,
};

/** An HTTP server that has nothing but WebSockets. */
export function listen({ port, host, backlog }: ServerOptions, listening?: () => void): HttpServer {
  const server = createServer((_request, response) => {
    const body = STATUS_CODES[426] ?? '';
    response.writeHead(426, {
      'Content-Type': 'text/plain',
      'Content-Length': body.length,
      Upgrade: 'websocket',
    });
    response.end(body);
  });
  return server.listen(port ?? 0, host as string, backlog as number, listening);
}
