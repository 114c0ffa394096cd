/**
 * `WebSocketServer`: handlers for all connections, over a listener of its own, another program's HTTP server, or both.
 * RFC 6455 §4.2; what it makes of each handshake is server-host.ts.
 */

import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type InspectOptions, inspect } from 'node:util';
import { acceptUpgrade, type UpgradeMessage } from '../transport/accept-upgrade.ts';
import { attachTo, type UpgradingServer } from '../transport/attach.ts';
import { type Listener, listen } from '../transport/listen.ts';
import { type PathPattern, toPathPattern } from '../transport/path-pattern.ts';
import { checkClose } from '../transport/socket.ts';
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

/** What `handleUpgrade` hands on. */
export interface HandleUpgradeOptions {
  /** Anything that the `upgrade` handler finds in its second argument: what your own 'upgrade' listener found out. */
  readonly context?: unknown;
}

/** A WebSocket server. */
export class WebSocketServer<Data = undefined> {
  readonly #host: ServerHost<Data>;
  #listeners: Listener[] = [];
  #detach: (() => void)[] = [];
  #shutdown: Shutdown | null = null;

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
    this.#host = new ServerHost(handlers, readOptions('WebSocketServer', options, allServerSpecs));
  }

  /** The open connections, those that are closing included. */
  get connections(): ReadonlySet<Connection<Data>> {
    this.#host.areShown = true;
    return this.#host.connections;
  }

  /** Where it listens: one address for each `listen`. */
  get addresses(): readonly (AddressInfo | string)[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /**
   * Listens on a port of its own, with TLS if `tls` is given. May be called several times.
   * @returns the bound address (`port` tells which one port 0 became), or the path of the Unix socket
   * @throws the system's error, such as EADDRINUSE; the reason of `signal`, if that aborts first
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
   * Takes the upgrades of an HTTP server, all of them or those of one path or pattern; several servers may share it. A literal
   * path goes before a RegExp, and that before none. Other listeners of the 'upgrade' event go first: what they answer is theirs. What
   * no path matches is left to them, and answered with 404 if there is no such listener, or if none of them wrote to the socket, read or ended it
   * within `handshakeTimeout`.
   * @param server HTTP/1.1's, or one of `http2.createSecureServer` with `allowHTTP1: true`: what speaks HTTP/2 has no upgrades
   * @returns how to let go of it; open connections stay
   * @throws {TypeError} if the path is taken
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
   * Takes one upgrade out of your own 'upgrade' listener. An injected request needs `method`, `url` and `headers` only.
   * @param head the listener's third argument
   * @returns the connection, once it is open; rejects with the refusal, which `refused` receives too, so that the result may be ignored
   * @throws {TypeError} for arguments that are not those of an 'upgrade' listener
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
    // A refusal that is not waited for has been reported to `refused`: it must not end the process.
    outcome.catch(() => {});
    return outcome;
  }

  /**
   * Sends a message to every open connection, or to some of them, serialized once; compressed once for those that keep no context.
   * Bytes over 4 KiB are not copied: leave them unchanged until they have left.
   * @param options who receives it, and whether it may be compressed; or the connections to leave out, and then `compress`
   * @returns how many it was sent to
   * @throws {TypeError} for anything else than a string, an ArrayBuffer or a view of one, for invalid options, and what `filter` throws
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
   * Ends the server: no new connections and no handshake that is under way (503), a Close frame to each open connection;
   * what is left after `grace` is dropped. A later call can only shorten that.
   * @returns when every connection and listener is gone; the same Promise for every call
   * @throws {RangeError} for a code that may not be sent, a reason over 123 bytes
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
