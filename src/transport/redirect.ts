/**
 * Redirects of the opening handshake: RFC 6455 §4.1 lets a client follow a 3xx, RFC 9110 §15.4 says how.
 * Off by default; never from wss to ws; what identifies us stays with the origin it was meant for.
 */

import { parseTarget, type WebSocketTarget } from '../handshake/client.ts';
import { HeaderFields } from '../handshake/header-fields.ts';
import type { HttpResponseHead } from '../handshake/http-head.ts';
import { dialFailure } from './dial-failure.ts';

/** As many as anybody may allow. */
export const MAX_REDIRECTS = 5;

const redirecting: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function isRedirect(status: number): boolean {
  return redirecting.has(status);
}

/**
 * Where a redirect leads.
 * @throws HandshakeError stage 'redirect' for a Location that is none, and for one that leaves TLS
 */
export function followRedirect(from: WebSocketTarget, response: HttpResponseHead): WebSocketTarget {
  const details = { status: response.status, headers: response.headers };
  const location = new HeaderFields(response.headers).single('Location');
  const url = location === null ? null : resolve(location, from.href);
  if (url === null) throw dialFailure('WS_REDIRECT_LOCATION', details);
  url.username = '';
  url.password = '';
  // A fragment is meant for documents (9110 §10.2.2); a WebSocket URL has none (§3).
  url.hash = '';
  let target: WebSocketTarget;
  try {
    target = parseTarget(url);
  } catch (cause) {
    throw dialFailure('WS_REDIRECT_LOCATION', { ...details, cause });
  }
  // §10.6: who asked for TLS gets TLS.
  if (from.secure && !target.secure) throw dialFailure('WS_REDIRECT_DOWNGRADE', details);
  return target;
}

function resolve(location: string, base: string): URL | null {
  try {
    return new URL(location, base);
  } catch {
    return null;
  }
}

export function isSameOrigin(one: WebSocketTarget, other: WebSocketTarget): boolean {
  return one.secure === other.secure && one.hostname === other.hostname && one.port === other.port;
}

const credentials: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'cookie2',
  'proxy-authorization',
]);

/** Header fields that may go to another origin. */
export function withoutCredentials(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (!credentials.has(headers[at]!.toLowerCase())) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}
