/**
 * The request of an opening handshake together with the socket that it came on: what an application may ask besides what RFC 6455
 * §4.2.1 says about a request.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { fieldsOf, UpgradeRequest } from '../handshake/upgrade-request.ts';

/** A valid request from an allowed origin, and its socket. The library drops it once it is answered, see `keepRequest`. */
export class ServerRequest extends UpgradeRequest {
  /** The request of node:http, on an attached server and in `handleUpgrade`; null on a listener of its own. */
  readonly raw: IncomingMessage | null;
  /** The net or TLS socket, or whatever `handleUpgrade` was given. Neither read nor write it: it is the connection's. */
  readonly socket: Duplex;

  constructor(request: UpgradeRequest, socket: Duplex, raw: IncomingMessage | null) {
    super(request, fieldsOf(request), request);
    this.socket = socket;
    this.raw = raw;
  }

  /**
   * The client's certificate with mutual TLS (`requestCert: true`); null without one, and if it could not be verified against
   * the authorities that the server trusts.
   */
  get peerCertificate(): PeerCertificate | null {
    const socket = this.socket as Partial<TLSSocket>;
    if (socket.authorized !== true || typeof socket.getPeerCertificate !== 'function') return null;
    const certificate = socket.getPeerCertificate();
    return Object.keys(certificate).length === 0 ? null : certificate;
  }
}
