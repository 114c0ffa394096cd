/**
 * One open WebSocket connection, as the application holds it: the same class on both sides. RFC 6455 §6 and §7.
 * The protocol is in frame/endpoint.ts, the socket in transport/socket.ts; dispatch.ts calls the handlers.
 */

import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { Broadcast } from '../transport/broadcast.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { SocketConnection } from '../transport/socket.ts';
import { settled } from './callback.ts';
import type { CloseInfo } from './close-info.ts';
import type { ConnectionCore } from './connection-core.ts';
import {
  type Message,
  type SendCallback,
  type SendOptions,
  type SendStreamOptions,
  type StreamSource,
  toBytes,
} from './message.ts';
import { sendLatest } from './send-latest.ts';
import { sendStream } from './send-stream.ts';
import { mayGoOn, sendTextWith, sendWith, whenSent } from './send-with.ts';
import { showConnection } from './show-connection.ts';
import { startClosing } from './start-closing.ts';
import { readableOf, writableOf } from './web-streams.ts';

/** The state of a connection: 'closing' from the first Close frame, in either direction, to the end of TCP. */
export type ConnectionState = 'open' | 'closing' | 'closed';

/** @internal Makes a connection; assigned once, by the class. */
export let makeConnection: <Data>(core: ConnectionCore, data: Data) => Connection<Data>;

/** @internal Sends a message that was serialized once for many connections of a server. */
export let sendBroadcast: (connection: Connection<unknown>, message: Broadcast) => void;

/** @internal What the library keeps for a connection. */
export let coreOf: (connection: Connection<unknown>) => ConnectionCore;

/** An open connection, made by `connect` or by a `WebSocketServer`. */
export class Connection<Data = undefined> {
  /** The application's own value, typed by the server's `upgrade` handler, or by `connect`. */
  data: Data;
  readonly #core: ConnectionCore;
  readonly #binding: SocketConnection;
  #lastWireSize = 0;

