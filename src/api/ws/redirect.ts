/**
 * Parses the URLs of a client with the API of `ws`. Accepts the URLs of RFC 6455 §3. As in `ws`, also accepts http:, https: and ws+unix:
 * (Unix sockets). This file also drops the credentials of a request that is redirected to another host.
 */

import { credentials, tlsAcrossOrigins } from '../../transport/redirect.ts';
import type { ClientOptions } from './client-options.ts';

/** The address to which a request is sent. */
export interface Address {
  readonly url: URL;
  readonly isSecure: boolean;
  /** The path of the Unix socket. Undefined if the URL is not a `ws+unix:` URL. */
  readonly socketPath: string | undefined;
  /** The path and the query of the request. */
  readonly path: string;
  /** 'user:password' of the URL. Undefined if the URL has no credentials. */
  readonly auth: string | undefined;
}

/** Parses a URL. @throws {SyntaxError} if the URL is invalid or not supported */
export function parseAddress(text: string, base?: URL): Address {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${text}`);
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  else if (url.protocol === 'https:') url.protocol = 'wss:';
  const isUnix = url.protocol === 'ws+unix:';
  const isSecure = url.protocol === 'wss:';
  if (!isUnix && !isSecure && url.protocol !== 'ws:') {
    throw new SyntaxError(
      'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"',
    );
  }
  // If the socket path were empty, Node.js would connect to port 80 of this machine.
  if (isUnix && /^(?::|$)/.test(url.pathname)) throw new SyntaxError("The URL's pathname is empty");
  // RFC 6455 §3: a URL of a WebSocket MUST NOT have a fragment.
  if (url.hash !== '') throw new SyntaxError('The URL contains a fragment identifier');
  const auth = credentialsOf(url);
  if (!isUnix) return { url, isSecure, socketPath: undefined, path: url.pathname + url.search, auth };
  const [socketPath, path = '/'] = url.pathname.split(':');
  return { url, isSecure, socketPath, path: path + url.search, auth };
}

/**
 * Returns 'user:password' of a URL. Returns undefined if the URL has no credentials. @throws {SyntaxError} for an invalid percent-encoding
 */
function credentialsOf({ username, password, host }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    throw new SyntaxError(`Invalid URL: the credentials for ${host} are not percent-encoded UTF-8`);
  }
}

/** The parts of an address that decide whether a request to this address may have credentials. */
export interface Trust {
  readonly isSecure: boolean;
  readonly host: string;
}

export function trustOf({ url, isSecure, socketPath }: Address): Trust {
  return { isSecure, host: socketPath === undefined ? `host ${url.host}` : `unix ${socketPath}` };
}

/**
 * Returns the options of a redirected request. If the redirect leads to another host, or from TLS to plain TCP, the options have no
 * credentials.
 */
export function dropCredentials(options: ClientOptions, first: Trust, next: Trust): ClientOptions {
  const isSameHost = first.host === next.host;
  if (isSameHost && (next.isSecure || !first.isSecure)) return options;
  const dropped = new Set([...credentials, ...(isSameHost ? [] : ['host'])]);
  const headers = Object.entries((options.headers ?? {}) as Record<string, string>);
  const kept = headers.filter(([name]) => !dropped.has(name.toLowerCase()));
  // A client certificate is a credential too, so another host does not receive it.
  const carried: ClientOptions = isSameHost ? options : tlsAcrossOrigins(options as object);
  return { ...carried, auth: undefined, headers: Object.fromEntries(kept) };
}
