/**
 * Chooses the proxy for a connection (RFC 6455 §4.1 (3)). Makes the request that opens a tunnel through an HTTP proxy (RFC 9110 §9.3.6).
 * socks.ts makes the request to a SOCKS5 proxy. tunnel.ts connects to the proxy.
 */

import type { WebSocketTarget } from '../handshake/client.ts';
import { formatHead } from '../handshake/http-head.ts';
import { parseUrl } from '../handshake/url.ts';
import { dialFailure } from './dial-failure.ts';
import type { SocksProxy } from './socks.ts';

/** An HTTP proxy. It opens a tunnel after a CONNECT request. */
export interface ConnectProxy {
  readonly kind: 'connect';
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** The value of Proxy-Authorization, or null. Only the proxy receives it. */
  readonly authorization: string | null;
}

/**
 * Returns the proxy to use for a target.
 * @param option the URL of a proxy, or 'env'. With 'env', the URL comes from the environment variable `https_proxy` for wss, or
 *   `http_proxy` for ws. If this variable is absent, `all_proxy` is used. If `no_proxy` contains the host, no proxy is used
 * @returns null if the connection uses no proxy
 * @throws HandshakeError of stage 'proxy' if the URL is invalid
 */
export function chooseProxy(
  option: string | URL | undefined,
  target: WebSocketTarget,
  environment: NodeJS.ProcessEnv = process.env,
): ConnectProxy | SocksProxy | null {
  if (option === undefined) return null;
  if (option !== 'env') return parseProxy(option);
  const name = target.secure ? 'https_proxy' : 'http_proxy';
  const url = variable(environment, name) ?? variable(environment, 'all_proxy');
  if (url === null || isExcluded(variable(environment, 'no_proxy') ?? '', target)) return null;
  return parseProxy(url.includes('://') ? url : `http://${url}`);
}

function variable(environment: NodeJS.ProcessEnv, name: string): string | null {
  const value = environment[name] ?? environment[name.toUpperCase()];
  // In a CGI program, HTTP_PROXY contains the header field `Proxy` of the request. Any client can choose this value (the "httpoxy" attack),
  // so we ignore the variable there.
  if (name === 'http_proxy' && environment[name] === undefined && environment.REQUEST_METHOD !== undefined)
    return null;
  return value === undefined || value === '' ? null : value;
}

// The default port of each scheme. With socks5 and socks5h, the proxy resolves host names, because the client may have no name server. In
// curl, only socks5h does this.
const defaultPorts: ReadonlyMap<string, number> = new Map([
  ['http:', 80],
  ['https:', 443],
  ['socks5:', 1080],
  ['socks5h:', 1080],
]);

function parseProxy(option: string | URL): ConnectProxy | SocksProxy {
  const url = parseUrl(String(option));
  const defaultPort = defaultPorts.get(url?.protocol ?? '');
  if (url === null || defaultPort === undefined || url.hostname === '') throw dialFailure('WS_PROXY_URL');
  const place = {
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? defaultPort : Number(url.port),
  };
  const credentials =
    url.username === '' && url.password === ''
      ? null
      : { username: decode(url.username), password: decode(url.password) };
  if (url.protocol.startsWith('socks')) {
    return { kind: 'socks5', ...place, credentials: credentials === null ? null : toSocks(credentials) };
  }
  return {
    kind: 'connect',
    secure: url.protocol === 'https:',
    ...place,
    authorization:
      credentials === null ? null : basicAuthorization(credentials.username, credentials.password),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw dialFailure('WS_PROXY_CREDENTIALS');
  }
}

/** Returns the user name and the password as bytes. 1929 §2: each value has 1 to 255 bytes. */
function toSocks(credentials: {
  readonly username: string;
  readonly password: string;
}): NonNullable<SocksProxy['credentials']> {
  const username = Buffer.from(credentials.username);
  const password = Buffer.from(credentials.password);
  const isValid = [username, password].every(({ length }) => length >= 1 && length <= 255);
  if (!isValid) throw dialFailure('WS_PROXY_CREDENTIALS');
  return { username, password };
}

/** Returns the value of an Authorization field (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

// Returns true if `list`, the value of `no_proxy`, contains the target. The list has host names. A name may have a port, and includes all
// its subdomains. '*' stands for every host.
function isExcluded(list: string, target: WebSocketTarget): boolean {
  for (const entry of list.split(/[,\s]/)) {
    const rule = entry.toLowerCase();
    if (rule === '') continue;
    if (rule === '*') return true;
    const port = /^(.+):(\d+)$/.exec(rule);
    // An IPv6 address without brackets contains colons, so its last group must not be read as a port.
    const withPort = port !== null && (rule.startsWith('[') || rule.indexOf(':') === rule.lastIndexOf(':'));
    if (withPort && Number(port[2]) !== target.port) continue;
    const host = (withPort ? port[1]! : rule).replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
    if (target.hostname === host || target.hostname.endsWith(`.${host}`)) return true;
  }
  return false;
}

/** Returns the URL of a proxy for the text of an error. It contains no user name and no password. */
export function formatProxy(proxy: ConnectProxy | SocksProxy): string {
  const { hostname, port } = proxy;
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  const scheme = proxy.kind === 'socks5' ? 'socks5' : proxy.secure ? 'https' : 'http';
  return `proxy ${scheme}://${host}:${port}`;
}

/** Returns the CONNECT request that asks a proxy for a tunnel to a target. */
export function formatConnect(proxy: ConnectProxy, target: WebSocketTarget): string {
  const host = target.hostname.includes(':') ? `[${target.hostname}]` : target.hostname;
  const authority = `${host}:${target.port}`;
  const fields = ['Host', authority];
  if (proxy.authorization !== null) fields.push('Proxy-Authorization', proxy.authorization);
  return formatHead(`CONNECT ${authority} HTTP/1.1`, fields);
}
