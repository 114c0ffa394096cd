/**
 * Implements the class `WebSocketServer` with the API of the package `ws` 8. The server listens on a port, or uses the application's HTTP
 * server, or the application calls `handleUpgrade`. upgrade.ts implements the opening handshake (RFC 6455 §4.2).
 */

import { EventEmitter } from 'node:events';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from '../../handshake/upgrade-request.ts';
import { takeSocket } from '../../transport/accept-upgrade.ts';
import type { CompressionAgreement } from '../../transport/compression.ts';
import type { Negotiated } from '../../transport/node-request.ts';
import { acceptanceLines, areHeadLines } from '../../transport/node-upgrade.ts';
import { isOwned } from '../../transport/socket-owner.ts';
import { warn } from '../callback.ts';
import { toBindOptions } from './bounds.ts';
import { refuseUnsupported } from './client-options.ts';
import { toCompression } from './deflate.ts';
import { defaults, listen } from './http-server.ts';
import type { ServerOptions } from './server-options.ts';
import {
  askVerifyClient,
  isDraft,
  isRefusal,
  negotiate,
  type Refusal,
  verify,
  writeRefusal,
} from './upgrade.ts';
import { setNegotiated, WebSocket } from './websocket.ts';

/** The events, and the arguments of their listeners. */
export interface ServerEvents {
  connection: [webSocket: WebSocket, request: IncomingMessage];
  /** Is emitted before a 101 response is written. `lines` are the lines of the response. A listener may change them. */
  headers: [lines: string[], request: IncomingMessage];
  listening: [];
  error: [error: Error];
  close: [];
  /** Is emitted for a request that breaks a rule of the handshake. A listener has to answer the request and close the socket. */
  wsClientError: [error: Error, socket: Duplex, request: IncomingMessage];
}

/** Is called when a request was accepted. */
export type UpgradeCallback = (webSocket: WebSocket, request: IncomingMessage) => void;

const [RUNNING, CLOSING, CLOSED] = [0, 1, 2] as const;

/** A server for WebSockets. */
export class WebSocketServer extends EventEmitter<ServerEvents> {
  /** The options. The application may change them at any time. The server reads them again for each request. */
  options: ServerOptions;
  /** The open connections. Undefined with `clientTracking: false`. */
  declare clients: Set<WebSocket>;
  /** The HTTP server. Null if there is no HTTP server, and after `close` was called. */
  _server: HttpServer | null = null;
  _state: 0 | 1 | 2 = RUNNING;
  #detach: () => void = () => {};
  #closesLast = false;

  /**
   * @param listening is called when the server listens on its port
   * @throws {TypeError | RangeError} for an invalid option, or if not exactly one of `port`, `server` and `noServer` is set
   */
  constructor(options: ServerOptions = {}, listening?: () => void) {
    super();
    const { port = null, server = null, noServer = false } = options;
    const places = [port !== null, server !== null, noServer].filter(Boolean);
    if (places.length !== 1) {
      throw new TypeError(
        'One and only one of the "port", "server", or "noServer" options must be specified',
      );
    }
    refuseUnsupported(options);
    toBindOptions(true, options);
    toCompression(options.perMessageDeflate);
    this.options = { ...defaults, ...options };
    if (port !== null) this._server = listen(this.options, listening);
    else this._server = server as HttpServer | null;
    if (this._server !== null) this.#attach(this._server);
    if (this.options.clientTracking) this.clients = new Set();
  }

