/**
 * Measures how long the peer takes to answer our pings (RFC 6455 §5.5.2, §5.5.3). It measures the pings of the application, of the
 * heartbeat, of the option `pings` and of `sendLatest`. A connection that sends no ping has no `PingTimes` object.
 */

interface UnansweredPing {
  readonly payload: Buffer;
  readonly number: number;
  readonly sentAt: number;
}

// The maximum number of unanswered pings that we keep. Without a maximum, a peer that never answers could make us keep all pings.
const MAX_TIMED = 8;

export class PingTimes {
  #unanswered: UnansweredPing[] = [];
  #sent = 0;
  /** The number of the newest ping that was answered. 0 until a pong has arrived. The pong for a ping also answers all earlier pings. */
  lastAnswered = 0;
  /** The time between the ping `lastAnswered` and its pong, in milliseconds. Undefined until a pong has arrived. */
  rtt: number | undefined = undefined;

  /** Call this when a ping is sent. @returns the number of the ping. The first ping of a connection has the number 1 */
  sent(payload: Uint8Array, now: number): number {
    const ping = { payload: Buffer.from(payload), number: ++this.#sent, sentAt: now };
    // If the list is full, the new ping replaces the newest ping in the list. The oldest ping stays, because its answer arrives first. If
    // we removed the oldest ping, and sent pings faster than answers arrive, we would never measure an answer.
    if (this.#unanswered.length === MAX_TIMED) this.#unanswered.pop();
    this.#unanswered.push(ping);
    return ping.number;
  }

  /** Call this when a pong has arrived. §5.5.3 allows a pong that answers no ping. Such a pong changes nothing. */
  answered(payload: Uint8Array, now: number): void {
    const at = this.#unanswered.findIndex((ping) => ping.payload.equals(payload));
    const ping = this.#unanswered[at];
    if (ping === undefined) return;
    this.rtt = now - ping.sentAt;
    this.lastAnswered = ping.number;
    // §5.5.3: a peer may answer only the most recent of several pings. So we forget all earlier pings. We also forget later pings with the
    // same payload, because the pong may be the answer to one of them. Otherwise we might match each further pong with the wrong ping.
    this.#unanswered = this.#unanswered.slice(at + 1).filter((later) => !later.payload.equals(payload));
  }
}
