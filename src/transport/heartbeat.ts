/**
 * Checks whether the peer is still connected (RFC 6455 §5.5.2). If the peer is silent for `heartbeatInterval`, we send a ping. Any byte
 * from the peer counts as an answer. Time in which the peer cannot answer, or in which we do not read, does not count. If we receive much
 * and send nothing, we send a pong, so that the peer knows that we are connected (§5.5.3). deadlines.ts has the timer.
 */

import { ConnectionError } from '../frame/connection-error.ts';
import type { Endpoint } from '../frame/endpoint.ts';
import type { ConnectionLimits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Pinging } from './ping-pace.ts';

// In bytes. We assume that the peer still has to read at most this many bytes. They are in the buffers of the two operating systems.
const MAX_IN_FLIGHT = 8_388_608;

// We assume that a slow peer reads this many bytes per second.
const SLOW_PEER = 32_768;

// If we have received this many bytes and sent nothing in the meantime, we send a pong at the next interval. The peer may have sent a ping
// that is still on its way to us, and may wait for the pong.
const LONG_RECEIPT = 4_096;

export class Heartbeat {
  readonly #endpoint: Endpoint;
  readonly #pinging: Pinging;
  readonly #outbox: Outbox;
  readonly #limits: ConnectionLimits;

  #lastReceived: number;
  /** The value of `outbox.sent` (the number of all sent bytes) at the time when we last received something. */
  #sentBefore = 0;
  /** The number of bytes that we received since we last sent something. */
  #received = 0;
  /** The time at which the heartbeat last sent a ping or a pong. */
  #lastBeat: number;
  /** When the unanswered ping was sent. 0 if no ping is unanswered. */
  #pingedAt = 0;
  /** How long we wait for the answer to the unanswered ping, in milliseconds. */
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

  /** True while a ping of the heartbeat is unanswered. */
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

  /**
   * Call this when reading continues after a pause. During the pause, we could not see an answer. So we measure the peer's silence from now
   * on.
   */
  restart(now: number): void {
    this.#lastReceived = now;
  }

  /** The time at which the caller has to call `check`. */
  get due(): number {
    const nextSign = this.#lastSign + this.#limits.heartbeatInterval;
    if (this.#isBlind) return nextSign;
    // `#answerTime` can be longer than the interval. During `#answerTime`, the peer may answer the ping and then become silent again. So we
    // check at least once per interval, to notice this in time.
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
      // We do not read now, so we cannot see a pong. We still send a ping, because the socket fails if TCP cannot deliver the ping.
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
      // Before the peer reads the ping, it has to read the bytes that we sent earlier. A slow peer needs time for this. So the peer gets
      // more time if there are many such bytes.
      const unread = Math.min(this.#outbox.sent - this.#sentBefore, MAX_IN_FLIGHT);
      this.#answerTime = this.#limits.heartbeatTimeout + (unread / SLOW_PEER) * 1_000;
      this.#ping(now);
    } else if (this.#onlyReceives && now - this.#lastSign >= heartbeatInterval) {
      // §5.5.3 allows a pong without a ping. The peer may have sent a ping, but we first receive the data that the peer sent before the
      // ping.
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
   * True if the peer has sent `LONG_RECEIPT` bytes, or a part of a message, since we last sent something. Then the peer cannot know whether
   * we are still connected.
   */
  get #onlyReceives(): boolean {
    if (this.#lastReceived <= this.#lastSign || this.#outbox.blocked) return false;
    return this.#received >= LONG_RECEIPT || this.#endpoint.insideMessage;
  }

  /** True if we cannot see whether the peer is connected: we do not read, and no blocked socket shows us whether the peer takes bytes. */
  get #isBlind(): boolean {
    return this.#endpoint.isPaused && !this.#outbox.blocked;
  }

  /** The time at which the peer last showed that it is connected. */
  get #lastAlive(): number {
    const outbox = this.#outbox;
    // While reading is paused, we cannot see a pong. While more bytes wait than the high-water mark, our ping waits too. In these two
    // cases, a peer that takes our bytes counts as connected.
    const isHidden = this.#endpoint.isPaused || outbox.bufferedAmount > this.#limits.highWaterMark;
    return outbox.blocked && isHidden ? Math.max(this.#lastReceived, outbox.lastTaken) : this.#lastReceived;
  }
}
