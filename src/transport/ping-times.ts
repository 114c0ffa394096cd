/**
 * How long the peer takes to answer our pings: RFC 6455 §5.5.2, §5.5.3. Whatever sends a ping (the application, the heartbeat, a schedule,
 * values that wait for a receipt), its time is taken here; a connection that sends none has no such object.
 */

interface UnansweredPing {
  readonly payload: Buffer;
  readonly number: number;
  readonly sentAt: number;
}

// Pings that are timed at the same time: a peer that answers none must not make us keep them.
const MAX_TIMED = 8;

export class PingTimes {
  #unanswered: UnansweredPing[] = [];
  #sent = 0;
  /** Which ping was the last to be answered, itself or by the answer to a later one; 0 while none was. */
  lastAnswered = 0;
  /** Milliseconds from the last answered ping to its pong. */
  rtt: number | undefined = undefined;

  /** A ping is sent. @returns its number, from 1 on */
  sent(payload: Uint8Array, now: number): number {
    const ping = { payload: Buffer.from(payload), number: ++this.#sent, sentAt: now };
    // In place of the newest: the oldest ones would otherwise never be answered while pings are sent faster than answers come.
    if (this.#unanswered.length === MAX_TIMED) this.#unanswered.pop();
    this.#unanswered.push(ping);
    return ping.number;
  }

  /** A pong came. One that answers no ping (§5.5.3 allows it) changes nothing. */
  answered(payload: Uint8Array, now: number): void {
    const at = this.#unanswered.findIndex((ping) => ping.payload.equals(payload));
    const ping = this.#unanswered[at];
    if (ping === undefined) return;
    this.rtt = now - ping.sentAt;
    this.lastAnswered = ping.number;
    // §5.5.3: a peer may answer only the most recent of several pings, so those before it have no answer any more. Of those with the same
    // payload, one pong may be the answer to any: they are not timed, or each answer might be taken for that of the ping before.
    this.#unanswered = this.#unanswered.slice(at + 1).filter((later) => !later.payload.equals(payload));
  }
}
