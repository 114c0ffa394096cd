/**
 * Handles an 'upgrade' event of node:http (RFC 6455 §4.2). This file converts the request to the form that handshake/ uses. Then it starts
 * a `ServerHandshake` (upgrade.ts), which performs the opening handshake on the socket.
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
 * The properties of a request that the handshake needs. The request is an `IncomingMessage` of node:http, or an object that a test
 * framework made.
 */
export type UpgradeMessage = Partial<
  Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders' | 'headers'>
> & {
  readonly socket?: Socket | null;
};

/** Converts a request of node:http to the form that the folder handshake/ uses. */
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
 * Converts `headers` of node:http to a flat list: name, value, name, value … A request has no `rawHeaders` if a program made it, for
 * example `injectWS` of @fastify/websocket. `injectWS` sets Sec-WebSocket-Version to a number, and it does not set Host. §4.2.1 requires
 * Host, so this function adds Host if it is missing.
 */
function headersOf(headers: Readonly<Record<string, unknown>>): readonly string[] {
  const present = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, typeof value === 'number' ? String(value) : value]);
  const hasHost = present.some(([name]) => String(name).toLowerCase() === 'host');
  return flattenHeaders({ ...(hasHost ? null : { host: 'localhost' }), ...Object.fromEntries(present) });
}

/**
 * Starts the opening handshake on the socket of an 'upgrade' event. This function refuses the request in three cases:
 * - Another listener uses the socket.
 * - The server is closing.
 * - The server has its maximum number of sockets (slot.ts).
 * @param head the bytes that the HTTP server has read after the request. They can contain the first frames of the client
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
    // Another listener of the 'upgrade' event already uses the socket. We report a refusal. We do not throw, because a client must not be
    // able to cause an exception.
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
 * Prepares a socket of an HTTP server or an HTTP agent for WebSocket. This function removes the idle timeout of the socket. It also sets
 * `allowHalfOpen`, so that each direction can end separately.
 * @param raw the property `socket` of the request. `raw` and `socket` can be different objects
 */
export function takeSocket(socket: Duplex, raw?: Socket | null): void {
  const own = socket as Partial<Socket>;
  // The HTTP server or the agent has set an idle timeout. The deadlines of the WebSocket connection replace it.
  for (const timed of [own, raw]) if (typeof timed?.setTimeout === 'function') timed.setTimeout(0);
  // §7.1.1: we may have to send a Close frame after the peer's FIN has arrived. By default, a socket of an HTTPS server ends when this FIN
  // arrives.
  own.allowHalfOpen = true;
}
