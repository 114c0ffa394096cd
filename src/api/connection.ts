/**
 * Implements `Connection` (RFC 6455 §6 and §7), an open connection on a client or a server. frame/endpoint.ts implements the protocol,
 * transport/socket.ts the socket, and dispatch.ts calls the handlers.
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

/** The state of a connection: 'closing' begins with the first Close frame, sent or received, and lasts until TCP ends. */
export type ConnectionState = 'open' | 'closing' | 'closed';

/** @internal Makes a connection. The class `Connection` below assigns this function. */
export let makeConnection: <Data>(core: ConnectionCore, data: Data) => Connection<Data>;

/** @internal Sends a message that was serialized once for many connections of a server. */
export let sendBroadcast: (connection: Connection<unknown>, message: Broadcast) => void;

/** @internal Returns the state that the library keeps for a connection. */
export let coreOf: (connection: Connection<unknown>) => ConnectionCore;

/** An open connection, made by `connect` or by a `WebSocketServer`. */
export class Connection<Data = undefined> {
  /** A value of the application. The server's `upgrade` handler, or the option `data` of `connect`, sets this value and its type. */
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

  /** Client: the header fields of the response, flat: name, value, name, value … Server: an empty list; see `request`. */
  get headers(): readonly string[] {
    return this.#core.info.headers;
  }

  /** Server: the request of the opening handshake, if `upgrade` returned `keepRequest: true`; null otherwise. */
  get request(): ServerRequest | null {
    return this.#core.info.request ?? null;
  }

  /** The underlying socket. Only query it, for example with `getPeerCertificate()` of TLS. Reading or writing it breaks the connection. */
  get socket(): Duplex {
    return this.#binding.socket;
  }

  /** The number of bytes that were passed to `send` and have not left the process. */
  get bufferedAmount(): number {
    return this.#binding.endpoint.bufferedAmount;
  }

  /** The last sent message's number of payload bytes on the wire; -1 if zlib's threads compress it after `send` has returned. */
  get lastWireSize(): number {
    return this.#lastWireSize;
  }

  /** Milliseconds from the last answered ping to its pong. The peer reads earlier messages first. Undefined before the first pong. */
  get rtt(): number | undefined {
    return this.#binding.pingTimes?.rtt;
  }

  /** Resolves when the connection is closed. Never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#core.closed;
  }

  // ---- sending ----

  /**
   * Sends a string as a text message, and bytes as a binary message. A server does not copy a binary message of more than 4 KiB: do not
   * change its bytes until they have left the process.
   * @param options may be omitted: `send(message, done)`
   * @param done receives null once the message has left the process. If the message was not sent, `done` receives an Error
   * @returns true if you may go on sending. False if more than `highWaterMark` bytes wait, or the connection is not open. In the first case
   *   the `drain` handler is called later
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
    // If the connection is no longer open, the endpoint sends nothing and returns 0.
    this.#lastWireSize = typeof data === 'string' ? endpoint.sendText(data) : endpoint.sendBinary(data);
    return mayGoOn(this.#core);
  }

  /**
   * Sends a message as `send` does, and returns a Promise. @throws the same errors as `send`; they do not reject the Promise
   * @returns a Promise that is fulfilled once the message has left the process. If the message was not sent, the Promise is rejected with
   *   the reason. An unhandled rejection does not end the process
   */
  write(message: Message, options?: SendOptions): Promise<void> {
    return settled((done) => this.send(message, options, done));
  }

