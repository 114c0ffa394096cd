/**
 * Connects a WebSocket with the API of `ws`. This file sends a request with node:http, follows redirects, and emits the events that `ws`
 * emits. transport/node-request.ts makes the header fields of the request. It also checks the 101 response (RFC 6455 §4.1).
 */

import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { HandshakeError } from '../../handshake/error.ts';
import { takeSocket } from '../../transport/accept-upgrade.ts';
import {
  areSubprotocols,
  connectPlain,
  connectSecure,
  type Negotiated,
  NodeRequest,
} from '../../transport/node-request.ts';
import { startTimer } from './bounds.ts';
import type { ClientOptions } from './client-options.ts';
import { toCompression } from './deflate.ts';
import type { WebSocketEmitter, WebSocketEvents } from './emitter.ts';
import { emitTo, toResponseError } from './errors.ts';
import { type Address, dropCredentials, parseAddress, type Trust, trustOf } from './redirect.ts';

/** What this file needs to know about the WebSocket that connects. */
export interface ClientOwner {
  readonly webSocket: WebSocketEmitter;
  readonly isConnecting: () => boolean;
  readonly opened: (socket: Duplex, head: Buffer, negotiated: Negotiated) => void;
  /** Is called when the attempt to connect has failed. */
  readonly failed: (error: Error) => void;
}

const MAX_REDIRECTS = 10;

/** One attempt to connect. It consists of a request, and one more request for each redirect. */
export class Client {
  /** The URL of the latest request: the URL that the application passed, or the target of the last redirect. */
  url = '';
  request: ClientRequest | null = null;
  redirects = 0;
  readonly #owner: ClientOwner;
  readonly #subprotocols: readonly string[];
  #options: ClientOptions;
  /** The address of the first request. The application chose this address, so it may receive credentials. Null before the first request. */
  #first: Trust | null = null;
  #exchange: NodeRequest | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** @throws {SyntaxError} if a subprotocol is not a token, or occurs twice */
  constructor(owner: ClientOwner, subprotocols: readonly unknown[], options: ClientOptions) {
    if (!areSubprotocols(subprotocols)) {
      throw new SyntaxError('An invalid or duplicated subprotocol was specified');
    }
    this.#owner = owner;
    this.#subprotocols = subprotocols;
    this.#options = options;
  }

  /**
   * Sends the first request.
   * @throws {SyntaxError} for an invalid URL
   * @throws the errors of `http.request` and `finishRequest`
   */
  start(url: string): void {
    const address = parseAddress(url);
    try {
      this.#send(address);
    } catch (error) {
      this.#discard();
      throw error;
    }
  }

  /** Ends the attempt to connect, and reports the error to the WebSocket. */
  abort(error: Error): void {
    this.#discard();
    this.#owner.failed(error);
  }

