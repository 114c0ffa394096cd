/**
 * A client's opening handshake (RFC 6455 §4.1) in which node:http sends the request and reads the response. This client is for programs
 * that pass an http.Agent, or a function that makes the socket. The client of `connect` is in dial.ts. Both clients use the rules in
 * handshake/client.ts.
 */

import type { IncomingMessage } from 'node:http';
import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from 'node:net';
import tls, { type ConnectionOptions } from 'node:tls';
import type { DeflateCodec } from '../deflate/codec.ts';
import { verifyResponse } from '../handshake/client.ts';
import { type ExtensionOffer, formatExtensions } from '../handshake/extension.ts';
import { generateKey } from '../handshake/key.ts';
import { isToken } from '../handshake/token.ts';
import type { Compression, CompressionOffer } from './compression.ts';

/** The values on which client and server have agreed with a verified 101. */
export interface Negotiated {
  /** The subprotocol, or '' if no subprotocol was chosen. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
}

/** The header fields of one handshake request, and the check of its response. */
export class NodeRequest {
  readonly #key = generateKey();
  readonly #subprotocols: readonly string[];
  readonly #offer: CompressionOffer | null;

  /** @param subprotocols distinct tokens, see `areSubprotocols`. If there are any, the server has to choose one of them */
  constructor(subprotocols: readonly string[], compression: Compression | null) {
    this.#subprotocols = subprotocols;
    this.#offer = compression?.offer() ?? null;
  }

  get fields(): Record<string, string | number> {
    const offers = this.#offers;
    return {
      'Sec-WebSocket-Version': 13,
      'Sec-WebSocket-Key': this.#key,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      ...(offers.length === 0 ? null : { 'Sec-WebSocket-Extensions': formatExtensions(offers) }),
      ...(this.#subprotocols.length === 0
        ? null
        : { 'Sec-WebSocket-Protocol': this.#subprotocols.join(',') }),
    };
  }

  get hasOffers(): boolean {
    return this.#offers.length > 0;
  }

  /**
   * Checks a response with status 101.
   * @throws HandshakeError the errors of `verifyResponse`. Then the memory that was reserved for compression is released
   */
  verify({ statusCode, statusMessage, httpVersion, rawHeaders }: IncomingMessage): Negotiated {
    const head = {
      kind: 'response',
      status: statusCode ?? 0,
      statusText: statusMessage ?? '',
      httpVersion,
      headers: rawHeaders,
    } as const;
    const offer = this.#offer;
    try {
      const verified = verifyResponse(head, {
        key: this.#key,
        subprotocols: this.#subprotocols,
        requireSubprotocol: true,
        offers: this.#offers,
        ...(offer === null ? null : { confirm: (answers) => offer.confirm(answers) }),
      });
      const codec = offer === null ? null : offer.codec;
      // The server declined compression, so we release the memory that was reserved for compression.
      if (codec === null) this.abandon();
      return { ...verified, codec };
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Releases the memory that was reserved for compression. Call this if the connection is not established. Further calls do nothing. */
  abandon(): void {
    this.#offer?.abandon();
  }

  get #offers(): readonly ExtensionOffer[] {
    return this.#offer === null ? [] : this.#offer.offers;
  }
}

/** Returns whether a list of subprotocols may be offered: they must be distinct tokens (RFC 6455 §4.1 (10)). */
export function areSubprotocols(subprotocols: readonly unknown[]): subprotocols is readonly string[] {
  if (new Set(subprotocols).size < subprotocols.length) return false;
  return subprotocols.every((one) => typeof one === 'string' && isToken(one));
}

/**
 * Opens a TCP connection, or a connection to a Unix domain socket. No agent is used, so no agent can give the socket to another request.
 */
export function connectPlain(options: NetConnectOpts & { readonly socketPath?: string | undefined }): Socket {
  return connectTcp({ ...options, path: options.socketPath } as NetConnectOpts);
}

/**
 * Opens a TLS connection. No agent is used, so no agent can give the socket to another request. SNI and the check of the certificate use
 * `servername`. If `servername` is absent and `host` is a name, not an address, they use `host`.
 */
export function connectSecure(options: ConnectionOptions): Socket {
  // RFC 6066 §3: an IP address is not permitted in SNI.
  const { host = '', servername = isIP(host) === 0 ? host : '' } = options;
  // We call `connect` as a property of `tls`, because some programs replace this property.
  return tls.connect({ ...options, path: undefined as never, servername });
}
