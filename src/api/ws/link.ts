/**
 * From the events of an endpoint and its socket to the listeners of a WebSocket of this surface. What a listener throws goes to the
 * process, as with any EventEmitter, and leaves the connection as it is: the endpoint never sees it (RFC 6455 §7.1.7 would close).
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

/** Whose events they are. */
export interface LinkOwner {
  readonly emitter: EventEmitter;
  readonly binaryType: () => BinaryType;
  readonly isPaused: () => boolean;
  /** The connection is closed; to be called before 'close' is emitted. */
  closed(record: CloseRecord): void;
}

/** One open connection below a WebSocket. */
export class Link implements ConnectionEvents {
  readonly binding: SocketConnection;
  readonly #owner: LinkOwner;
  readonly #onePerTask: boolean;
  /** An `error` was emitted: there is one for each connection. */
  hasFailed = false;
  /** One event per task: the next one waits for its own. */
  #isWaiting = false;

  /** @param onePerTask whether each message, ping and pong has a task of its own (`allowSynchronousEvents: false`) */
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

  /** Starts, and emits 'open'. A listener that throws leaves the connection open: a server still reports it. */
  open(socket: Duplex): void {
    // Nothing flows, or ends, before the listeners of 'open' and 'connection' have returned, which add one for messages.
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

  /** Ends the connection for a reason of the application's data, which is reported. */
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
    // Before the listeners, which may see whether the connection is read.
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
    // As in `ws`, a socket that fails is no `error`; nor is one of our limits that dropped the connection. 'close' says 1006.
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
    // Without a listener, `emit` throws: a peer that breaks a rule would end the process.
    if (emitter.listenerCount('error') === 0) {
      const { code = 'WS_ERROR' } = error as { readonly code?: string };
      warnOnStderr(code, `${code} ${error.message}; an "error" listener receives this`);
      return;
    }
    emitTo(emitter, 'error', error);
  }
}
