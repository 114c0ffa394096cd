/**
 * Implements the class `WebSocket` of browsers. The WebSockets Standard defines its interface. Web IDL defines the conversions of arguments
 * and the form of the properties. session.ts implements the connection and the events.
 */

import { type InspectOptions, inspect, toUSVString } from 'node:util';
import { HandshakeError } from '../../handshake/error.ts';
import { prepareConnect } from '../client.ts';
import {
  checkCloseArguments,
  checkProtocols,
  parseUrl,
  requireArguments,
  toArguments,
  toCloseCode,
  toConnectOptions,
  toMessage,
  type WebSocketInit,
  type WebSocketOptions,
} from './arguments.ts';
import { EventHandlers } from './event-handlers.ts';
import { showMembers } from './events.ts';
import type { AnyHandler, AnyListener, EventType, HandlerOf, ListenerOf, Options } from './listeners.ts';
import { type BinaryType, ReadyState, Session } from './session.ts';

// Declares the methods of EventTarget again, with the event types of a `WebSocket`.
export interface WebSocket {
  addEventListener<T extends EventType>(type: T, listener: ListenerOf<T, this>, options?: Options): void;
  addEventListener(type: string, listener: AnyListener, options?: Options): void;
  removeEventListener<T extends EventType>(type: T, listener: ListenerOf<T, this>, options?: Options): void;
  removeEventListener(type: string, listener: AnyListener, options?: Options): void;
}

// `dispatchEvent` is read when this file is loaded, because a subclass or a program can replace the method later.
const { dispatchEvent } = EventTarget.prototype;

const binaryTypes: ReadonlySet<string> = new Set(['blob', 'arraybuffer']);

