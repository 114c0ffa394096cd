/**
 * Opens a client's connection: RFC 6455 §4.1. A loop follows redirects. For each hop, this file sends the request and decides what the
 * answer means. attempt.ts has the deadline and the signal, tunnel.ts has TCP, proxy and TLS, handshake/client.ts has the
 * content of request and response, and socket.ts has the open connection.
 */

import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { DeflateCodec } from '../deflate/codec.ts';
import {
  buildRequest,
  parseTarget,
  type RequestFields,
  verifyResponse,
  type WebSocketTarget,
} from '../handshake/client.ts';
import { HandshakeError } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import { flattenHeaders, HeaderFields } from '../handshake/header-fields.ts';
import type { HttpResponseHead } from '../handshake/http-head.ts';
import { Attempt } from './attempt.ts';
import type { Compression, CompressionOffer } from './compression.ts';
import { dialFailure, placeOf } from './dial-failure.ts';
import { HANDSHAKE_TIMEOUT } from './limits.ts';
import { basicAuthorization } from './proxy.ts';
import {
  followRedirect,
  headersAcrossOrigins,
  isRedirect,
  isSameOrigin,
  SUBPROTOCOLS,
  tlsAcrossOrigins,
  toCrossOriginHeaders,
} from './redirect.ts';
import { readBody, readResponse } from './response.ts';
import { openTransport, type TunnelOptions } from './tunnel.ts';

/** The options that say how to reach a server, and what to request from it. */
export interface DialOptions extends RequestFields, TunnelOptions {
  /** Fail if subprotocols were offered and the server chose none. @default false */
  readonly requireSubprotocol?: boolean | undefined;
  /** The longest time for all steps until the connection is open, in milliseconds; `Infinity` waits forever. @default 10000 */
  readonly handshakeTimeout?: number | undefined;
  /** Ends the attempt: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Redirects to follow, at most 5; wss never becomes ws. A redirect to another origin does not send the subprotocols (an application may
   * keep a token there), `headers`, the credentials of the URL, or a client certificate. @default 0
   */
  readonly redirects?: number | undefined;
  /**
   * The names of fields of `headers` that may be sent to another origin; `'Sec-WebSocket-Protocol'` for the subprotocols. Authorization and
   * Cookie are refused. @default none
   */
  readonly crossOriginHeaders?: readonly string[] | undefined;
}

/** A connection whose 101 was verified. */
export interface DialedConnection {
  readonly socket: Duplex;
  /** Bytes that came after the response: they already belong to frames. */
  readonly head: Buffer;
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  /** Header fields of the response, flat. */
  readonly headers: readonly string[];
  /** The URL that was reached, after redirects. */
  readonly url: string;
}

/** The result of `planRoute`: the address to connect to, and the request to send to it. */
export interface DialRoute {
  readonly target: WebSocketTarget;
  readonly hop: Hop;
  readonly crossOriginHeaders: ReadonlySet<string>;
}

/**
 * Makes the values that `dial` needs. §4.1 (1): invalid input fails before any network activity.
 * @throws HandshakeError stage 'url'
 * @throws TypeError | RangeError for invalid options
 */
export function planRoute(url: string | URL, options: DialOptions): DialRoute {
  const crossOriginHeaders = toCrossOriginHeaders(options.crossOriginHeaders);
  const target = parseTarget(url);
  const hop = requestFor(target, options);
  buildRequest(target, hop.request);
  return { target, hop, crossOriginHeaders };
}

/**
 * Connects and performs the opening handshake.
 * @throws HandshakeError that names the stage that failed; the reason of `signal` if `signal` aborts the attempt
 */
export async function dial(
  { target: first, hop: firstHop, crossOriginHeaders }: DialRoute,
  compression: Compression | null = null,
): Promise<DialedConnection> {
  const { options } = firstHop;
  const { redirects = 0 } = options;
  let target = first;
  let hop = firstHop;
  options.signal?.throwIfAborted();
  const attempt = new Attempt(options.handshakeTimeout ?? HANDSHAKE_TIMEOUT, options.signal);
  try {
    for (let followed = 0; ; followed++) {
      const reached = await dialOnce(attempt, target, hop, compression);
      if ('socket' in reached) {
        attempt.finish(reached.socket);
        return reached;
      }
      if (followed === redirects) {
        const { status, headers } = reached;
        throw dialFailure('WS_REDIRECT_LIMIT', { status, headers });
      }
      const { socket, socketPath } = options;
      if (socketPath !== undefined || (socket !== undefined && typeof socket !== 'function')) {
        throw dialFailure('WS_REDIRECT_SOCKET', { status: reached.status, headers: reached.headers });
      }
      const next = followRedirect(target, reached);
      if (!isSameOrigin(target, next)) hop = crossOrigin(hop, crossOriginHeaders, reached);
      target = next;
    }
  } catch (error) {
    throw attempt.fail(error);
  }
}

