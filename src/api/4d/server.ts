/**
 * `WebSocketServer`: 4D's server, on a `WebServer`. Everything of the protocol is the native server's; here are 4D's
 * callbacks, their worker, and the members that 4D documents.
 */

import type { UpgradeRequest } from '../../handshake/upgrade-request.ts';
import type { PendingUpgrade } from '../../transport/upgrade-host.ts';
import { isThenable } from '../callback.ts';
import type { Connection } from '../connection.ts';
import { checkOptions, type OptionNames } from '../option-names.ts';
import { WebSocketServer as NativeServer } from '../server.ts';
import { allServerSpecs, type ServerOptions } from '../server-options.ts';
import { type Rejection, reject } from '../upgrade-answer.ts';
import { Callbacks } from './callbacks.ts';
import { WebSocketConnection } from './connection.ts';
import { checkDataType, type DataType } from './data.ts';
import { FourDError, toFourDError } from './error.ts';
import type { ConnectionEvent, ConnectionHandler, WSSHandler } from './handlers.ts';
import { type Link, terminateEvent } from './link.ts';
import { toPathPattern } from './path.ts';
import { toConnectionRequest } from './request.ts';
import { checkSeconds, WebServer, webServer } from './web-server.ts';
import { webServerSpecs } from './web-server-settings.ts';
import { Worker } from './worker.ts';

/** 4D: WebSocketServer, "options parameter"; and what 4D has no words for, the native server's options among them. */
export interface WebSocketServerOptions<T extends DataType = 'text'> extends Omit<ServerOptions, 'text'> {
  /**
   * The path to access the server, without its query; the leading slash may be left out, one at the end matters. With a `*` at
   * the end, every path that begins like that; or a RegExp. @default every path that no other server has
   */
  readonly path?: string | RegExp;
  /** What `onMessage` gets. @default "text" */
  readonly dataType?: T;
  /** The web server it runs on. @default `webServer` */
  readonly server?: WebServer;
  /** False: callbacks do not wait for each other's Promises. @default true */
  readonly serialize?: boolean;
  /**
   * How a connection is cancelled: 'refuse' answers the request with HTTP 403 (500 after an exception); 'close' completes the
   * opening handshake before `onConnection` is called, and closes with 1008 (or 1011). @default 'refuse'
   */
  readonly cancel?: 'refuse' | 'close';
  /** How many proxies stand before the server that add to X-Forwarded-For. @default 0 */
  readonly trustedProxies?: number;
}

/** What a native connection is to us. */
interface Seat<T extends DataType> {
  /** Until `onConnection` has said yes: 16 KiB of header fields are not kept as long as the connection. */
  request: UpgradeRequest | null;
  /** Null while `onConnection` has not said yes. */
  readonly handler: ConnectionHandler<T> | null;
  /** The 4D connection and its link; null while, or where, there is none. */
  link: Link | null;
  connection: WebSocketConnection<T> | null;
}

/** A request that `onConnection` accepted. */
interface Seated<T extends DataType> {
  readonly data: Seat<T>;
}

/** What became of `onConnection`. */
type Verdict<T extends DataType> =
  | { readonly handler: ConnectionHandler<T> }
  | { readonly handler: null; readonly failed: boolean };

const { text, ...nativeNames } = allServerSpecs;

const optionNames: OptionNames<WebSocketServerOptions> = {
  ...nativeNames,
  path: true,
  dataType: true,
  server: true,
  serialize: true,
  cancel: true,
  trustedProxies: true,
};

const places: ReadonlyMap<string, string> = new Map(
  Object.keys(webServerSpecs).map((name) => [name, 'it is a setting of the WebServer']),
);

// C78: 4D states no bound for the default.
const CLOSE_TIMEOUT = 30_000;

/** 4D: WebSocketServer. */
export class WebSocketServer<T extends DataType = 'text'> {
  readonly #handler: WSSHandler<T>;
  readonly #path: string | RegExp | undefined;
  readonly #dataType: T;
  readonly #webServer: WebServer;
  readonly #trustedProxies: number;
  readonly #closeTimeout: number;
  readonly #worker: Worker;
  readonly #callbacks: Callbacks;
  readonly #native: NativeServer<Seat<T>>;
  readonly #live = new Set<WebSocketConnection<T>>();
  /** `#live` as it is handed out; null after a change. */
  #collection: readonly WebSocketConnection<T>[] | null = null;
  #ending: Promise<void> | null = null;
  #terminated = false;

