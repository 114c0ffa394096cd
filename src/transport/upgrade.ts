/**
 * Performs the server's opening handshake on a socket (RFC 6455 §4.2). The handshake has a deadline, and the application may answer
 * asynchronously. handshake/server.ts has the rules of the handshake. listen.ts or accept-upgrade.ts passes the request to this file.
 */

import type { Duplex } from 'node:stream';
import { HandshakeError, refuse } from '../handshake/error.ts';
import { checkOriginPolicy, type OriginPolicy } from '../handshake/origin.ts';
import {
  type AcceptedRequest,
  acceptRequest,
  selectSubprotocol,
  verifyRequest,
} from '../handshake/server.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import { EarlyBytes } from './early-bytes.ts';
import { answerAndEnd, writeAnswer } from './lingering.ts';
import { servesPath } from './path-pattern.ts';
import { answerTo } from './refusal-answer.ts';
import { ServerRequest } from './server-request.ts';
import { isOwned, ownSocket, readSocket, type SocketOwner } from './socket-owner.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';
import type {
  PendingHandshake,
  PendingUpgrade,
  UpgradeDecision,
  UpgradeHost,
  UpgradeOrigin,
} from './upgrade-host.ts';

export { flattenHeaders } from '../handshake/header-fields.ts';
export { checkSubprotocols } from '../handshake/subprotocol.ts';

/** Reads the head of a request, chunk by chunk, and passes the request to the handshake. */
export interface HeadReader {
  push(chunk: Buffer): void;
}

// When TLS is established, this object becomes the owner of the TCP socket. The object ignores all events, because the TLS socket emits
// them too.
const idleOwner: SocketOwner = { onData() {}, onEnd() {}, onError() {}, onClose() {} };