  /** Waits until all messages that were sent so far have left the process. Rejects if the connection ends first. */
  drained(): Promise<void> {
    return settled((done) => whenSent(this.#core, done));
  }

  /** Sends UTF-8 bytes as a text message. The peer checks the bytes, this method does not. Returns and throws the same as `send`. */
  sendText(bytes: Uint8Array, options?: SendOptions, done?: SendCallback): boolean {
    this.#lastWireSize = sendTextWith(this.#core, bytes, options, done);
    return mayGoOn(this.#core);
  }

  /**
   * Sends one message in parts: each part that `source` yields becomes a frame. Other messages wait until this message ends; pings do not
   * wait. The next part is requested once the socket has accepted the previous parts. `close` waits for the end of the message; the peer's
   * Close frame cuts the message off.
   * @param source an iterable or async iterable of strings or bytes, cut anywhere. If the message cannot be sent, the iterable is closed
   * @returns the same as `write`. The Promise also rejects with an error of the source, or the reason of `signal`. If a part was already
   *   sent, these errors also fail the connection with 1011, `WS_STREAM_CUT`
   * @throws {TypeError} for invalid options, and for a source that is not an iterable, such as a whole message
   */
  sendStream(source: StreamSource, options?: SendStreamOptions): Promise<void> {
    return sendStream(this.#core, source, options);
  }

  /**
   * Sends the newest value of something, such as a price, that `key` names. A ping follows each batch of values. The next batch waits for
   * the pong. Meanwhile a newer value replaces the waiting value of its key. Values that still wait when the connection begins to close are
   * dropped; `CloseInfo.unsentKeys` lists their keys.
   * @param message the value, or a function that returns the value when it is sent. Bytes are not copied: do not change bytes that wait
   * @returns whether the value was accepted: false if the connection is not open, or `maxLatestKeys` other keys wait
   * @throws {TypeError} for a key that is not a string, or an invalid message. If the function throws, the connection is closed with 1011
   */
  sendLatest(key: string, message: Message | (() => Message)): boolean {
    return sendLatest(this.#core, key, message);
  }

  /** Sends a ping; the handler `pong` gets the answer. @returns false if the connection is not open. @throws {RangeError} over 125 bytes */
  ping(payload?: Message): boolean {
    return this.#binding.ping(payload === undefined ? undefined : toBytes(payload)) > 0;
  }

  /** Sends an unsolicited pong (RFC 6455 §5.5.3). This method returns and throws the same as `ping`. */
  pong(payload?: Message): boolean {
    return this.#binding.endpoint.pong(payload === undefined ? undefined : toBytes(payload));
  }

  /** Writes all waiting bytes to the socket now. Without this call, they are written at the end of the current turn of the event loop. */
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

  /** Stops reading the socket until `resume` is called. Until then, no handler is called for anything that the peer sends. */
  pause(): void {
    this.#core.isPaused = true;
    this.#binding.pause();
  }

  /** Whether `pause` was called and `resume` has not been called since then. */
  get isPaused(): boolean {
    return this.#core.isPaused;
  }

  resume(): void {
    this.#core.isPaused = false;
    if (!this.#core.isHolding) this.#binding.resume();
  }

  /**
   * Reads the messages one by one. The connection reads ahead until 16 messages or 64 KiB wait. If no loop begins within 30 s from this
   * moment, the messages are dropped, with a process warning. The loop ends when the connection is closed cleanly, and throws if the
   * connection failed or was lost. Leaving the loop early closes the connection.
   * @throws {TypeError} if a handler or another loop reads the messages, or the messages were dropped
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer> {
    return this.#core.messages();
  }

  /** The messages as a WHATWG stream. `cancel` closes the connection with 1000. @throws {TypeError} if a handler or a loop reads them */
  get readable(): ReadableStream<string | Buffer> {
    return readableOf(this);
  }

  /**
   * A WHATWG stream that sends each chunk as a message. A write ends once its message has left the process. `close` closes the connection
   * with 1000, and `abort` drops the connection.
   */
  get writable(): WritableStream<Message> {
    return writableOf(this);
  }

  // ---- closing ----

  /**
   * Starts the closing handshake (RFC 6455 §7.1.2). If the handshake has already begun, only `timeout` has an effect.
   * @param code 1000 (the default), 1001 to 1003, 1007 to 1014 or 3000 to 4999; null for a Close frame without a code (1005)
   * @param reason at most 123 bytes of UTF-8
   * @param timeout milliseconds for the closing handshake, instead of `closeTimeout`. A later call can only shorten this time
   * @returns `closed`
   * @throws {RangeError | TypeError} for another code, a longer reason, a reason without a code, or an invalid timeout
   */
  close(code: number | null = 1000, reason = '', timeout?: number): Promise<CloseInfo> {
    startClosing(this.#core, code, reason, timeout);
    return this.closed;
  }

  /** Drops the connection without a Close frame. The `close` handlers of both sides receive the code 1006. */
  terminate(): void {
    this.#binding.endpoint.terminate();
  }

  /** Like `terminate`, but resets TCP: bytes that have not arrived yet are lost. For TLS and pipes, does the same as `terminate`. */
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
