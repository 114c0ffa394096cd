/**
 * Implements `Connection` (RFC 6455 §6 and §7), an open connection on a client or a server. frame/endpoint.ts implements the protocol.
 * transport/socket.ts uses the socket. dispatch.ts calls the handlers.
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
import { mayGoOn, sendTextWith, sendWith, whenSent, wireSizeOf } from './send-with.ts';
import { showConnection } from './show-connection.ts';
import { startClosing } from './start-closing.ts';
import { readableOf, writableOf } from './web-streams.ts';

/** The state of a connection. It is 'closing' from the first Close frame, sent or received, until the TCP connection ends. */
export type ConnectionState = 'open' | 'closing' | 'closed';

/** @internal Makes a connection. The class `Connection` assigns this function. */
export let makeConnection: <Data>(core: ConnectionCore, data: Data) => Connection<Data>;

/** @internal Sends a message that was serialized once for several connections of a server. */
export let sendBroadcast: (connection: Connection<unknown>, message: Broadcast) => void;

/** @internal Returns the hidden state of a connection. */
export let coreOf: (connection: Connection<unknown>) => ConnectionCore;

/** An open connection. `connect` or a `WebSocketServer` makes it. */
export class Connection<Data = undefined> {
  /** A value of the application. It comes from the `upgrade` handler of a server, or from the option `data` of `connect`. */
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

  /** The negotiated subprotocol. '' if there is none. */
  get subprotocol(): string {
    return this.#core.info.subprotocol;
  }

  get extensions(): readonly ExtensionOffer[] {
    return this.#core.info.extensions;
  }

  /** On a client, the URL of the server after redirects. On a server, the first 1,024 characters of the request target (path and query). */
  get url(): string {
    return this.#core.info.url;
  }

  get remoteAddress(): string | undefined {
    return this.#core.info.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#core.info.remotePort;
  }

  /** On a client, the header fields of the response, as a flat list (name, value, …). On a server, an empty list: see `request`. */
  get headers(): readonly string[] {
    return this.#core.info.headers;
  }

  /** On a server, the request of the opening handshake, if `upgrade` returned `keepRequest: true`. Otherwise null. */
  get request(): ServerRequest | null {
    return this.#core.info.request ?? null;
  }

  /** The socket. Use it only for information, for example `getPeerCertificate()` of TLS. Reading or writing it breaks the connection. */
  get socket(): Duplex {
    return this.#binding.socket;
  }

  /** The number of bytes that were passed to `send`, but have not left the process. */
  get bufferedAmount(): number {
    return this.#binding.endpoint.bufferedAmount;
  }

