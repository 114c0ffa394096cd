/** The request of an opening handshake (RFC 6455 §4.2.1), together with its socket. */

import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { fieldsOf, UpgradeRequest } from '../handshake/upgrade-request.ts';
import type { Addressed } from './received-request.ts';

/**
 * A valid request from an allowed origin, and its socket. After the answer, the library drops its reference to the request, except if
 * `upgrade` returned `keepRequest: true`.
 */
export class ServerRequest extends UpgradeRequest {
  /**
   * The request of node:http, if the server is attached to an HTTP server or the application called `handleUpgrade`. Null if the server
   * itself listens on a port.
   */
  readonly raw: IncomingMessage | null;
  /**
   * The net or TLS socket, or the socket that was passed to `handleUpgrade`. The socket belongs to the connection, so do not read from it
   * or write to it.
   */
  readonly socket: Duplex;

  constructor(request: UpgradeRequest, socket: Duplex, raw: IncomingMessage | null) {
    super(request, fieldsOf(request), request);
    this.socket = socket;
    this.raw = raw;
  }

  /**
   * The client's certificate with mutual TLS (`requestCert: true`). Null if the client sent no certificate, or if the certificate could not
   * be verified with the authorities that the server trusts.
   */
  get peerCertificate(): PeerCertificate | null {
    const socket = this.socket as Partial<TLSSocket>;
    if (socket.authorized !== true || typeof socket.getPeerCertificate !== 'function') return null;
    const certificate = socket.getPeerCertificate();
    return Object.keys(certificate).length === 0 ? null : certificate;
  }
}

/**
 * Returns an object with the address of the client, for use after the request was freed. A socket of node:net or node:tls remembers an
 * address that was read once, so the result is the socket. For any other Duplex, the result is a copy of the address.
 */
export function endOf(request: ServerRequest): Addressed {
  const end: unknown = request.raw?.socket ?? request.socket;
  if (end instanceof Socket) return end;
  const { address, port } = request.remote;
  return { remoteAddress: address!, remotePort: port! };
}
