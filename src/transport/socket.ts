/**
 * Binds a socket to an endpoint: data, end, errors, and the deadlines that keep a peer from holding us.
 * The protocol is frame/endpoint.ts; how bytes leave is outbox.ts. RFC 6455 §7.1.1 (closing TCP), §7.2.1 (its loss).
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DeflateCodec } from '../deflate/codec.ts';
import { serializeClosePayload } from '../frame/close-code.ts';
import { ConnectionError } from '../frame/connection-error.ts';
import { Endpoint, type EndpointEvents, type EndpointOptions, EndpointState } from '../frame/endpoint.ts';
import type { ConnectionLimits } from './limits.ts';
import { Outbox, type OutboxOwner } from './outbox.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';

/** What an endpoint reports, and what its transport adds. */
export interface ConnectionEvents extends EndpointEvents {
  /** Everything that was sent has left, after the socket had been blocked. */
  onDrain(): void;
}

/** What `bindSocket` needs beside the limits. */
export interface BindOptions extends Pick<EndpointOptions, 'role' | 'text' | 'closeReason'> {
  /** Of the negotiated compression. */
  readonly codec?: DeflateCodec | null;
  readonly limits: ConnectionLimits;
}

// With less than this waiting, a peer that takes nothing has the time of one that says nothing.
const STALL_FROM = 1_048_576;

// How long a socket that was destroyed may take to emit 'close', in milliseconds. Then the connection is closed without it.
const DESTROY_TIMEOUT = 5_000;

// How often a peer that takes nothing is looked at, once `sendTimeout` has passed.
const STALL_CHECK = 1_000;

const bound: unique symbol = Symbol('rfc6455 connection');
type BoundSocket = Duplex & { [bound]: SocketConnection };

// One set of listeners for all sockets: a connection costs no closures.
function onData(this: Duplex, chunk: Buffer): void {
  (this as BoundSocket)[bound].onData(chunk);
}
function onEnd(this: Duplex): void {
  (this as BoundSocket)[bound].onEnd();
}
function onError(this: Duplex, error: Error): void {
  (this as BoundSocket)[bound].onError(error);
}
function onClose(this: Duplex): void {
  (this as BoundSocket)[bound].onClose();
}

/** An endpoint on a socket. Made by `bindSocket`. */
export class SocketConnection implements OutboxOwner, TimerOwner {
  readonly socket: Duplex;
  readonly endpoint: Endpoint;
  /** Of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  readonly #outbox: Outbox;
  readonly #events: ConnectionEvents;
  readonly #limits: ConnectionLimits;
  readonly #pausesForReplies: boolean;
  /** How long a peer may take nothing, however little waits. */
  readonly #stallTimeout: number;
  readonly #timer: Timer;

  #lastReceived: number;
  /** When the ping was sent whose answer is due, or 0. */
  #pingedAt = 0;
  /** Since when a message stands still, or 0 between messages. */
  #messageSince = 0;
  #messagePieces = 0;
  /** When the connection is dropped, or 0 while it is not closing. */
  #closeBy = 0;
  #closeTimeout: number;
  /** When the connection is closed, whatever the destroyed socket does; 0 while it is not destroyed. */
  #goneBy = 0;

  // With a `PingSchedule`: when the next ping is due, when the last pong came, and whether the last ping had one.
  #nextPing = 0;
  #lastPong = 0;
  #isAnswered = true;

  constructor(socket: Duplex, events: ConnectionEvents, options: BindOptions) {
    const { limits, role } = options;
    this.socket = socket;
    this.codec = options.codec ?? null;
    this.#events = events;
    this.#limits = limits;
    // A client that stopped reading for its replies, facing a server that does, would deadlock.
    this.#pausesForReplies = role === 'server';
    this.#stallTimeout = Math.max(limits.sendTimeout, limits.heartbeatInterval + limits.heartbeatTimeout);
    this.#closeTimeout = limits.closeTimeout;
    this.#outbox = new Outbox(socket, this, limits, socket instanceof Socket ? 'taken' : 'kept');
    this.endpoint = new Endpoint(this.#outbox, events, {
      role,
      maxMessageSize: limits.maxMessageSize,
      memoryBudget: limits.memoryBudget,
      ...(options.text === undefined ? null : { text: options.text }),
      codec: this.codec,
      ...(options.closeReason === undefined ? null : { closeReason: options.closeReason }),
    });
    this.#timer = processTimers.timer(this);
    this.#lastReceived = processTimers.now();
    (socket as BoundSocket)[bound] = this;
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  /** Begins to read; `head` is what was read already, behind the opening handshake. */
  start(head: Buffer): void {
    const { socket } = this;
    if (socket instanceof Socket) socket.setNoDelay(true);
    if (socket.destroyed) {
      this.onClose();
      return;
    }
    socket.on('data', onData);
    socket.on('end', onEnd);
    this.#beginPings(processTimers.now());
    this.#schedule(processTimers.now());
    if (head.length > 0) this.onData(head);
    if (!this.endpoint.isPaused) socket.resume();
  }

