/**
 * Stores messages from their arrival until `for await` reads them. The connection reads a few messages ahead, and then stops reading. TCP
 * then makes the peer wait (RFC 6455 leaves flow control to TCP).
 */

import type { Charge } from '../frame/charge.ts';
import { processTimers, type Timer, type TimerOwner } from '../transport/timers.ts';

// Without a `message` handler, messages wait until a loop reads them. The connection stops reading when the number of messages, or the
// number of their bytes, reaches its limit.
const MAX_WAITING_MESSAGES = 16;
const MAX_WAITING_BYTES = 65_536;

// A waiting message needs about this number of bytes in addition to its own bytes.
const ITEM_COST = 128;

// Milliseconds that messages may wait until the first loop begins to read them. A connection that does not read cannot notice that its peer
// has left. Without this limit, the connections of an application that never reads would stay open for ever.
const UNREAD_TIMEOUT = 30_000;

let warnedOfDropped = false;

/** Warns once per process. If one connection drops its messages, usually the other connections of the server do the same. */
function warnOfDropped(): void {
  if (warnedOfDropped) return;
  warnedOfDropped = true;
  process.emitWarning(
    'messages are dropped: there is no "message" handler, and no "for await" loop reads them; an empty handler says that they are not wanted',
    { type: 'Rfc6455Warning', code: 'WS_UNREAD_MESSAGES' },
  );
}

/** The connection that receives the messages. */
export interface InboxOwner {
  pauseForInbox(): void;
  resumeForInbox(): void;
  /**
   * Is called when the inbox needs more memory. If the memory budget is used up, the connection stops reading until there is memory again.
   */
  askForRoom(): void;
}

/** Stores messages that wait for `for await`. */
export class Inbox implements TimerOwner {
  #isTaken = false;
  #unread: Timer | null = null;
  readonly #owner: InboxOwner;
  /** Counts memory in the memory budget (frame/charge.ts): the waiting messages, and the message that the loop is processing. */
  readonly #charge: Charge;
  #inLoop = 0;
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

  /** @param charge counts only the memory of this inbox, and is 0 at first */
  constructor(owner: InboxOwner, charge: Charge) {
    this.#owner = owner;
    this.#charge = charge;
  }

  /** Is called when a loop begins to read. @throws {TypeError} if another loop reads the messages, or if the messages were dropped */
  open(): void {
    if (this.#isTaken) throw new TypeError('the messages of this connection are being read already');
    if (this.#discards)
      throw new TypeError('the messages of this connection were dropped: no loop read them in time');
    this.#isTaken = true;
    this.#unread?.cancel();
  }

  /**
   * Returns the iterator for one loop over the messages.
   * @param leave is called when the loop ends early
   * @throws {TypeError} if another loop reads the messages, or if the messages were dropped
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

  /** True if a loop is reading the messages. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** True if the connection has stopped reading because too many messages wait here. */
  get isHolding(): boolean {
    return this.#paused;
  }

  onTimer(): void {
    if (this.#ended !== null) {
      // The connection is closed, and the loop over its messages did not continue. The waiting messages no longer count in the memory
      // budget.
      this.#charge.release();
      return;
    }
    this.discard();
    warnOfDropped();
  }

  push(message: string | Buffer): void {
    if (this.#discards) return;
    if (this.#reader !== null) {
      const reader = this.#reader;
      this.#reader = null;
      this.#inLoop = message.length + ITEM_COST;
      this.#count();
      this.#owner.askForRoom();
      reader.resolve({ done: false, value: message });
      return;
    }
    const isFull = this.#isFull;
    // The connection is closing, so it must not stop reading. If there is no space, the messages that arrive now are dropped.
    if (!this.#mayPause && isFull) return;
    this.#messages.push(message);
    this.#bytes += message.length;
    this.#count();
    this.#owner.askForRoom();
    if (this.#paused || !this.#mayPause || !this.#isFull) return;
    this.#paused = true;
    this.#owner.pauseForInbox();
    if (this.#isTaken) return;
    this.#unread = processTimers.timer(this);
    this.#unread.set(UNREAD_TIMEOUT);
  }

  async next(): Promise<IteratorResult<string | Buffer>> {
    const first = this.#messages.shift();
    // The loop asks for the next message. So it no longer processes the previous message.
    this.#inLoop = first === undefined ? 0 : first.length + ITEM_COST;
    if (first !== undefined) this.#bytes -= first.length;
    this.#count();
    if (this.#ended !== null) this.#watchEnd();
    if (first !== undefined) {
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

  /**
   * Is called when the connection is closing. After this call, the connection does not stop reading, even if many messages wait, because it
   * has to read the peer's Close frame.
   */
  stopPausing(): void {
    this.#mayPause = false;
    this.#unread?.cancel();
    if (this.#paused) this.#goOn();
  }

  discard(): void {
    this.#discards = true;
    this.#messages = [];
    this.#bytes = 0;
    this.#inLoop = 0;
    this.#count();
    this.stopPausing();
  }

  end(error: Error | null): void {
    this.#ended = { error };
    this.#watchEnd();
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) return;
    this.#ended = { error: null };
    if (error !== null) reader.reject(error);
    else reader.resolve({ done: true, value: undefined });
  }

  #goOn(): void {
    this.#paused = false;
    this.#owner.resumeForInbox();
  }

  /**
   * Is called when the connection is closed, and after each message that a loop reads. If no loop reads for `UNREAD_TIMEOUT` milliseconds,
   * the waiting messages no longer count in the memory budget.
   */
  #watchEnd(): void {
    this.#unread?.cancel();
    if (this.#charge.bytes === 0) return;
    this.#unread ??= processTimers.timer(this);
    this.#unread.set(UNREAD_TIMEOUT);
  }

  #count(): void {
    this.#charge.resize(this.#bytes + this.#messages.length * ITEM_COST + this.#inLoop);
  }

  get #isFull(): boolean {
    return this.#messages.length >= MAX_WAITING_MESSAGES || this.#bytes >= MAX_WAITING_BYTES;
  }
}
