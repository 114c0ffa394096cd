/**
 * Accepts an 'upgrade' event of node:http (RFC 6455 §4.2). Converts the request to the form that handshake/ reads, and starts a
 * `ServerHandshake` (upgrade.ts) on the socket. The `ServerHandshake` performs the opening handshake.
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

/**
 * The properties of a request that the handshake needs. An IncomingMessage has these properties, and a request that a test framework
 * injects has them as well.
 */
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
 * Returns `headers` of node:http as a flat list. In `headers`, Set-Cookie is an array, and every other field is one string. A request has
 * `headers` without `rawHeaders` only if a program made the request, as `injectWS` of @fastify/websocket does. The request of `injectWS`
 * has a number as Sec-WebSocket-Version, and it has no Host. §4.2.1 requires Host, so this function adds a Host to a request without one.
 */
function headersOf(headers: Readonly<Record<string, unknown>>): readonly string[] {
  const present = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, typeof value === 'number' ? String(value) : value]);
  const hasHost = present.some(([name]) => String(name).toLowerCase() === 'host');
  return flattenHeaders({ ...(hasHost ? null : { host: 'localhost' }), ...Object.fromEntries(present) });
}

/**
 * Starts the handshake on the socket of an 'upgrade' event. Refuses the request if the socket is taken, the server is closing or no slot
 * (slot.ts) is free.
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
    // Another listener of the 'upgrade' event has taken the socket already. We report the refusal and do not throw, because any peer can
    // cause the event.
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
 * Prepares a socket of an HTTP server or an agent for WebSocket. Removes the idle timeout, and lets each direction of the socket end
 * separately.
 * @param raw the socket of the request, if the request has another socket than `socket`
 */
export function takeSocket(socket: Duplex, raw?: Socket | null): void {
  const own = socket as Partial<Socket>;
  // The HTTP server or the agent made its idle timeout for HTTP. The deadlines of the connection replace this timeout.
  for (const timed of [own, raw]) if (typeof timed?.setTimeout === 'function') timed.setTimeout(0);
  // §7.1.1: after the peer's FIN we may still have to send a Close frame. By default, a socket of an HTTPS server ends its own direction
  // when the peer's FIN arrives.
  own.allowHalfOpen = true;
}
