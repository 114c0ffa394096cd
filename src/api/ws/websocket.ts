/**
 * Implements the class `WebSocket` with the API of the package `ws` 8, for clients and servers. It uses the same implementation of RFC 6455
 * as our native API. client.ts connects. link.ts delivers the events. send-line.ts keeps messages in order.
 */

import type { ClientRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CloseRecord } from '../../frame/endpoint-events.ts';
import { checkClose } from '../../transport/argument-checks.ts';
import type { Negotiated } from '../../transport/node-request.ts';
import { closeTimeoutOf, startTimer, toBindOptions } from './bounds.ts';
import { Client } from './client.ts';
import {
  type ClientOptions,
  type ConnectionOptions,
  readArguments,
  refuseUnsupported,
} from './client-options.ts';
import { type BinaryType, binaryTypes, EMPTY_BUFFER, sizeOf, toBytes, toPayload } from './data.ts';
import { declareAttributes, readyStates, WebSocketEmitter } from './emitter.ts';
import { Link, type LinkOwner } from './link.ts';
import { checkControl, checkMask, type Done, readControl, SendLine, type SendOptions } from './send-line.ts';

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const;

/** @internal Sets the result of the handshake. server.ts calls this function before `setSocket`. */
export let setNegotiated: (webSocket: WebSocket, negotiated: Negotiated) => void;

/** A WebSocket. A client creates it with a URL: `new WebSocket(url)`. A server creates it with null. */
export class WebSocket extends WebSocketEmitter {
  /** True on a server, false on a client. A program may set this before it calls `setSocket`. */
  _isServer: boolean;
  /** The socket. Null before the connection is open. Use it only for information: do not read from it, and do not write to it. */
  _socket: Duplex | null = null;
  /** The timer that `close()` starts. When it fires, the connection is dropped. */
  _closeTimer: NodeJS.Timeout | null = null;
  readonly #options: ConnectionOptions;
  #client: Client | null = null;
  #state: 0 | 1 | 2 | 3 = CONNECTING;
  #link: Link | null = null;
  #line: SendLine | null = null;
  #negotiated: Negotiated = { subprotocol: '', extensions: [], codec: null };
  #binaryType: BinaryType = 'nodebuffer';
  #isPaused = false;
  #record: CloseRecord | null = null;
  /** The number of bytes that were passed to `send` after the connection had begun to close. */
  #unsent = 0;

  static {
    setNegotiated = (webSocket, agreed) => {
      webSocket.#negotiated = agreed;
    };
  }

