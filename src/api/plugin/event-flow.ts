/**
 * Limits how many events of one connection may wait in the event queue. Above the limit the connection stops reading. (In the 4D surface, the
 * limit is one waiting event.) So a peer that floods us has to wait, and no event of another peer has to be dropped.
 */

/** The members of a connection that limit its flow. */
export interface PausableConnection {
  readonly state: 'open' | 'closing' | 'closed';
  pause(): void;
  resume(): void;
}

// More than one event may wait, so that the connection is seldom paused. The limit is low enough that the events of 100 such peers do not
// fill the queue.
const MAX_EVENTS = 64;

// The number of payload bytes. One message may be larger, because its size is only known once it has arrived.
const MAX_BYTES = 1_048_576;

/** The events of one connection that wait, or are being delivered. */
export class EventFlow {
  readonly #connection: PausableConnection;
  #events = 0;
  #bytes = 0;
  #isPaused = false;

  constructor(connection: PausableConnection) {
    this.#connection = connection;
  }

  /**
   * An event was added to the queue.
   * @param isCrowded whether the queue is so full that each connection may have only one event in it
   */
  added(size: number, isCrowded: boolean): void {
    this.#events++;
    this.#bytes += size;
    const isMuch = isCrowded || this.#events >= MAX_EVENTS || this.#bytes >= MAX_BYTES;
    if (!isMuch || this.#isPaused || this.#connection.state !== 'open') return;
    this.#isPaused = true;
    this.#connection.pause();
  }

  /**
   * Is called when an event was added to the queue before a method was set. The connection is not paused: if too many
   * events wait, the queue drops events, as the original did.
   */
  addedWhileHeld(size: number): void {
    this.#events++;
    this.#bytes += size;
  }

  /** Is called when an event has left the queue. */
  settled(size: number, isCrowded: boolean): void {
    this.#events--;
    this.#bytes -= size;
    if (!this.#isPaused) return;
    const isLittle = !isCrowded && this.#events <= MAX_EVENTS / 2 && this.#bytes <= MAX_BYTES / 2;
    if (isLittle || this.#events === 0) this.#resume();
  }

  /** Is called when the closing handshake begins. Reading resumes, since the peer's Close frame has to be read. */
  closing(): void {
    if (this.#isPaused) this.#resume();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#connection.resume();
  }
}
