/**
 * Implements `WebSocketServer` (RFC 6455 §4.2). A server has one set of handlers for all its connections. It listens on a port, or uses an
 * HTTP server of the application, or both. server-host.ts decides whether a handshake is accepted.
 */

import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type InspectOptions, inspect } from 'node:util';
import { acceptUpgrade, type UpgradeMessage } from '../transport/accept-upgrade.ts';
import { checkClose } from '../transport/argument-checks.ts';
import { attachTo, type UpgradingServer } from '../transport/attach.ts';
import { type Listener, listen } from '../transport/listen.ts';
import { type PathPattern, toPathPattern } from '../transport/path-pattern.ts';
import { broadcastTo } from './broadcast.ts';
import { type BroadcastOptions, type Connections, toBroadcastOptions } from './broadcast-options.ts';
import type { Connection } from './connection.ts';
import type { Message } from './message.ts';
import { checkHandlers, checkOptions, describe } from './option-names.ts';
import { readOptions } from './option-spec.ts';
import type { AllServerHandlers, ServerHandlers } from './server-handlers.ts';
import { ServerHost } from './server-host.ts';
import {
  allServerSpecs,
  checkHttpServer,
  checkPlace,
  type ListenOptions,
  listenSpecs,
  type ServerOptions,
  type ShutdownOptions,
  shutdownSpecs,
} from './server-options.ts';
import { Shutdown } from './shutdown.ts';

/** The options of `handleUpgrade`. */
export interface HandleUpgradeOptions {
  /** Any value, such as information about the request. The `upgrade` handler receives it as `pending.context`. */
  readonly context?: unknown;
}

/** A WebSocket server. */
export class WebSocketServer<Data = undefined> {
  readonly #host: ServerHost<Data>;
  #listeners: Listener[] = [];
  #detach: (() => void)[] = [];
  #shutdown: Shutdown | null = null;

  static {
    // Makes the text that `console.log` shows.
    const show = function (this: WebSocketServer<unknown>, _depth: number, options: InspectOptions): string {
      const { addresses, connections } = this;
      return `WebSocketServer ${inspect({ addresses, connections: connections.size }, options)}`;
    };
    Object.defineProperty(WebSocketServer.prototype, inspect.custom, { value: show });
  }

  /**
   * The handlers contain `upgrade`, which supplies the `data` of each connection. So they are required if `Data` does not include
   * undefined.
   * @throws {RangeError | TypeError} for invalid options
   */
  constructor(...none: undefined extends Data ? [] : [handlers: never]);
  constructor(
    handlers: ServerHandlers<Data>,
    options?: ServerOptions & { readonly text?: 'string' | undefined },
  );
  // With `text: 'bytes'`, text messages are Buffers too.
  constructor(handlers: ServerHandlers<Data, string | Buffer>, options: ServerOptions);
  constructor(handlers: AllServerHandlers<Data> = {}, options: ServerOptions = {}) {
    checkHandlers(handlers);
    this.#host = new ServerHost(handlers, readOptions('WebSocketServer', options, allServerSpecs));
  }

  /** The connections that are open or closing. */
  get connections(): ReadonlySet<Connection<Data>> {
    this.#host.areShown = true;
    return this.#host.connections;
  }

