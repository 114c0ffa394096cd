/**
 * Checks whether the peer is still connected, and shows the peer that we are connected (RFC 6455 §5.5.2, §5.5.3). If the peer is silent for
 * `heartbeatInterval`, we send a ping. Any byte from the peer counts as an answer. The peer's silence does not count if it could not answer
 * yet, or if we could not see its answer. While we only receive, we send unsolicited pongs to show that we are connected. deadlines.ts has
 * the timer.
 */

import { ConnectionError } from '../frame/connection-error.ts';
import type { Endpoint } from '../frame/endpoint.ts';
import type { ConnectionLimits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Pinging } from './ping-pace.ts';

// The maximum number of bytes that can be on their way to a peer. We assume that the peer's system and ours hold no more bytes together.
const MAX_IN_FLIGHT = 8_388_608;

// We assume that a slow peer reads this many bytes per second.
const SLOW_PEER = 32_768;

// If we received this many bytes since we last sent anything, we send a pong at the next interval. The peer may have sent a ping that has
// not arrived yet.
const LONG_RECEIPT = 4_096;

export class Heartbeat {
  readonly #endpoint: Endpoint;
  readonly #pinging: Pinging;
  readonly #outbox: Outbox;
  readonly #limits: ConnectionLimits;

  #lastReceived: number;
  /** The number of bytes that had left the process when we last received something. */
  #sentBefore = 0;
  /** The number of bytes that we received since we last sent something. */
  #received = 0;
  /** When the last ping or pong of the heartbeat was sent. */
  #lastBeat: number;
  /** When the unanswered ping was sent; 0 if every ping was answered. */
  #pingedAt = 0;
  /** How long the answer to the unanswered ping may take, in milliseconds. */
  #answerTime = 0;
  #lastCheck: number;

  constructor(endpoint: Endpoint, pinging: Pinging, outbox: Outbox, limits: ConnectionLimits, now: number) {
    this.#endpoint = endpoint;
    this.#pinging = pinging;
    this.#outbox = outbox;
    this.#limits = limits;
    this.#lastReceived = now;
    this.#lastBeat = now;
    this.#lastCheck = now;
  }

  /** Whether a ping of the heartbeat is unanswered. */
  get isWaiting(): boolean {
    return this.#pingedAt !== 0;
  }

  /** Call this when `size` bytes have arrived. */
  received(size: number, now: number): void {
    const outbox = this.#outbox;
    if (outbox.lastSent >= this.#lastReceived) this.#received = 0;
    this.#received += size;
    this.#sentBefore = outbox.sent;
    this.#lastReceived = now;
  }

  /** Call this when reading continues after a pause. We could not see an answer during the pause, so the peer's silence counts from now. */
  restart(now: number): void {
    this.#lastReceived = now;
  }

  /** The time at which the caller has to call `check`. */
  get due(): number {
    const nextSign = this.#lastSign + this.#limits.heartbeatInterval;
    if (this.#isBlind) return nextSign;
    // The peer may answer the ping and then be silent again. `#answerTime` can be longer than the interval. If we waited for its end, we
    // would notice the new silence too late. So we check at least once per interval.
    const nextLook = this.#lastCheck + this.#limits.heartbeatInterval;
    if (this.#pingedAt !== 0) return Math.min(this.#pingedAt + this.#answerTime, nextLook);
    const nextPing = this.#lastAlive + this.#limits.heartbeatInterval;
    return this.#onlyReceives ? Math.min(nextPing, nextSign) : nextPing;
  }

  check(now: number): void {
    this.#lastCheck = now;
    const { heartbeatInterval } = this.#limits;
    if (this.#isBlind) {
      this.#pingedAt = 0;
      this.#lastReceived = now;
      // We do not read, so we would not see a pong. We still send a ping. If the peer is not connected any more, TCP cannot deliver the
      // ping, and the socket fails.
      if (now - this.#lastSign >= heartbeatInterval) this.#ping(now);
      return;
    }
    const alive = this.#lastAlive;
    if (alive >= this.#pingedAt) this.#pingedAt = 0;
    if (this.#pingedAt !== 0) {
      if (now - this.#pingedAt >= this.#answerTime) {
        this.#endpoint.abort(new ConnectionError('WS_HEARTBEAT_TIMEOUT'));
      }
    } else if (now - alive >= heartbeatInterval) {
      this.#pingedAt = now;
      // Before it reads the ping, the peer has to read the bytes that wait in the memory of both systems. The peer may be slow, so it gets
      // more time if many bytes wait.
      const unread = Math.min(this.#outbox.sent - this.#sentBefore, MAX_IN_FLIGHT);
      this.#answerTime = this.#limits.heartbeatTimeout + (unread / SLOW_PEER) * 1_000;
      this.#ping(now);
    } else if (this.#onlyReceives && now - this.#lastSign >= heartbeatInterval) {
      // §5.5.3 allows an unsolicited pong. The peer may have sent a ping that has not arrived yet, because much other data comes before it.
      this.#lastBeat = now;
      this.#endpoint.pong();
    }
  }

  #ping(now: number): void {
    this.#lastBeat = now;
    this.#pinging.ping();
  }

  /** The time at which we last sent something. */
  get #lastSign(): number {
    return Math.max(this.#lastBeat, this.#outbox.lastSent);
  }

  /**
   * Whether we only receive. If so, the peer has sent at least `LONG_RECEIPT` bytes, or a part of a message, since we last sent something.
   * The peer cannot know then whether we are still connected.
   */
  get #onlyReceives(): boolean {
    if (this.#lastReceived <= this.#lastSign || this.#outbox.blocked) return false;
    return this.#received >= LONG_RECEIPT || this.#endpoint.insideMessage;
  }

  /** Whether we cannot see that the peer is connected. If so, we do not read, and no bytes wait that the peer could take. */
  get #isBlind(): boolean {
    return this.#endpoint.isPaused && !this.#outbox.blocked;
  }

  /** The time at which the peer last showed that it is connected. */
  get #lastAlive(): number {
    const outbox = this.#outbox;
    // While reading is paused, we could not see a pong. While more than the high-water mark waits to be sent, our ping has not left yet. In
    // both cases, a peer that takes our bytes counts as connected.
    const isHidden = this.#endpoint.isPaused || outbox.bufferedAmount > this.#limits.highWaterMark;
    return outbox.blocked && isHidden ? Math.max(this.#lastReceived, outbox.lastTaken) : this.#lastReceived;
  }
}
