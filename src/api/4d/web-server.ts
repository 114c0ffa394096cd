/**
 * Implements `WebServer`, the web server that 4D's WebSocket server runs on. A `WebServer` uses node:http or node:https. It serves the
 * files of a folder, or calls `onRequest`. The native WebSocket servers (../server.ts) handle the upgrades.
 */

import { promises as files } from 'node:fs';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, type Server as HttpsServer } from 'node:https';
import type { PathPattern } from '../../transport/path-pattern.ts';
import { warn } from '../callback.ts';
import type { WebSocketServer as NativeServer } from '../server.ts';
import { answerText, listenOn, serveFile } from '../static-server.ts';
import { FourDError } from './error.ts';
import {
  isSecure,
  readCertificate,
  readSettings,
  type WebServerSettings,
  type WebServerValues,
} from './web-server-settings.ts';

/** A WebSocket server that runs on this web server. */
interface Hosted {
  terminate(timeout?: number): Promise<void>;
  idle(): Promise<void>;
  onWebServerError(error: Error): void;
}

// After this number of milliseconds, `stop()` drops unfinished requests. `terminate` of a WebSocket server has the same default.
const STOP_TIMEOUT = 30_000;

const adopted = new WeakMap<HttpServer | HttpsServer, WebServer>();

/** The web server of 4D, with the members that a WebSocket server needs. 4D: WebServer. */
export class WebServer {
  /** The settings that the application has passed. A call of `start` with settings replaces the settings of the same names. */
  #given: WebServerSettings;
  #settings: WebServerValues;
  #http: HttpServer | HttpsServer | null = null;
  /** True if the HTTP server belongs to the application. */
  #isAdopted = false;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  readonly #hosted = new Map<Hosted, () => void>();
  /** The terminated WebSocket servers that still wait for the end of a callback. */
  readonly #ending = new Set<Hosted>();
  #unwrapClose: (() => void) | null = null;

  /** @throws {TypeError | RangeError} for invalid settings */
  constructor(settings: WebServerSettings = {}) {
    this.#settings = readSettings(settings);
    this.#given = settings;
  }

  /**
   * Wraps an existing HTTP server, which you configure and start yourself. If you call `close` of the HTTP server, the WebSocket servers
   * are terminated too, because Node.js would otherwise wait for their connections. The callback of `close` is called when the last
   * `onTerminate` of the WebSocket servers has ended. For the same HTTP server, `of` always returns the same `WebServer`.
   */
  static of(server: HttpServer | HttpsServer): WebServer {
    let known = adopted.get(server);
    if (known === undefined) {
      known = new WebServer();
      known.#http = server;
      known.#isAdopted = true;
      adopted.set(server, known);
    }
    known.#wrapClose();
    return known;
  }

  /** True if the server listens. 4D: WebServer, `.isRunning`. */
  get isRunning(): boolean {
    return this.#http?.listening === true && this.#stopping === null;
  }

  /**
   * The address that the server listens on. Before the start: the address that the server will listen on. 4D: WebServer,
   * `.IPAddressToListen`.
   */
  get host(): string {
    const address = this.#http?.address() ?? null;
    if (address === null) return this.#settings.host;
    return typeof address === 'string' ? address : address.address;
  }

  /**
   * The port that the server listens on; 0 for a Unix domain socket. Before the start: the port that the server will listen on. 4D:
   * WebServer, `.HTTPPort`, `.HTTPSPort`.
   */
  get port(): number {
    const address = this.#http?.address() ?? null;
    if (address === null) return this.#settings.port ?? (isSecure(this.#settings) ? 8443 : 8080);
    return typeof address === 'string' ? 0 : address.port;
  }

  /** Always false, because this web server has no sessions. 4D: WebServer, `.scalableSession`. */
  get scalableSession(): boolean {
    return false;
  }

  /**
   * Begins to listen. If the server already listens, a call without settings does nothing. 4D: WebServer, `.start()`.
   * @param settings these settings replace earlier settings of the same names
   * @throws {FourDError} if settings are passed while the server listens, or if the server is stopping
   * @throws {TypeError} for invalid settings
   * @throws the system's error, such as EADDRINUSE, or the error of node:tls for an invalid certificate
   */
  start(settings?: WebServerSettings): Promise<void> {
    if (settings === undefined) {
      if (this.isRunning) return Promise.resolve();
      if (this.#starting !== null) return this.#starting;
    }
    const starting = this.#start(settings ?? {});
    this.#starting ??= starting;
    const settled = (): void => {
      if (this.#starting === starting) this.#starting = null;
    };
    starting.then(settled, settled);
    return starting;
  }

  async #start(changes: WebServerSettings): Promise<void> {
    // An undefined setting counts as absent.
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    const merged: WebServerSettings = { ...this.#given, ...Object.fromEntries(given) };
    const settings = readSettings(merged);
    if (this.#starting !== null || this.#stopping !== null || this.isRunning) {
      throw new FourDError('WEB_SERVER', 'the web server is started already, or is being stopped');
    }
    if (this.#isAdopted && given.some(([name]) => name !== 'host' && name !== 'port')) {
      throw new TypeError('an HTTP server that WebServer.of wraps can only be started with host and port');
    }
    this.#given = merged;
    this.#settings = settings;
    const http = this.#isAdopted ? this.#http : await this.#create(settings);
    if (http === null) return;
    const { port, host } = this;
    await listenOn(http, port, host);
    this.#http = http;
    if (!this.#isAdopted) http.on('error', (error) => this.#onError(error));
  }

  async #create(settings: WebServerValues): Promise<HttpServer | HttpsServer> {
    const { onRequest, rootFolder, defaultHomepage } = settings;
    // Links in the path are resolved now. So the folder stays the same for all requests, and `start` reports a missing folder.
    const root = rootFolder === undefined ? null : await files.realpath(rootFolder);
    const folder = { root, homepage: defaultHomepage };
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const answering = async (): Promise<void> => {
        if (onRequest !== undefined) await onRequest(request, response);
        else await serveFile(folder, request, response);
      };
      answering().catch((error: unknown) => {
        warn(error);
        if (response.headersSent) response.destroy();
        else answerText(response, 500, 'Internal Server Error\n');
      });
    };
    if (!isSecure(settings)) return createServer(answer);
    return createSecureServer(await readCertificate(settings), answer);
  }

  /**
   * Stops listening, and terminates the WebSocket servers. Unfinished requests may still be answered within `timeout`. 4D: WebServer,
   * `.stop()`.
   * @param timeout seconds, as in `terminate` of a WebSocket server. After this time the remaining connections are dropped. @default 30
   * @returns a Promise that is fulfilled when every connection is closed and the last `onTerminate` has ended
   * @throws {RangeError} for an invalid time
   */
  stop(given?: number | null): Promise<void> {
    const timeout = given ?? undefined;
    checkSeconds(timeout);
    if (this.#stopping !== null) {
      this.#terminateAll(timeout);
      return this.#stopping;
    }
    const http = this.#http;
    if (http === null || !http.listening) return Promise.resolve();
    this.#stopping = this.#stop(http, timeout).finally(() => {
      this.#stopping = null;
      if (!this.#isAdopted) this.#http = null;
    });
    return this.#stopping;
  }

