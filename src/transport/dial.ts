/**
 * Opens the connection of a client (RFC 6455 §4.1). A loop follows redirects. A hop is one request to one server. For each hop, this file
 * sends the request and handles the response. attempt.ts applies the deadline and the signal. tunnel.ts opens the TCP connection, the
 * tunnel through a proxy, and TLS. handshake/client.ts makes the request and checks the response. socket.ts serves the open connection.
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

/** The options that say how to reach a server, and what the request contains. */
export interface DialOptions extends RequestFields, TunnelOptions {
  /** If true, the attempt fails when the client offers subprotocols and the server chooses none of them. @default false */
  readonly requireSubprotocol?: boolean | undefined;
  /**
   * The longest time for the whole attempt, in milliseconds. The attempt includes name lookup, TCP, proxy, TLS, redirects and the response.
   * `Infinity` disables the limit. @default 10000
   */
  readonly handshakeTimeout?: number | undefined;
  /**
   * A signal that aborts the attempt. `connect` then rejects with the reason of the signal. If the connection is already open, it stays
   * open.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The maximum number of redirects that are followed, 0 to 5. A redirect from `wss` to `ws` is never followed. If a redirect leads to
   * another origin, this origin receives none of `headers`, no credentials of the URL, and no client certificate. For this origin, the
   * client does not use `secureContext` of the option `tls`. The origin also receives no subprotocols, because some applications send a
   * token in them.
   * @default 0
   */
  readonly redirects?: number | undefined;
  /**
   * The names of the fields in `headers` that another origin may receive after a redirect. The name `'Sec-WebSocket-Protocol'` stands for
   * the subprotocols. The names `Authorization` and `Cookie` are refused.
   * @default none
   */
  readonly crossOriginHeaders?: readonly string[] | undefined;
}

/** A new connection. The 101 response of the server was verified. */
export interface DialedConnection {
  readonly socket: Duplex;
  /** The bytes that arrived after the response. They are the beginning of the frames from the server. */
  readonly head: Buffer;
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  /** The header fields of the response, as a flat list: name, value, name, value … */
  readonly headers: readonly string[];
  /** The URL that was reached, after redirects. */
  readonly url: string;
}

/**
 * The result of `planRoute`. It contains the URL to connect to, the request, and the names of the fields that another origin may receive.
 */
export interface DialRoute {
  readonly target: WebSocketTarget;
  readonly hop: Hop;
  readonly crossOriginHeaders: ReadonlySet<string>;
}

/**
 * Checks the URL and the options, and makes the values that `dial` needs. So invalid input fails before any network activity (§4.1 (1)).
 * @throws HandshakeError of stage 'url' if the URL is invalid
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
 * @throws HandshakeError with the stage that failed
 * @throws the reason of `signal`, if `signal` aborts the attempt
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

/** The values for one hop (one request to one server). After a redirect to another origin, some of these values are missing. */
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

/**
 * Returns the values for a request to another origin, after a redirect.
 * @throws HandshakeError if a subprotocol is required, but the other origin may not receive the subprotocols
 */
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

/** Connects to one server and performs the handshake. Returns the connection, or the response if it is a redirect. */
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

/** Sends the request on the open socket. Returns the connection, or the response if it is a redirect. */
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
    // The server declined compression, so we release the memory that was reserved for it.
    if (codec === null) offer?.abandon();
    return { socket, head: rest, headers: response.headers, url: target.href, codec, ...verified };
  } catch (error) {
    if (response.status === 101 || !(error instanceof HandshakeError)) throw error;
    throw error.withBody(await readBody(attempt, socket, response, rest));
  }
}
