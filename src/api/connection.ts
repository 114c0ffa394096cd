/**
 * One open WebSocket connection, as its user holds it: the same class on both sides. RFC 6455 §6, §7 behind it.
 * The protocol is frame/endpoint.ts, the socket transport/socket.ts; here are handlers, iteration, and what they throw.
 */

import type { Duplex } from 'node:stream';
import { type InspectOptions, inspect, types } from 'node:util';
import { ConnectionError } from '../frame/connection-error.ts';
import { ProtocolError } from '../frame/violation.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { Broadcast } from '../transport/broadcast.ts';
import { log } from '../transport/log.ts';
import {
  type BindOptions,
  bindSocket,
  type ConnectionEvents,
  checkClose,
  type SocketConnection,
} from '../transport/socket.ts';
import { Inbox } from './inbox.ts';
import { checkOptions, describe, type OptionNames } from './option-names.ts';
import { positive } from './options.ts';

/** What can be sent: text as a string, anything else as bytes. */
export type Message = string | ArrayBufferLike | ArrayBufferView;

/** How a connection ended (RFC 6455 §7.1.4 to §7.1.6). */
export interface CloseInfo {
  /** The peer's close code; 1005 where its Close frame had none, 1006 where there was no Close frame. */
  readonly code: number;
  /** The peer's reason. Not for end users (§5.5.1), and not to be trusted: escape it before you show it. */
  readonly reason: string;
  /** Whether both Close frames were exchanged before TCP ended. */
  readonly wasClean: boolean;
  /** Whether the peer's Close frame came first. */
  readonly byPeer: boolean;
}

/**
 * What an application hears of its connections: one object for all of them. Every call is optional, and may return a
 * Promise: nothing waits for it, but its rejection is treated like a throw. What a handler throws closes that connection
 * with 1011 and is reported to `error`, or else as a process warning.
 */
export interface ConnectionHandlers<Data = undefined> {
  /** The opening handshake is done; sending is allowed from here on. */
  open?(connection: Connection<Data>): unknown;
  /**
   * A message. Without this handler messages wait for `for await (const message of connection)`.
   * @param message text as a string (or as checked bytes, with `text: 'bytes'`), binary as a Buffer that is yours to keep
   * @param wireSize payload bytes as they came over the wire
   */
  message?(
    connection: Connection<Data>,
    message: string | Buffer,
    isBinary: boolean,
    wireSize: number,
  ): unknown;
  /** A frame of an unfinished message arrived: progress of a large one. */
  fragment?(connection: Connection<Data>): unknown;
  /** A ping came, and was answered. */
  ping?(connection: Connection<Data>, payload: Buffer): unknown;
  pong?(connection: Connection<Data>, payload: Buffer): unknown;
  /** After `send` returned false: everything has left, go on. */
  drain?(connection: Connection<Data>): unknown;
  /** The closing handshake began. */
  closing?(connection: Connection<Data>, byPeer: boolean): unknown;
  /** The connection is closed. Exactly once for each that was open. */
  close?(connection: Connection<Data>, code: number, reason: string, wasClean: boolean): unknown;
  /**
   * Why a connection failed: a `ProtocolError` (the peer broke a rule), a `ConnectionError` (the socket failed, or a limit dropped
   * it), or what a handler threw. `close` follows, unless it was `close` that threw. A peer that leaves without a Close frame
   * is no error here: `close` says 1006.
   */
  error?(connection: Connection<Data>, error: Error): unknown;
}

/** What the opening handshake agreed on. */
export interface ConnectionInfo {
  /** The negotiated subprotocol, '' for none. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** Client: the URL that was reached. Server: the request target (path and query), as sent. */
  readonly url: string;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Client: the header fields of the response, flat. Server: none; those of the request are `upgrade`'s to keep. */
  readonly headers: readonly string[];
}

/** Where a connection is: 'closing' from the first Close frame, in either direction, to the end of TCP. */
export type ConnectionState = 'open' | 'closing' | 'closed';

export interface SendOptions {
  /** Payload bytes of a frame; a longer message goes out in several (RFC 6455 §5.4). @default one frame */
  readonly fragmentSize?: number;
  /** With `fragmentSize`: payload bytes that the last, or only, frame may have. @default `fragmentSize` */
  readonly lastFragmentSize?: number;
  /** False: this message is not compressed, whatever was negotiated. @default true */
  readonly compress?: boolean;
}

const sendOptionNames: OptionNames<SendOptions> = {
  fragmentSize: true,
  lastFragmentSize: true,
  compress: true,
};