  /** The number of payload bytes that the last sent message has on the network. -1 while a thread still compresses the message. */
  get lastWireSize(): number {
    return wireSizeOf(this.#core, this.#lastWireSize);
  }

  /** Milliseconds from the last answered ping to its pong. Includes the peer's reading of earlier messages. Undefined before a pong. */
  get rtt(): number | undefined {
    return this.#binding.pingTimes?.rtt;
  }

  /** Resolves when the connection is closed. Never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#core.closed;
  }

  // ---- sending ----

  /**
   * Sends a string as a text message, or bytes as a binary message. A server does not copy a binary message of more than 4 KiB: do not
   * change its bytes before they have left the process.
   * @param options may be omitted: `send(message, done)`
   * @param done is called with null after the message has left the process, or with an Error if it was not sent
   * @returns true if you may send more. False if more than `highWaterMark` bytes wait; the `drain` handler is then called later. Also false
   *   if the connection is not open
   * @throws {TypeError} for a message that is not a string, an ArrayBuffer or an ArrayBufferView; an unknown option; an invalid `done`
   * @throws {RangeError} for a `fragmentSize` that is not a positive integer, or a `lastFragmentSize` below it
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
    // If the connection is no longer open, the endpoint sends nothing, and returns 0.
    this.#lastWireSize = typeof data === 'string' ? endpoint.sendTextSoon(data) : endpoint.sendBinary(data);
    return mayGoOn(this.#core);
  }

  /**
   * Sends a message like `send`, but returns a Promise.
   * @returns a Promise, which resolves when the message has left the process. The Promise rejects if the message was not sent. An unhandled
   *   rejection does not end the process
   * @throws the same errors as `send`. These errors are thrown, and do not reject the Promise
   */
  write(message: Message, options?: SendOptions): Promise<void> {
    return settled((done) => this.send(message, options, done));
  }

  /** Resolves when all messages so far have left the process. Rejects if the connection ends before that. */
  drained(): Promise<void> {
    return settled((done) => whenSent(this.#core, done));
  }

  /** Sends UTF-8 bytes, which are not checked, as a text message. Returns the same value as `send`, and throws the same errors. */
  sendText(bytes: Uint8Array, options?: SendOptions, done?: SendCallback): boolean {
    this.#lastWireSize = sendTextWith(this.#core, bytes, options, done);
    return mayGoOn(this.#core);
  }

  /**
   * Sends one message in parts. Each part of `source` becomes a frame. The next part is read after the socket has accepted the previous
   * parts. Other messages wait until this message ends, but pings do not wait. `close` also waits for the end of this message. The peer's
   * Close frame ends the message early.
   * @param source an iterable or async iterable of strings or bytes, divided anywhere. If the message cannot be sent, the source is closed
   * @returns the same as `write`. The Promise also rejects with an error of the source, or with the reason of `signal`. If a part was
   *   already sent, the connection then fails with 1011 and `WS_STREAM_CUT`
   * @throws {TypeError} for invalid options, and for a source that is not an iterable, such as a whole message
   */
  sendStream(source: StreamSource, options?: SendStreamOptions): Promise<void> {
    return sendStream(this.#core, source, options);
  }

  /**
   * Sends the newest value of something, such as a price. `key` is its name. A ping follows each batch of values. The next batch waits for
   * the pong. In the meantime, a newer value replaces the waiting value of its key. When the connection begins to close, the waiting values
   * are dropped. `CloseInfo.unsentKeys` lists their keys.
   * @param message the value, or a function that returns the value when it is sent. Bytes are not copied: do not change bytes that wait
   * @returns false if the connection is not open, or if `maxLatestKeys` other keys wait; otherwise true
   * @throws {TypeError} for a key that is not a string, or an invalid message. If the function throws, the connection is closed with 1011
   */
  sendLatest(key: string, message: Message | (() => Message)): boolean {
    return sendLatest(this.#core, key, message);
  }

  /** Sends a ping. The `pong` handler gets the answer. @returns false if the connection is not open. @throws {RangeError} over 125 bytes */
  ping(payload?: Message): boolean {
    return this.#binding.ping(payload === undefined ? undefined : toBytes(payload)) > 0;
  }

  /** Sends a pong that answers no ping (RFC 6455 §5.5.3). Returns the same value as `ping`, and throws the same errors. */
  pong(payload?: Message): boolean {
    return this.#binding.endpoint.pong(payload === undefined ? undefined : toBytes(payload));
  }

  /** Writes all waiting bytes to the socket now. Without this call, they are written at the end of the turn of the event loop. */
  flush(): void {
    this.#binding.flush();
  }

  /** Makes the connection keep the process alive, like `ref` of a socket. This is the default. */
  ref(): void {
    this.#binding.keepAlive(true);
  }

  /** Lets the process end while the connection is open, like `unref` of a socket. */
  unref(): void {
    this.#binding.keepAlive(false);
  }

  // ---- receiving ----

  /** Stops reading from the socket until `resume` is called. In the meantime, no handler is called for data from the peer. */
  pause(): void {
    this.#core.isPaused = true;
    this.#binding.pause();
  }

  /** True from a call of `pause` until the next call of `resume`. */
  get isPaused(): boolean {
    return this.#core.isPaused;
  }

  resume(): void {
    this.#core.isPaused = false;
    if (!this.#core.isHolding) this.#binding.resume();
  }

  /**
   * Reads the messages one by one. The connection reads ahead until 16 messages or 64 KiB wait, and then stops reading. If no loop begins
   * in the next 30 s, the messages are dropped, with a process warning. The loop ends when the connection is closed cleanly. It throws if
   * the connection failed or was lost. If the loop ends early, the connection is closed.
   * @throws {TypeError} if a handler or another loop reads the messages, or if the messages were dropped
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer> {
    return this.#core.messages();
  }

  /** A WHATWG stream of the messages. `cancel` closes the connection with 1000. @throws {TypeError} if other code reads the messages */
  get readable(): ReadableStream<string | Buffer> {
    return readableOf(this);
  }

  /**
   * A WHATWG stream that sends each chunk as a message. The Promise of a write resolves when the message has left the process. `close`
   * closes the connection with 1000, and `abort` drops the connection.
   */
  get writable(): WritableStream<Message> {
    return writableOf(this);
  }

  // ---- closing ----

  /**
   * Starts the closing handshake (RFC 6455 §7.1.2). If it has already begun, only `timeout` has an effect.
   * @param code 1000 (the default), 1001 to 1003, 1007 to 1014 or 3000 to 4999; null for a Close frame without a code (1005)
   * @param reason at most 123 bytes of UTF-8
   * @param timeout milliseconds for the closing handshake. It replaces `closeTimeout`. Another call can only shorten it
   * @returns the Promise `closed`
   * @throws {RangeError | TypeError} for another code, a longer reason, a reason without a code, or an invalid timeout
   */
  close(code: number | null = 1000, reason = '', timeout?: number): Promise<CloseInfo> {
    startClosing(this.#core, code, reason, timeout);
    return this.closed;
  }

  /** Drops the connection without a Close frame. The `close` handlers on both sides receive the code 1006. */
  terminate(): void {
    this.#binding.endpoint.terminate();
  }

  /** Resets the TCP connection: bytes that have not arrived yet are lost. Over TLS or a pipe, does the same as `terminate`. */
  reset(): void {
    this.#binding.reset();
  }

  /** Implements `await using`. Closes the connection with 1000, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Implements `using`. Drops the connection, as `terminate` does. */
  [Symbol.dispose](): void {
    this.terminate();
  }
}