/** One opening handshake, from the accepted socket to the 101 or the refusal. */
export class ServerHandshake<Context, Result>
  implements PendingHandshake, PendingUpgrade, SocketOwner, TimerOwner
{
  readonly #host: UpgradeHost<Context, Result>;
  readonly #origin: UpgradeOrigin<Result>;
  readonly #timer: Timer;
  #socket: Duplex;
  #request: HandshakeRequest | null = null;
  /** True if an answer can be sent on the socket. While TLS is being established, the value is false. */
  #speaksHttp: boolean;
  #settled = false;
  #lingering = false;
  /** The bytes that arrive while the application prepares its answer. Null at all other times. */
  #early: EarlyBytes | null = null;
  /** The controller of `signal`. Null until the application reads `signal`. */
  #unwanted: AbortController | null = null;
  /** Reads the head of the request. Null when the head is complete. */
  #reader: HeadReader | null = null;

  /**
   * Starts the deadline. The socket must already have a slot of `host.slots`.
   * @param speaksHttp if false, no answer can be sent until `moveTo` is called
   */
  constructor(
    socket: Duplex,
    host: UpgradeHost<Context, Result>,
    origin: UpgradeOrigin<Result> = {},
    speaksHttp = true,
  ) {
    this.#socket = socket;
    this.#speaksHttp = speaksHttp;
    this.#host = host;
    this.#origin = origin;
    this.#timer = processTimers.timer(this);
    this.#timer.set(host.handshakeTimeout);
    ownSocket(socket, this);
    host.started(this);
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  get signal(): AbortSignal {
    this.#unwanted ??= new AbortController();
    return this.#unwanted.signal;
  }

  get context(): unknown {
    return this.#origin.context;
  }

  /** Call this when TLS is established. From now on, the handshake uses `socket`, which is the TLS socket. */
  moveTo(socket: Duplex): void {
    ownSocket(this.#socket, idleOwner);
    this.#socket = socket;
    this.#speaksHttp = true;
    ownSocket(socket, this);
  }

  /** Starts to read from the socket. `reader` gets the chunks, and calls `receive` when the head of the request is complete. */
  readHead(reader: HeadReader): void {
    this.#reader = reader;
    readSocket(this.#socket);
  }

  /** Call this when the head of the request is complete. The parameter `head` has the bytes after the request. */
  receive(request: HandshakeRequest, head: Buffer): void {
    this.#reader = null;
    if (this.#settled) return;
    this.#request = request;
    if (this.#socket.destroyed) {
      this.#abandon();
      return;
    }
    let decision: UpgradeDecision<Context> | Promise<UpgradeDecision<Context>>;
    let upgrade: ServerRequest;
    try {
      const verified = verifyRequest(request, this.#host);
      // §4.2.2 (4): no endpoint serves this path, so we answer 404.
      if (!servesPath(this.#origin.path ?? '', verified.path)) throw refuse('WS_HANDSHAKE_NOT_FOUND');
      upgrade = new ServerRequest(verified, this.#socket, this.#origin.raw ?? null);
      decision = this.#host.decide(upgrade, this);
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (!(decision instanceof Promise)) {
      this.#decided(upgrade, head, decision);
      return;
    }
    // The decision may take long. We read the peer's address now, because a socket that closes in the meantime has no address any more.
    void request.remote;
    // `decide` may have shut down the server. In this case, the handshake is settled already, and we do not read.
    if (!this.#settled) this.#early = new EarlyBytes(this.#socket, head, this.#host.memoryBudget);
    decision.then(
      (settled) => this.#decided(upgrade, this.#early?.take() ?? head, settled),
      (error: unknown) => this.refuse(error),
    );
  }

  /** Refuses the handshake. If `error` is a `HandshakeError`, the answer has its status. For any other error, the answer is 500. */
  refuse(error: unknown): void {
    if (this.#settled) return;
    // We settle the handshake before we call the application in `answerTo`. If the application calls `shutdown` there, the handshake must
    // not be refused twice.
    this.#settle();
    const { refusal, text } = answerTo(error, this.#request, this.#host);
    this.#answer(text);
    this.#refused(refusal);
  }

  onTimer(): void {
    if (this.#lingering) {
      this.#socket.destroy();
      return;
    }
    this.refuse(refuse('WS_HANDSHAKE_TIMEOUT'));
  }

  // ---- the socket's events ----

  onData(chunk: Buffer): void {
    // When the head is complete, `#reader` is null. Then this method drops the chunk, because early-bytes.ts has its own 'data' listener.
    this.#reader?.push(chunk);
  }

  onEnd(): void {
    this.#abandon();
  }

  onError(): void {
    this.#abandon();
  }

  onClose(): void {
    this.#abandon();
  }

  #decided(upgrade: ServerRequest, head: Buffer, decision: UpgradeDecision<Context>): void {
    // The peer left, or the deadline passed, before the application decided.
    if (this.#settled) return;
    if (decision instanceof HandshakeError) {
      this.refuse(decision);
      return;
    }
    const agreement = this.#host.compression?.accept(upgrade.offers) ?? null;
    let accepted: AcceptedRequest;
    try {
      const { subprotocol, headers = [] } = decision;
      const acceptance = {
        subprotocol:
          subprotocol === undefined
            ? selectSubprotocol(upgrade.subprotocols, this.#host.subprotocols)
            : subprotocol,
        negotiate: agreement === null ? undefined : () => [agreement.answer],
        headers,
      };
      accepted = acceptRequest(upgrade, acceptance);
      const more = this.#host.accepting?.(upgrade, accepted, headers) ?? null;
      if (more !== null) accepted = acceptRequest(upgrade, { ...acceptance, headers: [...headers, ...more] });
    } catch (error) {
      agreement?.codec.close();
      this.refuse(error);
      return;
    }
    // If the application shut down the server in `accepting`, the handshake is refused already.
    if (this.#settled) {
      agreement?.codec.close();
      return;
    }
    this.#settle();
    const socket = this.#socket;
    if (!writeAnswer(accepted.head, socket)) {
      agreement?.codec.close();
      this.#refused(refuse('WS_HANDSHAKE_ABANDONED'));
      return;
    }
    const { subprotocol, extensions } = accepted;
    const codec = agreement === null ? null : agreement.codec;
    const { context } = decision;
    this.#request = null;
    const result = this.#host.opened({
      socket,
      head,
      request: upgrade,
      subprotocol,
      extensions,
      codec,
      context,
    });
    // We call `settled` after `opened`, so that the server counts the handshake until it counts the connection.
    this.#host.settled(this);
    this.#origin.onOpened?.(result);
  }

  #answer(text: string): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!this.#speaksHttp) {
      socket.destroy();
      return;
    }
    // The bytes that follow on this connection may be a smuggled request. We must not serve this request, so we read and drop the bytes.
    socket.removeAllListeners('data');
    this.#lingering = true;
    answerAndEnd(text, socket, this.#timer);
  }

  /** Is called when the peer leaves before it has received an answer. */
  #abandon(): void {
    if (this.#settled) return;
    void this.#request?.remote;
    this.#settle();
    this.#socket.destroy();
    this.#refused(refuse('WS_HANDSHAKE_ABANDONED'));
  }

  #refused(refusal: HandshakeError): void {
    const request = this.#request;
    this.#request = null;
    this.#host.settled(this);
    this.#unwanted?.abort();
    // If a peer leaves before its request is complete, we report no refusal. For example, the health checks of load balancers do this.
    if (request !== null || refusal.code !== 'WS_HANDSHAKE_ABANDONED') this.#host.refused(refusal, request);
    this.#origin.onRefused?.(refusal);
  }

  #settle(): void {
    this.#settled = true;
    this.#reader = null;
    this.#timer.cancel();
    // If the request is refused, this call drops the early bytes. If it is accepted, the bytes were already taken in `receive`.
    this.#early?.take();
    this.#early = null;
  }
}

/**
 * Checks the option `origins` of a server. Call this when the server is created, so that an invalid option throws before the first request.
 * @throws TypeError for an entry that no origin can match
 */
export function checkOrigins(policy: OriginPolicy): void {
  checkOriginPolicy(policy);
}

/**
 * Returns true if the socket of an 'upgrade' event is already in use. In this case, a `ServerHandshake` owns the socket, or another
 * listener of the event has ended the socket or reads from it.
 */
export function isAnswered(socket: Duplex): boolean {
  if (isOwned(socket) || socket.writableEnded) return true;
  return socket.listenerCount('data') + socket.listenerCount('readable') > 0;
}
