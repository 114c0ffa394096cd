/**
 * Sends pings at a fixed interval if the application sets the option `pings` (RFC 6455 §5.5.2). These pings are sent even while the peer
 * sends messages. Only a pong counts as an answer. deadlines.ts has the timer.
 */

import { ConnectionError } from '../frame/connection-error.ts';
import type { Endpoint } from '../frame/endpoint.ts';
import type { PingSchedule } from './limits.ts';

/** Sends pings, and measures how long the peer takes to answer them. */
export interface Pinging {
  /** Sends a ping as `Endpoint.ping` does. @returns the number of the ping (the first ping is 1), or 0 if the ping was not sent */
  ping(payload?: Uint8Array): number;
}

export class PingPace {
  readonly #schedule: PingSchedule;
  readonly #endpoint: Endpoint;
  readonly #pinging: Pinging;
  #nextPing: number;
  #lastPong: number;
  /** False while the last ping is unanswered. */
  #isAnswered = true;

  constructor(schedule: PingSchedule, endpoint: Endpoint, pinging: Pinging, now: number) {
    this.#schedule = schedule;
    this.#endpoint = endpoint;
    this.#pinging = pinging;
    this.#lastPong = now;
    this.#nextPing = now + schedule.first;
    if (schedule.first <= 0) this.check(now);
  }

  /** The time at which the caller has to call `check`. */
  get due(): number {
    return Math.min(this.#nextPing, this.#lastPong + this.#schedule.timeout);
  }

  /**
   * Call this when a pong has arrived. Also call it when reading continues after a pause, because we could not see a pong during the pause.
   */
  answered(now: number): void {
    this.#lastPong = now;
    this.#isAnswered = true;
  }

  check(now: number): void {
    const { interval, timeout, answerEach } = this.#schedule;
    // While reading is paused, we cannot see a pong, so we count the ping as answered.
    if (this.#endpoint.isPaused) this.answered(now);
    const late = now - this.#nextPing;
    // If this check is late, the process was blocked, and we could not send the ping in time. So the peer gets more time for its answer.
    if (late > 0 && this.#isAnswered) this.#lastPong = Math.min(now, this.#lastPong + late);
    if (now - this.#lastPong >= timeout || (late >= 0 && answerEach && !this.#isAnswered)) {
      this.#endpoint.fail(new ConnectionError('WS_HEARTBEAT_TIMEOUT'));
    } else if (late >= 0) {
      this.#nextPing += interval;
      // Pings that were missed while the process was blocked are not sent later.
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