  /** Whether messages may be sent (§6.1). */
  get isOpen(): boolean {
    return this.endpoint.state === EndpointState.Open;
  }

  /** Whether TCP is gone as well. */
  get isClosed(): boolean {
    return this.endpoint.state === EndpointState.Closed;
  }

  // ---- what the application asks for ----

  /** Whether more than the high-water mark waits; if so, `onDrain` follows when nothing does. */
  waitsForDrain(): boolean {
    if (this.#outbox.bufferedAmount <= this.#limits.highWaterMark) return false;
    // A mark below what a turn collects: the socket may well take it all now.
    this.#outbox.flush();
    if (this.#outbox.bufferedAmount <= this.#limits.highWaterMark) return false;
    this.#outbox.notifyWhenEmpty();
    return true;
  }

  pause(): void {
    this.endpoint.pause();
    if (this.endpoint.isPaused) this.socket.pause();
  }

  resume(): void {
    if (this.endpoint.isPausedByUser) this.#restartClocks();
    this.#receiving(() => this.endpoint.resume());
    this.#resumeSocket();
  }

  /** How long the closing handshake may take, in place of `closeTimeout`; where it has begun already, at most so long from now. */
  closeWithin(timeout: number): void {
    this.#closeTimeout = timeout;
    if (this.#closeBy === 0) return;
    this.#closeBy = Math.min(this.#closeBy, processTimers.now() + timeout);
    this.#timer.setSooner(timeout);
  }

  /** Drops the connection with a TCP reset in place of TCP's own closing handshake, where the socket can do that. */
  reset(): void {
    const { socket } = this;
    // TLS and pipes cannot do that. Nor can a socket whose end was sent: the system refuses (EINVAL), and Node then never
    // emits 'close'. They are dropped like anything else.
    const isTcp = socket instanceof Socket && !('encrypted' in socket) && socket.remotePort !== undefined;
    if (isTcp && !socket.writableEnded) socket.resetAndDestroy();
    this.endpoint.terminate();
  }

  /** A pong came. */
  ponged(): void {
    this.#lastPong = processTimers.now();
    this.#isAnswered = true;
  }

  /** Whether the socket keeps the process alive. */
  keepAlive(keeps: boolean): void {
    const { socket } = this;
    if (!(socket instanceof Socket)) return;
    if (keeps) socket.ref();
    else socket.unref();
  }

  /** Sends what waits now, not at the end of the turn. */
  flush(): void {
    this.#outbox.flush();
  }

  // ---- the socket's events ----

  onData(chunk: Buffer): void {
    this.#lastReceived = processTimers.now();
    const outbox = this.#outbox;
    const before = outbox.replying;
    outbox.replying = this.#pausesForReplies;
    const goOn = this.endpoint.receive(chunk);
    outbox.replying = before;
    if (this.#limits.flush === 'read') outbox.flush();
    if (!goOn) this.socket.pause();
    this.#watchMessage(this.#lastReceived);
  }

  onEnd(): void {
    this.endpoint.receiveEnd();
  }

  onError(error: Error): void {
    // Behind a finished closing handshake a reset is nobody's loss (§7.1.1 allows it); behind a failure it is no news:
    // whoever sent what we don't read any more is reset by our end.
    if (this.endpoint.state < EndpointState.CloseReceived && !this.#outbox.isEnding) {
      this.endpoint.abort(new ConnectionError('WS_SOCKET', { cause: error }));
    }
  }

  onClose(): void {
    this.#timer.cancel();
    this.#outbox.release();
    this.endpoint.transportClosed();
  }

  // ---- the outbox's events ----

  onBlocked(): void {
    this.#timer.setSooner(this.#limits.sendTimeout);
  }

  onDrained(): void {
    this.endpoint.drained();
    if (this.endpoint.isPaused) this.#restartClocks();
    this.#receiving(() => this.endpoint.resumeTransport());
    this.#resumeSocket();
    // Where replies to what had waited fill the socket again, the next time is soon enough.
    if (!this.#outbox.blocked) this.#events.onDrain();
  }

  onCongested(): void {
    this.endpoint.pauseTransport();
    if (this.endpoint.isPaused) this.socket.pause();
  }

  onResumable(): void {
    this.#watchMessage(processTimers.now());
    this.#resumeSocket();
  }

  onOverflow(): void {
    this.endpoint.abort(new ConnectionError('WS_SEND_CAP'));
  }

  onClosing(): void {
    if (this.#closeBy === 0) {
      this.#closeBy = processTimers.now() + this.#closeTimeout;
      this.#schedule(processTimers.now());
    }
    // §7.1.1: what still comes is read (and, after the peer's Close frame, ignored) until the peer's end is seen.
    this.#resumeSocket();
  }

  onDestroying(): void {
    // This state has a deadline as well: a socket may fail to be destroyed, and never say so.
    this.#goneBy = processTimers.now() + Math.min(this.#closeTimeout, DESTROY_TIMEOUT);
    this.#schedule(processTimers.now());
  }

  // ---- deadlines ----

  onTimer(): void {
    const now = processTimers.now();
    if (this.#goneBy !== 0) {
      if (now < this.#goneBy) this.#timer.set(this.#goneBy - now);
      else this.onClose();
      return;
    }
    if (this.#closeBy !== 0) {
      if (now < this.#closeBy) this.#timer.set(this.#closeBy - now);
      else this.#closeTimedOut();
      return;
    }
    // One of them is enough: what ended the connection is reported once. Whether a ping is due tells who is silent.
    this.#checkHeartbeat(now);
    if (!this.#isOver) this.#checkStall(now);
    if (!this.#isOver) this.#checkMessage(now);
    if (!this.#isOver) this.#checkPings(now);
    if (!this.#isOver) this.#schedule(now);
    // Another owner of the socket destroyed it, and 'close' has not come yet.
    else if (this.#closeBy === 0 && this.#goneBy === 0) this.onDestroying();
  }

  get #isOver(): boolean {
    return this.#closeBy !== 0 || this.socket.destroyed;
  }

  #closeTimedOut(): void {
    // §7.1.1 lets a client, and §7.1.7 anybody, give up; 1006 says so where no Close frame came. After a failure the peer's
    // Close frame is not waited for, and the reason has been reported.
    if (this.endpoint.state === EndpointState.CloseSent && !this.#outbox.isEnding) {
      this.endpoint.abort(new ConnectionError('WS_CLOSE_TIMEOUT'));
    } else {
      this.endpoint.terminate();
      this.#outbox.destroy();
    }
  }

  #checkStall(now: number): void {
    const outbox = this.#outbox;
    if (!outbox.blocked) return;
    // §10.4: bytes that come are no excuse. Who floods us and takes no answer would hold its connection for good; one that
    // is silent too is the heartbeat's business.
    const isLittle = outbox.bufferedAmount <= STALL_FROM;
    if (isLittle && this.#pingedAt !== 0) return;
    if (now - outbox.lastTaken >= (isLittle ? this.#stallTimeout : this.#limits.sendTimeout))
      this.onOverflow();
  }

  #checkMessage(now: number): void {
    if (this.#messageSince === 0) return;
    // While we do not read, the peer can't make progress.
    if (this.endpoint.isPaused) this.#messageSince = now;
    else if (now - this.#messageSince >= this.#limits.messageTimeout) this.endpoint.messageTimedOut();
  }

  #checkHeartbeat(now: number): void {
    const alive = this.#lastAlive(now);
    if (this.#pingedAt !== 0 && alive >= this.#pingedAt) this.#pingedAt = 0;
    if (this.#pingedAt !== 0) {
      if (now - this.#pingedAt >= this.#limits.heartbeatTimeout) {
        this.endpoint.abort(new ConnectionError('WS_HEARTBEAT_TIMEOUT'));
      }
    } else if (now - alive >= this.#limits.heartbeatInterval) {
      this.#pingedAt = now;
      this.endpoint.ping();
    }
  }

  #beginPings(now: number): void {
    const { pings } = this.#limits;
    if (pings === undefined || this.#closeBy !== 0) return;
    this.#lastPong = now;
    this.#nextPing = now + pings.first;
    if (pings.first <= 0) this.#checkPings(now);
  }

  #checkPings(now: number): void {
    const { pings } = this.#limits;
    if (pings === undefined) return;
    // While we do not read, a pong could not be seen.
    if (this.endpoint.isPaused) {
      this.#lastPong = now;
      this.#isAnswered = true;
    }
    const isDue = now >= this.#nextPing;
    if (now - this.#lastPong >= pings.timeout || (isDue && pings.answerEach && !this.#isAnswered)) {
      this.endpoint.fail(new ConnectionError('WS_HEARTBEAT_TIMEOUT'));
    } else if (isDue) {
      this.#nextPing += pings.interval;
      // The process slept, or the clock jumped: what was missed is not made up for.
      if (this.#nextPing <= now) this.#nextPing = now + pings.interval;
      this.#isAnswered = false;
      try {
        this.endpoint.ping(pings.payload());
      } catch (error) {
        // What the application gave can't be had, or is too long.
        this.endpoint.fail(error);
      }
    }
  }

  /** When the peer last gave a sign of life. */
  #lastAlive(now: number): number {
    const { isPaused } = this.endpoint;
    const outbox = this.#outbox;
    // While we do not read, a pong could not be seen; while much waits to be sent, our ping has not left yet. Then taking
    // what we send counts, if there is anything to take.
    if (outbox.blocked && (isPaused || outbox.bufferedAmount > this.#limits.highWaterMark)) {
      return Math.max(this.#lastReceived, outbox.lastTaken);
    }
    if (isPaused) this.#lastReceived = now;
    return this.#lastReceived;
  }

  /** Reading goes on: what stood still meanwhile starts over. */
  #restartClocks(): void {
    this.#lastReceived = processTimers.now();
    this.#lastPong = this.#lastReceived;
    if (this.#messageSince !== 0) this.#messageSince = this.#lastReceived;
  }

  #watchMessage(now: number): void {
    if (!this.endpoint.insideMessage) {
      this.#messageSince = 0;
      return;
    }
    const pieces = this.endpoint.dataPieces;
    if (this.#messageSince !== 0 && pieces === this.#messagePieces) return;
    this.#messagePieces = pieces;
    this.#messageSince = now;
    this.#timer.setSooner(this.#limits.messageTimeout);
  }

  /** One timer for all deadlines: it is set for the first of them. */
  #schedule(now: number): void {
    // Once the connection is closing, that deadline is the only one: `close` may have been called before `start`.
    if (this.#goneBy !== 0 || this.#closeBy !== 0) {
      this.#timer.set((this.#goneBy !== 0 ? this.#goneBy : this.#closeBy) - now);
      return;
    }
    const limits = this.#limits;
    let due =
      this.#pingedAt === 0
        ? this.#lastAlive(now) + limits.heartbeatInterval
        : this.#pingedAt + limits.heartbeatTimeout;
    if (this.#messageSince !== 0) due = Math.min(due, this.#messageSince + limits.messageTimeout);
    if (this.#outbox.blocked) {
      // A peer that stopped taking may have little waiting for it now, and more than STALL_FROM later.
      const again = now + Math.min(limits.sendTimeout, STALL_CHECK);
      due = Math.min(due, Math.max(this.#outbox.lastTaken + limits.sendTimeout, again));
    }
    if (limits.pings !== undefined)
      due = Math.min(due, this.#nextPing, this.#lastPong + limits.pings.timeout);
    this.#timer.set(due - now);
  }

  #receiving(step: () => void): void {
    const outbox = this.#outbox;
    const before = outbox.replying;
    outbox.replying = this.#pausesForReplies;
    step();
    outbox.replying = before;
    this.#watchMessage(processTimers.now());
  }

  #resumeSocket(): void {
    if (!this.endpoint.isPaused) this.socket.resume();
  }
}

/**
 * Checks a close code and reason before anything is done with them.
 * @throws {RangeError | TypeError} as `Endpoint.close`
 */
export function checkClose(code: number, reason: string): void {
  serializeClosePayload(code, reason);
}

/**
 * Puts an endpoint on a socket whose opening handshake is done. Call `start` when the events may come.
 * @param socket a net or TLS socket, or any Duplex of bytes; it belongs to the connection from now on.
 */
export function bindSocket(socket: Duplex, events: ConnectionEvents, options: BindOptions): SocketConnection {
  return new SocketConnection(socket, events, options);
}
