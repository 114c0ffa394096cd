/** Specifies and checks the options of a server and of its listeners. */

import type { TlsOptions } from 'node:tls';
import type { OriginPolicy } from '../handshake/origin.ts';
import type { UpgradingServer } from '../transport/attach.ts';
import { HANDSHAKE_TIMEOUT, MAX_CONNECTIONS, SHUTDOWN_GRACE } from '../transport/limits.ts';
import { type PathPattern, toPathPattern } from '../transport/path-pattern.ts';
import { checkOrigins, checkSubprotocols } from '../transport/upgrade.ts';
import { hostOption, portOption } from './address-options.ts';
import { describe } from './option-names.ts';
import { custom, flag, integer, limit, type SpecsOf, type ValuesOf } from './option-spec.ts';
import { type ConnectionOptions, type ConnectionValues, connectionSpecs } from './options.ts';

/** The options of a server, and of each of its connections. */
export interface ServerOptions extends ConnectionOptions {
  /**
   * The subprotocols that the server supports. The server chooses the first subprotocol in the client's list that is also in this list.
   * @default none
   */
  readonly subprotocols?: readonly string[] | undefined;
  /**
   * The origins of the pages that may connect: 'same-origin', 'any', a list of origins, or a function. A request from any other origin is
   * answered with 403. A request without an Origin field does not come from a browser, so it is allowed. @default 'same-origin'
   */
  readonly origins?: OriginPolicy | undefined;
  /**
   * The longest time for an opening handshake in milliseconds. It begins when the socket is accepted, and ends with the 101 response. It
   * includes TLS and `upgrade`. After this time, the server answers 408. @default 10000
   */
  readonly handshakeTimeout?: number | undefined;
  /**
   * The maximum number of open sockets. A socket counts from its acceptance to its 'close' event, in any state. When the maximum is
   * reached, further requests are answered with 503. @default 10000
   */
  readonly maxConnections?: number | undefined;
}

