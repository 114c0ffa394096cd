/**
 * WebSocket endpoints on somebody else's HTTP server: its 'upgrade' event, several endpoints by path, other listeners
 * left alone. RFC 6455 §4.2; the handshake itself is upgrade.ts.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import type { HandshakeRequest } from '../handshake/server.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';
import {
  answerUnavailable,
  isTaken,
  type PendingHandshake,
  ServerHandshake,
  type UpgradeHost,
} from './upgrade.ts';

/** A request of node:http as handshake/ reads it. */
function toHandshakeRequest(request: IncomingMessage): HandshakeRequest {
  const { socket } = request;
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion,
    headers: request.rawHeaders,
    remote: {
      address: socket.remoteAddress,
      port: socket.remotePort,
      secure: 'encrypted' in socket && socket.encrypted === true,
    },
  };
}

/**
 * Takes over a socket from an 'upgrade' event.
 * @param head what the HTTP server had read behind the request: the first frames may be in it
 */
export function acceptUpgrade<Context>(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  host: UpgradeHost<Context>,
): void {
  if (isTaken(socket)) {
    // Two listeners of one 'upgrade' event. It is reported, not thrown: any peer can cause the event.
    const cause = new TypeError('the socket of this upgrade has been taken already');
    host.refused(refuse('WS_HANDSHAKE_HOOK_FAILED', { cause }), toHandshakeRequest(request));
    return;
  }
  if (!host.admit()) {
    answerUnavailable(socket);
    return;
  }
  // The HTTP server's idle timeout does not know about us.
  if (typeof request.socket.setTimeout === 'function') request.socket.setTimeout(0);
  new ServerHandshake(socket, host).receive(toHandshakeRequest(request), head);
}

/** Which paths an endpoint serves: one, compared literally; those that a RegExp finds something in; or, with `''`, all others. */
export type PathPattern = string | RegExp;

/** Whether an endpoint with this pattern serves a path. */
export function servesPath(pattern: PathPattern, path: string): boolean {
  // `search`, unlike `test`, keeps no state in a RegExp with the flag g or y.
  return typeof pattern === 'string' ? pattern === '' || pattern === path : path.search(pattern) !== -1;
}

/** A server that emits 'upgrade'. Of HTTP/2 servers, one with `allowHTTP1` does. */
export type UpgradingServer = HttpServer | HttpsServer | Http2SecureServer;

/** The endpoints of one HTTP server. */
class Router {
  readonly #server: UpgradingServer;
  /** By path; `''` takes what no other path or pattern matches. */
  readonly #hosts = new Map<string, UpgradeHost>();
  /** In the order they came: the first that matches is taken. */
  readonly #patterns: { readonly pattern: RegExp; readonly host: UpgradeHost }[] = [];
  readonly #listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

  constructor(server: UpgradingServer) {
    this.#server = server;
    this.#listener = (request, socket, head) => this.#route(request, socket, head);
    server.on('upgrade', this.#listener);
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
    else this.#patterns.push({ pattern: path, host });
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
    return true;
  }

  #find(path: string): UpgradeHost | undefined {
    const exact = this.#hosts.get(path);
    if (exact !== undefined) return exact;
    const matching = this.#patterns.find(({ pattern }) => servesPath(pattern, path));
    return matching?.host ?? this.#hosts.get('');
  }

  #route(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const host = this.#find(pathOf(request.url ?? ''));
    if (host !== undefined) {
      acceptUpgrade(request, socket, head, host);
      return;
    }
    const any = this.#hosts.values().next().value ?? this.#patterns[0]?.host;
    if (any === undefined) return;
    const notFound = new NotFound(any);
    // Somebody else's, as long as there is somebody else: a development server's hot reload, say.
    if (this.#server.listenerCount('upgrade') > 1) new LeftUpgrade(request, socket, head, notFound);
    // §4.2.2 (4): nothing here: 404.
    else acceptUpgrade(request, socket, head, notFound);
  }
}

/**
 * An upgrade that was left to the HTTP server's other listeners. Node has taken its own listeners and deadlines off the socket:
 * where none of them wants it either, nobody would ever end it, and a peer that resets it would end the process.
 */
class LeftUpgrade implements TimerOwner {
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  readonly #host: UpgradeHost;
  readonly #written: number;
  readonly #onClose: () => void;

  constructor(request: IncomingMessage, socket: Duplex, head: Buffer, host: UpgradeHost) {
    this.#request = request;
    this.#socket = socket;
    this.#head = head;
    this.#host = host;
    this.#written = bytesWrittenTo(socket);
    socket.on('error', ignore);
    const timer: Timer = processTimers.timer(this);
    timer.set(host.handshakeTimeout);
    this.#onClose = () => timer.cancel();
    socket.on('close', this.#onClose);
  }

  onTimer(): void {
    // Nothing of ours stays with a connection of somebody else's.
    this.#socket.off('close', this.#onClose);
    if (!this.#isClaimed) acceptUpgrade(this.#request, this.#socket, this.#head, this.#host);
  }

  /** Whether anybody did anything with it. Who only waits for something before the answer listens for errors at least. */
  get #isClaimed(): boolean {
    const socket = this.#socket;
    if (isTaken(socket) || socket.writableEnded || socket.readableFlowing !== null) return true;
    if (socket.listenerCount('data') + socket.listenerCount('readable') > 0) return true;
    // Ours, and with TLS the socket's own.
    const unclaimed = 'encrypted' in socket ? 2 : 1;
    return socket.listenerCount('error') > unclaimed || bytesWrittenTo(socket) > this.#written;
  }
}

function bytesWrittenTo(socket: Duplex): number {
  return (socket as Partial<Socket>).bytesWritten ?? 0;
}

function ignore(): void {}

/** The path of a request target, literally. §4.2.1 (1): the target may be an absolute URI; handshake/ checks its host. */
function pathOf(target: string): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (path.startsWith('/') || !/^https?:\/\//i.test(path)) return path;
  const slash = path.indexOf('/', path.indexOf('//') + 2);
  return slash === -1 ? '/' : path.slice(slash);
}

/** Refuses everything, within the limits of an endpoint that is there. */
class NotFound implements UpgradeHost {
  readonly #host: UpgradeHost;
  // The path is wrong for every origin: who asks is not the question.
  readonly origins = 'any';
  readonly compression = null;
  readonly subprotocols: readonly string[] = [];
  readonly handshakeTimeout: number;

  constructor(host: UpgradeHost) {
    this.#host = host;
    this.handshakeTimeout = host.handshakeTimeout;
  }

  admit(): boolean {
    return this.#host.admit();
  }

  started(handshake: PendingHandshake): void {
    this.#host.started(handshake);
  }

  settled(handshake: PendingHandshake): void {
    this.#host.settled(handshake);
  }

  decide(): never {
    throw refuse('WS_HANDSHAKE_NOT_FOUND');
  }

  opened(): void {}

  refused(...arguments_: Parameters<UpgradeHost['refused']>): void {
    this.#host.refused(...arguments_);
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