  #send(address: Address): void {
    this.url = address.url.href;
    this.#options = this.#trusted(address);
    const options = this.#options;
    const exchange = new NodeRequest(this.#subprotocols, toCompression(options.perMessageDeflate ?? true));
    this.#exchange = exchange;
    const request = (address.isSecure ? https : http).request(requestOptions(address, options, exchange));
    this.request = request;
    request.on('error', (error: Error) => this.#failed(request, error));
    request.on('response', (response: IncomingMessage) => this.#answered(request, address, response));
    request.on('upgrade', (response: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgraded(request, response, socket, head),
    );
    if (this.redirects > 0) this.#emit('redirect', this.url, request);
    // A listener for 'redirect' might have ended the connection attempt.
    if (this.request !== request) return;
    this.#watch(options.handshakeTimeout);
    if (typeof options.finishRequest === 'function') {
      options.finishRequest(request, this.#owner.webSocket);
    } else {
      request.end();
    }
  }

  /** Starts the timer for one request. The whole answer must arrive before the timer fires, even if the server sends it in small pieces. */
  #watch(timeout: number | undefined): void {
    if (!timeout) return;
    this.#timer = startTimer(timeout, () => this.abort(new Error('Opening handshake has timed out')));
  }

  /**
   * Returns the options for a request to this address. After a redirect to another host, or from TLS to plain TCP, the options have no
   * credentials (see `dropCredentials`).
   */
  #trusted(address: Address): ClientOptions {
    const trust = trustOf(address);
    if (this.#first === null) {
      this.#first = trust;
      return address.auth === undefined ? this.#options : { ...this.#options, auth: address.auth };
    }
    // A listener for 'redirect' can itself remove credentials from the request. So if there is such a listener, no options are removed.
    const decides = this.#owner.webSocket.listenerCount('redirect') > 0;
    return decides ? this.#options : dropCredentials(this.#options, this.#first, trust);
  }

  #failed(request: ClientRequest, error: Error): void {
    if (this.request !== request) return;
    this.#release();
    this.#owner.failed(error);
  }

  /** Is called when the server has sent a response other than 101. */
  #answered(request: ClientRequest, address: Address, response: IncomingMessage): void {
    if (this.request !== request) return;
    const { statusCode = 0, headers } = response;
    const isRedirect = statusCode >= 300 && statusCode < 400;
    if (this.#options.followRedirects && isRedirect && headers.location !== undefined) {
      this.#redirected(address, headers.location);
      return;
    }
    // The connection attempt has failed. A listener for 'unexpected-response' has to end the request, or call `close()`.
    this.#exchange?.abandon();
    if (this.#emit('unexpected-response', request, response)) return;
    this.abort(new Error(`Unexpected server response: ${statusCode}`));
  }

  #redirected(address: Address, location: string): void {
    const { maxRedirects = MAX_REDIRECTS } = this.#options;
    if (++this.redirects > maxRedirects) {
      this.abort(new Error('Maximum redirects exceeded'));
      return;
    }
    this.#discard();
    try {
      this.#send(parseAddress(location, address.url));
    } catch (error) {
      if (!this.#owner.isConnecting()) throw error;
      // The server chose the address of a redirect. The address might be invalid, or might need another agent. The error must not end the
      // process, so it only ends the attempt to connect.
      this.abort(error as Error);
    }
  }

  #upgraded(request: ClientRequest, response: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignore);
    if (this.request !== request) {
      socket.destroy();
      return;
    }
    this.#emit('upgrade', response);
    // A listener for 'upgrade' might have ended the connection attempt.
    if (!this.#owner.isConnecting()) {
      socket.destroy();
      return;
    }
    const exchange = this.#exchange!;
    let negotiated: Negotiated;
    try {
      negotiated = exchange.verify(response);
    } catch (error) {
      socket.destroy();
      this.#release();
      this.#owner.failed(this.#described(error, exchange, response));
      return;
    }
    this.#exchange = null;
    this.#release();
    takeSocket(socket);
    this.#owner.opened(socket, head, negotiated);
    socket.off('error', ignore);
  }

  #described(error: unknown, exchange: NodeRequest, { headers }: IncomingMessage): Error {
    if (!(error instanceof HandshakeError)) return error as Error;
    const wasOffered = error.stage === 'subprotocol' ? this.#subprotocols.length > 0 : exchange.hasOffers;
    return toResponseError(error, headers.upgrade, wasOffered);
  }

  /**
   * Emits an event. If a listener throws, the error becomes an uncaught exception of the process. The handshake continues.
   * @returns true if the event has a listener
   */
  #emit<Name extends keyof WebSocketEvents>(name: Name, ...values: WebSocketEvents[Name]): boolean {
    return emitTo(this.#owner.webSocket, name, ...values);
  }

  #discard(): void {
    const { request } = this;
    this.#release();
    if (request !== null) drop(request);
  }

  #release(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.request = null;
    this.#exchange?.abandon();
    this.#exchange = null;
  }
}

function ignore(): void {}

/**
 * Destroys a request and its socket. The socket is destroyed separately, because `request.destroy` does not destroy it after a complete
 * response.
 */
function drop(request: ClientRequest): void {
  const { socket } = request;
  request.destroy();
  socket?.destroy();
}

/** Returns the options for `http.request` or `https.request`. */
function requestOptions(address: Address, options: ClientOptions, exchange: NodeRequest): RequestOptions {
  const { url, isSecure, socketPath, path } = address;
  const { origin, headers } = options;
  return {
    createConnection: (isSecure ? connectSecure : connectPlain) as NonNullable<
      RequestOptions['createConnection']
    >,
    defaultPort: isSecure ? 443 : 80,
    ...options,
    // The URL determines these options. So the options of the application with the same names are ignored.
    protocol: undefined,
    hostname: undefined,
    timeout: undefined,
    method: 'GET',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || (isSecure ? 443 : 80),
    socketPath,
    path,
    headers: {
      ...(headers as object),
      ...(origin === undefined ? null : { Origin: origin }),
      ...exchange.fields,
    },
  };
}