  /**
   * Starts at once; `onOpen` is called when the code at hand is done. 4D: WebSocketServer, `4D.WebSocketServer.new()`.
   * @throws {FourDError} where the handler lacks `onConnection`, the web server is not started, or (errCode -10718) the path is
   *   served already
   * @throws {TypeError | RangeError} for options that can't be
   */
  constructor(WSSHandler: WSSHandler<T>, given?: WebSocketServerOptions<T> | null) {
    const options = given ?? {};
    if (
      typeof WSSHandler !== 'object' ||
      WSSHandler === null ||
      typeof WSSHandler.onConnection !== 'function'
    ) {
      throw new FourDError('NO_HANDLER', 'the handler of a WebSocketServer has no function onConnection');
    }
    const {
      path,
      dataType,
      server = webServer,
      serialize = true,
      cancel = 'refuse',
      trustedProxies = 0,
      ...native
    } = options;
    checkOptions('WebSocketServer', options, optionNames, places);
    const pattern = toPathPattern(path);
    if (!(server instanceof WebServer)) throw new TypeError('server is no WebServer: see WebServer.of');
    if (cancel !== 'refuse' && cancel !== 'close') {
      throw new TypeError(`cancel is ${String(cancel)}, not 'refuse' or 'close'`);
    }
    if (!Number.isInteger(trustedProxies) || trustedProxies < 0) {
      throw new RangeError(`trustedProxies is ${String(trustedProxies)}, not a number of proxies`);
    }
    this.#handler = WSSHandler;
    this.#path = path ?? undefined;
    this.#dataType = checkDataType(dataType);
    this.#webServer = server;
    this.#trustedProxies = trustedProxies;
    this.#closeTimeout = native.closeTimeout ?? CLOSE_TIMEOUT;
    this.#worker = new Worker(serialize !== false);
    this.#callbacks = new Callbacks(WSSHandler, this);
    this.#native = new NativeServer<Seat<T>>(
      {
        upgrade: (request, pending) =>
          cancel === 'close'
            ? { data: { request, handler: null, link: null, connection: null } }
            : this.#decide(request, pending),
        open: (connection) => this.#onOpen(connection),
        message: (connection, message) => connection.data.link?.onMessage(message),
        closing: (connection) => this.#onClosing(connection),
        error: (connection, error) => connection.data.link?.onError(error),
        close: (connection, code, reason) => this.#onClose(connection.data, code, reason),
      },
      {
        ...native,
        origins: native.origins ?? 'any',
        closeTimeout: this.#closeTimeout,
        text: this.#dataType === 'blob' ? 'bytes' : 'string',
      },
    );
    server.add(this, this.#native, pattern);
    this.#worker.postLater(() => this.#callbacks.call('onOpen', { type: 'open' }));
  }

  /** As the constructor. 4D: WebSocketServer, `4D.WebSocketServer.new()`. */
  static new<T extends DataType = 'text'>(
    WSSHandler: WSSHandler<T>,
    options?: WebSocketServerOptions<T> | null,
  ): WebSocketServer<T> {
    return new WebSocketServer(WSSHandler, options);
  }

  /**
   * The connections, those that are "Closing" included. A snapshot: what comes and goes later is not in it. 4D: WebSocketServer,
   * `.connections`.
   */
  get connections(): readonly WebSocketConnection<T>[] {
    this.#collection ??= Object.freeze([...this.#live]);
    return this.#collection;
  }

  /** 4D: WebSocketServer, `.dataType`. */
  get dataType(): T {
    return this.#dataType;
  }

  /** The handler that was given. 4D: WebSocketServer, `.handler`. */
  get handler(): WSSHandler<T> {
    return this.#handler;
  }

  /** As it was given. 4D: WebSocketServer, `.path`. */
  get path(): string | RegExp | undefined {
    return this.#path;
  }

  /** Whether it is closed, all its connections included. 4D: WebSocketServer, `.terminated`. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /**
   * Always false. One page of 4D lists it here, where it took the description of `WebServer.scalableSession` for one of its
   * own. 4D: WebSocketServer (Spanish, 20 R5), `.scalableSession`.
   */
  get scalableSession(): boolean {
    return this.#webServer.scalableSession;
  }

