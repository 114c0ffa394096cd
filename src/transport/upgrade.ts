/**
 * The server's opening handshake on a socket: RFC 6455 §4.2, with a deadline, a limit on how many, and an application that
 * may take its time. The rules are handshake/server.ts; where the request comes from is listen.ts or attach.ts.
 */

import type { Duplex } from 'node:stream';
import type { DeflateCodec } from '../deflate/codec.ts';
import { HandshakeError, refuse } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import { checkOriginPolicy, type OriginPolicy } from '../handshake/origin.ts';
import { formatRefusal } from '../handshake/refusal.ts';
import {
  type Acceptance,
  type AcceptedRequest,
  acceptRequest,
  type HandshakeRequest,
  selectSubprotocol,
  type UpgradeRequest,
  verifyRequest,
} from '../handshake/server.ts';
import type { Compression, CompressionAgreement } from './compression.ts';
import { answerAndEnd } from './lingering.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';

export { flattenHeaders } from '../handshake/header-fields.ts';
export { checkSubprotocols } from '../handshake/subprotocol.ts';

/** What the application made of a request: how to accept it, and what `opened` is to be given back; or a refusal. */
export interface UpgradeAcceptance<Context> extends Acceptance {
  readonly context: Context;
}
export type UpgradeDecision<Context> = UpgradeAcceptance<Context> | HandshakeError;

/** A connection whose 101 was written. */
export interface OpenedUpgrade<Context> {
  readonly socket: Duplex;
  /** Bytes that came behind the request: frames already. */
  readonly head: Buffer;
  readonly request: UpgradeRequest;
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** Of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  readonly context: Context;
}

/** Who takes the connections. */
export interface UpgradeHost<Context = unknown> {
  readonly origins: OriginPolicy;
  /** Of these, the first in the client's order is chosen where the decision names none. */
  readonly subprotocols: readonly string[];
  /** Milliseconds from the beginning to the 101. */
  readonly handshakeTimeout: number;
  /** What to answer offers of permessage-deflate with; null: nothing. */
  readonly compression: Compression | null;
  /** Asked first, before anything is allocated: false gives 503. Each true is followed by one `started` and one `settled`. */
  admit(): boolean;
  /** A handshake began; its `refuse` may be called until it is settled. */
  started(handshake: PendingHandshake): void;
  /** It ended, one way or the other; where it succeeded, `opened` was called before. */
  settled(handshake: PendingHandshake): void;
  decide(
    request: UpgradeRequest,
    upgrade: PendingUpgrade,
  ): UpgradeDecision<Context> | Promise<UpgradeDecision<Context>>;
  opened(upgrade: OpenedUpgrade<Context>): void;
  /** A request was answered with an error, or given up. */
  refused(error: HandshakeError, request: HandshakeRequest | null): void;
}

/** What an application that takes its time with an answer can find out meanwhile. */
export interface PendingUpgrade {
  /** Aborts when nobody waits for the answer any more: the peer left, the deadline passed, the server is shut down. */
  readonly signal: AbortSignal;
}

/** An opening handshake that has not been answered yet. */
export interface PendingHandshake {
  /** Answers with the status of the error; anything but a `HandshakeError` came out of the application: 500. */
  refuse(error: unknown): void;
}

// Sockets that a handshake was begun on: an 'upgrade' event has several listeners, a socket has one handshake.
const taken = new WeakSet<Duplex>();

/** One opening handshake, from accept to 101 or refusal. */
export class ServerHandshake<Context> implements PendingHandshake, PendingUpgrade, TimerOwner {
  readonly #host: UpgradeHost<Context>;
  readonly #timer: Timer;
  #socket: Duplex;
  #request: HandshakeRequest | null = null;
  /** Whether the socket can carry an answer: not while TLS is being established on it. */
  #speaksHttp: boolean;
  #settled = false;
  #lingering = false;
  /** Made when somebody asks for its signal. */
  #unwanted: AbortController | null = null;
  readonly #onGone = (): void => this.#abandon();

