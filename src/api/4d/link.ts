/**
 * Connects a native connection with the callbacks of a 4D handler, for `WebSocketConnection` and `WebSocket`. For each event of the native
 * connection (../connection.ts), the worker (worker.ts) runs a callback, one at a time. While an event waits, the connection reads nothing.
 * So the messages for a slow handler do not fill the memory.
 */

import type { Connection } from '../connection.ts';
import type { Message } from '../message.ts';
import { Outgoing } from '../outgoing.ts';
import { Callbacks } from './callbacks.ts';
import { type DataType, decode, encode } from './data.ts';
import { FourDError, toFourDError } from './error.ts';
import type { WaitingMessages } from './waiting.ts';
import type { Task, Worker } from './worker.ts';

/** The states of a connection (4D: WebSocket, `.status`). A `WebSocketConnection` is never "Connecting". */
export type Status = 'Connecting' | 'Connected' | 'Closing' | 'Closed';

const statusOf = { open: 'Connected', closing: 'Closing', closed: 'Closed' } as const;

// C79: 4D does not say which id is the first. Ids begin with 1, because 0 would count as false in a condition.
let lastId = 0;

/** The members of a native connection that this file uses. The type of the connection's `data` does not matter. */
export type NativeConnection = Pick<
  Connection<unknown>,
  'state' | 'send' | 'close' | 'terminate' | 'pause' | 'resume'
>;

/** Connects a native connection with the callbacks of a 4D handler. */
export class Link {
  readonly id: number = ++lastId;
  readonly callbacks: Callbacks;
  readonly #worker: Worker;
  readonly #dataType: DataType;
  readonly #outgoing: Outgoing;
  readonly #waiting: WaitingMessages | null;
  /** Null before the connection is open, and if the connection could not be opened. */
  #connection: NativeConnection | null = null;
  #isClosing = false;
  #isOver = false;
  /**
   * True while a method of the native connection runs for a call of the application. If the method causes an event, the callback of this
   * event runs after the call has returned.
   */
  #isCalled = false;
  #undelivered = 0;
  /** The number of messages that waited until the connection was open, and then could not be sent. */
  #unsent = 0;

