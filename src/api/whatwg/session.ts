/**
 * Implements one `WebSocket` from the constructor to its `close` event: WebSockets Standard, "The WebSocket interface" and "Feedback from
 * the protocol". A session uses a connection of our native API. Each event of the connection becomes a task of the event loop. The class
 * `WebSocket` is in web-socket.ts.
 */

import type { Charge } from '../../frame/charge.ts';
import { ConnectionError } from '../../frame/connection-error.ts';
import { openConnection, type PreparedConnect } from '../client.ts';
import type { Connection } from '../connection.ts';
import type { ConnectionCore } from '../connection-core.ts';
import type { ConnectionHandlers } from '../handlers.ts';
import type { Message } from '../message.ts';
import { Outgoing } from '../outgoing.ts';
import { BufferedAmount } from './buffered-amount.ts';
import { closeEvent, errorEvent, messageEvent } from './events.ts';
import { Tasks, type TasksOwner } from './tasks.ts';

/** The values of `readyState`. The `readyState` of a WebSocket never decreases. */
export const ReadyState = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

const { CONNECTING, OPEN, CLOSING, CLOSED } = ReadyState;

export type ReadyState = (typeof ReadyState)[keyof typeof ReadyState];

/** The type in which binary messages are delivered. */
export type BinaryType = 'blob' | 'arraybuffer';