  static {
    Object.defineProperty(Connection.prototype, inspect.custom, { value: showConnection });
    makeConnection = (core, data) => new Connection(core, data);
    sendBroadcast = (connection, message) => {
      connection.#lastWireSize = message.sendTo(connection.#binding);
      mayGoOn(connection.#core);
    };
    coreOf = (connection) => connection.#core;
  }

  private constructor(core: ConnectionCore, data: Data) {
    this.data = data;
    this.#core = core;
    this.#binding = core.binding;
  }

  get state(): ConnectionState {
    if (this.#binding.isOpen) return 'open';
    return this.#binding.isClosed ? 'closed' : 'closing';
  }

  /** The negotiated subprotocol, '' for none. */
  get subprotocol(): string {
    return this.#core.info.subprotocol;
  }

  get extensions(): readonly ExtensionOffer[] {
    return this.#core.info.extensions;
  }

  /** Client: the URL that was reached. Server: the request target (path and query), as sent, up to its first 1,024 characters. */
  get url(): string {
    return this.#core.info.url;
  }

  get remoteAddress(): string | undefined {
    return this.#core.info.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#core.info.remotePort;
  }

  /** Client: the header fields of the response, flat: name, value, name, value … Server: none, see `upgrade`. */
  get headers(): readonly string[] {
    return this.#core.info.headers;
  }

  /** Server: the request of the opening handshake, if `upgrade` returned `keepRequest: true`; null otherwise. */
  get request(): ServerRequest | null {
    return this.#core.info.request ?? null;
  }

  /** The socket below. Only query it, as by `getPeerCertificate()` of TLS: to read or write there breaks the connection. */
  get socket(): Duplex {
    return this.#binding.socket;
  }

  /** Bytes that were sent and have not left the process. */
  get bufferedAmount(): number {
    return this.#binding.endpoint.bufferedAmount;
  }

  /** Payload bytes that the last sent message took on the wire; -1 while it is being compressed, since they are not known yet. */
  get lastWireSize(): number {
    return this.#lastWireSize;
  }

  /** Milliseconds from the last answered ping to its pong; before, the peer reads what was sent earlier. Undefined before a pong. */
  get rtt(): number | undefined {
    return this.#binding.pingTimes?.rtt;
  }

  /** Resolves when the connection is closed. Never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#core.closed;
  }

  // ---- sending ----

  /**
   * Sends a string as a text message, bytes as a binary one. Over 4 KiB, a server does not copy the bytes: leave them unchanged until they
   * have left.
   * @param options may be omitted: `send(message, done)`
   * @param done receives null once the message has left the process, or an Error that says why it was not sent
   * @returns true: go on sending. False: more than the high-water mark waits, and `drain` will be called; or the connection is not open,
   *   and nothing was sent
   * @throws {TypeError} for anything else than a string, an ArrayBuffer or a view of one, for an unknown option, and for a `done`
   *   that is not a function
   * @throws {RangeError} for a `fragmentSize` that is not a positive integer, a `lastFragmentSize` below it
   */
  send(message: Message, done: SendCallback): boolean;
  send(message: Message, options?: SendOptions, done?: SendCallback): boolean;
  send(message: Message, options?: SendOptions | SendCallback, done?: SendCallback): boolean {
    if (options !== undefined || done !== undefined) {
      this.#lastWireSize = sendWith(this.#core, message, options, done);
      return mayGoOn(this.#core);
    }
    const data = typeof message === 'string' ? message : toBytes(message);
    const { endpoint } = this.#binding;
    // If the connection is no longer open, the endpoint sends nothing and returns 0.
    this.#lastWireSize = typeof data === 'string' ? endpoint.sendText(data) : endpoint.sendBinary(data);
    return mayGoOn(this.#core);
  }

  /**
   * As `send`, for code that waits for each message. @throws as `send`, at the call
   * @returns fulfilled once the message has left the process. Rejects with an Error that says why it was not sent; this is never an
   *   unhandled rejection, since a peer can cause it
   */
  write(message: Message, options?: SendOptions): Promise<void> {
    return settled((done) => this.send(message, options, done));
  }

  /** Waits until everything that was sent so far has left the process. Rejects, as `write`, if the connection ends before that. */
  drained(): Promise<void> {
    return settled((done) => whenSent(this.#core, done));
  }

  /**
   * Sends UTF-8 bytes as a text message. It neither decodes nor checks them: the peer does.
   * @returns as `send`, and throws as it does
   */
  sendText(bytes: Uint8Array, options?: SendOptions, done?: SendCallback): boolean {
    this.#lastWireSize = sendTextWith(this.#core, bytes, options, done);
    return mayGoOn(this.#core);
  }

  /**
   * Sends one message while its parts come, one frame for each. Other messages wait until it ends; pings do not. The next part is requested
   * once the socket has taken those before it. `close` waits for the end of the message; the peer's Close frame ends it.
   * @param source an iterable, or an async one, of strings or bytes, which may cut a character; it is closed if the message cannot be sent
   * @returns as `write`; also rejects with the error that the source threw, or the reason of `signal`. If a part was sent by then, the
   *   connection fails with 1011, `WS_STREAM_CUT`
   * @throws {TypeError} for invalid options, and for a source that is not an iterable, such as a whole message
   */
  sendStream(source: StreamSource, options?: SendStreamOptions): Promise<void> {
    return sendStream(this.#core, source, options);
  }

  /**
   * Sends the newest value of something, such as a price. One value waits for each key and replaces the older one, until the peer has
   * received the values sent before: it answers a ping that follows them. Values that wait when the connection begins to close are dropped:
   * `CloseInfo.unsentKeys`.
   * @param message or a function that returns it, called when the value is sent; bytes are not copied: leave them unchanged until then
   * @returns whether it was accepted: false if the connection is not open, or `maxLatestKeys` other keys wait
   * @throws {TypeError} for a key that is not a string, and as `send`; if the function throws, the connection is closed with 1011
   */
  sendLatest(key: string, message: Message | (() => Message)): boolean {
    return sendLatest(this.#core, key, message);
  }

  /** Sends a ping; the `pong` handler receives the answer. @returns false if it is not open. @throws {RangeError} for over 125 bytes */
  ping(payload?: Message): boolean {
    return this.#binding.ping(payload === undefined ? undefined : toBytes(payload)) > 0;
  }

  /** Sends an unsolicited pong (RFC 6455 §5.5.3). As `ping`. */
  pong(payload?: Message): boolean {
    return this.#binding.endpoint.pong(payload === undefined ? undefined : toBytes(payload));
  }

  /** Hands everything that was sent to the socket now, not at the end of this turn of the event loop. */
  flush(): void {
    this.#binding.flush();
  }

  /** As `ref` of a socket: the connection keeps the process alive. This is the default. */
  ref(): void {
    this.#binding.keepAlive(true);
  }

  /** As `unref` of a socket: the process may end while the connection is open. */
  unref(): void {
    this.#binding.keepAlive(false);
  }

  // ---- receiving ----

  /** Stops reading the socket until `resume`: no event of the peer is reported meanwhile. */
  pause(): void {
    this.#core.isPaused = true;
    this.#binding.pause();
  }

  /** Whether `pause` was called, and `resume` not yet. */
  get isPaused(): boolean {
    return this.#core.isPaused;
  }

  resume(): void {
    this.#core.isPaused = false;
    if (!this.#core.isHolding) this.#binding.resume();
  }

  /**
   * The messages, one by one; the connection reads ahead 16 messages or 64 KiB. Ends when the connection is closed cleanly; throws if it
   * failed or was lost. Leaving the loop early closes the connection. Once this read-ahead is full, messages that are not read within 30 s
   * are dropped, with a process warning.
   * @throws {TypeError} if a handler or another loop takes the messages, or they were dropped
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer> {
    return this.#core.messages();
  }

  /** The messages as a WHATWG stream. Cancelling it closes the connection with 1000. @throws {TypeError} as the loop */
  get readable(): ReadableStream<string | Buffer> {
    return readableOf(this);
  }

  /** Each chunk is a message; its write is done once it has left. Closing the stream closes with 1000; aborting it drops the connection. */
  get writable(): WritableStream<Message> {
    return writableOf(this);
  }

  // ---- closing ----

  /**
   * Starts the closing handshake (RFC 6455 §7.1.2). Does nothing if it has begun already.
   * @param code 1000 (the default), 1001 to 1003, 1007 to 1014 or 3000 to 4999; null: a Close frame without one, 1005 to the peer
   * @param reason at most 123 bytes of UTF-8
   * @param timeout milliseconds for it, in place of `closeTimeout`; if it has begun already, this can only shorten it
   * @returns `closed`
   * @throws {RangeError | TypeError} for another code, a longer reason, a reason without a code, or a timeout that is not positive
   */
  close(code: number | null = 1000, reason = '', timeout?: number): Promise<CloseInfo> {
    startClosing(this.#core, code, reason, timeout);
    return this.closed;
  }

  /** Drops the connection without a Close frame. The peer, and `close` here, report 1006. */
  terminate(): void {
    this.#binding.endpoint.terminate();
  }

  /** As `terminate`, and resets TCP: bytes that have not arrived yet are lost. TLS and pipes have no reset: for them it is `terminate`. */
  reset(): void {
    this.#binding.reset();
  }

  /** `await using`: closes with 1000 and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** `using`: drops the connection. */
  [Symbol.dispose](): void {
    this.terminate();
  }
}