  async #stop(http: HttpServer | HttpsServer, timeout: number | undefined): Promise<void> {
    const terminated = this.#terminateAll(timeout);
    this.#unwrapClose?.();
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    const delay = timeout === undefined ? STOP_TIMEOUT : timeout * 1000;
    const timer = delay <= 2_147_483_647 ? setTimeout(() => http.closeAllConnections(), delay) : undefined;
    await terminated;
    await closed;
    clearTimeout(timer);
  }

  /**
   * Returns a Promise that is fulfilled when no callback of the WebSocket servers waits or is running. Do not await this Promise in a
   * callback, because the callback would then never end.
   */
  async idle(): Promise<void> {
    await Promise.all([...this.#hosted.keys(), ...this.#ending].map((hosted) => hosted.idle()));
  }

  #terminateAll(timeout?: number): Promise<unknown> {
    const all = new Set([...this.#hosted.keys(), ...this.#ending]);
    return Promise.all([...all].map((hosted) => hosted.terminate(timeout)));
  }

  /**
   * Replaces `close` of the HTTP server by a wrapper that also terminates the WebSocket servers. The original `close` would wait for the
   * WebSocket connections, and would not end them. The first call of the wrapper removes the wrapper.
   */
  #wrapClose(): void {
    const http = this.#http;
    if (!this.#isAdopted || http === null || this.#unwrapClose !== null) return;
    const own = Object.getOwnPropertyDescriptor(http, 'close');
    const { close } = http;
    let isActive = true;
    const wrapped: typeof close = (callback) => {
      if (!isActive) return close.call(http, callback);
      const terminated = this.#terminateAll();
      this.#unwrapClose?.();
      if (typeof callback !== 'function') return close.call(http, callback);
      // The callback may end the process, so it is called after the last `onTerminate`.
      return close.call(http, (error) => void terminated.then(() => callback(error)));
    };
    http.close = wrapped;
    this.#unwrapClose = () => {
      isActive = false;
      this.#unwrapClose = null;
      // If other code has replaced `close` after us, that code might still call our wrapper. From now on, our wrapper only calls the
      // original `close`.
      if (http.close !== wrapped) return;
      if (own === undefined) Reflect.deleteProperty(http, 'close');
      else Object.defineProperty(http, 'close', own);
    };
  }

  #onError(error: Error): void {
    if (this.#hosted.size === 0) warn(error);
    for (const hosted of [...this.#hosted.keys()]) hosted.onWebServerError(error);
  }

  // ---- for WebSocketServer ----

  /**
   * @internal Adds a WebSocket server.
   * @throws {FourDError} if this web server is not started, or if another WebSocket server has the path
   */
  add<Data>(hosted: Hosted, native: NativeServer<Data>, path: PathPattern): void {
    const http = this.#http;
    if (http === null || !this.isRunning) {
      throw new FourDError('WEB_SERVER', 'the web server is not started');
    }
    try {
      this.#hosted.set(hosted, native.attach(http, { path }));
    } catch (cause) {
      // The path is valid and the server is new. So `attach` can only fail because another server has the path.
      const text = `another WebSocket server has ${path === '' ? 'all paths' : `the path ${String(path)}`}`;
      throw new FourDError('DUPLICATE_PATH', text, { cause });
    }
    this.#wrapClose();
  }

  /** @internal Removes a WebSocket server that was terminated, so that another server can use its path. */
  remove(hosted: Hosted): void {
    this.#hosted.get(hosted)?.();
    this.#hosted.delete(hosted);
    this.#ending.add(hosted);
  }

  /** @internal Is called when the last callback of a WebSocket server has ended. */
  forget(hosted: Hosted): void {
    this.#ending.delete(hosted);
  }
}

/** The default web server. A `WebSocketServer` uses it if the option `server` is absent. 4D: `WEB Server`. */
export const webServer: WebServer = new WebServer();

/** Checks a time in seconds. @throws {RangeError} for an invalid `timeout` */
export function checkSeconds(timeout: number | undefined): void {
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
    throw new RangeError(`timeout is ${String(timeout)}, not a number of seconds`);
  }
}