  /** The addresses that the server listens on. Each call of `listen` adds one address. */
  get addresses(): readonly (AddressInfo | string)[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /**
   * Listens on a port. Uses TLS if the option `tls` is set. `listen` can be called several times.
   * @returns the address. It contains the port that was chosen if `port` was 0. For a Unix socket, `address` is the path
   * @throws the error of the system, such as EADDRINUSE
   * @throws the reason of `signal` if the signal aborts before the server listens
   * @throws {TypeError | RangeError} for invalid options
   */
  async listen(options: ListenOptions = {}): Promise<AddressInfo> {
    this.#refuseAfterShutdown();
    const { path, socketPath, ...where } = readOptions('listen', options, listenSpecs);
    checkPlace(options);
    const listener = await listen(
      { ...where, path: socketPath },
      this.#host,
      toPathPattern(path ?? ''),
      (stopped) => {
        this.#listeners = this.#listeners.filter((one) => one !== stopped);
      },
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
   * Accepts the upgrade requests of an HTTP server: all requests, or only the requests for one path or pattern. Several WebSocket servers
   * may use one HTTP server. First, the WebSocket servers with a string as their path are tried, then those with a RegExp, then those
   * without a path. The HTTP server can have other listeners for 'upgrade'. These listeners are called first. WebSocket servers ignore a
   * request that such a listener answers. If no path matches a request, a listener has to answer the request. The answer is 404 if there
   * are no such listeners, or if no listener writes, reads or ends the socket within `handshakeTimeout`.
   * @param server an HTTP/1.1 server, or a server of `http2.createSecureServer` with `allowHTTP1: true`. HTTP/2 itself has no upgrades
   * @returns a function that detaches this server from the HTTP server. Open connections stay open
   * @throws {TypeError} if another WebSocket server already has the path
   */
  attach(server: UpgradingServer, options: { readonly path?: PathPattern | undefined } = {}): () => void {
    this.#refuseAfterShutdown();
    checkHttpServer(server);
    checkOptions('attach', options, { path: true });
    const detach = attachTo(server, toPathPattern(options.path ?? ''), this.#host);
    this.#detach.push(detach);
    return detach;
  }

  /**
   * Accepts or refuses an upgrade request. Call this method from your own listener for 'upgrade'. If the request does not come from
   * node:http, it only needs `method`, `url` and `headers`.
   * @param head the third argument of the listener
   * @returns a Promise, which resolves with the connection when it is open. If the request is refused, the Promise rejects. You do not have
   *   to handle the rejection, because the `refused` handler is called too
   * @throws {TypeError} if the arguments are not those of a listener for 'upgrade'
   */
  handleUpgrade(
    request: UpgradeMessage,
    socket: Duplex,
    head: Buffer,
    options: HandleUpgradeOptions = {},
  ): Promise<Connection<Data>> {
    checkOptions('handleUpgrade', options, { context: true });
    if (typeof request !== 'object' || request === null) {
      throw new TypeError(`the request is ${describe(request)}, not an IncomingMessage`);
    }
    if (typeof socket?.write !== 'function' || typeof socket.on !== 'function') {
      throw new TypeError(`the socket is ${describe(socket)}, not a Duplex`);
    }
    if (!(head instanceof Uint8Array)) throw new TypeError(`the head is ${describe(head)}, not a Buffer`);
    const { context } = options;
    const outcome = new Promise<Connection<Data>>((resolve, reject) => {
      acceptUpgrade(request, socket, head, this.#host, { context, onOpened: resolve, onRefused: reject });
    });
    // The application does not have to use the Promise. A rejection of the Promise must not end the process.
    outcome.catch(() => {});
    return outcome;
  }

  /**
   * Sends a message to every open connection, or to some of them. Serializes the message once. Compresses it once for all connections that
   * keep no compression context. A binary message of more than 4 KiB is not copied: do not change its bytes before they have left the
   * process.
   * @param options select the connections that receive the message, and allow or prevent compression. You can also pass two arguments
   *   instead: the connections that do not receive the message, and `compress`
   * @returns the number of connections to which the message was sent
   * @throws {TypeError} for a message that is not a string, an ArrayBuffer or an ArrayBufferView, and for invalid options
   * @throws the errors of the option `filter`
   */
  broadcast(message: Message, options?: BroadcastOptions<Data>): number;
  broadcast(message: Message, except?: Connections | null, compress?: boolean): number;
  broadcast(
    message: Message,
    second: BroadcastOptions<Data> | Connections | null = null,
    third = true,
  ): number {
    return broadcastTo(this.#host.connections, message, toBroadcastOptions(second, third));
  }

  /**
   * Ends the server. New connections and unfinished handshakes are answered with 503. Each open connection gets a Close frame. After
   * `grace` milliseconds, the remaining connections are dropped. Another call can only shorten `grace`.
   * @returns a Promise, which resolves when every connection and listener is closed. Every call returns the same Promise
   * @throws {RangeError} for a code that must not be sent, and for a reason of more than 123 bytes
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    const { code, reason, grace } = readOptions('shutdown', options, shutdownSpecs);
    checkClose(code, reason);
    if (this.#shutdown === null) {
      this.#host.closing = { code, reason };
      this.#shutdown = new Shutdown(this.#host, this.#listeners, () => {
        for (const detach of this.#detach) detach();
        this.#listeners = [];
      });
    }
    this.#shutdown.dropWithin(grace);
    return this.#shutdown.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #refuseAfterShutdown(): void {
    if (this.#shutdown !== null) throw new TypeError('this server was shut down: make a new one');
  }
}
