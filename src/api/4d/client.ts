/** Implements `WebSocket`, 4D's client. The native `connect` makes the connection; link.ts handles the events of the connection. */

import { connect } from '../client.ts';
import { type ConnectOptions, connectSpecs } from '../connect-options.ts';
import type { Connection } from '../connection.ts';
import { checkOptions, type OptionNames } from '../option-names.ts';
import { show } from '../option-spec.ts';
import { takeSubprotocols } from '../subprotocol-header.ts';
import { checkDataType, type DataType, type Sendable } from './data.ts';
import { FourDError } from './error.ts';
import type { ClientCallbacks, ClientTerminateEvent } from './handlers.ts';
import { Link, type Status, type TerminateOptions, terminateArguments, terminateEvent } from './link.ts';
import { WaitingMessages } from './waiting.ts';
import { serializeOption, Worker, warnAfterOption } from './worker.ts';

/** The callbacks of a `WebSocket`, and the options for its connection. 4D: WebSocket, "connectionHandler parameter". */
export interface WebSocketHandler<T extends DataType = 'text'> extends ClientCallbacks<T, WebSocket<T>> {}

/**
 * The options of a `WebSocket`: the options of the native `connect`, and two options for the callbacks. 4D has no such options.
 */
export interface WebSocketOptions extends Omit<ConnectOptions, 'handlers' | 'data' | 'headers' | 'text'> {
  /** If false, a callback does not wait until the Promise of the previous callback has settled. @default true */
  readonly serialize?: boolean | undefined;
  /**
   * Milliseconds. If a callback takes longer than this while other callbacks wait for it, the library calls `onError`. @default 10000
   */
  readonly warnAfter?: number | undefined;
}

const { handlers, data, headers, text, ...nativeNames } = connectSpecs;

const optionNames: OptionNames<WebSocketOptions> = {
  ...nativeNames,
  serialize: serializeOption,
  warnAfter: warnAfterOption,
};

// The number of bytes that may wait while the status is "Connecting", unless `sendCap` is lower.
const WAITING_CAP = 67_108_864;

const places: ReadonlyMap<string, string> = new Map(
  ['headers', 'dataType', 'onOpen', 'onMessage', 'onError', 'onTerminate'].map((name) => [
    name,
    'put it into the handler, the second argument',
  ]),
);

/** A WebSocket client with the members that 4D documents. 4D: WebSocket. */
export class WebSocket<T extends DataType = 'text'> {
  readonly #url: string;
  readonly #handler: WebSocketHandler<T>;
  readonly #dataType: T;
  readonly #link: Link;
  readonly #worker: Worker;
  readonly #abort = new AbortController();
  #isDropped = false;

  /**
   * Begins to connect, and does not wait for the connection. If the connection cannot be opened, first `onError` is called, and then
   * `onTerminate` with code 1006. 4D: WebSocket, `4D.WebSocket.new()`. In 4D, `new` waits for the connection, and returns Null if it cannot
   * be opened.
   * @param url ws: or wss:
   * @param given the callbacks, `dataType` and `headers`, or null
   * @throws {FourDError} if the handler is not an object
   * @throws {TypeError} for an unknown dataType or an unknown option
   */
  constructor(url: string | URL, given?: WebSocketHandler<T> | null, options?: WebSocketOptions | null) {
    const handler = given ?? {};
    if (typeof handler !== 'object') {
      throw new FourDError('NO_HANDLER', 'the handler of a WebSocket is an object');
    }
    checkOptions('WebSocket', options ?? {}, optionNames, places);
    this.#url = String(url);
    this.#handler = handler;
    this.#dataType = checkDataType(handler.dataType);
    const serialize = serializeOption.read(options?.serialize, 'serialize', 'client');
    const warnAfter = warnAfterOption.read(options?.warnAfter, 'warnAfter', 'client');
    this.#worker = new Worker(serialize, warnAfter);
    const waiting = new WaitingMessages(Math.min(options?.sendCap ?? WAITING_CAP, WAITING_CAP));
    this.#link = new Link(handler, this, this.#dataType, this.#worker, 'WebSocket', waiting);
    this.#connect(options ?? {});
  }

  /** Does the same as the constructor. 4D: WebSocket, `4D.WebSocket.new()`. */
  static new<T extends DataType = 'text'>(
    url: string | URL,
    handler?: WebSocketHandler<T> | null,
    options?: WebSocketOptions | null,
  ): WebSocket<T> {
    return new WebSocket(url, handler, options);
  }

  /** The type of the data that `onMessage` receives. 4D: WebSocket, `.dataType`. */
  get dataType(): T {
    return this.#dataType;
  }

