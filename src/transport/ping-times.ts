/**
 * Measures how long the peer takes to answer our pings: RFC 6455 §5.5.2, §5.5.3. Every ping is timed here, no matter what sent it: the
 * application, the heartbeat, a schedule, or values that wait for a receipt. A connection that sends no ping does not create
 * an object of this class.
 */

interface UnansweredPing {
  readonly payload: Buffer;
  readonly number: number;
  readonly sentAt: number;
}

// The number of pings that are timed at the same time: a peer that never answers must not make us keep them all.
const MAX_TIMED = 8;

export class PingTimes {
  #unanswered: UnansweredPing[] = [];
  #sent = 0;
  /** Number of the last ping whose pong came; that pong also answers all earlier pings. 0 until the first pong. */
  lastAnswered = 0;
  /** Milliseconds from the last answered ping to its pong. */
  rtt: number | undefined = undefined;

  /** Call this when a ping is sent. @returns its number, from 1 on */
  sent(payload: Uint8Array, now: number): number {
    const ping = { payload: Buffer.from(payload), number: ++this.#sent, sentAt: now };
    // The new ping replaces the newest one. If it replaced the oldest, no ping would ever be answered while pings are sent faster than
    // answers come.
    if (this.#unanswered.length === MAX_TIMED) this.#unanswered.pop();
    this.#unanswered.push(ping);
    return ping.number;
  }

  /** Call this when a pong has come. A pong that answers no ping (§5.5.3 allows it) changes nothing. */
  answered(payload: Uint8Array, now: number): void {
    const at = this.#unanswered.findIndex((ping) => ping.payload.equals(payload));
    const ping = this.#unanswered[at];
    if (ping === undefined) return;
    this.rtt = now - ping.sentAt;
    this.lastAnswered = ping.number;
    // §5.5.3: a peer may answer only the most recent of several pings, so we no longer wait for answers to earlier pings. If several pings
    // have the same payload, a pong may answer any of these pings. We stop timing the later pings with this payload: otherwise we might match
    // each further pong with the wrong ping.
    this.#unanswered = this.#unanswered.slice(at + 1).filter((later) => !later.payload.equals(payload));
  }
}
