/**
 * The request of an opening handshake (RFC 6455 §4.2.1), together with the socket that it came on.
 */

import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { fieldsOf, UpgradeRequest } from '../handshake/upgrade-request.ts';
import type { Addressed } from './received-request.ts';

/** A valid request from an allowed origin, and its socket. The library drops a request once it is answered, see `keepRequest`. */
export class ServerRequest extends UpgradeRequest {
  /** The request of node:http, on an attached server and in `handleUpgrade`; null on our own listener. */
  readonly raw: IncomingMessage | null;
  /** The net or TLS socket, or the socket that was passed to `handleUpgrade`. Do not read or write it: the connection owns it. */
  readonly socket: Duplex;

  constructor(request: UpgradeRequest, socket: Duplex, raw: IncomingMessage | null) {
    super(request, fieldsOf(request), request);
    this.socket = socket;
    this.raw = raw;
  }

  /**
   * The client's certificate with mutual TLS (`requestCert: true`). Null if there is no certificate, or if it could not be verified against
   * the authorities that the server trusts.
   */
  get peerCertificate(): PeerCertificate | null {
    const socket = this.socket as Partial<TLSSocket>;
    if (socket.authorized !== true || typeof socket.getPeerCertificate !== 'function') return null;
    const certificate = socket.getPeerCertificate();
    return Object.keys(certificate).length === 0 ? null : certificate;
  }
}

/**
 * Returns an object that has the address of a request's other end, and does not keep the request in memory. A socket of node:net or node:tls
 * remembers an address that was read once, so this function returns the socket. For any other Duplex, it returns a copy of the address.
 */
export function endOf(request: ServerRequest): Addressed {
  const end: unknown = request.raw?.socket ?? request.socket;
  if (end instanceof Socket) return end;
  const { address, port } = request.remote;
  return { remoteAddress: address!, remotePort: port! };
}
