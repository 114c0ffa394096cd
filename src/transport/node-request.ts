/**
 * The opening handshake of a client (RFC 6455 §4.1) that uses node:http to send the request and to read the response. This handshake is for
 * programs that pass an `http.Agent`, or a function that makes the socket. `connect` uses dial.ts instead. Both files follow the rules in
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

/** The result of a successful opening handshake. */
export interface Negotiated {
  /** The subprotocol, or '' if no subprotocol was chosen. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
}

/** Makes the header fields of one handshake request, and checks the response. */
export class NodeRequest {
  readonly #key = generateKey();
  readonly #subprotocols: readonly string[];
  readonly #offer: CompressionOffer | null;

  /**
   * @param subprotocols the subprotocols to offer, already checked by `areSubprotocols`. If the list is not empty, the server has to choose
   *   one of them
   */
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
   * Checks a response with status 101. If the check fails, the memory that was reserved for compression is released.
   * @throws HandshakeError the errors of `verifyResponse`
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
      // The server declined compression, so we release the memory that was reserved for it.
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

/** Returns true if a client may offer these subprotocols. Each must be a token, and none may occur twice (RFC 6455 §4.1 (10)). */
export function areSubprotocols(subprotocols: readonly unknown[]): subprotocols is readonly string[] {
  if (new Set(subprotocols).size < subprotocols.length) return false;
  return subprotocols.every((one) => typeof one === 'string' && isToken(one));
}

/** Opens a TCP connection, or a connection to a Unix domain socket. No `http.Agent` is used, so no other request can use the socket. */
export function connectPlain(options: NetConnectOpts & { readonly socketPath?: string | undefined }): Socket {
  return connectTcp({ ...options, path: options.socketPath } as NetConnectOpts);
}

/**
 * Opens a TLS connection. No `http.Agent` is used, so no other request can use the socket. `servername` is used for SNI and for the check
 * of the certificate. Its default is `host`, if `host` is a name and not an IP address.
 */
export function connectSecure(options: ConnectionOptions): Socket {
  // RFC 6066 §3: an IP address is not permitted in SNI.
  const { host = '', servername = isIP(host) === 0 ? host : '' } = options;
  // We call `connect` as a property of `tls`, because some programs replace this property.
  return tls.connect({ ...options, path: undefined as never, servername });
}
