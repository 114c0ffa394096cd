/**
 * Sends pings at a fixed interval, for applications that request them (RFC 6455 §5.5.2). The peer gets these pings even if it sends other
 * data, and only a pong counts as an answer. deadlines.ts has the timer.
 */

import { ConnectionError } from '../frame/connection-error.ts';
import type { Endpoint } from '../frame/endpoint.ts';
import type { PingSchedule } from './limits.ts';

/** Sends pings whose answers are timed. */
export interface Pinging {
  /** Sends a ping as `Endpoint.ping` does. @returns its number, from 1 on; 0 if it was not sent */
  ping(payload?: Uint8Array): number;
}

export class PingPace {
  readonly #schedule: PingSchedule;
  readonly #endpoint: Endpoint;
  readonly #pinging: Pinging;
  #nextPing: number;
  #lastPong: number;
  /** Whether the last ping was answered. */
  #isAnswered = true;

  constructor(schedule: PingSchedule, endpoint: Endpoint, pinging: Pinging, now: number) {
    this.#schedule = schedule;
    this.#endpoint = endpoint;
    this.#pinging = pinging;
    this.#lastPong = now;
    this.#nextPing = now + schedule.first;
    if (schedule.first <= 0) this.check(now);
  }

  /** The time at which `check` is to be called. */
  get due(): number {
    return Math.min(this.#nextPing, this.#lastPong + this.#schedule.timeout);
  }

  /** Call this when a pong has come. Call it as well if a pong could not be seen until now. */
  answered(now: number): void {
    this.#lastPong = now;
    this.#isAnswered = true;
  }

  check(now: number): void {
    const { interval, timeout, answerEach } = this.#schedule;
    // While we do not read, we could not see a pong.
    if (this.#endpoint.isPaused) this.answered(now);
    const late = now - this.#nextPing;
    // The process was blocked: the time in which no ping was sent does not count against the peer.
    if (late > 0 && this.#isAnswered) this.#lastPong = Math.min(now, this.#lastPong + late);
    if (now - this.#lastPong >= timeout || (late >= 0 && answerEach && !this.#isAnswered)) {
      this.#endpoint.fail(new ConnectionError('WS_HEARTBEAT_TIMEOUT'));
    } else if (late >= 0) {
      this.#nextPing += interval;
      // Pings that were missed are not sent later.
      if (this.#nextPing <= now) this.#nextPing = now + interval;
      this.#ping();
    }
  }

  #ping(): void {
    this.#isAnswered = false;
    try {
      this.#pinging.ping(this.#schedule.payload());
    } catch (error) {
      // The application's function threw, or returned a payload that is too long.
      this.#endpoint.fail(error);
    }
  }
}
