/**
 * Limits how many events of one connection may wait in the event queue. At the limit, the connection stops reading. So a peer that sends
 * too fast has to wait, and the queue does not drop the events of other peers. In the 4D API, the limit is one waiting event.
 */

export interface PausableConnection {
  readonly state: 'open' | 'closing' | 'closed';
  pause(): void;
  resume(): void;
}

// The number of events of one connection that may wait. It is above 1, so that a connection seldom stops reading. It is low, so that 100
// connections at this limit do not fill the queue.
const MAX_EVENTS = 64;

// The number of payload bytes of one connection that may wait. A single message may be larger, because its size is known only after the
// message has arrived.
const MAX_BYTES = 1_048_576;

/** Counts the events of one connection that wait or are being delivered. */
export class EventFlow {
  readonly #connection: PausableConnection;
  #events = 0;
  #bytes = 0;
  #isPaused = false;

  constructor(connection: PausableConnection) {
    this.#connection = connection;
  }

  /**
   * Is called when an event was added to the queue. At a limit, pauses the connection.
   * @param isCrowded true if the queue is more than half full. Each connection may then have only one event in the queue
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
   * Is called when an event was added before the program has set a method. The connection is not paused. If too many events wait, the queue
   * drops events, as the original did.
   */
  addedWhileHeld(size: number): void {
    this.#events++;
    this.#bytes += size;
  }

  /** Is called when an event was delivered or dropped. Resumes the connection if few of its events are left. */
  settled(size: number, isCrowded: boolean): void {
    this.#events--;
    this.#bytes -= size;
    if (!this.#isPaused) return;
    const isLittle = !isCrowded && this.#events <= MAX_EVENTS / 2 && this.#bytes <= MAX_BYTES / 2;
    if (isLittle || this.#events === 0) this.#resume();
  }

  /** Is called when the closing handshake begins. Resumes the connection, because the peer's Close frame has to be read. */
  closing(): void {
    if (this.#isPaused) this.#resume();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#connection.resume();
  }
}