/** The state of one `WebSocket`, and its connection. */
export class Session implements TasksOwner {
  readyState: ReadyState = CONNECTING;
  protocol = '';
  extensions = '';
  binaryType: BinaryType = 'blob';
  readonly #origin: string;
  readonly #fire: (event: Event) => void;
  readonly #attempt = new AbortController();
  readonly #tasks = new Tasks(this);
  readonly #buffered = new BufferedAmount();
  readonly #outgoing = new Outgoing(
    (message) => this.#handOver(message),
    (error) => this.#failReading(error),
  );
  #connection: Connection | null = null;
  #core: ConnectionCore | null = null;
  /** Counts the memory of the messages that wait for their tasks (frame/charge.ts). Null before the first message. */
  #charge: Charge | null = null;
  /** Why this WebSocket itself ended the connection or the attempt to connect; null if it has not done so. */
  #failure: unknown = null;

  constructor(origin: string, fire: (event: Event) => void) {
    this.#origin = origin;
    this.#fire = fire;
  }

  /** For the options of the connection. */
  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  /** For the options of the connection. */
  get handlers(): ConnectionHandlers {
    return {
      open: (connection) => this.#onOpen(connection),
      message: (_connection, message) => {
        // Messages that arrive after `close()` are not delivered.
        if (this.readyState < CLOSING) this.#tasks.addMessage(message);
      },
      closing: () => this.#tasks.add(() => this.#reach(CLOSING)),
      // The `close` handler receives the error as well.
      error: () => {},
      close: (_connection, code, reason, wasClean, { error }) => {
        const failure = error ?? (code === 1006 ? new ConnectionError('WS_CONNECTION_LOST') : null);
        this.#end(code, reason, wasClean, failure);
      },
    };
  }

  /** Called when the connection cannot be established. */
  fail(error: unknown): void {
    this.#end(1006, '', false, error);
  }

  /** Connects. @param signal the application's signal, which aborts the attempt to connect */
  async start(prepared: PreparedConnect<undefined>, signal: AbortSignal | undefined): Promise<void> {
    const onAbort = (): void => this.#attempt.abort(signal?.reason);
    try {
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort);
      await openConnection(prepared, (core) => {
        this.#core = core;
      });
    } catch (error) {
      this.fail(error);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  // ---- what the connection reports ----

  #onOpen(connection: Connection): void {
    this.#connection = connection;
    if (this.readyState !== CONNECTING) {
      // The application has called `close()`, but the server's answer had already arrived.
      connection.terminate();
      return;
    }
    this.#tasks.add(() => {
      if (!this.#reach(OPEN)) return;
      this.protocol = connection.subprotocol;
      this.extensions = extensionsOf(connection.headers);
      this.#fire(new Event('open'));
    });
  }

  onTask(): void {
    this.#buffered.update();
  }

  onWaiting(bytes: number): void {
    const { binding } = this.#core!;
    this.#charge ??= binding.charge(true);
    const isMore = bytes > this.#charge.bytes;
    this.#charge.resize(bytes);
    if (isMore) binding.endpoint.askForRoom();
  }

  onMessage(message: string | Buffer): void {
    if (this.readyState !== OPEN) return;
    const data = typeof message === 'string' ? message : this.#toData(message);
    this.#fire(messageEvent(data, this.#origin));
  }

  #toData(bytes: Buffer): Blob | ArrayBuffer {
    if (this.binaryType === 'blob') return new Blob([bytes]);
    const { buffer, byteOffset, byteLength } = bytes;
    // If the memory has more bytes than the message, other messages may use them. So the message is copied.
    return byteLength === buffer.byteLength
      ? (buffer as ArrayBuffer)
      : (buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
  }

  pauseReading(): void {
    this.#connection?.pause();
  }

  resumeReading(): void {
    this.#connection?.resume();
  }

  /** Adds the last task. The task fires `error` if the connection failed, and then fires `close`. */
  #end(code: number, reason: string, wasClean: boolean, error: unknown): void {
    this.#tasks.add(() => {
      this.readyState = CLOSED;
      const failure = this.#failure ?? error;
      if (failure === null) {
        this.#fire(closeEvent(code, reason, wasClean));
        return;
      }
      this.#fire(errorEvent(failure));
      this.#fire(closeEvent(1006, '', false));
    });
  }

  /**
   * Raises `readyState`. Never lowers it: the task of an event may run after `close()`.
   * @returns false if `readyState` was already at this state or a later one
   */
  #reach(state: ReadyState): boolean {
    if (this.readyState >= state) return false;
    this.readyState = state;
    return true;
  }

  // ---- what the application asks for ----

  get bufferedAmount(): number {
    return this.#buffered.value;
  }

  /**
   * Sends a message. While an earlier Blob is being read, the message waits. In the states CLOSING and CLOSED, the message only counts in
   * `bufferedAmount`.
   */
  send(message: string | Uint8Array | Blob): void {
    this.#buffered.add(sizeOf(message));
    if (this.readyState === OPEN) this.#outgoing.send(message);
  }

  #handOver(message: Message): void {
    const connection = this.#connection!;
    // The connection may already be closed, although the task that sets `readyState` to CLOSING or CLOSED has not run yet.
    if (connection.state !== 'open') return;
    connection.send(message);
    this.#buffered.handedOver(sizeOf(message), connection);
  }

  /**
   * Called when a Blob cannot be read, for example because its file has changed. Later messages must not arrive without this Blob, so the
   * connection is closed.
   */
  #failReading(error: unknown): void {
    this.#failure ??= error;
    if (this.#connection?.state === 'open') this.#connection.close(1011);
  }

  /**
   * Begins to close the connection.
   * @param code the close code; null for no code
   * @param reason the close reason; '' for no reason
   */
  close(code: number | null, reason: string): void {
    const { readyState } = this;
    if (readyState >= CLOSING) return;
    this.readyState = CLOSING;
    if (readyState === CONNECTING) {
      this.#giveUp();
      return;
    }
    this.#outgoing.finally(() => {
      this.#connection?.close(code ?? (reason === '' ? null : 1000), reason);
    });
  }

  #giveUp(): void {
    this.#failure = new DOMException('close() was called before the connection was open', 'AbortError');
    if (this.#connection === null) this.#attempt.abort(this.#failure);
    else this.#connection.terminate();
  }
}

/** Returns the number of payload bytes of a message. Text counts as UTF-8, and an unpaired surrogate as U+FFFD. */
function sizeOf(message: Message | Blob): number {
  if (typeof message === 'string') return Buffer.byteLength(message);
  return message instanceof Blob ? message.size : message.byteLength;
}

/** Returns the extensions in use, as the response names them (RFC 6455 §9.1). */
function extensionsOf(headers: readonly string[]): string {
  const values: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === 'sec-websocket-extensions') values.push(headers[at + 1]!);
  }
  return values.join(', ');
}
