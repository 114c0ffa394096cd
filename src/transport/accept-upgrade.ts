/**
 * Takes an upgrade from node:http: converts the request to the form that handshake/ reads, and begins a handshake on the socket (RFC 6455
 * §4.2). upgrade.ts performs the handshake itself.
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { flattenHeaders } from '../handshake/header-fields.ts';
import { answerUnavailable } from './lingering.ts';
import { ReceivedRequest } from './received-request.ts';
import { isAnswered, ServerHandshake } from './upgrade.ts';
import type { UpgradeHost, UpgradeOrigin } from './upgrade-host.ts';

/** The parts of a request that we need. An IncomingMessage has these parts, and so has a request that a test framework injects. */
export type UpgradeMessage = Partial<
  Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders' | 'headers'>
> & {
  readonly socket?: Socket | null;
};

/** Returns a request of node:http in the form that handshake/ reads. */
export function toHandshakeRequest(request: UpgradeMessage, socket: Duplex): ReceivedRequest {
  const own = request.socket ?? (socket as Partial<Socket>);
  const head = {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion ?? '1.1',
    headers: request.rawHeaders ?? headersOf(request.headers ?? {}),
  };
  return new ReceivedRequest(head, own, 'encrypted' in own && own.encrypted === true);
}

/**
 * Returns `headers` of node:http as a flat list. In `headers`, Set-Cookie is an array, and every other field is one string. Only a request
 * that a program made has `headers` without `rawHeaders`, such as the request of `injectWS` of @fastify/websocket. In this request,
 * Sec-WebSocket-Version is a number, and Host is missing: §4.2.1 requires Host only in a request that came over the wire.
 */
function headersOf(headers: Readonly<Record<string, unknown>>): readonly string[] {
  const present = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, typeof value === 'number' ? String(value) : value]);
  const hasHost = present.some(([name]) => String(name).toLowerCase() === 'host');
  return flattenHeaders({ ...(hasHost ? null : { host: 'localhost' }), ...Object.fromEntries(present) });
}

/**
 * Takes over a socket from an 'upgrade' event.
 * @param head the bytes that the HTTP server read after the request; they may contain the first frames
 */
export function acceptUpgrade<Context, Result>(
  request: UpgradeMessage,
  socket: Duplex,
  head: Buffer,
  host: UpgradeHost<Context, Result>,
  origin: UpgradeOrigin<Result> & { readonly isAnswered?: boolean } = {},
): void {
  const handshakeRequest = toHandshakeRequest(request, socket);
  if (origin.isAnswered === true || isAnswered(socket)) {
    // Several listeners of one 'upgrade' event want the socket. We report this and do not throw, because any peer can cause the event.
    const refusal = refuse('WS_HANDSHAKE_TAKEN');
    host.refused(refusal, handshakeRequest);
    origin.onRefused?.(refusal);
    return;
  }
  if (host.isClosing || !host.slots.take(socket)) {
    const refusal = refuse('WS_HANDSHAKE_UNAVAILABLE');
    answerUnavailable(socket, request.method);
    host.refused(refusal, handshakeRequest);
    origin.onRefused?.(refusal);
    return;
  }
  takeSocket(socket, request.socket);
  new ServerHandshake(socket, host, { raw: request as IncomingMessage, ...origin }).receive(
    handshakeRequest,
    head,
  );
}

/**
 * Removes the settings that an HTTP server or an agent made on a socket for its own use.
 * @param raw the socket of the request, if the request has another socket than `socket`
 */
export function takeSocket(socket: Duplex, raw?: Socket | null): void {
  const own = socket as Partial<Socket>;
  // The idle timeout of the HTTP server or agent does not notice WebSocket traffic.
  for (const timed of [own, raw]) if (typeof timed?.setTimeout === 'function') timed.setTimeout(0);
  // §7.1.1: a half-closed connection still has to carry a Close frame. By default, a socket of an HTTPS server ends when the peer's FIN
  // arrives.
  own.allowHalfOpen = true;
}
