/**
 * One upgrade of node:http: its request in the form of handshake/, its socket to a handshake. RFC 6455 §4.2; the handshake itself
 * is upgrade.ts.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import type { HandshakeRequest } from '../handshake/server.ts';
import { answerUnavailable } from './lingering.ts';
import { isTaken, ServerHandshake, type UpgradeHost } from './upgrade.ts';

/** A request of node:http as handshake/ reads it. */
function toHandshakeRequest(request: IncomingMessage): HandshakeRequest {
  const { socket } = request;
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion,
    headers: request.rawHeaders,
    remote: {
      address: socket.remoteAddress,
      port: socket.remotePort,
      secure: 'encrypted' in socket && socket.encrypted === true,
    },
  };
}

/**
 * Takes over a socket from an 'upgrade' event.
 * @param head what the HTTP server had read behind the request: the first frames may be in it
 */
export function acceptUpgrade<Context>(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  host: UpgradeHost<Context>,
): void {
  if (isTaken(socket)) {
    // Two listeners of one 'upgrade' event. It is reported, not thrown: any peer can cause the event.
    const cause = new TypeError('the socket of this upgrade has been taken already');
    host.refused(refuse('WS_HANDSHAKE_HOOK_FAILED', { cause }), toHandshakeRequest(request));
    return;
  }
  if (!host.admit()) {
    answerUnavailable(socket);
    return;
  }
  // The HTTP server's idle timeout does not know about us.
  if (typeof request.socket.setTimeout === 'function') request.socket.setTimeout(0);
  new ServerHandshake(socket, host).receive(toHandshakeRequest(request), head);
}
