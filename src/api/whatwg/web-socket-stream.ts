/**
 * `WebSocketStream`, by its explainer (github.com/ricea/websocketstream-explainer): a connection as a pair of streams, so that
 * backpressure needs no code. URL, subprotocols, close code and reason are those of `WebSocket`, see arguments.ts.
 */

import { toUSVString } from 'node:util';
import { openConnection, prepareConnect } from '../client.ts';
import type { CloseInfo } from '../close-info.ts';
import type { Connection } from '../connection.ts';
import {
  checkCloseArguments,
  checkProtocols,
  parseUrl,
  toArguments,
  toCloseCode,
  toConnectOptions,
  toMessage,
  type WebSocketInit,
} from './arguments.ts';

/** How to close, and how the connection was closed. */
export interface WebSocketCloseInfo {
  /** 1000 or 3000 to 4999. */
  readonly closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. */
  readonly reason?: string | undefined;
}

/** `opened`: the streams, and what was agreed. */
export interface WebSocketConnectionInfo {
  /** Messages: text as strings, binary as Uint8Arrays. */
  readonly readable: ReadableStream<string | Uint8Array>;
  /** Strings become text, bytes binary messages; a write is done when the message has left. */
  readonly writable: WritableStream<string | ArrayBuffer | ArrayBufferView>;
  readonly extensions: string;
  readonly protocol: string;
}

/** The connection could not be opened, or was not closed cleanly. To abort a stream with one closes with its code and reason. */
export class WebSocketError extends DOMException {
  /** Null if there is none. */
  readonly closeCode: number | null;
  readonly reason: string;

  /** @throws {DOMException} as `WebSocketStream.close` */
  constructor(message = '', init: WebSocketCloseInfo & { readonly cause?: unknown } = {}) {
    super(message, { name: 'WebSocketError', cause: init.cause } as never);
    const { code, reason } = toClose(init);
    this.closeCode = code;
    this.reason = reason;
  }
}

/** The code and reason of a Close frame; a reason alone goes with 1000. */
function toClose({ closeCode, reason = '' }: WebSocketCloseInfo): { code: number | null; reason: string } {
  const given = toCloseCode(closeCode);
  const text = toUSVString(`${reason}`);
  checkCloseArguments(given, text);
  return { code: given === null && text !== '' ? 1000 : given, reason: text };
}

/** An error for what the peer, or the network, did: its code is any code. */
function failed({ code, reason, error }: CloseInfo): WebSocketError {
  const failure = new WebSocketError('the connection was not closed cleanly', { cause: error ?? undefined });
  Object.defineProperties(failure, { closeCode: { value: code }, reason: { value: reason } });
  return failure;
}

/** A WebSocket whose messages are a ReadableStream and a WritableStream. */
export class WebSocketStream {
  /** The URL, in its normal form. */
  readonly url: string;
  /** Rejects if the connection cannot be opened. */
  readonly opened: Promise<WebSocketConnectionInfo>;
  /** How it was closed; rejects with a `WebSocketError` if that was not clean, and as `opened` if it was never open. */
  readonly closed: Promise<Required<WebSocketCloseInfo>>;
  readonly #attempt = new AbortController();
  #connection: Connection | null = null;
  /** What `close` was called with before there was a connection. */
  #earlyClose: { readonly code: number | null; readonly reason: string } = { code: null, reason: '' };

  /**
   * @param url `ws:`, `wss:`, `http:` or `https:`
   * @param options `protocols`, `signal` (ends the attempt only), and those of `connect`
   * @throws {DOMException} SyntaxError for an invalid URL or subprotocol
   * @throws {TypeError | RangeError} for invalid options
   */
  constructor(url: string | URL, options: WebSocketInit = {}) {
    const parsed = parseUrl(`${url}`);
    const { signal, ...rest } = options;
    const given = toArguments(rest, undefined);
    checkProtocols(given.protocols);
    this.url = parsed.href;
    const signals = signal === undefined ? [this.#attempt.signal] : [this.#attempt.signal, signal];
    const own = { handlers: {}, signal: AbortSignal.any(signals) };
    const prepared = prepareConnect(parsed, toConnectOptions(given, own));
    const connected = openConnection(prepared).then(
      (connection) => {
        // The attempt had succeeded already when it was given up: its connection is not handed out, and is closed.
        if (own.signal.aborted) {
          void connection.close(this.#earlyClose.code, this.#earlyClose.reason);
          throw own.signal.reason;
        }
        this.#connection = connection;
        return connection;
      },
      (error: unknown) => {
        if (own.signal.aborted) throw own.signal.reason;
        throw new WebSocketError('the connection could not be opened', { cause: error });
      },
    );
    this.opened = connected.then(toInfo);
    this.closed = connected
      .then((connection) => connection.closed)
      .then((info) => {
        if (!info.wasClean) throw failed(info);
        return { closeCode: info.code, reason: info.reason };
      });
    // A page need not look at either.
    this.opened.catch(() => {});
    this.closed.catch(() => {});
  }

  /**
   * Closes, without a code if none is given; while connecting, gives up.
   * @throws {DOMException} InvalidAccessError for another code, SyntaxError for a reason that is too long
   */
  close(closeInfo: WebSocketCloseInfo = {}): void {
    const { code, reason } = toClose(closeInfo);
    if (this.#connection === null) {
      if (!this.#attempt.signal.aborted) this.#earlyClose = { code, reason };
      this.#attempt.abort(new WebSocketError('closed before the connection was open'));
    } else void this.#connection.close(code, reason);
  }
}

// A Uint8Array, as the explainer has it, not a Buffer. Its `buffer` holds nothing else: other messages may lie beside a Buffer's bytes.
function toOwnBytes(bytes: Buffer): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

function toInfo(connection: Connection): WebSocketConnectionInfo {
  // What a stream is aborted or cancelled with may say how to close. What another connection failed with, such as 1006, may not: a
  // pipe hands it on, and this connection is closed all the same.
  const closeWith = (reason: unknown): void => {
    const { closeCode, reason: text } =
      reason instanceof WebSocketError ? reason : { closeCode: null, reason: '' };
    try {
      checkCloseArguments(closeCode, text);
      void connection.close(closeCode, text);
    } catch {
      void connection.close(null);
    }
  };
  const messages = connection[Symbol.asyncIterator]();
  let end: (info: CloseInfo) => void = () => {};
  const readable = new ReadableStream<string | Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await messages.next().catch(async () => {
          throw failed(await connection.closed);
        });
        if (done === true) controller.close();
        else controller.enqueue(typeof value === 'string' ? value : toOwnBytes(value));
      },
      async cancel(reason) {
        closeWith(reason);
        await messages.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<string | ArrayBuffer | ArrayBufferView>({
    start(controller) {
      end = (info) =>
        controller.error(info.wasClean ? new WebSocketError('the connection is closed') : failed(info));
    },
    async write(chunk) {
      const message = toMessage(chunk);
      if (message instanceof Blob) await connection.write(await message.arrayBuffer());
      else await connection.write(message);
    },
    async close() {
      await connection.close(null);
    },
    abort: closeWith,
  });
  connection.closed.then((info) => end(info));
  const extensions = connection.extensions.map(({ name }) => name).join(', ');
  return { readable, writable, extensions, protocol: connection.subprotocol };
}
