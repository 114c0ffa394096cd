/**
 * Emits the events of an endpoint on a WebSocket with the API of `ws`. The endpoint implements RFC 6455 on the socket. If a listener
 * throws, the error becomes an uncaught exception of the process. The endpoint does not get the error, so the connection stays open.
 */

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { DeflateCodec } from '../../deflate/codec.ts';
import { ConnectionError } from '../../frame/connection-error.ts';
import type { CloseRecord } from '../../frame/endpoint-events.ts';
import type { BindOptions } from '../../transport/bind-options.ts';
import { log, warnOnStderr } from '../../transport/log.ts';
import { bindSocket, type ConnectionEvents, type SocketConnection } from '../../transport/socket.ts';
import { type BinaryType, EMPTY_BUFFER, inForm } from './data.ts';
import { emitTo, toWsError } from './errors.ts';

/** The parts of the WebSocket that this file needs. */
export interface LinkOwner {
  readonly emitter: EventEmitter;
  readonly binaryType: () => BinaryType;
  readonly isPaused: () => boolean;
  /** Is called when the connection is closed, before 'close' is emitted. */
  closed(record: CloseRecord): void;
}

export class Link implements ConnectionEvents {
  readonly binding: SocketConnection;
  readonly #owner: LinkOwner;
  readonly #onePerTask: boolean;
  /** True if 'error' was emitted. Each connection emits 'error' at most once. */
  hasFailed = false;
  /** True while the next event has to wait for the next task. Always false if one task may emit several events. */
  #isWaiting = false;

  /** @param onePerTask true if each task emits at most one message, ping or pong event (`allowSynchronousEvents: false`) */
  constructor(
    socket: Duplex,
    owner: LinkOwner,
    options: BindOptions,
    codec: DeflateCodec | null,
    onePerTask: boolean,
  ) {
    this.#owner = owner;
    this.#onePerTask = onePerTask;
    this.binding = bindSocket(socket, this, options, codec);
  }

  /**
   * Starts the connection, and emits 'open'. If a listener for 'open' throws, the connection stays open, and a server still emits
   * 'connection'.
   */
  open(socket: Duplex): void {
    // The listeners for 'open' and 'connection' have to add the listener for messages. So reading begins only after these listeners have
    // returned. If the socket was already destroyed, the 'close' event also comes later.
    if (socket.destroyed) process.nextTick(() => this.binding.start(EMPTY_BUFFER));
    else this.binding.start(EMPTY_BUFFER);
    emitTo(this.#owner.emitter, 'open');
  }

  // ---- what the application does ----

  pause(): void {
    this.binding.pause();
  }

  resume(): void {
    if (!this.#isWaiting) this.binding.resume();
  }

  /** Emits 'error', and drops the connection. Is called if a Blob of the application cannot be read. */
  fail(error: Error): void {
    this.#report(error);
    this.binding.endpoint.terminate();
  }

  // ---- messages and control frames ----

  onText(text: string | Buffer): void {
    this.#deliver('message', text.length === 0 ? EMPTY_BUFFER : text, false);
  }

  onBinary(payload: Buffer): void {
    const own = payload.length === 0 ? EMPTY_BUFFER : payload;
    this.#deliver('message', inForm(own, this.#owner.binaryType()), true);
  }

  onFragment(): void {}

  onPing(payload: Buffer): void {
    this.#deliver('ping', payload);
  }

  onPong(payload: Buffer): void {
    this.binding.ponged(payload);
    this.#deliver('pong', payload);
  }

  onDrain(): void {}

  #deliver(event: string, ...values: unknown[]): void {
    // The connection is paused before the event, because a listener can check whether the connection is paused.
    if (this.#onePerTask) {
      this.#isWaiting = true;
      this.binding.pause();
    }
    emitTo(this.#owner.emitter, event, ...values);
    if (this.#onePerTask) this.#waitForTask();
  }

  #waitForTask(): void {
    setImmediate(() => {
      this.#isWaiting = false;
      if (!this.#owner.isPaused()) this.binding.resume();
    });
  }

  // ---- the end ----

  onClosing(): void {}

  onError(error: Error): void {
    log('%s', error.message);
    // A ConnectionError means one of two things: the socket failed, or a limit of this library was exceeded. As in `ws`, 'error' is not
    // emitted in these cases, and 'close' reports 1006.
    if (!(error instanceof ConnectionError)) this.#report(toWsError(error));
  }

  onClose(record: CloseRecord): void {
    const { code, reason } = record;
    this.#owner.closed(record);
    emitTo(this.#owner.emitter, 'close', code, reason === '' ? EMPTY_BUFFER : Buffer.from(reason));
  }

  #report(error: Error): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    const { emitter } = this.#owner;
    // Without a listener for 'error', `emit` would throw. A peer that breaks a rule could then end the process. So the error is written to
    // stderr instead.
    if (emitter.listenerCount('error') === 0) {
      const { code = 'WS_ERROR' } = error as { readonly code?: string };
      warnOnStderr(code, `${code} ${error.message}; an "error" listener receives this`);
      return;
    }
    emitTo(emitter, 'error', error);
  }
}
