/**
 * `WebServer`: the web server that 4D's WebSocket server runs on, here node:http or node:https. It serves a folder or calls
 * a request handler; the upgrades are the native server's, see transport/path-pattern.ts.
 */

import { createReadStream, promises as files, type Stats } from 'node:fs';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, type Server as HttpsServer } from 'node:https';
import type { PathPattern } from '../../transport/path-pattern.ts';
import { warn } from '../callback.ts';
import { checkOptions, type OptionNames } from '../option-names.ts';
import type { WebSocketServer as NativeServer } from '../server.ts';
import { FourDError } from './error.ts';
import { folderLocation, mediaTypeOf, toNames } from './static-path.ts';

/** What a `WebServer` is, and what it serves. 4D: WebServer, `.start()`. */
export interface WebServerSettings {
  /** The address to listen on. 4D: `IPAddressToListen`, all of them by default. @default '127.0.0.1' */
  readonly host?: string;
  /** 0 is a free one. 4D: `HTTPPort`, `HTTPSPort`. @default 8080; 8443 with TLS */
  readonly port?: number;
  /** Its files are served. 4D: `rootFolder`. @default none */
  readonly rootFolder?: string;
  /** The file that stands for a folder. 4D: `defaultHomepage`. @default 'index.html' */
  readonly defaultHomepage?: string;
  /** Answers the requests, in place of `rootFolder`. What it throws is answered with 500, and becomes a process warning. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** TLS, with the files `cert.pem` and `key.pem` of this folder. 4D: `certificateFolder`. @default no TLS */
  readonly certificateFolder?: string;
  /** TLS: the certificate, in PEM, or the path of a file that holds it. */
  readonly cert?: string | Buffer;
  /** TLS: its private key, likewise. */
  readonly key?: string | Buffer;
}

export const webServerSettingNames: OptionNames<WebServerSettings> = {
  host: true,
  port: true,
  rootFolder: true,
  defaultHomepage: true,
  onRequest: true,
  certificateFolder: true,
  cert: true,
  key: true,
};

/** A WebSocket server that runs here. */
interface Hosted {
  terminate(timeout?: number): Promise<void>;
  onWebServerError(error: Error): void;
}

// What stop() without a time gives requests that are under way; as long as WebSocket servers have by default.
const STOP_TIMEOUT = 30_000;

// What 4D's own settings are called here.
const NAMES_OF_4D: ReadonlyMap<string, string> = new Map([
  ['IPAddressToListen', 'use host'],
  ['HTTPPort', 'use port'],
  ['HTTPSPort', 'use port'],
]);

const adopted = new WeakMap<HttpServer | HttpsServer, WebServer>();

/** 4D: WebServer, as far as a WebSocket server needs it. */
export class WebServer {
  #settings: WebServerSettings;
  #http: HttpServer | HttpsServer | null = null;
  /** Whether the HTTP server is somebody else's. */
  #isAdopted = false;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  readonly #hosted = new Map<Hosted, () => void>();
  #unwrapClose: (() => void) | null = null;

  /** @throws {TypeError} for settings that can't be */
  constructor(settings: WebServerSettings = {}) {
    checkSettings(settings);
    this.#settings = settings;
  }

  /**
   * An HTTP server that is there already: yours to configure and to listen with. Its `close` terminates the WebSocket servers
   * first, since Node would wait for their connections. The same `WebServer` for the same server.
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

  /** 4D: WebServer, `.isRunning`. */
  get isRunning(): boolean {
    return this.#http?.listening === true && this.#stopping === null;
  }

  /** The address it listens on, or would. 4D: WebServer, `.IPAddressToListen`. */
  get host(): string {
    const address = this.#http?.address() ?? null;
    if (address === null) return this.#settings.host ?? '127.0.0.1';
    return typeof address === 'string' ? address : address.address;
  }