  #attach(server: HttpServer): void {
    const onListening = (): void => void this.emit('listening');
    const onError = (error: Error): void => void this.emit('error', error);
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
      this.handleUpgrade(request, socket, head, (webSocket, accepted) =>
        this.emit('connection', webSocket, accepted),
      );
    server.on('listening', onListening).on('error', onError).on('upgrade', onUpgrade);
    this.#detach = () => server.off('listening', onListening).off('error', onError).off('upgrade', onUpgrade);
  }

  /**
   * Returns the address that the server listens on. It is a string for a Unix socket. It is null if the server does not listen.
   * @throws {Error} with the option `noServer`
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode');
    return this._server === null ? null : this._server.address();
  }

  /** True if the path of the request is the path of this server. A subclass may override this method. */
  shouldHandle(request: IncomingMessage): boolean {
    const { path } = this.options;
    return !path || (request.url ?? '').split('?', 1)[0] === path;
  }

  /**
   * Accepts or refuses the request of an 'upgrade' event. `request` may be any object with `method`, `url` and `headers`.
   * @param callback is called with the new WebSocket if the request is accepted
   * @throws {Error} if this method was already called for the socket
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, callback: UpgradeCallback): void {
    refuseTwice(socket);
    socket.on('error', ignore);
    orDestroy(socket, () => this.#decide(request, socket, head, callback));
  }

  #decide(request: IncomingMessage, socket: Duplex, head: Buffer, callback: UpgradeCallback): void {
    const { verifyClient } = this.options;
    const verified = verify(request, socket);
    const isLate = isRefusal(verified) && Boolean(verifyClient) && isDraft(request, verified);
    if (isRefusal(verified) && !isLate) {
      this.#refuse(verified, socket, request);
      return;
    }
    if (!this.shouldHandle(request)) {
      this.#refuse({ status: 400, text: '' }, socket, request);
      return;
    }
    const decided = (refusal: Refusal | null): void => {
      if (refusal !== null) this.#refuse(refusal, socket, request);
      else if (isRefusal(verified)) this.#refuse(verified, socket, request);
      else orDestroy(socket, () => this.#accept(verified, request, socket, head, callback));
    };
    if (verifyClient) askVerifyClient(verifyClient, request, socket, decided);
    else decided(null);
  }

  #accept(
    upgrade: UpgradeRequest,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: UpgradeCallback,
  ): void {
    const agreement = negotiate(upgrade.offers, this.options.perMessageDeflate);
    if (isRefusal(agreement)) this.#refuse(agreement, socket, request);
    else
      this.completeUpgrade(
        agreement,
        upgrade,
        new Set(upgrade.subprotocols),
        request,
        socket,
        head,
        callback,
      );
  }

  /**
   * Performs the last step of `handleUpgrade`: writes the 101 response, and opens the connection.
   * @param agreement the negotiated compression, or null
   * @param upgrade the request, which was already checked
   * @param protocols the subprotocols that the client offers
   */
  completeUpgrade(
    agreement: CompressionAgreement | null,
    upgrade: UpgradeRequest,
    protocols: Set<string>,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: UpgradeCallback,
  ): void {
    let codec = agreement === null ? null : agreement.codec;
    try {
      refuseTwice(socket);
      // The client has closed the socket in the meantime, for example while `verifyClient` was deciding.
      if (!socket.readable || !socket.writable) {
        socket.destroy();
        return;
      }
      if (this._state > RUNNING) {
        this.#refuse({ status: 503, text: '' }, socket, request);
        return;
      }
      const subprotocol = this.#subprotocolFor(protocols, request);
      const lines = acceptanceLines(upgrade, subprotocol, agreement);
      this.emit('headers', lines, request);
      if (!areHeadLines(lines)) {
        warn(
          new TypeError('a line of the "headers" event is not one line of Latin-1: the request is refused'),
        );
        this.#refuse({ status: 500, text: '' }, socket, request);
        return;
      }
      socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
      const extensions = agreement === null ? [] : [agreement.answer];
      const negotiated = { subprotocol, extensions, codec };
      codec = null;
      this.#open(negotiated, request, socket, head, callback);
    } finally {
      // If no connection was opened, the memory for the compression is released.
      codec?.close();
    }
  }

  #subprotocolFor(protocols: Set<string>, request: IncomingMessage): string {
    if (protocols.size === 0) return '';
    const { handleProtocols } = this.options;
    const [first = ''] = protocols;
    return handleProtocols ? handleProtocols(protocols, request) || '' : first;
  }

  #open(
    negotiated: Negotiated,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: UpgradeCallback,
  ): void {
    const { WebSocket: OwnWebSocket = WebSocket } = this.options;
    const webSocket = new OwnWebSocket(null, undefined, this.options);
    setNegotiated(webSocket, negotiated);
    takeSocket(socket, request.socket);
    const { clients } = this;
    if (clients !== undefined) {
      clients.add(webSocket);
      webSocket.on('close', () => {
        clients.delete(webSocket);
        if (this.#closesLast && clients.size === 0) process.nextTick(() => this.#emitClose());
      });
    }
    webSocket.setSocket(socket, head, this.options);
    socket.off('error', ignore);
    callback(webSocket, request);
  }

  #refuse(refusal: Refusal, socket: Duplex, request: IncomingMessage): void {
    const { fault } = refusal;
    if (fault !== undefined && this.emit('wsClientError', fault, socket, request)) return;
    try {
      writeRefusal(socket, refusal, request.method);
    } catch (error) {
      // `verifyClient` has returned header fields that are invalid in an HTTP response.
      warn(error);
      writeRefusal(socket, { status: 500, text: '' }, request.method);
    }
  }

  /**
   * Stops accepting connections, and closes an HTTP server that this object has started. When no connection is left, emits 'close'.
   * @param closed is called when 'close' is emitted; with an Error if the server was already closed
   */
  close(closed?: (error?: Error) => void): void {
    if (this._state === CLOSED) {
      if (closed) this.once('close', () => closed(new Error('The server is not running')));
      process.nextTick(() => this.#emitClose());
      return;
    }
    if (closed) this.once('close', () => closed());
    if (this._state === CLOSING) return;
    this._state = CLOSING;
    const own = this.options.noServer || this.options.server ? null : this._server;
    this.#detach();
    this._server = null;
    if (own !== null) own.close(() => this.#emitClose());
    else if (this.clients?.size > 0) this.#closesLast = true;
    else process.nextTick(() => this.#emitClose());
  }

  #emitClose(): void {
    this._state = CLOSED;
    this.emit('close');
  }
}

function ignore(): void {}

/** @throws {Error} if `handleUpgrade` was already called for this socket */
function refuseTwice(socket: Duplex): void {
  if (!isOwned(socket)) return;
  throw new Error(
    'server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration',
  );
}

/** Runs a step. If the step throws, destroys the socket, so that the client does not wait for a response. Then throws the error again. */
function orDestroy(socket: Duplex, step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!isOwned(socket)) socket.destroy();
    throw error;
  }
}
