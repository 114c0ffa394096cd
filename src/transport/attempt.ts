/**
 * One attempt of a client to open a connection (RFC 6455 §4.1). An attempt has several steps, such as TCP, TLS and the request. The steps
 * are in tunnel.ts, response.ts and dial.ts. One deadline and one AbortSignal apply to all steps. If a step fails, the attempt fails. A
 * failed attempt destroys the sockets that its steps opened, and releases the memory that its steps reserved.
 */

import type { Duplex } from 'node:stream';
import { HandshakeError, type HandshakeStage } from '../handshake/error.ts';
import { dialFailure, locate, systemFailure, timeoutFailure } from './dial-failure.ts';
import { processTimers, type Timer } from './timers.ts';

/**
 * The result of `createConnection` of an `http.Agent`. The type allows null and undefined, because some agents pass the socket to a
 * callback and return nothing.
 */
type MaybeDuplex = Duplex | null | undefined;

/**
 * Applies one deadline and one signal to all steps of an attempt. If a step fails, `fail` destroys all sockets, and releases the memory
 * that was reserved for compression.
 */
export class Attempt {
  readonly #timer: Timer;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#interrupt(this.#signal!.reason, true);
  readonly #sockets: Duplex[] = [];
  readonly #reserved: (() => void)[] = [];
  #failStep: ((error: unknown) => void) | null = null;
  /** The stage of the newest step, such as 'tcp' or 'tls'. Null before the first step. */
  #stage: HandshakeStage | null = null;
  /** The URL or the proxy that the attempt connects to. The texts of errors contain it. */
  place = '';
  #interruption: { readonly reason: unknown; readonly aborted: boolean } | null = null;

  /** @param timeout the maximum time for all steps together, in milliseconds. `Infinity` means no deadline */
  constructor(timeout: number, signal: AbortSignal | undefined) {
    this.#timer = processTimers.timer({
      onTimer: () => this.#interrupt(timeoutFailure(this.#stage), false),
    });
    this.#timer.set(timeout);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
  }

  /** Adds a socket to the sockets that `fail` destroys. */
  use(socket: Duplex): void {
    this.#sockets.push(socket);
    // Without a listener, an error between two steps would be an uncaught exception. The next step checks whether the socket is destroyed.
    socket.on('error', ignore);
  }

  /**
   * Calls `socketFor`, a function of the application, and waits for its socket. If the deadline passes or the signal aborts first, a socket
   * that arrives later is destroyed.
   * @throws HandshakeError of stage 'tcp' if `socketFor` throws. The property `cause` is the error of the application
   * @throws TypeError if the result is not a Duplex
   */
  make(socketFor: () => MaybeDuplex | PromiseLike<MaybeDuplex>): Promise<Duplex> {
    this.#stage = 'tcp';
    return new Promise<Duplex>((resolve, reject) => {
      this.#failStep = reject;
      if (this.#interruption !== null) reject(this.#interruption.reason);
      const made = (socket: MaybeDuplex): void => {
        if (this.#interruption !== null) {
          if (isDuplex(socket)) socket.on('error', ignore).destroy();
          return;
        }
        this.#failStep = null;
        if (isDuplex(socket)) resolve(socket);
        else
          reject(
            new TypeError(
              `the function "socket" returned ${socket === null || socket === undefined ? socket : typeof socket}, not a Duplex`,
            ),
          );
      };
      const failed = (thrown: unknown): void => {
        if (this.#interruption !== null) return;
        this.#failStep = null;
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        reject(systemFailure(error, 'tcp'));
      };
      Promise.resolve().then(socketFor).then(made, failed);
    });
  }

  /** Adds a function that releases a resource, for example reserved memory. If the attempt fails, `fail` calls this function. */
  reserve(giveBack: () => void): void {
    this.#reserved.push(giveBack);
  }

  /**
   * Performs one step on a socket. The promise resolves when `done` is called. It rejects if `fail` is called, the socket fails or closes,
   * the deadline passes, or the signal aborts.
   * @param arrange begins the step. It returns a function that removes the listeners of the step
   */
  step<T>(
    socket: Duplex,
    stage: HandshakeStage,
    arrange: (done: (value: T) => void, fail: (error: unknown) => void) => () => void,
  ): Promise<T> {
    if (!this.#sockets.includes(socket)) this.use(socket);
    this.#stage = stage;
    return new Promise<T>((resolve, reject) => {
      let settled = false;
      const settle = () => {
        settled = true;
        this.#failStep = null;
        undo?.();
        socket.off('error', onError);
        socket.off('close', onClose);
      };
      const fail = (error: unknown) => {
        if (settled) return;
        settle();
        reject(error);
      };
      const onError = (error: Error) => fail(systemFailure(error, stage));
      const onClose = () => fail(dialFailure('WS_DIAL_CLOSED', { stage }));
      const done = (value: T) => {
        if (settled) return;
        settle();
        resolve(value);
      };
      let undo: (() => void) | null = null;
      socket.on('error', onError);
      socket.on('close', onClose);
      this.#failStep = fail;
      if (this.#interruption !== null) fail(this.#interruption.reason);
      else if (socket.destroyed) onClose();
      else undo = arrange(done, fail);
      if (settled) undo?.();
    });
  }

  /**
   * Call this when the connection is open. After this call, the socket and the reserved memory belong to the caller. If `socket` is a TLS
   * socket, our 'error' listener stays on the TCP socket below it.
   * @throws the reason of the interruption, if the deadline passed or the signal aborted after the last step
   */
  finish(socket: Duplex): void {
    if (this.#interruption !== null) throw this.#interruption.reason;
    this.#release();
    socket.off('error', ignore);
  }

  /** Destroys all sockets and releases all reserved memory. @returns the error that the caller has to throw */
  fail(error: unknown): unknown {
    this.#release();
    // We destroy the newest socket first, so a TLS socket is destroyed before the TCP socket below it. In the other order, Node 20 can
    // crash with a SIGSEGV in TLSWrap while TLS is being established.
    for (const socket of this.#sockets.reverse()) socket.destroy();
    for (const giveBack of this.#reserved) giveBack();
    // If the signal has aborted, its reason replaces the error. If the deadline has passed, we keep the error. For example, the deadline
    // may pass while we read the body of a refusal. Then the refusal is the more useful error.
    if (this.#interruption?.aborted) return this.#interruption.reason;
    return error instanceof HandshakeError && this.place !== '' ? locate(error, this.place) : error;
  }

  #interrupt(reason: unknown, aborted: boolean): void {
    this.#interruption ??= { reason, aborted };
    this.#failStep?.(reason);
  }

  #release(): void {
    this.#timer.cancel();
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

function isDuplex(socket: MaybeDuplex): socket is Duplex {
  return typeof socket?.pipe === 'function' && typeof socket.write === 'function';
}

function ignore(): void {}
