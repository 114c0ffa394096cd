/**
 * Measures how long the peer takes to answer our pings: RFC 6455 §5.5.2, §5.5.3. Every ping is measured here. The application, the
 * heartbeat, a `PingSchedule` or `sendLatest` may have sent it. A connection that sends no ping does not create an object of this class.
 */

interface UnansweredPing {
  readonly payload: Buffer;
  readonly number: number;
  readonly sentAt: number;
}

// The maximum number of unanswered pings that we keep. Otherwise a peer that never answers could make us keep all pings.
const MAX_TIMED = 8;

export class PingTimes {
  #unanswered: UnansweredPing[] = [];
  #sent = 0;
  /** The number of the last ping whose pong has arrived; 0 until the first pong. This pong also answers all earlier pings. */
  lastAnswered = 0;
  /** The time from the last answered ping to its pong, in milliseconds. */
  rtt: number | undefined = undefined;

  /** Call this when a ping is sent. @returns the number of the ping: 1 for the first ping */
  sent(payload: Uint8Array, now: number): number {
    const ping = { payload: Buffer.from(payload), number: ++this.#sent, sentAt: now };
    // If the list is full, the new ping replaces the newest ping in the list. If it replaced the oldest ping, and pings were sent faster
    // than answers arrive, no ping would ever be answered.
    if (this.#unanswered.length === MAX_TIMED) this.#unanswered.pop();
    this.#unanswered.push(ping);
    return ping.number;
  }

  /** Call this when a pong has arrived. A pong that answers none of our pings (§5.5.3 allows such a pong) changes nothing. */
  answered(payload: Uint8Array, now: number): void {
    const at = this.#unanswered.findIndex((ping) => ping.payload.equals(payload));
    const ping = this.#unanswered[at];
    if (ping === undefined) return;
    this.rtt = now - ping.sentAt;
    this.lastAnswered = ping.number;
    // §5.5.3: a peer may answer only the most recent of several pings. So we no longer wait for answers to earlier pings. If several pings
    // have the same payload, a pong may answer any of these pings. We stop timing the later pings with this payload. Otherwise we might
    // match each further pong with the wrong ping.
    this.#unanswered = this.#unanswered.slice(at + 1).filter((later) => !later.payload.equals(payload));
  }
}
