/**
 * `WebSocketServer`: handlers for all connections, over a listener of its own, somebody's HTTP server, or both.
 * RFC 6455 §4.2 behind it, see transport/upgrade.ts.
 */

import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type InspectOptions, inspect } from 'node:util';
import { type HandshakeError, refuse } from '../handshake/error.ts';
import type { OriginPolicy } from '../handshake/origin.ts';
import type { HandshakeRequest, UpgradeRequest } from '../handshake/server.ts';
import { acceptUpgrade } from '../transport/accept-upgrade.ts';
import { attachTo, type UpgradingServer } from '../transport/attach.ts';
import { Broadcast } from '../transport/broadcast.ts';
import type { Compression } from '../transport/compression.ts';
import {
  type ConnectionLimits,
  HANDSHAKE_TIMEOUT,
  MAX_CONNECTIONS,
  SHUTDOWN_GRACE,
} from '../transport/limits.ts';
import { type Listener, listen } from '../transport/listen.ts';
import { log } from '../transport/log.ts';
import { type PathPattern, servesPath } from '../transport/path-pattern.ts';
import { checkClose } from '../transport/socket.ts';
import {
  checkOrigins,
  checkSubprotocols,
  flattenHeaders,
  type OpenedUpgrade,
  type PendingHandshake,
  type PendingUpgrade,
  type UpgradeDecision,
  type UpgradeHost,
} from '../transport/upgrade.ts';
import { isThenable, warn } from './callback.ts';
import { Connection, type ConnectionInfo, sendBroadcast } from './connection.ts';
import { Dispatch } from './dispatch.ts';
import { type Message, toBytes } from './message.ts';
import { checkHandlers, checkOptions, describe } from './option-names.ts';
import { positive, readValues } from './option-spec.ts';
import { connectionSpecs, toCloseReason, toCompression, toLimits } from './options.ts';
import type { AllServerHandlers, ServerHandlers } from './server-handlers.ts';
import {
  checkHttpServer,
  checkPath,
  checkTls,
  type ListenOptions,
  listenOptionNames,
  type ServerOptions,
  type ShutdownOptions,
  serverOptionNames,
  shutdownOptionNames,
} from './server-options.ts';
import { type Accept, type AnyUpgradeAnswer, checkAccept, Rejection } from './upgrade-answer.ts';

/** A WebSocket server. */
export class WebSocketServer<Data = undefined> {
  readonly #handlers: AllServerHandlers<Data>;
  readonly #limits: ConnectionLimits;
  readonly #text: 'string' | 'bytes';
  readonly #closeReason: ReturnType<typeof toCloseReason>;
  readonly #subprotocols: readonly string[];
  readonly #origins: OriginPolicy;
  readonly #handshakeTimeout: number;
  readonly #maxConnections: number;
  readonly #compression: Compression | null;
  readonly #connections = new Set<Connection<Data>>();
  readonly #handshakes = new Set<PendingHandshake>();
  #listeners: Listener[] = [];
  #detach: (() => void)[] = [];
  #shutdown: Promise<void> | null = null;
  /** What connections that come late to a shutdown are told. */
  #closing: { readonly code: number; readonly reason: string } | null = null;
  #whenEmpty: (() => void) | null = null;
  /** Drops what is left of a shutdown; at this time of `performance.now()`. */
  #graceTimer: NodeJS.Timeout | null = null;
  #graceEnds = Number.POSITIVE_INFINITY;

  static {
    // What `console.log` shows.
    const show = function (this: WebSocketServer<unknown>, _depth: number, options: InspectOptions): string {
      const { addresses, connections } = this;
      return `WebSocketServer ${inspect({ addresses, connections: connections.size }, options)}`;
    };
    Object.defineProperty(WebSocketServer.prototype, inspect.custom, { value: show });
  }

