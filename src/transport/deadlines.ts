/**
 * Keeps all deadlines of one connection, with one timer (timers.ts). A peer misses a deadline in three cases: it sends nothing and answers
 * no ping (RFC 6455 §5.5.2), it takes no bytes (§10.4), or its message makes no progress. The closing handshake has a deadline too
 * (§7.1.1), and so does a destroyed socket until it emits 'close'. If a deadline is missed, frame/endpoint.ts ends the connection. With the
 * default limits, a connection always has at least one deadline until it is closed.
 */

import { ConnectionError } from '../frame/connection-error.ts';
import { type Endpoint, EndpointState } from '../frame/endpoint.ts';
import { Heartbeat } from './heartbeat.ts';
import type { ConnectionLimits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { type Pinging, PingPace } from './ping-pace.ts';
import { PingTimes } from './ping-times.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';

/** The connection that the deadlines belong to. */
export interface DeadlinesOwner {
  readonly endpoint: Endpoint;
  /** True if the socket was destroyed. */
  readonly isDestroyed: boolean;
  /** Is called if the destroyed socket has not emitted 'close' before its deadline. */
  onGone(): void;
}

// In bytes. If at most this many bytes wait to be sent, the time limit for a peer that takes no bytes is `#stallTimeout`. Otherwise it is
// `sendTimeout`.
const STALL_THRESHOLD = 1_048_576;

// The shortest time between two checks of a peer that takes no bytes, in milliseconds.
const STALL_CHECK = 1_000;

// How long we wait for the 'close' event of a destroyed socket, in milliseconds. After this time, the connection counts as closed.
const DESTROY_TIMEOUT = 5_000;

const NOTHING: Uint8Array = new Uint8Array(0);

// §5.5: the maximum payload of a control frame, in bytes. The endpoint refuses a longer payload.
const MAX_CONTROL_PAYLOAD = 125;

export class Deadlines implements TimerOwner, Pinging {
  readonly #owner: DeadlinesOwner;
  readonly #outbox: Outbox;
  readonly #limits: ConnectionLimits;
  /** In milliseconds. If at most `STALL_THRESHOLD` bytes wait, and the peer takes no byte for this time, the connection is dropped. */
  readonly #stallTimeout: number;
  readonly #timer: Timer;

  readonly #heartbeat: Heartbeat;
  #pings: PingPace | null = null;
  /** Measures how long the peer takes to answer our pings. Null until the first ping is sent. */
  #pingTimes: PingTimes | null = null;
  /** When the last part of the incomplete message arrived. 0 if no message is incomplete. */
  #messageSince = 0;
  #messagePieces = 0;
  /** The time at which the connection is dropped if the closing handshake is not complete. 0 while the connection is not closing. */
  #closeBy = 0;
  #closeTimeout: number;
  /**
   * The time at which the connection counts as closed, even if the destroyed socket has not emitted 'close'. 0 while the socket is not
   * destroyed.
   */
  #goneBy = 0;

  constructor(owner: DeadlinesOwner, outbox: Outbox, limits: ConnectionLimits) {
    this.#owner = owner;
    this.#outbox = outbox;
    this.#limits = limits;
    this.#stallTimeout = Math.max(limits.sendTimeout, limits.heartbeatInterval + limits.heartbeatTimeout);
    this.#closeTimeout = limits.closeTimeout;
    this.#timer = processTimers.timer(this);
    this.#heartbeat = new Heartbeat(owner.endpoint, this, outbox, limits, processTimers.now());
  }

  // ---- methods that report what happened ----

  /** Starts the deadlines. Call this when the connection begins to receive. */
  start(): void {
    const now = processTimers.now();
    const { pings } = this.#limits;
    if (pings !== undefined && this.#closeBy === 0) {
      this.#pings = new PingPace(pings, this.#owner.endpoint, this, now);
    }
    this.#schedule(now);
  }

  /** Call this when `size` bytes have arrived, before they are parsed. @returns the current time, for the call of `parsed` */
  received(size: number): number {
    const now = processTimers.now();
    this.#heartbeat.received(size, now);
    return now;
  }

  /**
   * Call this after the received bytes were parsed. The bytes may have begun, continued or ended a message, so this method updates the
   * deadline of the message.
   */
  parsed(now: number = processTimers.now()): void {
    const { endpoint } = this.#owner;
    if (!endpoint.insideMessage) {
      this.#messageSince = 0;
      return;
    }
    const pieces = endpoint.dataPieces;
    if (this.#messageSince !== 0 && pieces === this.#messagePieces) return;
    this.#messagePieces = pieces;
    this.#messageSince = now;
    this.#timer.setSooner(this.#limits.messageTimeout);
  }

  ping(payload: Uint8Array = NOTHING): number {
    const { endpoint } = this.#owner;
    if (endpoint.state !== EndpointState.Open || payload.length > MAX_CONTROL_PAYLOAD) {
      endpoint.ping(payload);
      return 0;
    }
    this.#pingTimes ??= new PingTimes();
    // The ping is recorded before it is sent, because some transports deliver the answer before `endpoint.ping` returns.
    const number = this.#pingTimes.sent(payload, processTimers.now());
    endpoint.ping(payload);
    return number;
  }

  ponged(payload: Uint8Array): void {
    const now = processTimers.now();
    this.#pings?.answered(now);
    this.#pingTimes?.answered(payload, now);
  }

  /** The answer times of our pings. Null until the first ping is sent. */
  get pingTimes(): PingTimes | null {
    return this.#pingTimes;
  }

  /**
   * Call this when reading continues after a pause. The deadlines of the heartbeat, the pings and the incomplete message start again,
   * because we read nothing during the pause.
   */
  restart(): void {
    const now = processTimers.now();
    this.#heartbeat.restart(now);
    this.#pings?.answered(now);
    if (this.#messageSince !== 0) this.#messageSince = now;
  }

  /** Call this when the socket is blocked (it takes no more bytes for now). */
  blocked(): void {
    this.#timer.setSooner(this.#limits.sendTimeout);
  }

  /** Call this when the closing handshake has begun, or when we begin to close TCP. */
  closing(): void {
    if (this.#closeBy !== 0) return;
    const now = processTimers.now();
    this.#closeBy = now + this.#closeTimeout;
    this.#schedule(now);
  }

  /**
   * Sets the maximum time for the closing handshake, instead of `closeTimeout`. If the closing handshake has already begun, the time counts
   * from now. In this case, the deadline can become earlier, but not later.
   */
  closeWithin(timeout: number): void {
    this.#closeTimeout = timeout;
    if (this.#closeBy === 0) return;
    const now = processTimers.now();
    this.#closeBy = Math.min(this.#closeBy, now + timeout);
    this.#schedule(now);
  }

  /** Call this when the socket is being destroyed. This method sets a deadline, because the socket may never emit 'close'. */
  destroying(): void {
    const now = processTimers.now();
    this.#goneBy = now + Math.min(this.#closeTimeout, DESTROY_TIMEOUT);
    this.#schedule(now);
  }

  closed(): void {
    this.#timer.cancel();
  }

  // ---- the timer ----

  onTimer(): void {
    const now = processTimers.now();
    if (this.#goneBy !== 0) {
      if (now < this.#goneBy) this.#schedule(now);
      else this.#owner.onGone();
      return;
    }
    if (this.#closeBy !== 0) {
      if (now < this.#closeBy) this.#schedule(now);
      else this.#closeTimedOut();
      return;
    }
    // If a check ends the connection, we skip the later checks, so that only one reason is reported. The heartbeat is checked first,
    // because `#checkStall` needs to know whether a ping is unanswered.
    this.#heartbeat.check(now);
    if (!this.#isOver) this.#checkStall(now);
    if (!this.#isOver) this.#checkMessage(now);
    if (!this.#isOver) this.#pings?.check(now);
    if (!this.#isOver) this.#schedule(now);
    // If `#closeBy` and `#goneBy` are 0, code outside this library has destroyed the socket, and the socket has not emitted 'close' yet.
    else if (this.#closeBy === 0 && this.#goneBy === 0) this.destroying();
  }

  get #isOver(): boolean {
    return this.#closeBy !== 0 || this.#owner.isDestroyed;
  }

  /** Sets the timer for the earliest deadline. */
  #schedule(now: number): void {
    // While the connection is closing, no other deadline applies. We check this here, because the application may call `close` before
    // `start` calls this method.
    if (this.#goneBy !== 0 || this.#closeBy !== 0) {
      this.#timer.set((this.#goneBy !== 0 ? this.#goneBy : this.#closeBy) - now);
      return;
    }
    const limits = this.#limits;
    let due = this.#heartbeat.due;
    if (this.#messageSince !== 0) due = Math.min(due, this.#messageSince + limits.messageTimeout);
    if (this.#outbox.blocked) {
      // We check after `sendTimeout`, even if the longer `#stallTimeout` applies now. The reason is that the number of waiting bytes may
      // rise above STALL_THRESHOLD before the check. In that case, the shorter `sendTimeout` applies.
      const again = now + Math.min(limits.sendTimeout, STALL_CHECK);
      due = Math.min(due, Math.max(this.#outbox.lastTaken + limits.sendTimeout, again));
    }
    if (this.#pings !== null) due = Math.min(due, this.#pings.due);
    this.#timer.set(due - now);
  }

  // ---- the check of each deadline ----

  #closeTimedOut(): void {
    const { endpoint } = this.#owner;
    // §7.1.1 allows a client to close TCP if the server does not. §7.1.7 allows both roles to close TCP when the connection fails. If no
    // Close frame has arrived, the application receives 1006. If the connection failed earlier, the application already has the reason.
    if (endpoint.state === EndpointState.CloseSent && !this.#outbox.isEnding) {
      endpoint.abort(new ConnectionError('WS_CLOSE_TIMEOUT'));
    } else {
      endpoint.terminate();
      this.#outbox.destroy();
    }
  }

  #checkStall(now: number): void {
    const outbox = this.#outbox;
    if (!outbox.blocked) return;
    // §10.4: only bytes that the peer takes count as progress here. If received bytes counted too, a peer that sends much and reads nothing
    // could keep its connection forever. If few bytes wait and a ping is unanswered, the heartbeat decides whether the connection ends.
    const isLittle = outbox.bufferedAmount <= STALL_THRESHOLD;
    if (isLittle && this.#heartbeat.isWaiting) return;
    if (now - outbox.lastTaken >= (isLittle ? this.#stallTimeout : this.#limits.sendTimeout)) {
      this.#owner.endpoint.abort(new ConnectionError('WS_SEND_CAP'));
    }
  }

  #checkMessage(now: number): void {
    if (this.#messageSince === 0) return;
    const { endpoint } = this.#owner;
    // While reading is paused, the peer cannot complete its message, so the deadline starts again.
    if (endpoint.isPaused) this.#messageSince = now;
    else if (now - this.#messageSince >= this.#limits.messageTimeout) endpoint.messageTimedOut();
  }
}
