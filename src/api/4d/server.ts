/**
 * Implements `WebSocketServer`, 4D's server, which runs on a `WebServer`. The native server (../server.ts) implements the protocol. This
 * file adds 4D's callbacks, the members that 4D documents, and the worker that runs the callbacks one at a time.
 */

import type { UpgradeRequest } from '../../handshake/upgrade-request.ts';
import type { Connection } from '../connection.ts';
import { WebSocketServer as NativeServer } from '../server.ts';
import { Admission, type Verdict } from './admission.ts';
import { Callbacks } from './callbacks.ts';
import { ServerConnection } from './connection.ts';
import type { DataType } from './data.ts';
import { FourDError, toFourDError } from './error.ts';
import type { ConnectionCallbacks, ServerCallbacks } from './handlers.ts';
import { type Link, terminateEvent } from './link.ts';
import { toPathPattern } from './path.ts';
import { readServerOptions, type WebSocketServerOptions } from './server-options.ts';
import { checkSeconds, type WebServer } from './web-server.ts';
import { type Task, Worker } from './worker.ts';

/** The callbacks of a `WebSocketServer`. 4D: WebSocketServer, "WSSHandler parameter". */
export interface WSSHandler<T extends DataType = 'text'>
  extends ServerCallbacks<WebSocketServer<T>, ConnectionHandler<T>> {}

/** The callbacks of a `WebSocketConnection`. 4D: WebSocketServer, "connectionHandler object". */
export interface ConnectionHandler<T extends DataType = 'text'>
  extends ConnectionCallbacks<T, WebSocketConnection<T>> {}

/** A connection of a server. The server makes this object if `onConnection` returns a handler. 4D: WebSocketConnection. */
export class WebSocketConnection<T extends DataType = 'text'> extends ServerConnection<
  WebSocketServer<T>,
  ConnectionHandler<T>
> {}

/** The state that this file keeps for a native connection, as the `data` of that connection. */
interface Seat<T extends DataType> {
  /** The request for `onConnection`. Null as soon as it is no longer needed, to free memory: its header fields can have 16 KiB. */
  request: UpgradeRequest | null;
  /** Null until `onConnection` has accepted the request. */
  readonly handler: ConnectionHandler<T> | null;
  /** With `cancel: 'close'`, the task that will call `onConnection`. Null after the task has begun, and without this option. */
  question: Task | null;
  /** The `Link` of the 4D connection (link.ts); null before `onConnection` has accepted the request. */
  link: Link | null;
  connection: WebSocketConnection<T> | null;
}

/** A WebSocket server with the members that 4D documents. 4D: WebSocketServer. */
export class WebSocketServer<T extends DataType = 'text'> {
  readonly #handler: WSSHandler<T>;
  readonly #path: string | RegExp | undefined;
  readonly #dataType: T;
  readonly #webServer: WebServer;
  readonly #closeTimeout: number;
  readonly #worker: Worker;
  readonly #callbacks: Callbacks;
  readonly #admission: Admission<ConnectionHandler<T>>;
  readonly #native: NativeServer<Seat<T>>;
  readonly #live = new Set<WebSocketConnection<T>>();
  /** The value of `connections`, made from `#live`; null after a change of `#live`. */
  #collection: readonly WebSocketConnection<T>[] | null = null;
  /**
   * Null before `terminate`. `closed` is fulfilled when the last connection is closed. `over` is fulfilled when the last callback has ended
   * too.
   */
  #ending: { readonly closed: Promise<void>; readonly over: Promise<void> } | null = null;
  #terminated = false;

  /**
   * Starts the server. Clients can connect as soon as the constructor has returned. `onOpen` is called after the current code has returned.
   * 4D: WebSocketServer, `4D.WebSocketServer.new()`.
   * @throws {FourDError} if the handler lacks `onConnection`, if the web server is not started, or if another server has the path (errCode
   *   -10718)
   * @throws {TypeError | RangeError} for invalid options
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
    const { own, native } = readServerOptions(options);
    const { path, dataType, server, serialize, cancel } = own;
    this.#handler = WSSHandler;
    this.#path = path;
    this.#dataType = dataType as T;
    this.#webServer = server;
    this.#closeTimeout = own.closeTimeout;
    this.#worker = new Worker(serialize, own.warnAfter);
    const owner = () => `the WebSocketServer${path === undefined ? '' : ` at ${String(path)}`}`;
    this.#callbacks = new Callbacks(WSSHandler, this, owner);
    this.#admission = new Admission(this.#callbacks, this.#worker, own.trustedProxies);
    const seat = (
      request: UpgradeRequest | null,
      handler: ConnectionHandler<T> | null,
    ): { data: Seat<T> } => ({
      data: { request, handler, question: null, link: null, connection: null },
    });
    this.#native = new NativeServer<Seat<T>>(
      {
        upgrade: (request, pending) =>
          cancel === 'close'
            ? seat(request, null)
            : this.#admission.decide(request, pending, (handler) => seat(null, handler)),
        open: (connection) => this.#onOpen(connection),
        message: (connection, message) => connection.data.link?.onMessage(message),
        closing: (connection) => this.#onClosing(connection),
        error: (connection, error) => connection.data.link?.onError(error),
        close: (connection, code, reason) => this.#onClose(connection.data, code, reason),
      },
      native,
    );
    server.add(this, this.#native, toPathPattern(path));
    this.#worker.postLater(() => this.#callbacks.call('onOpen', { type: 'open' }), this.#callbacks);
  }

  /** Does the same as the constructor. 4D: WebSocketServer, `4D.WebSocketServer.new()`. */
  static new<T extends DataType = 'text'>(
    WSSHandler: WSSHandler<T>,
    options?: WebSocketServerOptions<T> | null,
  ): WebSocketServer<T> {
    return new WebSocketServer(WSSHandler, options);
  }