  /**
   * If `Data` does not include undefined, the handler `upgrade` is required, which supplies it.
   * @throws {RangeError | TypeError} for invalid options
   */
  constructor(...none: undefined extends Data ? [] : [handlers: never]);
  constructor(
    handlers: ServerHandlers<Data>,
    options?: ServerOptions & { readonly text?: 'string' | undefined },
  );
  // With `text: 'bytes'` a text message is a Buffer too.
  constructor(handlers: ServerHandlers<Data, string | Buffer>, options: ServerOptions);
  constructor(handlers: AllServerHandlers<Data> = {}, options: ServerOptions = {}) {
    checkHandlers(handlers);
    checkOptions('WebSocketServer', options, serverOptionNames);
    this.#handlers = handlers;
    const values = readValues(options, connectionSpecs, 'server');
    this.#limits = toLimits(values);
    this.#text = values.text;
    this.#closeReason = toCloseReason(values);
    this.#compression = toCompression(values.compression);
    this.#subprotocols = options.subprotocols ?? [];
    checkOrigins(options.origins ?? 'same-origin');
    checkSubprotocols(this.#subprotocols);
    this.#origins = options.origins ?? 'same-origin';
    this.#handshakeTimeout = positive('handshakeTimeout', options.handshakeTimeout, HANDSHAKE_TIMEOUT);
    this.#maxConnections = positive('maxConnections', options.maxConnections, MAX_CONNECTIONS);
  }

  /** The open connections, those that are closing included. */
  get connections(): ReadonlySet<Connection<Data>> {
    return this.#connections;
  }

  /** Where it listens: one address for each `listen`. */
  get addresses(): readonly (AddressInfo | string)[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /**
   * Listens on a port of its own, with TLS where `tls` is given. May be called several times.
   * @returns the bound address (`port` tells which one port 0 became), or the path of the Unix socket
   * @throws the system's error, such as EADDRINUSE
   */
  async listen(options: ListenOptions = {}): Promise<AddressInfo> {
    this.#refuseAfterShutdown();
    checkOptions('listen', options, listenOptionNames);
    const { path = '', socketPath, ...where } = options;
    checkPath(path);
    if (options.tls !== undefined) checkTls(options.tls);
    const listener = await listen(
      socketPath === undefined ? where : { ...where, path: socketPath },
      this.#host(path, false),
    );
    if (this.#shutdown !== null) {
      await listener.close();
      this.#refuseAfterShutdown();
    }
    this.#listeners.push(listener);
    const { address } = listener;
    return typeof address === 'string' ? { address, family: 'unix', port: 0 } : address;
  }

  /**
   * Takes the upgrades of an HTTP server, all of them or those of one path or pattern; several servers may share it. A literal
   * path goes before a RegExp, and that before none. Upgrades that match none are left to the HTTP server's other listeners,
   * and answered with 404 where it has none, or none of them did anything with the socket within `handshakeTimeout`.
   * @param server HTTP/1.1's, or one of `http2.createSecureServer` with `allowHTTP1: true`: what speaks HTTP/2 has no upgrades
   * @returns how to let go of it; open connections stay
   * @throws {TypeError} where the path is taken
   */
  attach(server: UpgradingServer, options: { readonly path?: PathPattern } = {}): () => void {
    this.#refuseAfterShutdown();
    checkHttpServer(server);
    checkOptions('attach', options, { path: true });
    const { path = '' } = options;
    checkPath(path);
    const detach = attachTo(server, path, this.#host('', true));
    this.#detach.push(detach);
    return detach;
  }

  /**
   * Takes one upgrade out of your own 'upgrade' listener.
   * @param head the listener's third argument
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    acceptUpgrade(request, socket, head, this.#host('', true));
  }

  /**
   * Sends a message to every open connection, serialized once; compressed once for those that keep no context. Bytes over 4 KiB
   * are not copied: leave them unchanged until they have left.
   * @param except connections to leave out
   * @param compress false: not compressed, whatever was negotiated
   * @returns how many it was sent to
   * @throws {TypeError} for anything else than a string, an ArrayBuffer or a view of one, and for another `except`
   */
  broadcast(
    message: Message,
    except: ReadonlySet<Connection<Data>> | Connection<Data> | null = null,
    compress = true,
  ): number {
    const prepared = new Broadcast(typeof message === 'string' ? message : toBytes(message), compress);
    if (except !== null && !(except instanceof Connection) && typeof except?.has !== 'function') {
      throw new TypeError(`except is ${describe(except)}, not a connection, a set of them, or null`);
    }
    let sent = 0;
    for (const connection of this.#connections) {
      if (connection === except || (!(except instanceof Connection) && except?.has(connection))) continue;
      if (connection.state !== 'open') continue;
      sendBroadcast(connection, prepared);
      sent++;
    }
    return sent;
  }

  /**
   * Ends the server: no new connections and no handshake that is under way (503), a Close frame to each open connection;
   * what is left after `grace` is dropped. A later call can only shorten that.
   * @returns when every connection and listener is gone; the same Promise for every call
   * @throws {RangeError} for a code that may not be sent, a reason over 123 bytes
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkOptions('shutdown', options, shutdownOptionNames);
    const { code = 1001, reason = '' } = options;
    const grace = positive('grace', options.grace, SHUTDOWN_GRACE);
    checkClose(code, reason);
    this.#shutdown ??= this.#end(code, reason);
    this.#dropWithin(grace);
    return this.#shutdown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #end(code: number, reason: string): Promise<void> {
    this.#closing = { code, reason };
    const listeners = this.#listeners.map((listener) => listener.close());
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    for (const handshake of [...this.#handshakes]) handshake.refuse(refuse('WS_HANDSHAKE_UNAVAILABLE'));
    // It is `grace` that ends them: one deadline, and nobody hears of an error.
    for (const connection of [...this.#connections]) connection.close(code, reason, Number.POSITIVE_INFINITY);
    this.#checkEmpty();
    await empty;
    // Until here an HTTP server's upgrades were answered with 503.
    for (const detach of this.#detach) detach();
    await Promise.all(listeners);
    this.#listeners = [];
    this.#graceEnds = Number.NEGATIVE_INFINITY;
    if (this.#graceTimer !== null) clearTimeout(this.#graceTimer);
  }

  #dropWithin(grace: number): void {
    const ends = performance.now() + grace;
    if (ends >= this.#graceEnds || grace > 2_147_483_647) return;
    this.#graceEnds = ends;
    if (this.#graceTimer !== null) clearTimeout(this.#graceTimer);
    this.#graceTimer = setTimeout(() => {
      for (const connection of [...this.#connections]) connection.terminate();
      for (const listener of this.#listeners) listener.terminate();
    }, grace);
  }

  #checkEmpty(): void {
    if (this.#connections.size === 0 && this.#handshakes.size === 0) this.#whenEmpty?.();
  }

  #refuseAfterShutdown(): void {
    if (this.#shutdown !== null) throw new TypeError('this server was shut down: make a new one');
  }

  // ---- the transport's side ----

  #host(path: PathPattern, attached: boolean): UpgradeHost<Accept<Data>> {
    return {
      origins: this.#origins,
      subprotocols: this.#subprotocols,
      handshakeTimeout: this.#handshakeTimeout,
      compression: this.#compression,
      admit: () => this.#admit(),
      started: (handshake) => this.#handshakes.add(handshake),
      settled: (handshake) => {
        this.#handshakes.delete(handshake);
        this.#checkEmpty();
      },
      decide: (request, pending) => {
        if (!attached && !servesPath(path, request.path)) throw refuse('WS_HANDSHAKE_NOT_FOUND');
        return this.#decide(request, pending);
      },
      opened: (upgrade) => this.#opened(upgrade),
      refused: (error, request) => this.#refused(error, request),
    };
  }

  #admit(): boolean {
    const isFull = this.#connections.size + this.#handshakes.size >= this.#maxConnections;
    if (this.#shutdown === null && !isFull) return true;
    this.#refused(refuse('WS_HANDSHAKE_UNAVAILABLE'), null);
    return false;
  }

  #decide(
    request: UpgradeRequest,
    pending: PendingUpgrade,
  ): UpgradeDecision<Accept<Data>> | Promise<UpgradeDecision<Accept<Data>>> {
    const answer = this.#handlers.upgrade?.(request, pending);
    // Any thenable: a Promise of another realm, or of a library, taken for an answer would let everybody in.
    return isThenable(answer)
      ? Promise.resolve(answer).then((settled) => this.#answer(settled))
      : this.#answer(answer);
  }

  #answer(answer: AnyUpgradeAnswer<Data>): UpgradeDecision<Accept<Data>> {
    // A shutdown that began while the application thought about it.
    if (this.#shutdown !== null) return refuse('WS_HANDSHAKE_UNAVAILABLE');
    if (answer instanceof Rejection) {
      const { status, headers, body } = answer;
      return refuse('WS_HANDSHAKE_REJECTED', { status, headers, body: Buffer.from(body) });
    }
    const context = checkAccept(answer);
    return {
      ...(context.subprotocol === undefined ? null : { subprotocol: context.subprotocol }),
      headers: flattenHeaders(context.headers ?? []),
      context,
    };
  }

  #opened(upgrade: OpenedUpgrade<Accept<Data>>): void {
    const { socket, head, request, subprotocol, extensions, codec, context } = upgrade;
    const info: ConnectionInfo = {
      subprotocol,
      extensions,
      url: request.target,
      remoteAddress: request.remote.address,
      remotePort: request.remote.port,
      headers: [],
    };
    const dispatch = new Dispatch<Data>({
      socket,
      handlers: this.#handlers,
      info,
      options: { role: 'server', limits: this.#limits, text: this.#text, codec, ...this.#closeReason },
      data: context.data as Data,
      onClosed: (closed) => {
        this.#connections.delete(closed);
        this.#checkEmpty();
      },
    });
    const { connection } = dispatch;
    this.#connections.add(connection);
    dispatch.start(head);
    if (this.#closing !== null) connection.close(this.#closing.code, this.#closing.reason);
  }

  #refused(error: HandshakeError, request: HandshakeRequest | null): void {
    log('refused: %d %s', error.status, error.message);
    try {
      const { refused } = this.#handlers;
      if (refused !== undefined) {
        const result = refused.call(this.#handlers, error, request);
        if (isThenable(result)) result.then(undefined, warn);
      }
      // What the application threw must not vanish.
      else if (error.code === 'WS_HANDSHAKE_HOOK_FAILED') warn(error.cause);
    } catch (thrown) {
      warn(thrown);
    }
  }
}
