/**
 * Checks whether the peer is still connected, and shows the peer that we are connected: RFC 6455 §5.5.2, §5.5.3. A ping is sent after
 * silence, and any byte counts as an answer. Silence does not count against a peer that could not answer yet, or whose answer we could not
 * see. While we only receive, we send unsolicited pongs to show that we are connected. deadlines.ts has the timer.
 */

import { ConnectionError } from '../frame/connection-error.ts';
import type { Endpoint } from '../frame/endpoint.ts';
import type { ConnectionLimits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Pinging } from './ping-pace.ts';

// The most bytes that are on their way to a peer: more do not fit into the memory of its system and ours.
const MAX_IN_FLIGHT = 8_388_608;

// Bytes a second that a slow peer is assumed to read.
const SLOW_PEER = 32_768;

// If we received this many bytes since we last sent anything, the peer may have sent a ping that has not arrived yet.
const LONG_RECEIPT = 4_096;

export class Heartbeat {
  readonly #endpoint: Endpoint;
  readonly #pinging: Pinging;
  readonly #outbox: Outbox;
  readonly #limits: ConnectionLimits;

  #lastReceived: number;
  /** Bytes that had left when something was last received. */
  #sentBefore = 0;
  /** Bytes that were received since we sent anything. */
  #received = 0;
  /** When the last ping or pong of the heartbeat was sent. */
  #lastBeat: number;
  /** When the unanswered ping was sent, or 0 if there is no such ping. */
  #pingedAt = 0;
  /** How long the answer to the unanswered ping may take. */
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

  /** Whether the answer to a ping is due. */
  get isWaiting(): boolean {
    return this.#pingedAt !== 0;
  }

  /** Call this when `size` bytes have come. */
  received(size: number, now: number): void {
    const outbox = this.#outbox;
    if (outbox.lastSent >= this.#lastReceived) this.#received = 0;
    this.#received += size;
    this.#sentBefore = outbox.sent;
    this.#lastReceived = now;
  }

  /** Call this when reading continues after a pause: an answer that could not be seen during the pause does not count as missing. */
  restart(now: number): void {
    this.#lastReceived = now;
  }

  /** The time at which `check` is to be called. */
  get due(): number {
    const nextSign = this.#lastSign + this.#limits.heartbeatInterval;
    if (this.#isBlind) return nextSign;
    // The peer may answer and then be silent again. We check at the usual interval: the time for an answer may be longer, so that
    // we would notice the new silence too late.
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
      // We would not see a pong. But TCP has to deliver the ping: if the peer is not connected any more, the socket fails.
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
      // The peer first has to read the bytes that wait in its system's memory and in ours, and the peer may be slow.
      const unread = Math.min(this.#outbox.sent - this.#sentBefore, MAX_IN_FLIGHT);
      this.#answerTime = this.#limits.heartbeatTimeout + (unread / SLOW_PEER) * 1_000;
      this.#ping(now);
    } else if (this.#onlyReceives && now - this.#lastSign >= heartbeatInterval) {
      // §5.5.3 allows an unsolicited pong. A peer that sends much may have sent a ping that has not arrived yet.
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
   * Whether we only receive: since we last sent something, the peer has sent much, or is in the middle of a message. So the peer cannot
   * know whether we are still connected.
   */
  get #onlyReceives(): boolean {
    if (this.#lastReceived <= this.#lastSign || this.#outbox.blocked) return false;
    return this.#received >= LONG_RECEIPT || this.#endpoint.insideMessage;
  }

  /** Whether we do not read, and the socket is not blocked: we cannot see whether the peer is still connected. */
  get #isBlind(): boolean {
    return this.#endpoint.isPaused && !this.#outbox.blocked;
  }

  /** The time at which the peer last showed that it is connected. */
  get #lastAlive(): number {
    const outbox = this.#outbox;
    // While we do not read, we could not see a pong. While much waits to be sent, our ping has not left yet. In both cases, a peer that
    // takes our bytes counts as alive.
    const isHidden = this.#endpoint.isPaused || outbox.bufferedAmount > this.#limits.highWaterMark;
    return outbox.blocked && isHidden ? Math.max(this.#lastReceived, outbox.lastTaken) : this.#lastReceived;
  }
}
