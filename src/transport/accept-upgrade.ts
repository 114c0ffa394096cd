/**
 * One upgrade of node:http: its request in the form of handshake/, its socket to a handshake. RFC 6455 §4.2; the handshake itself
 * is upgrade.ts.
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

/** What a request needs to have: an IncomingMessage has it, and so do those that test frameworks inject. */
export type UpgradeMessage = Partial<
  Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders' | 'headers'>
> & {
  readonly socket?: Socket | null;
};

/** A request of node:http as handshake/ reads it. */
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
 * `headers` of node:http has an array for Set-Cookie, and joins the lines of all others. Only a request that a program made has
 * nothing but them, such as that of `injectWS` of @fastify/websocket, with a number as the version and without Host: §4.2.1 asks
 * for Host where a request came over the wire.
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
 * @param head what the HTTP server had read after the request: the first frames may be in it
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
    // Several listeners of one 'upgrade' event. It is reported, not thrown: any peer can cause the event.
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

/** What an HTTP server, or an agent, set on a socket for itself no longer holds. @param raw the socket of the request, if it is another one */
export function takeSocket(socket: Duplex, raw?: Socket | null): void {
  const own = socket as Partial<Socket>;
  // Its idle timeout does not know about us.
  for (const timed of [own, raw]) if (typeof timed?.setTimeout === 'function') timed.setTimeout(0);
  // §7.1.1: a half-closed connection has still a Close frame to carry. Those of an HTTPS server end with the peer's FIN.
  own.allowHalfOpen = true;
}
