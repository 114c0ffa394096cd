/**
 * Implements the class `WebSocket` with the API of the package `ws` 8, for clients and servers. This class and our native API use the same
 * implementation of RFC 6455. client.ts connects, link.ts delivers the events, send-line.ts orders messages.
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

/** @internal server.ts calls this function before `setSocket`, to set the result of the handshake. The class assigns the function once. */
export let setNegotiated: (webSocket: WebSocket, negotiated: Negotiated) => void;

/** A WebSocket. `new WebSocket(url)` connects to a server. A server creates each WebSocket with null instead of a URL. */
export class WebSocket extends WebSocketEmitter {
  /** Whether this WebSocket is the server's end of the connection. A program may set this property before it calls `setSocket`. */
  _isServer: boolean;
  /** The socket, for information that the API does not offer. Null before the connection is open. Do not read or write the socket. */
  _socket: Duplex | null = null;
  /** The timer that `close()` starts. If the connection has not ended when the timer fires, the connection is dropped. */
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
   * @param address the URL. For a WebSocket of a server, null: `setSocket` opens such a WebSocket
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

  /** The form in which binary messages are delivered. A value that is not one of the four forms is ignored. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (binaryTypes.includes(type)) this.#binaryType = type;
  }

  /** The number of bytes that were passed to `send` and have not left the process, including frame headers. */
  get bufferedAmount(): number {
    return this.#unsent + (this.#line === null ? 0 : this.#line.bufferedAmount);
  }

  /** The names of the negotiated extensions, or ''. */
  get extensions(): string {
    return this.#negotiated.extensions.map(({ name }) => name).join();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The negotiated subprotocol, or ''. */
  get protocol(): string {
    return this.#negotiated.subprotocol;
  }

  /** On a client: the URL, or the target of the last redirect. On a server: undefined. */
  get url(): string {
    return this.#client?.url as string;
  }

  /** The request of a client while it connects, or null. */
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
   * Opens this WebSocket on a socket whose opening handshake is complete.
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
    // The bytes are put back into the socket: 'data' listeners of the application receive these bytes as well.
    if (head.length > 0 && !socket.readableEnded) socket.unshift(head);
    link.open(socket);
  }

  // ---- sending ----

  /**
   * Sends a message. A string or a number is sent as a text message, and any other value as a binary message. Bytes are not copied: do not
   * change them before they have left the process.
   * @param done called without an argument once the message has left the process. If the message was not sent, called with an Error
   * @throws {Error} while connecting
   * @throws {TypeError} for data that `Buffer.from` does not accept, and for a `mask` that the role forbids
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

  /** Sends a ping. `ping(done)` and `ping(data, done)` are also valid. @throws {RangeError} over 125 bytes; {Error} while connecting */
  ping(data?: unknown, mask?: boolean | Done, done?: Done): void {
    this.#control('ping', data, mask, done);
  }

  /** Sends an unsolicited pong (RFC 6455 §5.5.3). `pong` has the same parameters as `ping`, and throws the same errors. */
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

  /**
   * Returns whether data can be sent. Throws while connecting. While closing or closed, counts the bytes, and calls `done` with an error.
   */
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

  /** Stops reading from the socket until `resume` is called. Until then, no event that the peer causes is emitted. */
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
   * Starts the closing handshake. While connecting, aborts the attempt to connect.
   * @param code a close code that the native API accepts as well. Without this argument, the Close frame has no code
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
    // The timer starts now. The endpoint's own deadline begins when the Close frame is sent, but this frame may wait for a Blob.
    this._closeTimer = startTimer(closeTimeoutOf(this.#options), () => endpoint.terminate());
  }

  /** Drops the connection without a Close frame. While connecting, aborts the attempt to connect. */
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