/** The class `WebSocket` of the WebSockets Standard. It uses the function `connect` of our native API. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see the interface.
export class WebSocket extends EventTarget {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  readonly #url: string;
  readonly #session: Session;
  readonly #handlers: EventHandlers = new EventHandlers(this);

  /**
   * Starts to connect. If the connection can be established, the event `open` is fired. Otherwise, the events `error` and `close` are
   * fired.
   * @param url a URL with ws: or wss:. http: means ws:, and https: means wss:
   * @param protocols the subprotocols that the client offers; or an object `{ protocols, … }`, as in Node.js
   * @param options the options of `connect`, such as `headers`, `tls` and `proxy`. The standard does not have this argument
   * @throws {DOMException} a SyntaxError for an invalid URL, and for an invalid or repeated subprotocol
   * @throws {TypeError | RangeError} for invalid options
   */
  constructor(
    url: string | URL,
    protocols?: string | readonly string[] | WebSocketInit,
    options?: WebSocketOptions | null,
  );
  constructor(...given: unknown[]) {
    requireArguments('a WebSocket', 1, given.length);
    super();
    const text = `${given[0]}`;
    const settings = toArguments(given[1], given[2]);
    const url = parseUrl(text);
    checkProtocols(settings.protocols);
    const session = new Session(url.origin, (event) => dispatchEvent.call(this, event));
    this.#url = url.href;
    this.#session = session;
    const { handlers, signal } = session;
    try {
      const prepared = prepareConnect(url, toConnectOptions(settings, { handlers, signal }));
      void session.start(prepared, settings.options.signal);
    } catch (error) {
      // A HandshakeError says that no request can be made to this URL. The events `error` and `close` report it. Any other error says that
      // an option is invalid, and is thrown.
      if (!(error instanceof HandshakeError)) throw error;
      session.fail(error);
    }
  }

  /** The URL in its normalized form, with ws: or wss:. */
  get url(): string {
    return this.#url;
  }

  /** CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3). The value never decreases. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#session.readyState;
  }

  /**
   * The number of payload bytes that were passed to `send`, but have not left the process. Closing the connection does not reset the
   * number.
   */
  get bufferedAmount(): number {
    return this.#session.bufferedAmount;
  }

  /** The negotiated extensions, with the text of the server's response. '' before `open`, and if there are none. */
  get extensions(): string {
    return this.#session.extensions;
  }

  /** The subprotocol that the server has chosen. '' before `open`, and if there is none. */
  get protocol(): string {
    return this.#session.protocol;
  }

  /** The type of the data of binary messages: 'blob' (the default) or 'arraybuffer'. Setting any other value has no effect. */
  get binaryType(): BinaryType {
    return this.#session.binaryType;
  }

  set binaryType(value: BinaryType) {
    const session = this.#session;
    const text = `${value}`;
    if (binaryTypes.has(text)) session.binaryType = text as BinaryType;
  }

  get onopen(): AnyHandler {
    return this.#handlers.get('open') as AnyHandler;
  }

  set onopen(value: HandlerOf<'open', WebSocket>) {
    this.#handlers.set('open', value);
  }

  get onerror(): AnyHandler {
    return this.#handlers.get('error') as AnyHandler;
  }

  set onerror(value: HandlerOf<'error', WebSocket>) {
    this.#handlers.set('error', value);
  }

  get onclose(): AnyHandler {
    return this.#handlers.get('close') as AnyHandler;
  }

  set onclose(value: HandlerOf<'close', WebSocket>) {
    this.#handlers.set('close', value);
  }

  get onmessage(): AnyHandler {
    return this.#handlers.get('message') as AnyHandler;
  }

  set onmessage(value: HandlerOf<'message', WebSocket>) {
    this.#handlers.set('message', value);
  }

  /**
   * Starts the closing handshake, after all messages of earlier `send` calls. If the WebSocket is still CONNECTING, the attempt to connect
   * is aborted. No event is fired during this call.
   * @param code 1000 or 3000 to 4999. If only the reason is given, the code is 1000. If neither is given, the Close frame is empty
   * @param reason at most 123 bytes of UTF-8
   * @throws {DOMException} an InvalidAccessError for any other code, or a SyntaxError for a longer reason
   */
  close(code?: number, reason?: string): void;
  close(...given: unknown[]): void {
    const session = this.#session;
    const code = toCloseCode(given[0]);
    const reason = given[1] === undefined ? '' : toUSVString(`${given[1]}`);
    checkCloseArguments(code, reason);
    session.close(code, reason);
  }

  /**
   * Sends a message. A string is sent as a text message. Bytes and a Blob are sent as a binary message. A Blob has to be read first, and
   * later messages wait until it has been read.
   * @throws {DOMException} an InvalidStateError if the WebSocket is still CONNECTING
   * @throws {TypeError} for memory that is resizable, or shared with another thread
   */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void;
  send(...given: unknown[]): void {
    const session = this.#session;
    requireArguments('send', 1, given.length);
    const message = toMessage(given[0]);
    if (session.readyState === ReadyState.CONNECTING) {
      throw new DOMException('the connection is not open yet', 'InvalidStateError');
    }
    session.send(message);
  }
}

showMembers(WebSocket.prototype, 'WebSocket');
for (const target of [WebSocket, WebSocket.prototype]) {
  for (const [name, value] of Object.entries(ReadyState)) {
    Object.defineProperty(target, name, { value, enumerable: true });
  }
}
// Makes the text that `console.log` shows.
const show = function (this: WebSocket, _depth: number, options: InspectOptions): string {
  const { url, readyState, protocol, extensions, bufferedAmount, binaryType } = this;
  return `WebSocket ${inspect({ url, readyState, protocol, extensions, bufferedAmount, binaryType }, options)}`;
};
Object.defineProperty(WebSocket.prototype, inspect.custom, { value: show });
// Web IDL: `length` is the number of required arguments.
Object.defineProperty(WebSocket, 'length', { value: 1, configurable: true });
Object.defineProperty(WebSocket.prototype.send, 'length', { value: 1, configurable: true });