  /**
   * The deadline runs from now. The host has admitted this handshake.
   * @param speaksHttp false: until `moveTo`, nothing can be answered on this socket
   */
  constructor(socket: Duplex, host: UpgradeHost<Context>, speaksHttp = true) {
    taken.add(socket);
    this.#socket = socket;
    this.#speaksHttp = speaksHttp;
    this.#host = host;
    this.#timer = processTimers.timer(this);
    this.#timer.set(host.handshakeTimeout);
    this.#watch(socket);
    host.started(this);
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  get signal(): AbortSignal {
    this.#unwanted ??= new AbortController();
    return this.#unwanted.signal;
  }

  /** TLS is established: what follows happens on this socket. */
  moveTo(socket: Duplex): void {
    this.#unwatch(this.#socket);
    // Errors of the raw socket reach the TLS socket as well.
    this.#socket.on('error', ignore);
    this.#socket = socket;
    this.#speaksHttp = true;
    this.#watch(socket);
  }

  /** The request is complete; `head` is what came behind it. */
  receive(request: HandshakeRequest, head: Buffer): void {
    this.#request = request;
    let decision: UpgradeDecision<Context> | Promise<UpgradeDecision<Context>>;
    let upgrade: UpgradeRequest;
    try {
      upgrade = verifyRequest(request, this.#host);
      decision = this.#host.decide(upgrade, this);
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (!(decision instanceof Promise)) {
      this.#decided(upgrade, head, decision);
      return;
    }
    decision.then(
      (settled) => this.#decided(upgrade, head, settled),
      (error: unknown) => this.refuse(error),
    );
  }

  /** Answers with the status of the error; anything but a `HandshakeError` came out of the application: 500. */
  refuse(error: unknown): void {
    if (this.#settled) return;
    const { refusal, text } = answerTo(error, this.#request?.method);
    this.#settle();
    this.#answer(text);
    this.#host.settled(this);
    this.#unwanted?.abort();
    this.#host.refused(refusal, this.#request);
  }

  onTimer(): void {
    if (this.#lingering) {
      this.#socket.destroy();
      return;
    }
    this.refuse(refuse('WS_HANDSHAKE_TIMEOUT'));
  }

  #decided(upgrade: UpgradeRequest, head: Buffer, decision: UpgradeDecision<Context>): void {
    // The peer left, or the deadline passed, while the application thought about it.
    if (this.#settled) return;
    if (decision instanceof HandshakeError) {
      this.refuse(decision);
      return;
    }
    const agreement = this.#host.compression?.accept(upgrade.offers) ?? null;
    let accepted: AcceptedRequest;
    try {
      const subprotocol = selectSubprotocol(upgrade.subprotocols, this.#host.subprotocols);
      accepted = acceptRequest(upgrade, { subprotocol, ...decision, negotiate: () => answersOf(agreement) });
    } catch (error) {
      agreement?.codec.close();
      this.refuse(error);
      return;
    }
    this.#settle();
    const socket = this.#socket;
    this.#unwatch(socket);
    socket.write(accepted.head, 'latin1');
    const { subprotocol, extensions } = accepted;
    const codec = agreement === null ? null : agreement.codec;
    this.#host.opened({
      socket,
      head,
      request: upgrade,
      subprotocol,
      extensions,
      codec,
      context: decision.context,
    });
    // Behind `opened`, so that at no time neither counts.
    this.#host.settled(this);
  }

  #answer(text: string): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!this.#speaksHttp) {
      socket.destroy();
      return;
    }
    // What follows on this connection is not ours to serve (a smuggled request, maybe): it is read and dropped.
    socket.removeAllListeners('data');
    this.#lingering = true;
    answerAndEnd(text, socket, this.#timer);
  }

  /** The peer left before an answer. */
  #abandon(): void {
    if (this.#settled) return;
    this.#settle();
    this.#socket.on('error', ignore);
    this.#socket.destroy();
    this.#host.settled(this);
    this.#unwanted?.abort();
  }

  #settle(): void {
    this.#settled = true;
    this.#timer.cancel();
  }

  #watch(socket: Duplex): void {
    socket.on('error', this.#onGone);
    socket.on('close', this.#onGone);
    socket.on('end', this.#onGone);
  }

  #unwatch(socket: Duplex): void {
    socket.off('error', this.#onGone);
    socket.off('close', this.#onGone);
    socket.off('end', this.#onGone);
  }
}

function answersOf(agreement: CompressionAgreement | null): readonly ExtensionOffer[] {
  return agreement === null ? [] : [agreement.answer];
}

/**
 * Checks a server's `origins` when it is made, not at the first request.
 * @throws TypeError for an entry that no origin can match
 */
export function checkOrigins(policy: OriginPolicy): void {
  checkOriginPolicy(policy);
}

/**
 * The answer to a failed handshake. What can't be answered is our fault, and the peer hears 500: an exception of the application,
 * a refusal with a header field that can't be written, or the error of a client's handshake with some other server.
 */
function answerTo(error: unknown, method: string | undefined): { refusal: HandshakeError; text: string } {
  try {
    if (error instanceof HandshakeError) return { refusal: error, text: formatRefusal(error, method) };
  } catch {
    // Answered below.
  }
  const refusal = refuse('WS_HANDSHAKE_HOOK_FAILED', { cause: error });
  return { refusal, text: formatRefusal(refusal, method) };
}

/** Whether a handshake was begun on a socket before. */
export function isTaken(socket: Duplex): boolean {
  return taken.has(socket);
}

function ignore(): void {}