  /**
   * @param target the first argument of the handler's callbacks
   * @param kind 'connection' or 'WebSocket', for error texts
   * @param waiting keeps messages until the connection is open; null for a connection that is already open
   */
  constructor(
    handler: object,
    target: unknown,
    dataType: DataType,
    worker: Worker,
    kind: string,
    waiting: WaitingMessages | null,
  ) {
    this.callbacks = new Callbacks(handler, target, () => `${kind} ${this.id}`);
    this.#waiting = waiting;
    this.#worker = worker;
    this.#dataType = dataType;
    this.#outgoing = new Outgoing(
      (message) => this.#send(message),
      // If `#isOver` is true, `onClose` or `onFailed` has already reported this message as lost.
      (error) =>
        this.#isOver || this.#post(() => this.callbacks.report(toFourDError('UNREADABLE_BLOB', error))),
    );
  }

  get status(): Status {
    if (this.#isOver) return 'Closed';
    if (this.#connection === null) return this.#isClosing ? 'Closing' : 'Connecting';
    const status = statusOf[this.#connection.state];
    return this.#isClosing && status === 'Connected' ? 'Closing' : status;
  }

  // ---- calls of the application ----

  /**
   * Sends a message.
   * @returns true if the status was "Connected" before and after the call. If the status was "Connecting": true if the message was kept for
   *   later
   */
  send(message: unknown): boolean {
    const { status } = this;
    if (status === 'Connecting') return this.#waiting?.push(encode(message)) ?? false;
    if (status !== 'Connected') return false;
    this.#outgoing.send(encode(message));
    // If more than `sendCap` bytes wait, the native connection has dropped itself, and the message is lost.
    return this.status === 'Connected';
  }

  #send(message: Message): void {
    this.#call(() => this.#connection?.send(message));
  }

  #call(action: () => void): void {
    this.#isCalled = true;
    try {
      action();
    } finally {
      this.#isCalled = false;
    }
  }

  /**
   * Closes the connection after all earlier messages were passed to the native connection. A Blob that is still being read counts as an
   * earlier message.
   */
  close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#outgoing.finally(() => {
      this.#call(() => void this.#connection?.close(code, reason));
    });
  }

  /** Drops the connection without a Close frame. */
  drop(): void {
    this.#isClosing = true;
    this.#call(() => this.#connection?.terminate());
  }

  // ---- events of the native connection ----

  onOpen(connection: NativeConnection): void {
    this.#connection = connection;
    this.#post(() => {
      const result = this.callbacks.call('onOpen', { type: 'open' });
      // The order is: first the messages that `onOpen` has sent so far, then the messages that waited, and then all later messages.
      if (this.status === 'Connected') this.#flush();
      return result;
    });
  }

  #flush(): void {
    const messages = this.#waiting?.take() ?? [];
    const failed = messages.findIndex((message) => !this.send(message));
    // If a message could not be sent, this message and all messages after it are lost.
    if (failed !== -1) this.#unsent = messages.length - failed;
  }

  /** Is called for a native connection that was paused before this `Link` was made. Resumes reading if no event waits. */
  start(): void {
    if (this.#undelivered === 0) this.#connection?.resume();
  }

  onMessage(message: string | Buffer): void {
    // As in browsers, messages that arrive while the connection closes are not delivered. So a slow handler cannot stop the reading during
    // the closing handshake.
    if (this.status !== 'Connected') return;
    this.#post(() => this.#deliver(message));
  }

  #deliver(message: string | Buffer): unknown {
    let data: unknown;
    try {
      data = decode(message, this.#dataType);
    } catch (error) {
      return this.callbacks.report(toFourDError('BAD_TEXT', error));
    }
    const event: { readonly type: 'message'; readonly data: unknown } = { type: 'message', data };
    return this.callbacks.call('onMessage', event);
  }

  onClosing(): void {
    this.#isClosing = true;
    // From now on the connection must read, so that it receives the peer's Close frame.
    this.#connection?.resume();
  }

  onError(error: Error): void {
    // If the peer does not answer the Close frame of `terminate` in time, the application receives no error.
    if ('code' in error && error.code === 'WS_CLOSE_TIMEOUT') return;
    this.#post(() => this.callbacks.report(new FourDError('CONNECTION', error.message, { cause: error })));
  }

  /** Is called when the connection could not be opened. */
  onFailed(error: unknown): void {
    this.#isOver = true;
    const errors = [toFourDError('CANNOT_CONNECT', error), ...this.#lost()];
    this.#post(() => this.callbacks.report(...errors));
  }

  /** Returns one error if messages that `send` accepted can no longer be sent. Otherwise returns an empty list. */
  #lost(): FourDError[] {
    const count = (this.#waiting?.take().length ?? 0) + this.#outgoing.pending + this.#unsent;
    if (count === 0) return [];
    const what = count === 1 ? 'a message' : `${count} messages`;
    return [new FourDError('NOT_SENT', `${what} waited to be sent when the connection ended`)];
  }

  /** Is called when the connection is closed. @param event the event of `onTerminate`, the last callback */
  onClose(event: { readonly type: 'terminate' }): void {
    this.#isOver = true;
    for (const error of this.#lost()) this.#post(() => this.callbacks.reportLoudly(error));
    this.#post(() => this.callbacks.call('onTerminate', event));
  }

  // ---- the worker ----

  #post(event: Task): void {
    let waited = false;
    const task = (): unknown => {
      if (waited && --this.#undelivered === 0) this.#connection?.resume();
      return event();
    };
    const { callbacks } = this;
    if (this.#isCalled ? this.#worker.postApart(task, callbacks) : this.#worker.post(task, callbacks)) return;
    waited = true;
    this.#undelivered++;
    if (!this.#isClosing) this.#connection?.pause();
  }
}

/** Makes the members that the `onTerminate` events of servers and clients have in common. */
export function terminateEvent(
  code: number,
  reason: string,
): { readonly type: 'terminate'; readonly code: number; readonly reason: string | undefined } {
  return { type: 'terminate', code, reason: reason === '' ? undefined : reason };
}

/**
 * The object that `terminate` accepts instead of two arguments. 4D's pages write the arguments in braces, so they look like an object.
 */
export interface TerminateOptions {
  readonly code?: number;
  readonly message?: string;
  readonly reason?: string;
}

/** Converts both forms of the arguments of `terminate` to one form. */
export function terminateArguments(
  code: number | TerminateOptions | null | undefined,
  reason: string | null | undefined,
): { readonly code: number | undefined; readonly reason: string } {
  if (typeof code !== 'object' || code === null) {
    return { code: code ?? undefined, reason: cut(String(reason ?? '')) };
  }
  return { code: code.code ?? undefined, reason: cut(String(code.message ?? code.reason ?? '')) };
}

/** Shortens a reason to at most 123 bytes, and never splits a character. §5.5.1: at most 123 bytes follow the close code. */
function cut(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= 123) return reason;
  let end = 123;
  // §8.1: a byte with the bits 10xxxxxx continues a character.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
