/**
 * Serves WebSocket endpoints on an HTTP server that the application made (RFC 6455 §4.2). This file listens for the server's 'upgrade'
 * event. There can be several endpoints with different paths, and other listeners of the event still work. left-upgrade.ts handles the
 * upgrades that are left to other listeners. upgrade.ts performs the handshake.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { acceptUpgrade } from './accept-upgrade.ts';
import { bytesWrittenTo, isClaimed, LeftUpgrade, NotFound } from './left-upgrade.ts';
import { normalizePath, type PathPattern, pathOf, prefixLength, servesPath } from './path-pattern.ts';
import type { UpgradeHost } from './upgrade-host.ts';

/** A server that emits 'upgrade'. An HTTP/2 server does so only with `allowHTTP1`. */
export type UpgradingServer = HttpServer | HttpsServer | Http2SecureServer;

/** Decides, on Node 24.9 and later, whether a request with an Upgrade field becomes an 'upgrade' event. */
type ShouldUpgrade = (request: IncomingMessage) => boolean;

/** The endpoints of one HTTP server. */
class Router {
  readonly #server: UpgradingServer & { shouldUpgradeCallback?: ShouldUpgrade };
  /** The endpoints by path; `''` takes the requests that no other path or pattern matches. */
  readonly #hosts = new Map<string, UpgradeHost>();
  /** The endpoints by pattern. The first pattern that matches is used; `#insert` decides the order. */
  readonly #patterns: { readonly pattern: RegExp; readonly host: UpgradeHost }[] = [];
  readonly #listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Restores the HTTP server's `shouldUpgradeCallback`. It is called when the last endpoint is removed. */
  readonly #restore: () => void;

  constructor(server: UpgradingServer) {
    this.#server = server;
    this.#listener = (request, socket, head) => {
      const written = bytesWrittenTo(socket);
      const route = (): void => this.#route(request, socket, head, written);
      // If there are other listeners, our routing waits until they have run. A listener that answers every upgrade also answers the
      // upgrades for our paths. Two answers on one socket would be worse than only the answer of that listener. Nothing is read from the
      // socket while we wait.
      if (server.listenerCount('upgrade') === 1) route();
      else process.nextTick(route);
    };
    // Our listener is called first. So `bytesWrittenTo` returns what was written before any other listener ran.
    server.prependListener('upgrade', this.#listener);
    this.#restore = this.#leaveOrdinaryRequests();
  }

  /**
   * RFC 9110 §7.8: a server MAY ignore Upgrade. A request for a page with `Upgrade: h2c` (curl --http2, Java) gets its ordinary answer, not
   * our refusal. Older versions of Node emit 'upgrade' for every such request as soon as there is a listener.
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

  /**
   * Inserts a pattern into `#patterns`. Patterns without a prefix keep the order of attachment. A pattern with a longer prefix goes before
   * a pattern with a shorter one.
   */
  #insert(pattern: RegExp, host: UpgradeHost): void {
    const length = prefixLength(pattern);
    const isShorter = (other: RegExp): boolean => prefixLength(other) !== -1 && prefixLength(other) < length;
    const at = this.#patterns.findIndex((one) => isShorter(one.pattern));
    this.#patterns.splice(at === -1 ? this.#patterns.length : at, 0, { pattern, host });
  }

  /** Removes an endpoint. @returns whether the removed endpoint was the last one of the server */
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
    // If another listener has taken the socket, or the last endpoint was removed, we leave the socket alone.
    if (isTaken || any === undefined) return;
    const notFound = new NotFound(any);
    // If there is another listener, that listener may take the socket later. The hot reload of a development server does so, for example.
    const isLeft = this.#server.listenerCount('upgrade') > 1 && any.slots.take(socket);
    if (isLeft) new LeftUpgrade(request, socket, head, written, notFound);
    // §4.2.2 (4): no endpoint serves this path, so we answer 404.
    else acceptUpgrade(request, socket, head, notFound);
  }
}

const routers = new WeakMap<UpgradingServer, Router>();

/**
 * Adds an endpoint to an HTTP server.
 * @param path the path of the endpoint. A string is compared with the request's path literally. If no string matches, the RegExps are tried
 *   in the order of attachment. A longer prefix comes before a shorter one. `''` matches every path that no other endpoint matches
 * @returns a function that removes the endpoint; open connections stay open
 * @throws TypeError if this server already has an endpoint at that path
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
