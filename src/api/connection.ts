/**
 * One open WebSocket connection, as its user holds it: the same class on both sides. RFC 6455 §6 and §7.
 * The protocol is frame/endpoint.ts, the socket transport/socket.ts; how events reach handlers is dispatch.ts.
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

/** @internal Sends a message that was serialized once for many connections, of a server. */
export let sendBroadcast: (connection: Connection<unknown>, message: Broadcast) => void;

/** @internal What the library keeps for a connection. */
export let coreOf: (connection: Connection<unknown>) => ConnectionCore;

/** An open connection, made by `connect` or by a `WebSocketServer`. */
export class Connection<Data = undefined> {
  /** Yours: typed by the server's `upgrade` handler, or by `connect`. */
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

  /** What it runs on: to look at, as `getPeerCertificate()` of TLS. What reads or writes there breaks the connection. */
  get socket(): Duplex {
    return this.#binding.socket;
  }

  /** Bytes that were sent and have not left the process. */
  get bufferedAmount(): number {
    return this.#binding.endpoint.bufferedAmount;
  }

  /** Payload bytes that the last message sent took on the wire; -1 while they are not known, because it is being compressed. */
  get lastWireSize(): number {
    return this.#lastWireSize;
  }

  /** Milliseconds that the last answered ping took, with what the peer had to read first; undefined while none was answered. */
  get rtt(): number | undefined {
    return this.#binding.pingTimes?.rtt;
  }

  /** Resolves when the connection is closed. Never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#core.closed;
  }

  // ---- sending ----

  /**
   * Sends a string as a text message, bytes as a binary one. Bytes over 4 KiB are not copied on a server: leave them
   * unchanged until they have left.
   * @param options may be left out: `send(message, done)`
   * @param done receives null once the message has left the process, or an Error that says why it never will
   * @returns true: go on. False: more than the high-water mark is waiting and `drain` will be called; or the connection is
   *   not open any more, and nothing was sent.
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
    // Not open any more: the endpoint sends nothing, and returns 0.
    this.#lastWireSize = typeof data === 'string' ? endpoint.sendText(data) : endpoint.sendBinary(data);
    return mayGoOn(this.#core);
  }

  /**
   * As `send`, for code that waits for each message. @throws as `send`, at the call
   * @returns fulfilled once the message has left the process. Rejects with an Error that says why it never will; if it is not awaited,
   *   that is not an unhandled rejection, since a peer can cause it
   */
  write(message: Message, options?: SendOptions): Promise<void> {
    return settled((done) => this.send(message, options, done));
  }

  /** Waits until everything that was sent so far has left the process. Rejects, as `write`, if the connection ends before that. */
  drained(): Promise<void> {
    return settled((done) => whenSent(this.#core, done));
  }

  /**
   * Sends bytes that are UTF-8 as a text message, without decoding them first. Not checked: the peer will.
   * @returns as `send`, and throws as it does
   */
  sendText(bytes: Uint8Array, options?: SendOptions, done?: SendCallback): boolean {
    this.#lastWireSize = sendTextWith(this.#core, bytes, options, done);
    return mayGoOn(this.#core);
  }

  /**
   * Sends one message while its parts come, each in a frame of its own; what is sent meanwhile follows it, pings do not wait. A part is
   * asked for once the socket has taken those before it. `close` lets the message end; a Close frame of the peer ends it at once.
   * @param source an iterable, or an async one, of strings or bytes, which may cut a character; left early if the message cannot be sent
   * @returns as `write`; rejects with what the source threw, or the reason of `signal`, too. If a part was sent by then, the connection
   *   fails with 1011, `WS_STREAM_CUT`
   * @throws {TypeError} for invalid options, and for a source that is not an iterable, such as a whole message
   */
  sendStream(source: StreamSource, options?: SendStreamOptions): Promise<void> {
    return sendStream(this.#core, source, options);
  }

  /**
   * Sends the newest value of something, such as a price. One value waits for each key, in place of an older one, until the peer has
   * taken those that were sent before: it answered a ping that followed them. What waits when the connection begins to close is dropped:
   * `CloseInfo.unsentKeys`.
   * @param message or a function, called when the value leaves; bytes are not copied: leave them unchanged until then
   * @returns whether it was accepted: false if the connection is not open, or `maxLatestKeys` other keys wait
   * @throws {TypeError} for a key that is not a string, and as `send`; what the function throws closes with 1011
   */
  sendLatest(key: string, message: Message | (() => Message)): boolean {
    return sendLatest(this.#core, key, message);
  }

  /** Sends a ping; the answer comes to `pong`. @returns false if it is not open. @throws {RangeError} for over 125 bytes */
  ping(payload?: Message): boolean {
    return this.#binding.ping(payload === undefined ? undefined : toBytes(payload)) > 0;
  }

  /** Sends an unsolicited pong (RFC 6455 §5.5.3). As `ping`. */
  pong(payload?: Message): boolean {
    return this.#binding.endpoint.pong(payload === undefined ? undefined : toBytes(payload));
  }

  /** Hands what was sent to the socket now, not at the end of the loop's turn. */
  flush(): void {
    this.#binding.flush();
  }

  /** As `ref` of a socket: the connection keeps the process alive, which it does from the beginning. */
  ref(): void {
    this.#binding.keepAlive(true);
  }

  /** As `unref` of a socket: the process may end while the connection is open. */
  unref(): void {
    this.#binding.keepAlive(false);
  }

  // ---- receiving ----

  /** No more events of the peer until `resume`; the socket is not read meanwhile. */
  pause(): void {
    this.#core.isPaused = true;
    this.#binding.pause();
  }

  /** Whether `pause` holds. */
  get isPaused(): boolean {
    return this.#core.isPaused;
  }

  resume(): void {
    this.#core.isPaused = false;
    if (!this.#core.isHolding) this.#binding.resume();
  }

  /**
   * The messages, one by one; the connection reads ahead 16 messages or 64 KiB. Ends when the connection is closed cleanly;
   * throws if it failed or was lost. Leaving the loop early closes the connection. Messages that are not read within 30 s
   * of the time they filled that room are dropped, with a process warning.
   * @throws {TypeError} if a handler takes the messages, another loop does, or they were dropped
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer> {
    return this.#core.messages();
  }

  /** The same as a WHATWG stream: to cancel it closes the connection with 1000. @throws {TypeError} as the loop */
  get readable(): ReadableStream<string | Buffer> {
    return readableOf(this);
  }

  /** Each chunk is a message, written once it has left. To close it closes with 1000, to abort it drops the connection. */
  get writable(): WritableStream<Message> {
    return writableOf(this);
  }

  // ---- closing ----

  /**
   * Starts the closing handshake (RFC 6455 §7.1.2). Does nothing where it has begun already.
   * @param code 1000 (the default), 1001 to 1003, 1007 to 1014 or 3000 to 4999; null: a Close frame without one, 1005 to the peer
   * @param reason at most 123 bytes of UTF-8
   * @param timeout milliseconds for it, in place of `closeTimeout`; where it has begun already, this can only shorten it
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

  /** As `terminate`, and TCP is reset: what has not arrived yet is lost. TLS and pipes have no reset: there it is `terminate`. */
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