  /** The port it listens on, or would; 0 for a Unix socket. 4D: WebServer, `.HTTPPort`, `.HTTPSPort`. */
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
   * Starts listening; where it runs already, and no settings are given, nothing happens. 4D: WebServer, `.start()`.
   * @param settings over those of the constructor
   * @throws {FourDError} where it runs already, or is stopping
   * @throws {TypeError} for settings that can't be
   * @throws the system's error, such as EADDRINUSE; what node:tls says of a certificate that can't be used
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
    const settings = { ...this.#settings, ...changes };
    checkSettings(settings);
    if (this.#starting !== null || this.#stopping !== null || this.isRunning) {
      throw new FourDError('WEB_SERVER', 'the web server is started already, or is being stopped');
    }
    if (this.#isAdopted && Object.keys(changes).some((name) => name !== 'host' && name !== 'port')) {
      throw new TypeError('an HTTP server that was there already can only be started with host and port');
    }
    this.#settings = settings;
    const http = this.#isAdopted ? this.#http : await this.#create(settings);
    if (http === null) return;
    const { port, host } = this;
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, host, () => {
        http.off('error', reject);
        resolve();
      });
    });
    this.#http = http;
    if (!this.#isAdopted) http.on('error', (error) => this.#onError(error));
  }

  async #create(settings: WebServerSettings): Promise<HttpServer | HttpsServer> {
    const { onRequest, rootFolder, defaultHomepage = 'index.html' } = settings;
    // Resolved now: what the folder's name means must not change under a request, and that it is missing is heard at once.
    const root = rootFolder === undefined ? null : await files.realpath(rootFolder);
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const answering = async (): Promise<void> => {
        if (onRequest !== undefined) await onRequest(request, response);
        else await serveFile(root, defaultHomepage, request, response);
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
   * Stops listening and terminates the WebSocket servers; requests under way may end. 4D: WebServer, `.stop()`.
   * @param timeout seconds, as for the `terminate` of a WebSocket server; then what is left is dropped. @default 30
   * @returns when every connection is closed
   * @throws {RangeError} for what is no time
   */
  stop(timeout?: number): Promise<void> {
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

  #terminateAll(timeout?: number): Promise<unknown> {
    return Promise.all([...this.#hosted.keys()].map((hosted) => hosted.terminate(timeout)));
  }

  /**
   * Node's `close` stops listening and then waits for connections, those that became WebSockets included: nobody would tell
   * them. So it is ours until it was called.
   */
  #wrapClose(): void {
    const http = this.#http;
    if (!this.#isAdopted || http === null || this.#unwrapClose !== null) return;
    const own = Object.getOwnPropertyDescriptor(http, 'close');
    const { close } = http;
    let isOurs = true;
    const wrapped: typeof close = (callback) => {
      if (isOurs) {
        this.#terminateAll();
        this.#unwrapClose?.();
      }
      return close.call(http, callback);
    };
    http.close = wrapped;
    this.#unwrapClose = () => {
      isOurs = false;
      this.#unwrapClose = null;
      // Somebody wrapped it after us: theirs stays, and goes through ours to Node's.
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
   * @internal Takes a WebSocket server in.
   * @throws {FourDError} where this server is not started, or the path is taken
   */
  add<Data>(hosted: Hosted, native: NativeServer<Data>, path: PathPattern): void {
    const http = this.#http;
    if (http === null || !this.isRunning) {
      throw new FourDError('WEB_SERVER', 'the web server is not started');
    }
    try {
      this.#hosted.set(hosted, native.attach(http, { path }));
    } catch (cause) {
      // The path is one, and the server is new: there is one thing left that can be wrong.
      const text = `another WebSocket server has ${path === '' ? 'all paths' : `the path ${String(path)}`}`;
      throw new FourDError('DUPLICATE_PATH', text, { cause });
    }
    this.#wrapClose();
  }

  /** @internal Lets a WebSocket server go that was terminated. */
  remove(hosted: Hosted): void {
    this.#hosted.get(hosted)?.();
    this.#hosted.delete(hosted);
  }
}

/** The default web server, which a `WebSocketServer` uses where no other is named. 4D: `WEB Server`. */
export const webServer: WebServer = new WebServer();

/** @throws {RangeError} for a `timeout` that is no time */
export function checkSeconds(timeout: number | undefined): void {
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
    throw new RangeError(`timeout is ${String(timeout)}, not a number of seconds`);
  }
}

function isSecure({ certificateFolder, cert, key }: WebServerSettings): boolean {
  return certificateFolder !== undefined || cert !== undefined || key !== undefined;
}

function checkSettings(settings: WebServerSettings): void {
  checkOptions('WebServer', settings, webServerSettingNames, NAMES_OF_4D);
  const { rootFolder, onRequest, certificateFolder, cert, key } = settings;
  if (rootFolder !== undefined && onRequest !== undefined) {
    throw new TypeError('rootFolder and onRequest exclude each other');
  }
  if (onRequest !== undefined && typeof onRequest !== 'function') {
    throw new TypeError('onRequest is no function');
  }
  if (certificateFolder !== undefined && (cert !== undefined || key !== undefined)) {
    throw new TypeError('certificateFolder excludes cert and key');
  }
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('cert and key belong together');
}

async function readCertificate({
  certificateFolder,
  cert = `${certificateFolder}/cert.pem`,
  key = `${certificateFolder}/key.pem`,
}: WebServerSettings): Promise<{ cert: string | Buffer; key: string | Buffer }> {
  return { cert: await readPem(cert), key: await readPem(key) };
}

async function readPem(pem: string | Buffer): Promise<string | Buffer> {
  if (typeof pem !== 'string' || pem.includes('-----BEGIN')) return pem;
  return await files.readFile(pem);
}

// ---- static files ----

async function serveFile(
  root: string | null,
  homepage: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url = '' } = request;
  const names = root === null ? null : toNames(url);
  if (root === null || names === null) {
    answerText(response, 404, 'Not Found\n');
    return;
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    answerText(response, 405, 'Method Not Allowed\n');
    return;
  }
  let found = await find(root, names);
  const isFolder = /^[^?#]*\/(?:[?#]|$)/.test(url);
  if (found?.stats.isDirectory()) {
    if (!isFolder) {
      response.setHeader('Location', folderLocation(names, url));
      answerText(response, 301, 'Moved Permanently\n');
      return;
    }
    found = await find(root, [...names, homepage]);
  } else if (isFolder) {
    found = null;
  }
  if (found === null || !found.stats.isFile()) {
    answerText(response, 404, 'Not Found\n');
    return;
  }
  const { path, stats } = found;
  response.writeHead(200, {
    'Content-Type': mediaTypeOf(path),
    'Content-Length': stats.size,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-cache',
  });
  if (method === 'HEAD' || stats.size === 0) {
    response.end();
    return;
  }
  // No further than what was announced, should the file be growing.
  const stream = createReadStream(path, { end: stats.size - 1 });
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

/** A file or folder inside the root folder, links followed; null where there is none, or a link leads out. */
async function find(
  root: string,
  names: readonly string[],
): Promise<{ readonly path: string; readonly stats: Stats } | null> {
  try {
    const path = await files.realpath([root, ...names].join('/'));
    const base = root.replace(/[\\/]$/, '');
    if (path !== root && !path.startsWith(`${base}/`) && !path.startsWith(`${base}\\`)) return null;
    return { path, stats: await files.stat(path) };
  } catch {
    return null;
  }
}

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}