  /** The object with the callbacks that was passed to the constructor. 4D: WebSocket, `.handler`. */
  get handler(): WebSocketHandler<T> {
    return this.#handler;
  }

  /**
   * The number of this connection, which is unique in the process. Connections of clients and of servers use the same sequence of numbers.
   * 4D: WebSocket, `.id`.
   */
  get id(): number {
    return this.#link.id;
  }

  /** The URL that was passed to the constructor. 4D: WebSocket, `.url`. */
  get url(): string {
    return this.#url;
  }

  /** The state of the connection: "Connecting", "Connected", "Closing" or "Closed". 4D: WebSocket, `.status`. */
  get status(): Status {
    return this.#link.status;
  }

  /**
   * Sends a message. The type of the argument decides whether the message is text or binary. While the status is "Connecting", the message
   * waits until `onOpen` was called. If the connection fails, `onError` receives the number of lost messages. 4D: WebSocket, `.send()`.
   * @returns false if the status is "Closing" or "Closed", or if more than `sendCap` bytes wait. Then the message was not sent. While the
   *   status is "Connecting", at most 64 MiB can wait. 4D returns nothing.
   * @throws {TypeError} for a function, or for an object that JSON cannot represent, such as an object with a cycle
   */
  send(message: Sendable): boolean {
    return this.#link.send(message);
  }

  /**
   * Closes the connection. If the status is "Connecting", aborts the attempt to connect. 4D: WebSocket, `.terminate()`.
   * @param code 1000 (the default) or 3000 to 4999; or an object `{ code, reason }`
   * @param reason is cut to 123 bytes
   * @throws {RangeError} for another code
   */
  terminate(code?: number | TerminateOptions | null, reason?: string | null): void {
    const given = terminateArguments(code, reason);
    const { code: closeCode = 1000 } = given;
    const isCustom = Number.isInteger(closeCode) && closeCode >= 3000 && closeCode <= 4999;
    if (closeCode !== 1000 && !isCustom) {
      throw new RangeError(`code is ${String(closeCode)}, not 1000 or 3000 to 4999`);
    }
    if (this.status === 'Connecting') {
      this.#isDropped = true;
      this.#link.drop();
      this.#abort.abort();
      return;
    }
    this.#link.close(closeCode, given.reason);
  }

  /**
   * Returns a Promise that is fulfilled when no callback waits or is running. Do not await this Promise in a callback, because the callback
   * would then never end.
   */
  idle(): Promise<void> {
    return this.#worker.idle();
  }

  async #connect(options: WebSocketOptions): Promise<void> {
    const link = this.#link;
    const { serialize: _, warnAfter: __, signal, ...native } = options;
    const onAbort = () => this.#abort.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort);
    try {
      const { headers, subprotocols } = takeSubprotocols(fieldsOf(this.#handler.headers ?? {}));
      await connect(this.#url, {
        ...native,
        headers,
        subprotocols: [...(native.subprotocols ?? []), ...subprotocols],
        signal: this.#abort.signal,
        text: this.#dataType === 'blob' ? 'bytes' : 'string',
        handlers: {
          open: (connection: Connection) => {
            // The application called `terminate` between the server's answer and this event.
            if (this.#isDropped) connection.terminate();
            else link.onOpen(connection);
          },
          message: (_connection, message) => link.onMessage(message),
          closing: () => link.onClosing(),
          error: (_connection, error) => link.onError(error),
          close: (_connection, code, reason, wasClean) => this.#onClose(code, reason, wasClean),
        },
      });
    } catch (error) {
      // If `terminate` aborted the attempt, this is not an error.
      if (!this.#isDropped) link.onFailed(error);
      this.#onClose(1006, '', false);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #onClose(code: number, reason: string, wasClean: boolean): void {
    const event: ClientTerminateEvent = { ...terminateEvent(code, reason), wasClean };
    this.#link.onClose(event);
  }
}

/**
 * Returns the header fields of a handler as a flat list: name, value, name, value … As in 4D, a value may also be a number or Null. A
 * number is sent as text. A field with Null is not sent.
 * @throws {TypeError} for any other value, which would be sent as "[object Object]"
 */
function fieldsOf(headers: unknown): string[] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw new TypeError(`headers is ${show(headers)}, not an object of texts`);
  }
  return Object.entries(headers).flatMap(([name, value]: [string, unknown]) =>
    [value].flat().flatMap((line: unknown) => {
      if (line === undefined || line === null) return [];
      if (['string', 'number', 'bigint', 'boolean'].includes(typeof line)) return [name, String(line)];
      throw new TypeError(`headers: ${JSON.stringify(name)} is ${show(line)}, not a text`);
    }),
  );
}
