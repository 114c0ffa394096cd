/**
 * Follows redirects in the opening handshake. RFC 6455 §4.1 allows a client to follow a 3xx response, and RFC 9110 §15.4 says how. By
 * default, no redirect is followed. A redirect from wss to ws is never followed. Another origin receives none of the header fields,
 * subprotocols and client certificates that the application has set. With the option `crossOriginHeaders`, the application can allow header
 * fields and the subprotocols.
 */

import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { parseTarget, type WebSocketTarget } from '../handshake/client.ts';
import { HeaderFields } from '../handshake/header-fields.ts';
import type { HttpResponseHead } from '../handshake/http-head.ts';
import { isToken, toAsciiLowerCase } from '../handshake/token.ts';
import { dialFailure } from './dial-failure.ts';

/** The maximum value of the option `redirects`. */
export const MAX_REDIRECTS = 5;

const redirecting: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function isRedirect(status: number): boolean {
  return redirecting.has(status);
}

/**
 * Returns the URL that a redirect leads to.
 * @throws HandshakeError of stage 'redirect' for an invalid Location, and for a redirect from wss to ws
 */
export function followRedirect(from: WebSocketTarget, response: HttpResponseHead): WebSocketTarget {
  const details = { status: response.status, headers: response.headers };
  const location = new HeaderFields(response.headers).single('Location');
  const url = location === null ? null : resolve(location, from.href);
  if (url === null) throw dialFailure('WS_REDIRECT_LOCATION', details);
  url.username = '';
  url.password = '';
  // Location may have a fragment (9110 §10.2.2), but a WebSocket URL must not have one (§3), so we remove it.
  url.hash = '';
  let target: WebSocketTarget;
  try {
    target = parseTarget(url);
  } catch (cause) {
    throw dialFailure('WS_REDIRECT_LOCATION', { ...details, cause });
  }
  // §10.6: if the client asked for TLS, the connection must use TLS.
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

/** The names, in lower case, of header fields that are never sent to another origin. */
export const credentials: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'cookie2',
  'proxy-authorization',
]);

/** The name that stands for the subprotocols in `crossOriginHeaders`. */
export const SUBPROTOCOLS = 'sec-websocket-protocol';

/**
 * Converts the option `crossOriginHeaders` to a set of header field names in lower case.
 * @throws TypeError for values that are not names, and for the names of credentials
 */
export function toCrossOriginHeaders(names: readonly string[] = []): ReadonlySet<string> {
  if (!Array.isArray(names)) throw new TypeError('crossOriginHeaders is a list of header field names');
  return new Set(
    names.map((name: unknown) => {
      if (typeof name !== 'string' || !isToken(name)) {
        throw new TypeError('crossOriginHeaders holds a value that is not the name of a header field');
      }
      const lower = toAsciiLowerCase(name);
      if (credentials.has(lower)) {
        throw new TypeError(`crossOriginHeaders names "${lower}": credentials stay with their origin`);
      }
      return lower;
    }),
  );
}

/** Returns the header fields that may be sent to another origin. `names` contains the allowed names. */
export function headersAcrossOrigins(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (names.has(toAsciiLowerCase(headers[at]!))) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

/**
 * Returns the TLS options that may be used for another origin. This function removes every option that can identify the client. It also
 * removes `secureContext`, which may contain the client's certificate.
 */
export function tlsAcrossOrigins(options: TlsConnectionOptions): TlsConnectionOptions {
  const { cert, key, pfx, passphrase, servername, secureContext, session, pskCallback, ...rest } = options;
  const { clientCertEngine, privateKeyEngine, privateKeyIdentifier, ...kept } = rest;
  return kept;
}
