/**
 * Implements one `WebSocket` from its constructor to its `close` event (WebSockets Standard, "The WebSocket interface" and "Feedback from
 * the protocol"). A session uses a connection of our native API. Each event of the connection becomes a task of the event loop.
 * web-socket.ts has the class `WebSocket`.
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

/** The values of `readyState`. A `readyState` never decreases. */
export const ReadyState = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

const { CONNECTING, OPEN, CLOSING, CLOSED } = ReadyState;

export type ReadyState = (typeof ReadyState)[keyof typeof ReadyState];

/** The type in which binary messages are delivered. */
export type BinaryType = 'blob' | 'arraybuffer';

/** The state and the connection of one `WebSocket`. */
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
  /**
   * The reason why this WebSocket has ended the connection, or the attempt to connect. Null if this WebSocket has ended neither of them.
   */
  #failure: unknown = null;

  constructor(origin: string, fire: (event: Event) => void) {
    this.#origin = origin;
    this.#fire = fire;
  }

  /** The signal for the options of `connect`. */
  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  /** The handlers for the options of `connect`. */
  get handlers(): ConnectionHandlers {
    return {
      open: (connection) => this.#onOpen(connection),
      message: (_connection, message) => {
        // After `close()`, no messages are delivered.
        if (this.readyState < CLOSING) this.#tasks.addMessage(message);
      },
      closing: () => this.#tasks.add(() => this.#reach(CLOSING)),
      // Nothing to do here, because the `close` handler receives the error too.
      error: () => {},
      close: (_connection, code, reason, wasClean, { error }) => {
        const failure = error ?? (code === 1006 ? new ConnectionError('WS_CONNECTION_LOST') : null);
        this.#end(code, reason, wasClean, failure);
      },
    };
  }

  /** Is called when the connection could not be established. */
  fail(error: unknown): void {
    this.#end(1006, '', false, error);
  }

  /** Connects to the server. @param signal the signal of the application, which aborts the attempt to connect */
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
      // The application has called `close()`, but the server's answer had already arrived. So this connection was opened, and is dropped
      // now.
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
    // The memory can contain other messages too. In this case, the message is copied.
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

  /** Adds the last task. It fires `error` if the connection has failed. Then it fires `close`. */
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
   * Increases `readyState`. Never decreases it, because the task of an earlier event can run after `close()`.
   * @returns false if `readyState` already had this value or a higher value
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
   * Sends a message. If an earlier Blob is still being read, the message waits. If the WebSocket is CLOSING or CLOSED, nothing is sent, but
   * `bufferedAmount` increases.
   */
  send(message: string | Uint8Array | Blob): void {
    this.#buffered.add(sizeOf(message));
    if (this.readyState === OPEN) this.#outgoing.send(message);
  }

  #handOver(message: Message): void {
    const connection = this.#connection!;
    // The connection can already be closed, although `readyState` is still OPEN. A later task changes `readyState`.
    if (connection.state !== 'open') return;
    connection.send(message);
    this.#buffered.handedOver(sizeOf(message), connection);
  }

  /**
   * Is called when a Blob could not be read, for example because its file has changed. Later messages must not arrive without this Blob. So
   * the connection is closed.
   */
  #failReading(error: unknown): void {
    this.#failure ??= error;
    if (this.#connection?.state === 'open') this.#connection.close(1011);
  }

  /**
   * Starts to close the connection.
   * @param code the close code, or null for no code
   * @param reason the close reason, or '' for no reason
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

/** Returns the number of payload bytes of a message. Text is counted as UTF-8. Each unpaired surrogate is counted as U+FFFD. */
function sizeOf(message: Message | Blob): number {
  if (typeof message === 'string') return Buffer.byteLength(message);
  return message instanceof Blob ? message.size : message.byteLength;
}

/** Returns the extensions in use, with the text of the response (RFC 6455 §9.1). */
function extensionsOf(headers: readonly string[]): string {
  const values: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === 'sec-websocket-extensions') values.push(headers[at + 1]!);
  }
  return values.join(', ');
}