/** An open connection, made by `connect` or by a `WebSocketServer`. */
export class Connection<Data = undefined> implements ConnectionEvents {
  /** Yours: typed by the server's `upgrade` handler, or by `connect`. */
  data: Data;
  readonly #handlers: ConnectionHandlers<Data>;
  readonly #info: ConnectionInfo;
  readonly #binding: SocketConnection;
  readonly #onClosed: ((connection: Connection<Data>) => void) | null;
  #closeInfo: CloseInfo | null = null;
  #error: Error | null = null;
  #needsDrain = false;
  #lastWireSize = 0;
  #inbox: Inbox | null = null;
  #isPaused = false;
  #isHeld = false;
  #closed: { readonly promise: Promise<CloseInfo>; readonly resolve: (info: CloseInfo) => void } | null =
    null;

  static {
    // What `console.log` shows.
    const show = function (this: Connection<unknown>, _depth: number, options: InspectOptions): string {
      const { state, url, remoteAddress, subprotocol, bufferedAmount, data } = this;
      return `Connection ${inspect({ state, url, remoteAddress, subprotocol, bufferedAmount, data }, options)}`;
    };
    Object.defineProperty(Connection.prototype, inspect.custom, { value: show });
  }

  /** Made by the library. @param onClosed called before the `close` handler */
  constructor(
    socket: Duplex,
    handlers: ConnectionHandlers<Data>,
    info: ConnectionInfo,
    options: BindOptions,
    data: Data,
    onClosed: ((connection: Connection<Data>) => void) | null,
  ) {
    this.data = data;
    this.#handlers = handlers;
    this.#info = info;
    this.#onClosed = onClosed;
    this.#binding = bindSocket(socket, this, options);
  }

  /** Made by the library. Reports `open`, then begins to read; `head` is what was read already. */
  start(head: Buffer): void {
    this.#call(() => this.#handlers.open?.(this));
    this.#binding.start(head);
  }

  // ---- what it is ----

