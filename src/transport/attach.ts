/**
 * WebSocket endpoints on another program's HTTP server: its 'upgrade' event, several endpoints by path, other listeners
 * left alone. RFC 6455 §4.2; what is left to those is left-upgrade.ts, the handshake itself upgrade.ts.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { acceptUpgrade } from './accept-upgrade.ts';
import { bytesWrittenTo, isClaimed, LeftUpgrade, NotFound } from './left-upgrade.ts';
import { normalizePath, type PathPattern, pathOf, prefixLength, servesPath } from './path-pattern.ts';
import type { UpgradeHost } from './upgrade-host.ts';

/** A server that emits 'upgrade'. Of HTTP/2 servers, one with `allowHTTP1` does. */
export type UpgradingServer = HttpServer | HttpsServer | Http2SecureServer;

/** Decides, on Node 24.9 and later, whether a request with an Upgrade field becomes an 'upgrade' event. */
type ShouldUpgrade = (request: IncomingMessage) => boolean;

/** The endpoints of one HTTP server. */
class Router {
  readonly #server: UpgradingServer & { shouldUpgradeCallback?: ShouldUpgrade };
  /** By path; `''` takes what no other path or pattern matches. */
  readonly #hosts = new Map<string, UpgradeHost>();
  /** In the order they came: the first that matches is taken. */
  readonly #patterns: { readonly pattern: RegExp; readonly host: UpgradeHost }[] = [];
  readonly #listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Undone when the last endpoint goes. */
  readonly #restore: () => void;

  constructor(server: UpgradingServer) {
    this.#server = server;
    this.#listener = (request, socket, head) => {
      const written = bytesWrittenTo(socket);
      const route = (): void => this.#route(request, socket, head, written);
      // Other listeners go first: one that answers every upgrade would answer ours as well, and two answers on one socket are worse
      // than one that is not ours. Nothing is read from the socket meanwhile.
      if (server.listenerCount('upgrade') === 1) route();
      else process.nextTick(route);
    };
    // First, to see what had been written before any of them did.
    server.prependListener('upgrade', this.#listener);
    this.#restore = this.#leaveOrdinaryRequests();
  }

  /**
   * RFC 9110 §7.8: a server MAY ignore Upgrade. A page asked for with `Upgrade: h2c` (curl --http2, Java) gets its ordinary answer, not
   * our refusal. Older versions of Node make an 'upgrade' event of every such request as soon as there is a listener.
   */
  #leaveOrdinaryRequests(): () => void {
    const server = this.#server;
    const before = server.shouldUpgradeCallback;
    if (before === undefined) return () => {};
    const decide: ShouldUpgrade = (request) => this.#wants(request) && before.call(server, request);
    server.shouldUpgradeCallback = decide;
    return () => {
      if (server.shouldUpgradeCallback === decide) server.shouldUpgradeCallback = before;
    };
  }

  #wants(request: IncomingMessage): boolean {
    if (/(?:^|,)\s*websocket\s*(?:\/|,|$)/i.test(request.headers.upgrade ?? '')) return true;
    if (this.#server.listenerCount('upgrade') > 1 || this.#server.listenerCount('request') === 0) return true;
    const host = this.#find(pathOf(request.url ?? ''));
    return host !== undefined && host !== this.#hosts.get('');
  }

  add(path: PathPattern, host: UpgradeHost): void {
    const isTakenPath =
      typeof path === 'string'
        ? this.#hosts.has(path)
        : this.#patterns.some(({ pattern }) => String(pattern) === String(path));
    if (isTakenPath) {
      throw new TypeError(
        `this HTTP server already has a WebSocket endpoint at ${path === '' ? 'any path' : path}`,
      );
    }
    if (typeof path === 'string') this.#hosts.set(path, host);
    else this.#insert(path, host);
  }

  /** In the order of attachment, but a longer prefix goes before a shorter one. */
  #insert(pattern: RegExp, host: UpgradeHost): void {
    const length = prefixLength(pattern);
    const isShorter = (other: RegExp): boolean => prefixLength(other) !== -1 && prefixLength(other) < length;
    const at = this.#patterns.findIndex((one) => isShorter(one.pattern));
    this.#patterns.splice(at === -1 ? this.#patterns.length : at, 0, { pattern, host });
  }

  /** Whether there is none left. */
  remove(path: PathPattern, host: UpgradeHost): boolean {
    if (typeof path === 'string') {
      if (this.#hosts.get(path) !== host) return false;
      this.#hosts.delete(path);
    } else {
      const index = this.#patterns.findIndex((one) => one.host === host);
      if (index === -1) return false;
      this.#patterns.splice(index, 1);
    }
    if (this.#hosts.size + this.#patterns.length > 0) return false;
    this.#server.off('upgrade', this.#listener);
    this.#restore();
    return true;
  }

  #find(path: string): UpgradeHost | undefined {
    const exact = this.#hosts.get(normalizePath(path));
    if (exact !== undefined) return exact;
    const matching = this.#patterns.find(({ pattern }) => servesPath(pattern, path));
    return matching?.host ?? this.#hosts.get('');
  }

  #route(request: IncomingMessage, socket: Duplex, head: Buffer, written: number): void {
    const isTaken = this.#server.listenerCount('upgrade') > 1 && isClaimed(socket, written);
    const host = this.#find(pathOf(request.url ?? ''));
    if (host !== undefined) {
      acceptUpgrade(request, socket, head, host, { isAnswered: isTaken });
      return;
    }
    const any = this.#hosts.values().next().value ?? this.#patterns[0]?.host;
    // Another listener's, or the last endpoint has gone.
    if (isTaken || any === undefined) return;
    const notFound = new NotFound(any);
    // Left to another listener, as long as there is one that may take it later: a development server's hot reload, for example.
    const isLeft = this.#server.listenerCount('upgrade') > 1 && any.slots.take(socket);
    if (isLeft) new LeftUpgrade(request, socket, head, written, notFound);
    // §4.2.2 (4): nothing here: 404.
    else acceptUpgrade(request, socket, head, notFound);
  }
}

const routers = new WeakMap<UpgradingServer, Router>();

/**
 * Puts an endpoint on an HTTP server.
 * @param path compared with the request's path literally; a RegExp, asked where no literal path matches, in the order of
 *   attachment; `''` takes every path that no other endpoint has
 * @returns how to take it off again; open connections stay
 * @throws TypeError where this server already has an endpoint at that path
 */
export function attachTo(server: UpgradingServer, path: PathPattern, host: UpgradeHost): () => void {
  let router = routers.get(server);
  if (router === undefined) {
    router = new Router(server);
    routers.set(server, router);
  }
  const attached = router;
  attached.add(path, host);
  return () => {
    if (attached.remove(path, host)) routers.delete(server);
  };
}
