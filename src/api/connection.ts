/**
 * Implements the connection that the application holds, with the same class on both sides: RFC 6455 §6 and §7. frame/endpoint.ts implements
 * the protocol, transport/socket.ts the socket, and dispatch.ts calls the handlers.
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

/** The state of a connection: 'closing' lasts from the first Close frame, in either direction, to the end of TCP. */
export type ConnectionState = 'open' | 'closing' | 'closed';

/** @internal Makes a connection; assigned once, by the class. */
export let makeConnection: <Data>(core: ConnectionCore, data: Data) => Connection<Data>;

/** @internal Sends a message that was serialized once for many connections of a server. */
export let sendBroadcast: (connection: Connection<unknown>, message: Broadcast) => void;

/** @internal Returns the state that the library keeps for a connection. */
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

  /** The negotiated subprotocol, or '' if no subprotocol was negotiated. */
  get subprotocol(): string {
    return this.#core.info.subprotocol;
  }

  get extensions(): readonly ExtensionOffer[] {
    return this.#core.info.extensions;
  }

  /** Client: the URL that was reached. Server: the first 1,024 characters of the request target (path and query), as the client sent it. */
  get url(): string {
    return this.#core.info.url;
  }

  get remoteAddress(): string | undefined {
    return this.#core.info.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#core.info.remotePort;
  }

  /** Client: the header fields of the response, flat: name, value, name, value … Server: an empty list; see `upgrade`. */
  get headers(): readonly string[] {
    return this.#core.info.headers;
  }

  /** Server: the request of the opening handshake, if `upgrade` returned `keepRequest: true`; null otherwise. */
  get request(): ServerRequest | null {
    return this.#core.info.request ?? null;
  }

  /** The underlying socket. Only query it, for example with `getPeerCertificate()` of TLS: reading or writing it breaks the connection. */
  get socket(): Duplex {
    return this.#binding.socket;
  }

  /** The number of bytes that were passed to `send` and have not left the process. */
  get bufferedAmount(): number {
    return this.#binding.endpoint.bufferedAmount;
  }

  /** The number of payload bytes of the last sent message on the wire. -1 if zlib's threads compress it: the size is known only later. */
  get lastWireSize(): number {
    return this.#lastWireSize;
  }

  /** Milliseconds from the last answered ping to its pong, including the peer's time to read earlier messages. Undefined before the first pong. */
  get rtt(): number | undefined {
    return this.#binding.pingTimes?.rtt;
  }

  /** Resolves when the connection is closed. Never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#core.closed;
  }

  // ---- sending ----

  /**
   * Sends a string as a text message, and bytes as a binary message. A server does not copy bytes of more than 4 KiB: do not change them
   * until they have left.
   * @param options may be omitted: `send(message, done)`
   * @param done receives null once the message has left the process, or an Error that says why it was not sent
   * @returns true if you may go on sending. False if more than `highWaterMark` bytes wait: `drain` will be called. Also false if the
   *   connection is not open: nothing was sent
   * @throws {TypeError} for a message that is not a string, an ArrayBuffer or an ArrayBufferView, an unknown option, and a `done` that is
   *   not a function
   * @throws {RangeError} for a `fragmentSize` that is not a positive integer, and for a smaller `lastFragmentSize`
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
   * Sends a message as `send` does, for code that waits for each message. @throws the errors of `send`, during the call
   * @returns fulfilled once the message has left the process. It rejects with an Error that says why the message was not sent. A peer can cause
   *   this, so it is never reported as an unhandled rejection
   */
  write(message: Message, options?: SendOptions): Promise<void> {
    return settled((done) => this.send(message, options, done));
  }

  /** Waits until everything that was sent so far has left the process. Rejects as `write` does if the connection ends before that. */
  drained(): Promise<void> {
    return settled((done) => whenSent(this.#core, done));
  }

  /**
   * Sends UTF-8 bytes as a text message. Only the peer decodes and checks them.
   * @returns the same as `send`, and throws the same errors
   */
  sendText(bytes: Uint8Array, options?: SendOptions, done?: SendCallback): boolean {
    this.#lastWireSize = sendTextWith(this.#core, bytes, options, done);
    return mayGoOn(this.#core);
  }

  /**
   * Sends one message while its parts come, one frame for each part. Other messages wait until this message ends; pings do not wait. The next part
   * is requested once the socket has taken the parts before it. `close` waits for the end of the message; the peer's Close frame cuts the message
   * off.
   * @param source an iterable or async iterable of strings or bytes, cut anywhere. If the message cannot be sent, the iterable is closed
   * @returns the same as `write`. Also rejects with an error of the source, or the reason of `signal`. If a part was sent, the connection then
   *   fails with 1011, `WS_STREAM_CUT`
   * @throws {TypeError} for invalid options, and for a source that is not an iterable, such as a whole message
   */
  sendStream(source: StreamSource, options?: SendStreamOptions): Promise<void> {
    return sendStream(this.#core, source, options);
  }

  /**
   * Sends the newest value of something, such as a price. Until the peer has received the values sent before, one value waits for each key, and a
   * newer value replaces it. A ping follows the values, and the pong shows that the peer has them. Values that wait when the connection begins to
   * close are dropped: `CloseInfo.unsentKeys`.
   * @param message the value, or a function that returns the value when it is sent. Bytes are not copied: do not change them until then
   * @returns whether the value was accepted: false if the connection is not open, or `maxLatestKeys` other keys wait
   * @throws {TypeError} for a key that is not a string, and as `send` does. If the function throws, the connection is closed with 1011
   */
  sendLatest(key: string, message: Message | (() => Message)): boolean {
    return sendLatest(this.#core, key, message);
  }

  /** Sends a ping. The `pong` handler receives the answer. @returns false if the connection is not open. @throws {RangeError} for over 125 bytes */
  ping(payload?: Message): boolean {
    return this.#binding.ping(payload === undefined ? undefined : toBytes(payload)) > 0;
  }

  /** Sends an unsolicited pong (RFC 6455 §5.5.3). It returns and throws the same as `ping`. */
  pong(payload?: Message): boolean {
    return this.#binding.endpoint.pong(payload === undefined ? undefined : toBytes(payload));
  }

  /** Passes everything that waits to be sent to the socket now, instead of at the end of the turn of the event loop. */
  flush(): void {
    this.#binding.flush();
  }

  /** Like `ref` of a socket: the connection keeps the process alive. This is the default. */
  ref(): void {
    this.#binding.keepAlive(true);
  }

  /** Like `unref` of a socket: the process may end while the connection is open. */
  unref(): void {
    this.#binding.keepAlive(false);
  }

  // ---- receiving ----

  /** Stops reading the socket until `resume` is called. Meanwhile no event of the peer is reported. */
  pause(): void {
    this.#core.isPaused = true;
    this.#binding.pause();
  }

  /** Whether `pause` was called, and `resume` was not called after it. */
  get isPaused(): boolean {
    return this.#core.isPaused;
  }

  resume(): void {
    this.#core.isPaused = false;
    if (!this.#core.isHolding) this.#binding.resume();
  }

  /**
   * Reads the messages one by one. The connection reads at most 16 messages or 64 KiB ahead. The loop ends when the connection is closed
   * cleanly, and throws if the connection failed or was lost. Leaving the loop early closes the connection. If no loop begins within 30 s
   * after this limit was reached, the messages are dropped, with a process warning.
   * @throws {TypeError} if a handler or another loop takes the messages, or the messages were dropped
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer> {
    return this.#core.messages();
  }

  /** The messages as a WHATWG stream. Cancelling the stream closes the connection with 1000. @throws {TypeError} as the loop does */
  get readable(): ReadableStream<string | Buffer> {
    return readableOf(this);
  }

  /** Sends each chunk as a message. A write is done once the message has left. `close` closes with 1000; `abort` drops the connection. */
  get writable(): WritableStream<Message> {
    return writableOf(this);
  }

  // ---- closing ----

  /**
   * Starts the closing handshake (RFC 6455 §7.1.2). Does nothing if it has begun already.
   * @param code 1000 (the default), 1001 to 1003, 1007 to 1014 or 3000 to 4999; null for a Close frame without a code (1005)
   * @param reason at most 123 bytes of UTF-8
   * @param timeout milliseconds for this handshake, instead of `closeTimeout`. A later call can only shorten this time
   * @returns `closed`
   * @throws {RangeError | TypeError} for another code, a longer reason, a reason without a code, or a timeout that is not positive
   */
  close(code: number | null = 1000, reason = '', timeout?: number): Promise<CloseInfo> {
    startClosing(this.#core, code, reason, timeout);
    return this.closed;
  }

  /** Drops the connection without a Close frame. The peer and the `close` handler report 1006. */
  terminate(): void {
    this.#binding.endpoint.terminate();
  }

  /** Does what `terminate` does, and resets TCP: bytes that have not arrived yet are lost. TLS and pipes are not reset. */
  reset(): void {
    this.#binding.reset();
  }

  /** Implements `await using`: closes with 1000, and waits until the connection is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Implements `using`: drops the connection. */
  [Symbol.dispose](): void {
    this.terminate();
  }
}