/** The options of a listener: its address and its path. */
export interface ListenOptions {
  /** The TCP port. @default 0, any free port */
  readonly port?: number | undefined;
  /** The address to listen on. '0.0.0.0' stands for every IPv4 interface, and '::' for every interface. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /**
   * The path that the server serves. A string is compared with the percent-encoded path of the request. A RegExp is tested on this path. A
   * request for any other path is answered with 404.
   * @default any
   */
  readonly path?: PathPattern | undefined;
  /** The path of a Unix domain socket or Windows pipe. It is used instead of `host` and `port`. */
  readonly socketPath?: string | undefined;
  /** The options for `tls.createServer`, with a certificate and its key. With this option, the listener accepts only `wss:` connections. */
  readonly tls?: TlsOptions | undefined;
  /**
   * If `host` is a name, it can have several addresses. With 4, the server listens on an IPv4 address. With 6, it listens on an IPv6
   * address. @default the first address
   */
  readonly family?: 4 | 6 | undefined;
  /** If true, the process may end while the listener is open. Open connections still keep the process alive. @default false */
  readonly unref?: boolean | undefined;
  /** The maximum number of connections that wait in the operating system until the process accepts them. @default 511 */
  readonly backlog?: number | undefined;
  /**
   * If true, several processes may listen on the port. The operating system distributes the connections among them. Requires Node.js 22.12.
   * @default false
   */
  readonly reusePort?: boolean | undefined;
  /** If true, a worker of node:cluster listens on the port itself. The primary does not distribute the connections. @default false */
  readonly exclusive?: boolean | undefined;
  /** If true, a listener on '::' accepts no IPv4 connections. @default false */
  readonly ipv6Only?: boolean | undefined;
  /**
   * A file descriptor that is already listening, for example from systemd. It is used instead of `host` and `port`. It is not available on
   * Windows.
   */
  readonly fd?: number | undefined;
  /** A signal that stops the listener, before or after it is ready. Open connections stay open. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of `shutdown`. */
export interface ShutdownOptions {
  /** The close code that is sent to every connection. @default 1001 */
  readonly code?: number | undefined;
  /** The close reason that is sent to every connection. @default '' */
  readonly reason?: string | undefined;
  /**
   * The maximum number of milliseconds for the closing handshakes. It is used instead of `closeTimeout`. After this time, the remaining
   * connections are dropped. @default 5000
   */
  readonly grace?: number | undefined;
}

/** The options of a server, after the defaults were filled in. */
export interface ServerValues extends ConnectionValues {
  readonly subprotocols: readonly string[];
  readonly origins: OriginPolicy;
  readonly handshakeTimeout: number;
  readonly maxConnections: number;
}

type OwnOptions = Omit<ServerOptions, keyof ConnectionOptions>;

/** The options that a server has in addition to the options of its connections. */
export const serverSpecs: SpecsOf<OwnOptions, Pick<ServerValues, keyof OwnOptions>> = {
  subprotocols: custom<readonly string[], readonly string[]>(
    'a list of tokens',
    {
      default: [],
      defaultText: 'none',
      text: "The subprotocols that the server supports. The server chooses the first subprotocol in the client's list that is also in this list.",
    },
    (value) => checkSubprotocols(value as readonly string[]),
  ),
  origins: custom<OriginPolicy, OriginPolicy>(
    "`'same-origin'`, `'any'`, a list of origins, or a function",
    {
      default: 'same-origin',
      text: 'The origins of the pages that may connect. A request from any other origin is answered with 403. A request without an `Origin` field does not come from a browser, so it is allowed.',
    },
    (value) => checkOrigins(value as OriginPolicy),
  ),
  handshakeTimeout: limit('ms', {
    default: HANDSHAKE_TIMEOUT,
    text: 'The longest time for an opening handshake. It begins when the socket is accepted, and ends with the 101 response. It includes TLS and an async `upgrade` handler. After this time, the server answers 408 and drops the connection.',
  }),
  maxConnections: limit('', {
    default: MAX_CONNECTIONS,
    text: "The maximum number of open sockets. A socket counts from its acceptance to its 'close' event, in any state. Further requests are answered with 503.",
  }),
};

type AllServerSpecs = SpecsOf<ServerOptions, ServerValues>;

/** All options of a server. The server of the 4D API has the same options. */
export const allServerSpecs: AllServerSpecs = { ...connectionSpecs, ...serverSpecs };

type ListenValues = ValuesOf<
  ListenOptions,
  'path' | 'socketPath' | 'tls' | 'family' | 'backlog' | 'signal' | 'port' | 'fd'
>;

export const listenSpecs: SpecsOf<ListenOptions, ListenValues> = {
  port: portOption({ defaultText: '0, any free port', text: 'The TCP port.' }),
  host: hostOption({
    default: '127.0.0.1',
    text: "The address to listen on. `'0.0.0.0'` stands for every IPv4 interface, and `'::'` for every interface.",
  }),
  path: custom<PathPattern>(
    'a path, or a RegExp',
    {
      defaultText: 'any',
      text: 'The path that the server serves. A request for any other path is answered with 404.',
    },
    (value) => void toPathPattern(value),
  ),
  socketPath: custom<string>(
    'a path',
    { text: 'The path of a Unix domain socket or Windows pipe. It is used instead of `host` and `port`.' },
    (value, name) => {
      if (typeof value === 'string' && value !== '') return;
      throw new TypeError(`${name} is ${describe(value)}, not the path of a Unix domain socket`);
    },
  ),
  tls: custom<NonNullable<ListenOptions['tls']>>(
    'an object for `tls.createServer`',
    {
      text: 'The options for `tls.createServer`, with a certificate and its key. With this option, the listener accepts only `wss:` connections.',
    },
    (value) => checkTls(value as NonNullable<ListenOptions['tls']>),
  ),
  family: custom<4 | 6>(
    '4 or 6',
    {
      defaultText: 'the first address',
      text: 'If `host` is a name, it can have several addresses. By default, the server listens on the first of them. With 4, it listens on an IPv4 address. With 6, it listens on an IPv6 address.',
    },
    (value, name) => {
      if (value !== 4 && value !== 6) throw new TypeError(`${name} is ${describe(value)}, not 4 or 6`);
    },
  ),
  unref: flag({
    default: false,
    text: 'If true, the process may end while the listener is open. Open connections still keep the process alive.',
  }),
  backlog: integer(1, 2_147_483_647, {
    defaultText: '511',
    text: 'The maximum number of connections that wait in the operating system until the process accepts them.',
  }),
  reusePort: flag({
    default: false,
    text: 'If true, several processes may listen on the port. The operating system distributes the connections among them. Requires Node.js 22.12.',
  }),
  exclusive: flag({
    default: false,
    text: 'If true, a worker of `node:cluster` listens on the port itself. The primary does not distribute the connections.',
  }),
  ipv6Only: flag({ default: false, text: "If `true`, a listener on `'::'` accepts only IPv6 connections." }),
  fd: integer(0, 2_147_483_647, {
    defaultText: 'none',
    text: 'A file descriptor that is already listening, for example from systemd. It is used instead of `host` and `port`. It is not available on Windows.',
  }),
  signal: custom<AbortSignal>(
    'an `AbortSignal`',
    { text: 'A signal that stops the listener, before or after it is ready. Open connections stay open.' },
    (value, name) => {
      if (typeof (value as AbortSignal | null)?.addEventListener === 'function') return;
      throw new TypeError(`${name} is ${describe(value)}, not an AbortSignal`);
    },
  ),
};

export const shutdownSpecs: SpecsOf<ShutdownOptions> = {
  code: custom<number, number>('a close code that may be sent', {
    default: 1001,
    text: 'The close code that is sent to every connection.',
  }),
  reason: custom<string, string>('at most 123 bytes of UTF-8', {
    default: '',
    text: 'The close reason that is sent to every connection.',
  }),
  grace: limit('ms', {
    default: SHUTDOWN_GRACE,
    text: 'The longest time for the closing handshakes. It is used instead of `closeTimeout`. After this time, the remaining connections are dropped.',
  }),
};

/**
 * Checks that the options do not contain both a `socketPath` and a host or port.
 * @throws {TypeError} if they contain both
 */
export function checkPlace({ socketPath, host, port, family }: ListenOptions): void {
  if (socketPath === undefined) return;
  if (host === undefined && port === undefined && family === undefined) return;
  throw new TypeError('socketPath takes the place of host, port and family: leave them out');
}

/**
 * Checks that a value is an HTTP server that emits 'upgrade'. Without this check, the mistake would only be noticed when a client connects.
 * @throws {TypeError} for any other value
 */
export function checkHttpServer(server: UpgradingServer): void {
  // An Express application is a function with the methods `on` and `listen`, so it looks like a server.
  if (typeof server === 'function') {
    throw new TypeError(
      'attach takes an HTTP server, not an application: const server = createServer(app), or what app.listen() returns',
    );
  }
  if (typeof server?.on !== 'function' || typeof server.listenerCount !== 'function') {
    throw new TypeError(`attach takes an http.Server or https.Server, not ${describe(server)}`);
  }
  // RFC 9113 §8.6: HTTP/2 has no upgrades. But with `allowHTTP1`, an HTTP/2 server with TLS also accepts HTTP/1.1. Only such a server has a
  // `requestTimeout`.
  if ('updateSettings' in server && (server as { requestTimeout?: number }).requestTimeout === undefined) {
    throw new TypeError(
      'HTTP/2 has no upgrades: use createSecureServer({ allowHTTP1: true }), or an HTTP/1.1 server',
    );
  }
}

/**
 * Refuses TLS options without a certificate. With such options, the server would listen, but every TLS handshake would fail.
 * @throws {TypeError} if there is no certificate
 */
function checkTls(tls: NonNullable<ListenOptions['tls']>): void {
  if (typeof tls !== 'object' || tls === null) {
    throw new TypeError(`tls is ${describe(tls)}, not an object such as { cert, key }`);
  }
  const { cert, key, pfx, SNICallback, pskCallback } = tls;
  const isUsable = (cert !== undefined && key !== undefined) || [pfx, SNICallback, pskCallback].some(Boolean);
  if (!isUsable) throw new TypeError('tls has no certificate: it needs cert and key, or pfx');
}