  /**
   * Closes the server: no new connections, a Close frame with 1001 to each open one. Those whose clients have not answered in
   * time are dropped. A later call can only shorten the time. 4D: WebSocketServer, `.terminate()`.
   * @param timeout seconds; 0 drops all connections at once, without Close frames and, where TLS is not in between, without
   *   FIN. @default `closeTimeout`, 30 seconds
   * @returns when it is `terminated`. 4D returns nothing.
   * @throws {RangeError} for what is no time
   */
  terminate(timeout?: number): Promise<void> {
    checkSeconds(timeout);
    if (timeout === 0) for (const connection of [...this.#native.connections]) connection.reset();
    const grace = timeout === undefined ? this.#closeTimeout : Math.max(1, timeout * 1000);
    const over = this.#native.shutdown({ grace });
    this.#ending ??= over.then(() => this.#onTerminated());
    return this.#ending;
  }

  /** @internal The web server failed. */
  onWebServerError(error: Error): void {
    this.#worker.post(() => this.#callbacks.report(toFourDError('WEB_SERVER', error)));
  }

  #onTerminated(): void {
    this.#terminated = true;
    this.#webServer.remove(this);
    this.#worker.post(() => this.#callbacks.call('onTerminate', { type: 'terminate' }));
  }

  // ---- who may come in ----

  /** C64: `onConnection` decides before the 101 is written: §4.2.2 wants refusals as HTTP statuses. */
  #decide(
    request: UpgradeRequest,
    { signal }: PendingUpgrade,
  ): Seated<T> | Rejection | Promise<Seated<T> | Rejection> {
    let answer: Seated<T> | Rejection | null = null;
    let resolve: ((answer: Seated<T> | Rejection) => void) | null = null;
    const settle = (verdict: Verdict<T>): void => {
      const { handler } = verdict;
      answer =
        handler !== null
          ? { data: { request: null, handler, link: null, connection: null } }
          : reject(verdict.failed ? 500 : 403);
      resolve?.(answer);
    };
    const task = (): unknown => {
      const verdict = this.#ask(request);
      if (verdict instanceof Promise) return verdict.then(settle);
      settle(verdict);
      return undefined;
    };
    this.#worker.post(task);
    if (answer !== null) return answer;
    return new Promise((settled) => {
      resolve = settled;
      // Nobody waits for the answer any more: `onConnection` needs not be called.
      signal.addEventListener('abort', () => {
        this.#worker.drop(task);
        settled(reject(503));
      });
    });
  }

  /** Calls `onConnection`. Never throws, and its Promise is never rejected. */
  #ask(request: UpgradeRequest): Verdict<T> | Promise<Verdict<T>> {
    const event: ConnectionEvent = {
      type: 'connection',
      request: toConnectionRequest(request, this.#trustedProxies),
    };
    try {
      const result = this.#callbacks.invoke('onConnection', event);
      if (!isThenable(result)) return this.#judge(result);
      return Promise.resolve(result).then(
        (settled) => this.#judge(settled),
        (error: unknown) => this.#onConnectionFailed(error),
      );
    } catch (error) {
      return this.#onConnectionFailed(error);
    }
  }

  #judge(result: unknown): Verdict<T> | Promise<Verdict<T>> {
    const refused = { handler: null, failed: false } as const;
    if (result === null || result === undefined) return refused;
    try {
      if (isConnectionHandler<T>(result)) return { handler: result };
    } catch (error) {
      return this.#onConnectionFailed(error);
    }
    const error = new FourDError('NO_HANDLER', 'onConnection returned no object with a function onMessage');
    return after(this.#callbacks.reportThrown(error), refused);
  }

  #onConnectionFailed(error: unknown): Verdict<T> | Promise<Verdict<T>> {
    return after(this.#callbacks.reportThrown(error), { handler: null, failed: true } as const);
  }

  // ---- connections ----

  #onOpen(native: Connection<Seat<T>>): void {
    const { handler } = native.data;
    if (handler !== null) this.#seat(native, handler);
    else this.#askLate(native);
  }

  #seat(native: Connection<Seat<T>>, handler: ConnectionHandler<T>): void {
    const seat = native.data;
    seat.connection = new WebSocketConnection(this, handler, this.#worker, (link) => {
      seat.link = link;
    });
    this.#live.add(seat.connection);
    this.#collection = null;
    seat.link?.onOpen(native);
  }

  /** With `cancel: 'close'`: the handshake is complete, and nothing is read before `onConnection` has said yes. */
  #askLate(native: Connection<Seat<T>>): void {
    const { request } = native.data;
    if (request === null) return;
    native.pause();
    native.data.request = null;
    const settle = (verdict: Verdict<T>): void => {
      const { handler } = verdict;
      if (native.state !== 'open') return;
      if (handler === null) {
        native.close(verdict.failed ? 1011 : 1008);
        return;
      }
      this.#seat(native, handler);
      native.data.link?.start();
    };
    this.#worker.post(() => {
      const verdict = this.#ask(request);
      if (verdict instanceof Promise) return verdict.then(settle);
      settle(verdict);
      return undefined;
    });
  }

  #onClosing(native: Connection<Seat<T>>): void {
    const { link } = native.data;
    // The closing handshake needs the connection to be read.
    if (link === null) native.resume();
    else link.onClosing();
  }

  #onClose({ link, connection }: Seat<T>, code: number, reason: string): void {
    if (link === null || connection === null) return;
    // C77: consistent before a callback runs.
    this.#live.delete(connection);
    this.#collection = null;
    link.onClose(terminateEvent(code, reason));
  }
}

function isConnectionHandler<T extends DataType>(value: unknown): value is ConnectionHandler<T> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly onMessage?: unknown }).onMessage === 'function'
  );
}

/** A value, behind a Promise if there is one to wait for. */
function after<Value>(result: unknown, value: Value): Value | Promise<Value> {
  return isThenable(result) ? Promise.resolve(result).then(() => value) : value;
}
