/**
 * Serves WebSocket endpoints on an HTTP server of the application (RFC 6455 §4.2). This file listens for the 'upgrade' event of the server.
 * One HTTP server can have several endpoints with different paths. Other listeners of the event still work. left-upgrade.ts handles the
 * requests that other listeners may answer. upgrade.ts performs the opening handshake.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { acceptUpgrade } from './accept-upgrade.ts';
import { bytesWrittenTo, isClaimed, LeftUpgrade, NotFound } from './left-upgrade.ts';
import { normalizePath, type PathPattern, pathOf, prefixLength, servesPath } from './path-pattern.ts';
import type { UpgradeHost } from './upgrade-host.ts';

/** An HTTP server that emits 'upgrade' events. An HTTP/2 server emits them only with the option `allowHTTP1`. */
export type UpgradingServer = HttpServer | HttpsServer | Http2SecureServer;

/**
 * The type of `shouldUpgradeCallback`, which exists in Node 24.9 and later. The function decides whether Node emits 'upgrade' for a request
 * with an Upgrade field.
 */
type ShouldUpgrade = (request: IncomingMessage) => boolean;

/** Finds the WebSocket endpoint for each upgrade request of one HTTP server. */
class Router {
  readonly #server: UpgradingServer & { shouldUpgradeCallback?: ShouldUpgrade };
  /** The endpoints, by path. The endpoint with the path `''` gets every request that matches no other path or pattern. */
  readonly #hosts = new Map<string, UpgradeHost>();
  /** The endpoints that have a RegExp instead of a path. The first RegExp that matches is used. `#insert` decides the order. */
  readonly #patterns: { readonly pattern: RegExp; readonly host: UpgradeHost }[] = [];
  readonly #listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Restores the HTTP server's `shouldUpgradeCallback`. Is called when the last endpoint is removed. */
  readonly #restore: () => void;

  constructor(server: UpgradingServer) {
    this.#server = server;
    this.#listener = (request, socket, head) => {
      const written = bytesWrittenTo(socket);
      const route = (): void => this.#route(request, socket, head, written);
      // If there are other listeners, we wait until they have run. One of them may answer every request, including the requests for our
      // paths. Then we must not write a second answer. Nothing is read from the socket while we wait.
      if (server.listenerCount('upgrade') === 1) route();
      else process.nextTick(route);
    };
    // Our listener runs first, so `bytesWrittenTo` does not count the bytes that other listeners write.
    server.prependListener('upgrade', this.#listener);
    this.#restore = this.#leaveOrdinaryRequests();
  }

  /**
   * RFC 9110 §7.8: a server MAY ignore Upgrade. Some clients send `Upgrade: h2c` when they ask for a page, for example `curl --http2`. This
   * function makes sure that such a client gets the page, and not our refusal. The function has an effect in Node 24.9 or later. Older
   * versions of Node emit 'upgrade' for every request with an Upgrade field.
   * @returns a function that undoes the change
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
   * Inserts a pattern into `#patterns`. If `prefixPattern` made the pattern, it goes before all patterns with a shorter prefix. Any other
   * pattern goes to the end.
   */
  #insert(pattern: RegExp, host: UpgradeHost): void {
    const length = prefixLength(pattern);
    const isShorter = (other: RegExp): boolean => prefixLength(other) !== -1 && prefixLength(other) < length;
    const at = this.#patterns.findIndex((one) => isShorter(one.pattern));
    this.#patterns.splice(at === -1 ? this.#patterns.length : at, 0, { pattern, host });
  }

  /** Removes an endpoint. @returns true if this was the last endpoint of the server */
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
    // Another listener uses the socket, or the last endpoint was removed. In both cases, we do nothing.
    if (isTaken || any === undefined) return;
    const notFound = new NotFound(any);
    // If there is another listener, it may start to use the socket later. For example, the hot reload of a development server does this.
    const isLeft = this.#server.listenerCount('upgrade') > 1 && any.slots.take(socket);
    if (isLeft) new LeftUpgrade(request, socket, head, written, notFound);
    // §4.2.2 (4): no endpoint serves this path, so we answer 404.
    else acceptUpgrade(request, socket, head, notFound);
  }
}

const routers = new WeakMap<UpgradingServer, Router>();

/**
 * Adds an endpoint to an HTTP server.
 * @param path the path of the endpoint. For a request, the strings of all endpoints are compared first. Then the RegExps are tried, in the
 *   order in which they were added. Among the RegExps of `prefixPattern`, a longer prefix comes first. `''` stands for every path that no
 *   other endpoint serves
 * @returns a function that removes the endpoint; open connections stay open
 * @throws TypeError if this server already has an endpoint at the same path
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
