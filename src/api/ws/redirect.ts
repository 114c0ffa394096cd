/**
 * Parses the URLs of a client with the API of `ws`. As in `ws`, the URLs of RFC 6455 §3, http:, https: and Unix sockets are valid. This
 * file also drops the credentials of a request that is redirected to another host.
 */

import { credentials, tlsAcrossOrigins } from '../../transport/redirect.ts';
import type { ClientOptions } from './client-options.ts';

/** The address that a request is sent to. */
export interface Address {
  readonly url: URL;
  readonly isSecure: boolean;
  /** The path of the Unix socket if the URL is a `ws+unix:` URL; undefined for other URLs. */
  readonly socketPath: string | undefined;
  /** The path and the query. */
  readonly path: string;
  /** 'user:password' of the URL; undefined if the URL has no credentials. */
  readonly auth: string | undefined;
}

/** Parses a URL. @throws {SyntaxError} if no request can be made to the URL */
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
  // With an empty socket path, Node would connect to port 80 of this machine.
  if (isUnix && /^(?::|$)/.test(url.pathname)) throw new SyntaxError("The URL's pathname is empty");
  // §3: a fragment MUST NOT be used.
  if (url.hash !== '') throw new SyntaxError('The URL contains a fragment identifier');
  const auth = credentialsOf(url);
  if (!isUnix) return { url, isSecure, socketPath: undefined, path: url.pathname + url.search, auth };
  const [socketPath, path = '/'] = url.pathname.split(':');
  return { url, isSecure, socketPath, path: path + url.search, auth };
}

/** Returns 'user:password' of a URL. @throws {SyntaxError} for an invalid percent-encoding */
function credentialsOf({ username, password, host }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    throw new SyntaxError(`Invalid URL: the credentials for ${host} are not percent-encoded UTF-8`);
  }
}

/** The properties of an address that decide whether a request to it may have credentials. */
export interface Trust {
  readonly isSecure: boolean;
  readonly host: string;
}

export function trustOf({ url, isSecure, socketPath }: Address): Trust {
  return { isSecure, host: socketPath === undefined ? `host ${url.host}` : `unix ${socketPath}` };
}

/** Returns the options of a redirected request. A redirect to another host, or from TLS to plain TCP, drops the credentials. */
export function dropCredentials(options: ClientOptions, first: Trust, next: Trust): ClientOptions {
  const isSameHost = first.host === next.host;
  if (isSameHost && (next.isSecure || !first.isSecure)) return options;
  const dropped = new Set([...credentials, ...(isSameHost ? [] : ['host'])]);
  const headers = Object.entries((options.headers ?? {}) as Record<string, string>);
  const kept = headers.filter(([name]) => !dropped.has(name.toLowerCase()));
  // A client certificate is a credential as well.
  const carried: ClientOptions = isSameHost ? options : tlsAcrossOrigins(options as object);
  return { ...carried, auth: undefined, headers: Object.fromEntries(kept) };
}