  /**
   * Connects to a server.
   * @param address the URL; null on a server, which calls `setSocket` to open the WebSocket
   * @throws {SyntaxError} for an invalid URL or subprotocol
   * @throws {TypeError | RangeError} for an option that is refused: see docs/from-ws.md
   */
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions,
    options?: ClientOptions,
  ) {
    super();
    const asked = readArguments(protocols, options);
    this.#options = asked.options;
    this._isServer = address === null;
    refuseUnsupported(asked.options);
    if (address === null) return;
    toBindOptions(false, asked.options);
    this.#client = new Client(
      {
        webSocket: this,
        isConnecting: () => this.#state === CONNECTING,
        opened: (socket, head, negotiated) => {
          this.#negotiated = negotiated;
          this.setSocket(socket, head, this.#options);
        },
        failed: (error) => this.#failConnecting(error),
      },
      asked.subprotocols,
      asked.options,
    );
    this.#client.start(String(address));
  }

  // ---- what it is ----

  get readyState(): 0 | 1 | 2 | 3 {
    const isEnding = this.#state === OPEN && this.#link?.binding.isOpen === false;
    return isEnding ? CLOSING : this.#state;
  }

  /** The form in which binary messages are delivered. Setting any other value has no effect. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (binaryTypes.includes(type)) this.#binaryType = type;
  }

  /** The number of bytes that were passed to `send`, but have not left the process. Includes frame headers. */
  get bufferedAmount(): number {
    return this.#unsent + (this.#line === null ? 0 : this.#line.bufferedAmount);
  }

  /** The names of the negotiated extensions. '' if there are none. */
  get extensions(): string {
    return this.#negotiated.extensions.map(({ name }) => name).join();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The negotiated subprotocol. '' if there is none. */
  get protocol(): string {
    return this.#negotiated.subprotocol;
  }

  /** On a client, the URL of the last request, after all redirects. On a server, undefined. */
  get url(): string {
    return this.#client?.url as string;
  }

  /** The request of a client while it connects. Otherwise null. */
  get _req(): ClientRequest | null {
    return this.#client === null ? null : this.#client.request;
  }

  /** The number of redirects that were followed. */
  get _redirects(): number {
    return this.#client === null ? 0 : this.#client.redirects;
  }

  /** @internal For `CloseEvent`. */
  override get wasClean(): boolean {
    return this.#record?.wasClean === true;
  }

  // ---- opening ----

  /**
   * Opens this WebSocket on a socket. The opening handshake is already complete.
   * @param head the bytes that were read after the handshake
   * @param options the limits: `maxPayload`, `closeTimeout`, `autoPong`, `allowSynchronousEvents`, `limits`
   */
  setSocket(socket: Duplex, head: Buffer, options: ConnectionOptions = {}): void {
    const bounds = { ...this.#options, ...options };
    const owner: LinkOwner = {
      emitter: this,
      binaryType: () => this.#binaryType,
      isPaused: () => this.#isPaused,
      closed: (record) => this.#closed(record),
    };
    const onePerTask = bounds.allowSynchronousEvents === false;
    const bindOptions = toBindOptions(this._isServer, bounds);
    const link = new Link(socket, owner, bindOptions, this.#negotiated.codec, onePerTask);
    this._socket = socket;
    this.#link = link;
    this.#line = new SendLine(link);
    this.#state = OPEN;
    // The bytes are put back into the socket, so that the application's listeners for 'data' receive them too.
    if (head.length > 0 && !socket.readableEnded) socket.unshift(head);
    link.open(socket);
  }

  // ---- sending ----

  /**
   * Sends a message. A string or a number becomes a text message. Any other value becomes a binary message. Bytes are not copied: do not
   * change them before they have left the process.
   * @param done is called without an argument after the message has left the process, or with an Error if it was not sent
   * @throws {Error} while the WebSocket connects
   * @throws {TypeError} for data that `Buffer.from` does not accept, and for a `mask` that RFC 6455 §5.1 forbids
   */
  send(data: unknown, options?: SendOptions | Done, done?: Done): void {
    const callback = typeof options === 'function' ? options : (done ?? null);
    const form = typeof options === 'object' ? options : null;
    if (!this.#maySend(data, callback)) return;
    checkMask(form?.mask, this._isServer);
    const { binary, compress = true, fin = true } = form ?? {};
    const line = this.#line!;
    if (data instanceof Blob) {
      const blobForm = { isBinary: binary ?? true, compress, isLast: fin };
      line.blob(data, (bytes) => line.message(bytes, blobForm, callback), callback);
      return;
    }
    const payload = toPayload(data);
    line.message(payload.data, { isBinary: binary ?? payload.isBinary, compress, isLast: fin }, callback);
  }

  /** Sends a ping. Can be called with `(done)` or `(data, done)`. @throws {RangeError} for more than 125 bytes; {Error} while connecting */
  ping(data?: unknown, mask?: boolean | Done, done?: Done): void {
    this.#control('ping', data, mask, done);
  }

  /** Sends a pong that answers no ping (RFC 6455 §5.5.3). The parameters and errors are the same as those of `ping`. */
  pong(data?: unknown, mask?: boolean | Done, done?: Done): void {
    this.#control('pong', data, mask, done);
  }

  #control(kind: 'ping' | 'pong', ...values: [data: unknown, mask?: boolean | Done, done?: Done]): void {
    const { data, mask, done } = readControl(values);
    if (!this.#maySend(data, done)) return;
    checkMask(mask, this._isServer);
    const line = this.#line!;
    if (data instanceof Blob) {
      checkControl(data.size);
      line.blob(data, (bytes) => line.control(kind, bytes, done), done);
      return;
    }
    const bytes = data === undefined || data === null ? EMPTY_BUFFER : toBytes(data);
    checkControl(bytes.length);
    line.control(kind, bytes, done);
  }

  /** True if the state is OPEN. Throws if it is CONNECTING. Else adds the bytes to `bufferedAmount`, and calls `done` with an error. */
  #maySend(data: unknown, done: Done | null): boolean {
    const state = this.readyState;
    if (state === OPEN) return true;
    const error = new Error(`WebSocket is not open: readyState ${state} (${readyStates[state]})`);
    if (state === CONNECTING) throw error;
    this.#unsent += sizeOf(data);
    if (done !== null) process.nextTick(done, error);
    return false;
  }

  // ---- receiving ----

  /** Stops reading from the socket until `resume` is called. In the meantime, no event is emitted for data from the peer. */
  pause(): void {
    if (this.#state === CONNECTING || this.#state === CLOSED) return;
    this.#isPaused = true;
    this.#link?.pause();
  }

  resume(): void {
    if (this.#state === CONNECTING || this.#state === CLOSED) return;
    this.#isPaused = false;
    this.#link?.resume();
  }

  // ---- closing ----

  /**
   * Starts the closing handshake. If the WebSocket is still connecting, the connection attempt is aborted.
   * @param code a close code that the native API accepts too. Without a code, the Close frame is empty
   * @param reason at most 123 bytes of UTF-8
   * @throws {RangeError | TypeError} for a code that must not be sent, and for a reason that is too long
   */
  close(code?: number, reason?: string | Uint8Array): void {
    if (this.#state === CONNECTING) this.#giveUp();
    if (this.readyState !== OPEN) return;
    const text = reason === undefined || typeof reason === 'string' ? reason : Buffer.from(reason).toString();
    if (code !== undefined) checkClose(code, text ?? '');
    this.#state = CLOSING;
    const { endpoint } = this.#link!.binding;
    this.#line!.run(() => endpoint.close(code, code === undefined ? undefined : text));
    // If a Blob is being read, the Close frame has to wait. The endpoint starts its own timer only when the frame is sent. So this timer
    // starts now.
    this._closeTimer = startTimer(closeTimeoutOf(this.#options), () => endpoint.terminate());
  }

  /** Drops the connection without a Close frame. If the WebSocket is still connecting, the connection attempt is aborted. */
  terminate(): void {
    if (this.#state === CONNECTING) this.#giveUp();
    if (this.#state === CLOSED || this.#link === null) return;
    this.#state = CLOSING;
    this.#link.binding.endpoint.terminate();
  }

  #giveUp(): void {
    this.#client?.abort(new Error('WebSocket was closed before the connection was established'));
  }

  #failConnecting(error: Error): void {
    this.#state = CLOSING;
    process.nextTick(() => {
      try {
        this.emit('error', error);
      } finally {
        this.#state = CLOSED;
        this.emit('close', 1006, EMPTY_BUFFER);
      }
    });
  }

  #closed(record: CloseRecord): void {
    clearTimeout(this._closeTimer ?? undefined);
    [this.#record, this.#state] = [record, CLOSED];
  }
}

declareAttributes(WebSocket);
