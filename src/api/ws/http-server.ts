/**
 * Starts the HTTP server of a `WebSocketServer` with the option `port`. Also defines the defaults of the options. upgrade.ts implements the
 * opening handshake (RFC 6455 §4.2).
 */

import { createServer, type Server as HttpServer, STATUS_CODES } from 'node:http';
import type { ServerOptions } from './server-options.ts';

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

/** Starts an HTTP server that serves only WebSockets. It answers any other request with 426 (Upgrade Required). */
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