  get state(): ConnectionState {
    if (this.#binding.isOpen) return 'open';
    return this.#binding.isClosed ? 'closed' : 'closing';
  }

  /** The negotiated subprotocol, '' for none. */
  get subprotocol(): string {
    return this.#info.subprotocol;
  }

  get extensions(): readonly ExtensionOffer[] {
    return this.#info.extensions;
  }

  /** Client: the URL that was reached. Server: the request target (path and query), as sent. */
  get url(): string {
    return this.#info.url;
  }

  get remoteAddress(): string | undefined {
    return this.#info.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#info.remotePort;
  }

  /** Client: the header fields of the response, flat: name, value, name, value … Server: none, see `upgrade`. */
  get headers(): readonly string[] {
    return this.#info.headers;
  }

  /** Bytes that were sent and have not left the process. */
  get bufferedAmount(): number {
    return this.#binding.endpoint.bufferedAmount;
  }

  /** Payload bytes that the last message sent took on the wire; -1 while they are not known, because it is being compressed. */
  get lastWireSize(): number {
    return this.#lastWireSize;
  }

  /** Resolves when the connection is closed. Never rejects. */
  get closed(): Promise<CloseInfo> {
    if (this.#closed === null) {
      let resolve: (info: CloseInfo) => void = () => {};
      const promise = new Promise<CloseInfo>((settle) => {
        resolve = settle;
      });
      this.#closed = { promise, resolve };
      if (this.#closeInfo !== null) resolve(this.#closeInfo);
    }
    return this.#closed.promise;
  }

  // ---- sending ----

  /**
   * Sends a string as a text message, bytes as a binary one. Bytes over 4 KiB are not copied on a server: leave them
   * unchanged until they have left.
   * @returns true: go on. False: more than the high-water mark is waiting and `drain` will be called; or the connection is
   *   not open any more, and nothing was sent.
   * @throws {TypeError} for anything else than a string, an ArrayBuffer or a view of one, and for an option that there is not
   * @throws {RangeError} for a `fragmentSize` that is not a positive integer, a `lastFragmentSize` below it
   */
  send(message: Message, options?: SendOptions): boolean {
    if (options !== undefined) checkOptions('send', options, sendOptionNames);
    const { endpoint } = this.#binding;
    const data = typeof message === 'string' ? message : toBytes(message);
    if (!this.#binding.isOpen) {
      this.#lastWireSize = 0;
      return false;
    }
    const compress = options?.compress !== false;
    if (options?.fragmentSize !== undefined) {
      const { fragmentSize, lastFragmentSize } = options;
      this.#lastWireSize = endpoint.sendFragmented(data, fragmentSize, compress, lastFragmentSize);
    } else if (typeof data === 'string') {
      this.#lastWireSize = endpoint.sendText(data, compress);
    } else {
      this.#lastWireSize = endpoint.sendBinary(data, compress);
    }
    return this.#mayGoOn();
  }

  /**
   * Sends bytes that are UTF-8 as a text message, without decoding them first. Not checked: the peer will.
   * @returns as `send`
   */
  sendText(bytes: Uint8Array): boolean {
    const data = toBytes(bytes);
    if (!this.#binding.isOpen) return false;
    this.#lastWireSize = this.#binding.endpoint.sendTextBytes(data);
    return this.#mayGoOn();
  }

  /** @internal For `WebSocketServer.broadcast`: a message that was serialized once for everybody. */
  sendBroadcast(message: Broadcast): boolean {
    if (!this.#binding.isOpen) return false;
    this.#lastWireSize = message.sendTo(this.#binding);
    return this.#mayGoOn();
  }

  #mayGoOn(): boolean {
    if (!this.#binding.waitsForDrain()) return true;
    this.#needsDrain = true;
    return false;
  }

  /**
   * Sends a ping; the answer comes to `pong`.
   * @param payload at most 125 bytes
   * @returns false where the connection is not open
   * @throws {RangeError} for a longer payload
   */
  ping(payload?: Message): boolean {
    return this.#binding.endpoint.ping(payload === undefined ? undefined : toBytes(payload));
  }

  /** Sends a pong that nobody asked for (RFC 6455 §5.5.3). As `ping`. */
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
    this.#isPaused = true;
    this.#binding.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isHeld) this.#binding.resume();
  }

  /** The iterator's own reason to stop reading; `pause()` and `resume()` neither know nor change it. */
  #holdReading(hold: boolean): void {
    this.#isHeld = hold;
    if (hold) this.#binding.pause();
    else if (!this.#isPaused) this.#binding.resume();
  }

  /**
   * The messages, one by one; the connection reads ahead 16 messages or 64 KiB. Ends when the connection is closed cleanly;
   * throws where it failed or was lost. Leaving the loop early closes the connection. Messages that nobody asks for within 30 s
   * of the time they filled that room are dropped, with a process warning.
   * @throws {TypeError} where a `message` handler takes the messages, another loop does, or they were dropped
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer> {
    if (this.#handlers.message !== undefined) {
      throw new TypeError('the messages of this connection go to its message handler');
    }
    const inbox = this.#openInbox();
    inbox.open();
    const iterator: AsyncIterableIterator<string | Buffer> = {
      next: () => inbox.next(),
      return: async () => {
        if (this.state === 'open') this.close(1000);
        inbox.discard();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #openInbox(): Inbox {
    if (this.#inbox !== null) return this.#inbox;
    this.#inbox = new Inbox(
      () => this.#holdReading(true),
      () => this.#holdReading(false),
    );
    // The end may have begun, or come, before the first message or the loop did.
    if (this.state !== 'open') this.#inbox.stopPausing();
    if (this.#closeInfo !== null) this.#endInbox(this.#closeInfo);
    return this.#inbox;
  }

  #endInbox({ wasClean }: CloseInfo): void {
    this.#inbox?.end(wasClean ? null : (this.#error ?? new ConnectionError('WS_CONNECTION_LOST')));
  }

  // ---- closing ----

  /**
   * Starts the closing handshake (RFC 6455 §7.1.2). Does nothing where it has begun already.
   * @param code 1000 (the default), 1001 to 1003, 1007 to 1014 or 3000 to 4999
   * @param reason at most 123 bytes of UTF-8
   * @param timeout milliseconds for it, in place of `closeTimeout`; where it has begun already, this can only shorten it
   * @returns `closed`
   * @throws {RangeError} for another code, a longer reason, or a timeout that is not a positive number
   */
  close(code = 1000, reason = '', timeout?: number): Promise<CloseInfo> {
    checkClose(code, reason);
    if (timeout !== undefined) this.#binding.closeWithin(positive('timeout', timeout, 0));
    this.#binding.endpoint.close(code, reason);
    this.#inbox?.stopPausing();
    return this.closed;
  }

  /** Drops the connection without a Close frame. The peer, and `close` here, hear 1006. */
  terminate(): void {
    this.#binding.endpoint.terminate();
  }

  /**
   * Drops the connection like `terminate`, and TCP with a reset: not even its FIN is exchanged, and what has not arrived yet is
   * lost. TLS and pipes know no such thing; there it is `terminate`.
   */
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

  // ---- what the endpoint and the socket report; not for users ----

  /** @internal */
  onText(text: string | Buffer, wireSize: number): void {
    this.#onMessage(text, false, wireSize);
  }

  /** @internal */
  onBinary(payload: Buffer, wireSize: number): void {
    this.#onMessage(payload, true, wireSize);
  }

  #onMessage(message: string | Buffer, isBinary: boolean, wireSize: number): void {
    if (this.#handlers.message === undefined) {
      this.#openInbox().push(message);
      return;
    }
    // What this throws, `Endpoint.receive` catches: the hot path needs no second try.
    const result = this.#handlers.message(this, message, isBinary, wireSize);
    if (result !== undefined) this.#watch(result);
  }

  /** @internal */
  onFragment(): void {
    if (this.#handlers.fragment !== undefined) this.#watch(this.#handlers.fragment(this));
  }

  /** @internal */
  onPing(payload: Buffer): void {
    if (this.#handlers.ping !== undefined) this.#watch(this.#handlers.ping(this, payload));
  }

  /** @internal */
  onPong(payload: Buffer): void {
    this.#binding.ponged();
    if (this.#handlers.pong !== undefined) this.#watch(this.#handlers.pong(this, payload));
  }

  /** @internal */
  onDrain(): void {
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    this.#call(() => this.#handlers.drain?.(this));
  }

  /** @internal */
  onClosing(byPeer: boolean): void {
    this.#call(() => this.#handlers.closing?.(this, byPeer));
  }

  /** @internal */
  onClose(code: number, reason: string, wasClean: boolean, byPeer: boolean): void {
    const info = { code, reason, wasClean, byPeer };
    this.#closeInfo = info;
    this.#onClosed?.(this);
    this.#endInbox(info);
    this.#closed?.resolve(info);
    this.#call(() => this.#handlers.close?.(this, code, reason, wasClean));
  }

  /** @internal */
  onError(error: Error): void {
    this.#error ??= error;
    const isOurs = error instanceof ProtocolError || error instanceof ConnectionError;
    log('%j: %s', this.#info.url, isOurs ? `${error.code} ${error.message}` : error.message);
    try {
      const handler = this.#handlers.error;
      if (handler !== undefined) {
        const result = handler.call(this.#handlers, this, error);
        if (isThenable(result)) result.then(undefined, warn);
        return;
      }
    } catch (thrown) {
      warn(thrown);
      return;
    }
    // A peer's fault is the peer's; what a handler threw must not vanish.
    if (!isOurs) warn(error);
  }

  // ---- handlers that throw ----

  // Reading a handler is inside too: it may be a getter, or the handlers a Proxy.
  #call(handler: () => unknown): void {
    try {
      this.#watch(handler());
    } catch (error) {
      this.#binding.endpoint.fail(error);
    }
  }

  #watch(result: unknown): void {
    if (isThenable(result)) result.then(undefined, (error: unknown) => this.#binding.endpoint.fail(error));
  }
}

/** A Promise, of whichever realm or library. */
export function isThenable<Value>(value: Value): value is Value & PromiseLike<Awaited<Value>> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** For what nobody else is there to hear. */
export function warn(thrown: unknown): void {
  // Not `String`: an object without a way to become one would be thrown here, where nobody catches it.
  process.emitWarning(
    thrown instanceof Error
      ? thrown
      : new Error(typeof thrown === 'string' ? thrown : inspect(thrown, { customInspect: false })),
  );
}

/** Whether this is sent as a binary message. */
export function isBytes(value: unknown): value is ArrayBufferLike | ArrayBufferView {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/**
 * The bytes of a message, not copied; a string as UTF-8.
 * @throws {TypeError} for anything else than a string, an ArrayBuffer or a view of one
 */
export function toBytes(data: Message): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'string') return Buffer.from(data);
  // A view's length in bytes, not in elements: what lies beside it must never be sent.
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  const found: unknown = data;
  const isData = Array.isArray(found) || Object.prototype.toString.call(found) === '[object Object]';
  const hint = isData ? ': JSON.stringify it' : found instanceof Blob ? ': await its arrayBuffer()' : '';
  throw new TypeError(
    `a message is a string, an ArrayBuffer, or a view of one, not ${describe(data)}${hint}`,
  );
}
