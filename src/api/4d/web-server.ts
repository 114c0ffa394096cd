/**
 * Implements `WebServer`, the web server that 4D's WebSocket server runs on, with node:http or node:https. It serves a folder or calls a
 * request handler. The native server handles the upgrades, see transport/path-pattern.ts.
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

// Milliseconds that `stop` without an argument gives to unfinished requests. WebSocket servers have the same time by default.
const STOP_TIMEOUT = 30_000;

const adopted = new WeakMap<HttpServer | HttpsServer, WebServer>();

/** The web server of 4D, with the members that a WebSocket server needs. 4D: WebServer. */
export class WebServer {
  /** The settings that the application passed. Later calls of `start` replace single settings. */
  #given: WebServerSettings;
  #settings: WebServerValues;
  #http: HttpServer | HttpsServer | null = null;
  /** Whether the HTTP server belongs to the application. */
  #isAdopted = false;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  readonly #hosted = new Map<Hosted, () => void>();
  /** The WebSocket servers that are terminated, but whose last callbacks have not ended. */
  readonly #ending = new Set<Hosted>();
  #unwrapClose: (() => void) | null = null;

  /** @throws {TypeError | RangeError} for invalid settings */
  constructor(settings: WebServerSettings = {}) {
    this.#settings = readSettings(settings);
    this.#given = settings;
  }

  /**
   * Wraps an existing HTTP server, which you configure and start yourself. The `close` of the HTTP server terminates the WebSocket servers
   * first, since Node would wait for their connections. The callback of `close` is called when their last `onTerminate` has ended. The same
   * HTTP server always gives the same `WebServer`.
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

  /** Whether the server listens. 4D: WebServer, `.isRunning`. */
  get isRunning(): boolean {
    return this.#http?.listening === true && this.#stopping === null;
  }

  /** The address that the server listens on, or will listen on once it is started. 4D: WebServer, `.IPAddressToListen`. */
  get host(): string {
    const address = this.#http?.address() ?? null;
    if (address === null) return this.#settings.host;
    return typeof address === 'string' ? address : address.address;
  }

  /** The port that the server listens on, or will listen on once it is started; 0 for a Unix socket. 4D: WebServer, `.HTTPPort`, `.HTTPSPort`. */
  get port(): number {
    const address = this.#http?.address() ?? null;
    if (address === null) return this.#settings.port ?? (isSecure(this.#settings) ? 8443 : 8080);
    return typeof address === 'string' ? 0 : address.port;
  }

  /** Always false: there are no sessions here. 4D: WebServer, `.scalableSession`. */
  get scalableSession(): boolean {
    return false;
  }

  /**
   * Starts listening. If the server already runs, and no settings are given, nothing happens. 4D: WebServer, `.start()`.
   * @param settings replace those of the constructor
   * @throws {FourDError} if the server already runs and settings are given, or if it is stopping
   * @throws {TypeError} for invalid settings
   * @throws the error of the system, such as EADDRINUSE, or the error of node:tls for an invalid certificate
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
      throw new TypeError('an HTTP server that was there already can only be started with host and port');
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
    // The path is resolved now, so that the folder cannot change during a request, and a missing folder is reported at once.
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
   * Stops listening and terminates the WebSocket servers. Unfinished requests may end. 4D: WebServer, `.stop()`.
   * @param timeout seconds, as for the `terminate` of a WebSocket server. After this time the remaining connections are dropped. @default 30
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
   * Resolves when no callback of its WebSocket servers waits or is running. Do not wait for this inside a callback: the callback would wait
   * for itself.
   */
  async idle(): Promise<void> {
    await Promise.all([...this.#hosted.keys(), ...this.#ending].map((hosted) => hosted.idle()));
  }

  #terminateAll(timeout?: number): Promise<unknown> {
    const all = new Set([...this.#hosted.keys(), ...this.#ending]);
    return Promise.all([...all].map((hosted) => hosted.terminate(timeout)));
  }

  /**
   * Replaces the `close` of the HTTP server by a wrapper, which also terminates the WebSocket servers. Node's `close` waits for all
   * connections, but does not notify connections that became WebSockets. The first call removes the wrapper.
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
      // If other code has wrapped our wrapper, both wrappers stay, and ours calls Node's `close`.
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
   * @throws {FourDError} if this server is not started, or the path is taken
   */
  add<Data>(hosted: Hosted, native: NativeServer<Data>, path: PathPattern): void {
    const http = this.#http;
    if (http === null || !this.isRunning) {
      throw new FourDError('WEB_SERVER', 'the web server is not started');
    }
    try {
      this.#hosted.set(hosted, native.attach(http, { path }));
    } catch (cause) {
      // The path is valid and the server is new, so the only possible cause is a path that is taken.
      const text = `another WebSocket server has ${path === '' ? 'all paths' : `the path ${String(path)}`}`;
      throw new FourDError('DUPLICATE_PATH', text, { cause });
    }
    this.#wrapClose();
  }

  /** @internal Removes a WebSocket server that was terminated, so that its path is free. */
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
