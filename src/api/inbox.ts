/**
 * Messages between their arrival and `for await`: a little is read ahead, then the connection stops reading (RFC 6455 leaves
 * flow control to TCP).
 */

import { processTimers, type Timer, type TimerOwner } from '../transport/timers.ts';

// Without a `message` handler messages wait for the iterator; beyond either of these the connection stops reading.
const MAX_WAITING_MESSAGES = 16;
const MAX_WAITING_BYTES = 65_536;

// How long nobody may ask for them, in milliseconds. A connection that is not read does not see its peer leave either: where
// an application has no use for messages at all, each of those would stay for good.
const UNREAD_TIMEOUT = 30_000;

let warnedOfDropped = false;

/** Once: what one connection does, all of a server's do. */
function warnOfDropped(): void {
  if (warnedOfDropped) return;
  warnedOfDropped = true;
  process.emitWarning(
    'messages are dropped: there is no "message" handler, and nobody reads them with "for await"; an empty handler says that they are not wanted',
    { type: 'Rfc6455Warning', code: 'WS_UNREAD_MESSAGES' },
  );
}

/** Messages that wait for `for await`. */
export class Inbox implements TimerOwner {
  #isTaken = false;
  #unread: Timer | null = null;
  readonly #pause: () => void;
  readonly #resume: () => void;
  #messages: (string | Buffer)[] = [];
  #bytes = 0;
  #paused = false;
  #mayPause = true;
  #ended: { readonly error: Error | null } | null = null;
  #discards = false;
  #reader: {
    resolve(result: IteratorResult<string | Buffer>): void;
    reject(error: Error): void;
  } | null = null;

  constructor(pause: () => void, resume: () => void) {
    this.#pause = pause;
    this.#resume = resume;
  }

  /**
   * Somebody reads them.
   * @throws {TypeError} where somebody does already, or it is too late
   */
  open(): void {
    if (this.#isTaken) throw new TypeError('the messages of this connection are being read already');
    if (this.#discards)
      throw new TypeError('the messages of this connection were dropped: nobody asked for them');
    this.#isTaken = true;
    this.#unread?.cancel();
  }

  /**
   * The messages for one loop.
   * @param leave called when the loop is left early
   * @throws as `open`
   */
  iterate(leave: () => void): AsyncIterableIterator<string | Buffer> {
    this.open();
    const iterator: AsyncIterableIterator<string | Buffer> = {
      next: () => this.next(),
      return: async () => {
        leave();
        this.discard();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Whether a loop reads the messages. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Whether the connection is not read because of what waits here. */
  get isHolding(): boolean {
    return this.#paused;
  }

  onTimer(): void {
    this.discard();
    warnOfDropped();
  }

  push(message: string | Buffer): void {
    if (this.#discards) return;
    if (this.#reader !== null) {
      const reader = this.#reader;
      this.#reader = null;
      reader.resolve({ done: false, value: message });
      return;
    }
    const isFull = this.#isFull;
    // We said goodbye: what comes now, beyond what there is room for, is not waited for by anybody.
    if (!this.#mayPause && isFull) return;
    this.#messages.push(message);
    this.#bytes += message.length;
    if (this.#paused || !this.#mayPause || !this.#isFull) return;
    this.#paused = true;
    this.#pause();
    if (this.#isTaken) return;
    this.#unread = processTimers.timer(this);
    this.#unread.set(UNREAD_TIMEOUT);
  }

  async next(): Promise<IteratorResult<string | Buffer>> {
    const first = this.#messages.shift();
    if (first !== undefined) {
      this.#bytes -= first.length;
      if (this.#paused && !this.#isFull) this.#goOn();
      return { done: false, value: first };
    }
    if (this.#ended !== null) {
      const { error } = this.#ended;
      this.#ended = { error: null };
      if (error !== null) throw error;
      return { done: true, value: undefined };
    }
    if (this.#reader !== null) throw new TypeError('the message before this one has not come yet');
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  /** The closing handshake needs the connection to be read. */
  stopPausing(): void {
    this.#mayPause = false;
    this.#unread?.cancel();
    if (this.#paused) this.#goOn();
  }

  discard(): void {
    this.#discards = true;
    this.#messages = [];
    this.stopPausing();
  }

  end(error: Error | null): void {
    this.#ended = { error };
    this.#unread?.cancel();
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) return;
    this.#ended = { error: null };
    if (error !== null) reader.reject(error);
    else reader.resolve({ done: true, value: undefined });
  }

  #goOn(): void {
    this.#paused = false;
    this.#resume();
  }

  get #isFull(): boolean {
    return this.#messages.length >= MAX_WAITING_MESSAGES || this.#bytes >= MAX_WAITING_BYTES;
  }
}