/** The values that one hop uses; a redirect to another origin removes some of them. */
export interface Hop {
  readonly options: DialOptions;
  readonly request: RequestFields & { readonly headers: readonly string[] };
  readonly tls: TlsConnectionOptions;
}

function requestFor(target: WebSocketTarget, options: DialOptions): Hop {
  const headers = flattenHeaders(options.headers ?? []);
  const fields = new HeaderFields(headers);
  if ((target.username !== '' || target.password !== '') && !fields.has('Authorization')) {
    headers.push('Authorization', basicAuthorization(target.username, target.password));
  }
  const { subprotocols, origin } = options;
  return {
    options,
    tls: options.tls ?? {},
    request: {
      headers,
      ...(subprotocols === undefined ? null : { subprotocols }),
      ...(origin === undefined ? null : { origin }),
    },
  };
}

/** @throws HandshakeError if the other origin cannot agree to a subprotocol, and one is required */
function crossOrigin(hop: Hop, names: ReadonlySet<string>, response: HttpResponseHead): Hop {
  const { subprotocols, ...request } = hop.request;
  const keepsSubprotocols = names.has(SUBPROTOCOLS);
  if (hop.options.requireSubprotocol === true && !keepsSubprotocols && (subprotocols ?? []).length > 0) {
    const { status, headers } = response;
    throw dialFailure('WS_REDIRECT_SUBPROTOCOL', { status, headers });
  }
  return {
    ...hop,
    tls: tlsAcrossOrigins(hop.tls),
    request: {
      ...request,
      headers: headersAcrossOrigins(request.headers, names),
      ...(keepsSubprotocols && subprotocols !== undefined ? { subprotocols } : null),
    },
  };
}

/** Sends one request, and returns a connection, or the response that redirects. */
async function dialOnce(
  attempt: Attempt,
  target: WebSocketTarget,
  hop: Hop,
  compression: Compression | null,
): Promise<DialedConnection | HttpResponseHead> {
  attempt.place =
    hop.options.socketPath === undefined
      ? placeOf(target)
      : `${placeOf(target)} at ${hop.options.socketPath}`;
  const socket = await openTransport(attempt, target, hop.options, hop.tls);
  const offer = compression?.offer() ?? null;
  if (offer !== null) attempt.reserve(() => offer.abandon());
  return performHandshake(attempt, socket, target, hop, offer);
}

/** Sends the request, and decides what its answer means. */
async function performHandshake(
  attempt: Attempt,
  socket: Duplex,
  target: WebSocketTarget,
  hop: Hop,
  offer: CompressionOffer | null,
): Promise<DialedConnection | HttpResponseHead> {
  const offers = offer === null ? [] : offer.offers;
  const { head, key } = buildRequest(target, { ...hop.request, offers });
  socket.write(head, 'latin1');
  const { response, rest } = await readResponse(attempt, socket, 'http');
  if (isRedirect(response.status)) {
    socket.destroy();
    offer?.abandon();
    return response;
  }
  const { subprotocols = [] } = hop.request;
  const { requireSubprotocol = false } = hop.options;
  try {
    const verified = verifyResponse(response, {
      key,
      subprotocols,
      requireSubprotocol,
      offers,
      ...(offer === null ? null : { confirm: (answers) => offer.confirm(answers) }),
    });
    const codec = offer === null ? null : offer.codec;
    // The server declined compression: the memory that was reserved for it is released.
    if (codec === null) offer?.abandon();
    return { socket, head: rest, headers: response.headers, url: target.href, codec, ...verified };
  } catch (error) {
    if (response.status === 101 || !(error instanceof HandshakeError)) throw error;
    throw error.withBody(await readBody(attempt, socket, response, rest));
  }
}