  /**
   * The connections with the status "Connected" or "Closing". The list is a snapshot that does not change later. 4D: WebSocketServer,
   * `.connections`.
   */
  get connections(): readonly WebSocketConnection<T>[] {
    this.#collection ??= Object.freeze([...this.#live]);
    return this.#collection;
  }

  /** The type of the data that `onMessage` receives. 4D: WebSocketServer, `.dataType`. */
  get dataType(): T {
    return this.#dataType;
  }

  /** The handler that was passed to the constructor. 4D: WebSocketServer, `.handler`. */
  get handler(): WSSHandler<T> {
    return this.#handler;
  }

  /** The option `path`, unchanged. 4D: WebSocketServer, `.path`. */
  get path(): string | RegExp | undefined {
    return this.#path;
  }

  /** True if the server and all its connections are closed. 4D: WebSocketServer, `.terminated`. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /**
   * Always false. By mistake, one page of 4D's documentation lists this member of WebServer as a member of WebSocketServer. 4D:
   * WebSocketServer (Spanish, 20 R5), `.scalableSession`.
   */
  get scalableSession(): boolean {
    return this.#webServer.scalableSession;
  }

  /**
   * Closes the server. The server accepts no new connections, and sends a Close frame with 1001 to each open connection. If a client does
   * not answer within `timeout`, its connection is dropped. A later call can only shorten this time. 4D: WebSocketServer, `.terminate()`.
   * @param timeout seconds. With 0, all connections are dropped immediately, without Close frames; connections without TLS are reset.
   * @default `closeTimeout`, 30 seconds
   * @returns a Promise that resolves when `onTerminate`, the last callback of the server, has ended. If a callback
   *   calls `terminate`, the Promise resolves when `terminated` is true. So the callback can wait for the Promise. The server waits for a
   *   callback for at most `closeTimeout` or `timeout`, whichever is longer. 4D returns nothing.
   * @throws {RangeError} for an invalid time
   */
  terminate(given?: number | null): Promise<void> {
    const timeout = given ?? undefined;
    checkSeconds(timeout);
    if (timeout === 0) for (const connection of [...this.#native.connections]) connection.reset();
    const grace = timeout === undefined ? this.#closeTimeout : Math.max(1, timeout * 1000);
    const isGone = this.#native.shutdown({ grace });
    this.#ending ??= this.#end(isGone, Math.max(grace, this.#closeTimeout));
    return this.#worker.isOnStack ? this.#ending.closed : this.#ending.over;
  }

  #end(isGone: Promise<void>, grace: number): { closed: Promise<void>; over: Promise<void> } {
    const closed = isGone.then(() => this.#onTerminated());
    const over = closed.then(async () => {
      await this.#worker.end(grace);
      this.#webServer.forget(this);
    });
    return { closed, over };
  }

  /**
   * Returns a Promise that is fulfilled when no callback waits or is running. Do not await this Promise in a callback, because the callback
   * would then never end.
   */
  idle(): Promise<void> {
    return this.#worker.idle();
  }

  /** @internal Is called when the web server failed. */
  onWebServerError(error: Error): void {
    this.#worker.post(() => this.#callbacks.report(toFourDError('WEB_SERVER', error)), this.#callbacks);
  }

  #onTerminated(): void {
    this.#terminated = true;
    this.#webServer.remove(this);
    this.#worker.post(() => this.#callbacks.call('onTerminate', { type: 'terminate' }), this.#callbacks);
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

  /**
   * With `cancel: 'close'`: calls `onConnection` after the opening handshake. The connection reads nothing before `onConnection` has
   * accepted the client.
   */
  #askLate(native: Connection<Seat<T>>): void {
    const { request } = native.data;
    if (request === null) return;
    native.pause();
    native.data.request = null;
    const settle = (verdict: Verdict<ConnectionHandler<T>>): void => {
      const { handler } = verdict;
      if (native.state !== 'open') return;
      if (handler === null) {
        native.close(verdict.failed ? 1011 : 1008);
        return;
      }
      this.#seat(native, handler);
      native.data.link?.start();
    };
    const question = (): unknown => {
      // The task keeps the request in memory. So the connection must not keep the task.
      native.data.question = null;
      if (native.state !== 'open') return undefined;
      const verdict = this.#admission.ask(request);
      if (verdict instanceof Promise) return verdict.then(settle);
      settle(verdict);
      return undefined;
    };
    native.data.question = question;
    this.#worker.post(question, this.#callbacks);
  }

  #onClosing(native: Connection<Seat<T>>): void {
    const { link } = native.data;
    // The connection must read from now on, so that it receives the peer's Close frame.
    if (link === null) native.resume();
    else link.onClosing();
  }

  #onClose({ question, link, connection }: Seat<T>, code: number, reason: string): void {
    // A client that has left needs no answer, so its task is dropped. Otherwise any number of tasks could wait for a callback that does not
    // end.
    if (question !== null) this.#worker.drop(question);
    if (link === null || connection === null) return;
    // C77: `connections` must not contain this connection when `onTerminate` runs.
    this.#live.delete(connection);
    this.#collection = null;
    link.onClose(terminateEvent(code, reason));
  }
}
