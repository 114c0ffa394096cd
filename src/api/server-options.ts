/**
 * The options of a server and of its listeners, and what is checked of them before anything begins.
 */

import type { OriginPolicy } from '../handshake/origin.ts';
import type { UpgradingServer } from '../transport/attach.ts';
import type { ListenOptions as TransportListenOptions } from '../transport/listen.ts';
import type { PathPattern } from '../transport/path-pattern.ts';
import { describe, type OptionNames } from './option-names.ts';
import { type ConnectionOptions, connectionSpecs } from './options.ts';

/** Limits of a server, and of each of its connections. */
export interface ServerOptions extends ConnectionOptions {
  /** Subprotocols, of which the first in the client's order is chosen. @default none */
  readonly subprotocols?: readonly string[];
  /**
   * Which origins browsers may connect from: 'same-origin', 'any', a list, or a function. Requests without an Origin come from
   * no browser and are allowed. 403 otherwise. @default 'same-origin'
   */
  readonly origins?: OriginPolicy;
  /** Milliseconds from accept to the 101, TLS and `upgrade` included; 408 beyond. @default 10000 */
  readonly handshakeTimeout?: number;
  /** Connections and unfinished handshakes together; 503 beyond. @default 10000 */
  readonly maxConnections?: number;
}

/** Where to listen, and at which path. */
export interface ListenOptions extends Omit<TransportListenOptions, 'path'> {
  /** The path that is served, compared literally, or a RegExp for it; others get 404. @default any */
  readonly path?: PathPattern;
  /** A Unix domain socket or Windows pipe in place of host and port. */
  readonly socketPath?: string;
}

export interface ShutdownOptions {
  /** The close code that every connection gets. @default 1001 */
  readonly code?: number;
  readonly reason?: string;
  /** Milliseconds for the closing handshakes, in place of `closeTimeout`; then the rest is dropped. @default 5000 */
  readonly grace?: number;
}

export const serverOptionNames: OptionNames<ServerOptions> = {
  ...connectionSpecs,
  subprotocols: true,
  origins: true,
  handshakeTimeout: true,
  maxConnections: true,
};

export const listenOptionNames: OptionNames<ListenOptions> = {
  port: true,
  host: true,
  path: true,
  socketPath: true,
  tls: true,
  family: true,
  unref: true,
  backlog: true,
  signal: true,
};

export const shutdownOptionNames: OptionNames<ShutdownOptions> = { code: true, reason: true, grace: true };

/**
 * What can't bring upgrades would be found out much later.
 * @throws {TypeError}
 */
export function checkHttpServer(server: UpgradingServer): void {
  // An Express application is a function that has `on` and `listen` as well.
  if (typeof server === 'function') {
    throw new TypeError(
      'attach takes an HTTP server, not an application: const server = createServer(app), or what app.listen() returns',
    );
  }
  if (typeof server?.on !== 'function' || typeof server.listenerCount !== 'function') {
    throw new TypeError(`attach takes an http.Server or https.Server, not ${describe(server)}`);
  }
  // RFC 9113 §8.6: HTTP/2 has no upgrades; with `allowHTTP1`, which needs TLS, the server has HTTP/1.1 beside it.
  if ('updateSettings' in server && !('setSecureContext' in server)) {
    throw new TypeError(
      'HTTP/2 has no upgrades: use createSecureServer({ allowHTTP1: true }), or an HTTP/1.1 server',
    );
  }
}

/**
 * TLS without a certificate listens, and then no handshake ever succeeds.
 * @throws {TypeError}
 */
export function checkTls(tls: NonNullable<ListenOptions['tls']>): void {
  if (typeof tls !== 'object' || tls === null) {
    throw new TypeError(`tls is ${describe(tls)}, not an object such as { cert, key }`);
  }
  const { cert, key, pfx, SNICallback, pskCallback } = tls;
  const isUsable = (cert !== undefined && key !== undefined) || [pfx, SNICallback, pskCallback].some(Boolean);
  if (!isUsable) throw new TypeError('tls has no certificate: it needs cert and key, or pfx');
}

/** A path that can't match would be found out much later. */
export function checkPath(path: PathPattern): void {
  if (path === '' || path instanceof RegExp) return;
  if (typeof path !== 'string' || !path.startsWith('/') || /[?#]/.test(path)) {
    throw new TypeError(`path is ${JSON.stringify(path)}, not a path: it starts with "/" and has no query`);
  }
}
