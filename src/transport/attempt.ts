/**
 * One attempt of a client to open a connection. The attempt applies the deadline and the AbortSignal to all steps. Until the attempt
 * succeeds, it owns all sockets that the steps opened and all memory that the steps reserved. RFC 6455 §4.1: if any step fails, the
 * WebSocket connection fails. The steps are in tunnel.ts, response.ts and dial.ts.
 */

import type { Duplex } from 'node:stream';
import { HandshakeError, type HandshakeStage } from '../handshake/error.ts';
import { dialFailure, locate, systemFailure, timeoutFailure } from './dial-failure.ts';
import { processTimers, type Timer } from './timers.ts';

/**
 * The types of `createConnection` of an `http.Agent` allow null and undefined. Some agents pass the socket to a callback and do not return
 * it.
 */
type MaybeDuplex = Duplex | null | undefined;

/**
 * Holds the deadline and the signal for all steps. Also holds what is released if a step fails: the sockets, and the memory that was
 * reserved for compression.
 */
export class Attempt {
  readonly #timer: Timer;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#interrupt(this.#signal!.reason, true);
  readonly #sockets: Duplex[] = [];
  readonly #reserved: (() => void)[] = [];
  #failStep: ((error: unknown) => void) | null = null;
  /** The stage of the step that began last; null before the first step. */
  #stage: HandshakeStage | null = null;
  /** The URL, or the proxy, that the attempt is connecting to; errors name it. */
  place = '';
  #interruption: { readonly reason: unknown; readonly aborted: boolean } | null = null;

  /** @param timeout the time for all steps in milliseconds; with `Infinity`, there is no deadline */
  constructor(timeout: number, signal: AbortSignal | undefined) {
    this.#timer = processTimers.timer({
      onTimer: () => this.#interrupt(timeoutFailure(this.#stage), false),
    });
    this.#timer.set(timeout);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
  }

  /** Takes a socket over: `fail` destroys the socket. */
  use(socket: Duplex): void {
    this.#sockets.push(socket);
    // If the socket fails between two steps, the next step sees that the socket is `destroyed`.
    socket.on('error', ignore);
  }

  /**
   * Waits for a socket that the application makes. If the socket arrives after the deadline has passed or the signal has aborted, the
   * socket is destroyed.
   * @throws HandshakeError of stage 'tcp', whose cause is the error that the application threw. TypeError if the application's value is not
   *   a Duplex
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

  /** Takes over a resource that is not a socket. `fail` calls `giveBack`, also if the attempt fails between the last step and `finish`. */
  reserve(giveBack: () => void): void {
    this.#reserved.push(giveBack);
  }

  /**
   * Performs a step: the promise resolves when `arrange` calls `done`. It rejects if `arrange` calls `fail`, the socket fails, the deadline
   * passes, or the signal aborts.
   * @param arrange begins the step, and returns a function that undoes what it set up
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
   * Call this when the connection is open: from then on, the socket and the reserved memory belong to the caller. If `socket` is a TLS
   * socket, the socket below it keeps its 'error' listener.
   * @throws the reason, if the deadline or the signal has interrupted the attempt since the last step
   */
  finish(socket: Duplex): void {
    if (this.#interruption !== null) throw this.#interruption.reason;
    this.#release();
    socket.off('error', ignore);
  }

  /** Destroys all sockets and releases all reserved memory. @returns the error that the caller has to throw */
  fail(error: unknown): unknown {
    this.#release();
    // The newest socket is destroyed first, so the TLS socket is destroyed before the socket below it. Otherwise the process could crash: a
    // SIGSEGV in TLSWrap, seen with Node 20 in the turn that establishes TLS.
    for (const socket of this.#sockets.reverse()) socket.destroy();
    for (const giveBack of this.#reserved) giveBack();
    // If the server refused, and the deadline passes while the body of the refusal arrives, we throw the refusal. Only an abort by the
    // signal replaces the error.
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
