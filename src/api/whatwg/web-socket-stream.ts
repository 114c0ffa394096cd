/**
 * Implements the class `WebSocketStream` of github.com/ricea/websocketstream-explainer. A connection is a pair of streams. A stream makes
 * its writer wait if the reader is slow (backpressure). arguments.ts checks the arguments, as for `WebSocket`.
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

/** A close code and a reason. They are an argument of `close`, and the result of `closed`. */
export interface WebSocketCloseInfo {
  /** 1000 or 3000 to 4999. */
  readonly closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. */
  readonly reason?: string | undefined;
}

/** The result of `opened`: the streams, and the negotiated extensions and subprotocol. */
export interface WebSocketConnectionInfo {
  /** The received messages: a text message is a string, and a binary message is a Uint8Array. */
  readonly readable: ReadableStream<string | Uint8Array>;
  /**
   * Sends each chunk as a message: a string as a text message, bytes as a binary message. The Promise of a write resolves when the message
   * has left the process.
   */
  readonly writable: WritableStream<string | ArrayBuffer | ArrayBufferView>;
  readonly extensions: string;
  readonly protocol: string;
}

/**
 * The error of a connection that could not be opened, or that was not closed cleanly. An application can also make a WebSocketError to
 * abort or cancel a stream. Its code and its reason are then sent to the peer.
 */
export class WebSocketError extends DOMException {
  /** The close code. Null if there is none. */
  readonly closeCode: number | null;
  readonly reason: string;

  /** @throws {DOMException} the same errors as `WebSocketStream.close` */
  constructor(message = '', init: WebSocketCloseInfo & { readonly cause?: unknown } = {}) {
    super(message, { name: 'WebSocketError', cause: init.cause } as never);
    const { code, reason } = toClose(init);
    this.closeCode = code;
    this.reason = reason;
  }
}

/** Returns the code and the reason for a Close frame. If there is a reason without a code, the code is 1000. */
function toClose({ closeCode, reason = '' }: WebSocketCloseInfo): { code: number | null; reason: string } {
  const given = toCloseCode(closeCode);
  const text = toUSVString(`${reason}`);
  checkCloseArguments(given, text);
  return { code: given === null && text !== '' ? 1000 : given, reason: text };
}

/**
 * Makes the error of a connection that was not closed cleanly. The code can be 1006, which the constructor refuses. So the code is set
 * afterwards.
 */
function failed({ code, reason, error }: CloseInfo): WebSocketError {
  const failure = new WebSocketError('the connection was not closed cleanly', { cause: error ?? undefined });
  Object.defineProperties(failure, { closeCode: { value: code }, reason: { value: reason } });
  return failure;
}

/** A WebSocket with two streams: a ReadableStream of received messages, and a WritableStream that sends messages. */
export class WebSocketStream {
  /** The URL in its normalized form. */
  readonly url: string;
  /** Resolves when the connection is open. Rejects if the connection cannot be opened. */
  readonly opened: Promise<WebSocketConnectionInfo>;
  /**
   * Resolves with the close code and the reason. Rejects with a `WebSocketError` if the connection was not closed cleanly. If the
   * connection was never open, rejects with the same error as `opened`.
   */
  readonly closed: Promise<Required<WebSocketCloseInfo>>;
  readonly #attempt = new AbortController();
  #connection: Connection | null = null;
  /** The code and the reason that the application has passed to `close` before the connection was open. */
  #earlyClose: { readonly code: number | null; readonly reason: string } = { code: null, reason: '' };

  /**
   * @param url a URL with `ws:`, `wss:`, `http:` or `https:`
   * @param options `protocols`, and the options of `connect`. `signal` aborts the attempt to connect, but not an open connection
   * @throws {DOMException} a SyntaxError for an invalid URL or subprotocol
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
        // The attempt was aborted when the connection was already open. The application does not receive the connection, so it is closed.
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
    // The application does not have to use these Promises. Without `catch`, a rejection could end the process.
    this.opened.catch(() => {});
    this.closed.catch(() => {});
  }

  /**
   * Closes the connection. Without a code and a reason, the Close frame is empty. If the connection is not open yet, the attempt to connect
   * is aborted.
   * @throws {DOMException} an InvalidAccessError for an invalid code, or a SyntaxError for a reason that is too long
   */
  close(closeInfo: WebSocketCloseInfo = {}): void {
    const { code, reason } = toClose(closeInfo);
    if (this.#connection === null) {
      if (!this.#attempt.signal.aborted) this.#earlyClose = { code, reason };
      this.#attempt.abort(new WebSocketError('closed before the connection was open'));
    } else void this.#connection.close(code, reason);
  }
}

// The explainer requires a Uint8Array, not a Buffer. The `buffer` of a Buffer can contain other messages too. The `buffer` of the returned
// Uint8Array contains only this message.
function toOwnBytes(bytes: Buffer): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

function toInfo(connection: Connection): WebSocketConnectionInfo {
  // If a stream is aborted or cancelled with a WebSocketError, the connection is closed with the code and the reason of this error. But a
  // pipe can pass on the error of another connection, with a code such as 1006. A Close frame must not contain this code. In this case the
  // connection is closed without a code.
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
