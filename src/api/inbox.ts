/**
 * Holds messages from their arrival until `for await` reads them. The connection reads a few messages ahead, then stops reading. As a
 * result, TCP makes the peer wait: RFC 6455 leaves flow control to TCP.
 */

import type { Charge } from '../frame/charge.ts';
import { processTimers, type Timer, type TimerOwner } from '../transport/timers.ts';

// Without a `message` handler, messages wait for the iterator. If the number of messages or of bytes reaches one of these limits, the
// connection stops reading.
const MAX_WAITING_MESSAGES = 16;
const MAX_WAITING_BYTES = 65_536;

// The memory that a waiting message takes in addition to its bytes.
const ITEM_COST = 128;

// Milliseconds that messages may wait unread. A connection that does not read cannot notice that its peer leaves. Without this limit, the
// connections of an application that never reads messages would stay open for ever.
const UNREAD_TIMEOUT = 30_000;

let warnedOfDropped = false;

/** Warns once per process: if one connection of a server drops messages, the other connections usually drop theirs as well. */
function warnOfDropped(): void {
  if (warnedOfDropped) return;
  warnedOfDropped = true;
  process.emitWarning(
    'messages are dropped: there is no "message" handler, and no "for await" loop reads them; an empty handler says that they are not wanted',
    { type: 'Rfc6455Warning', code: 'WS_UNREAD_MESSAGES' },
  );
}

/** The connection whose messages wait in the inbox. */
export interface InboxOwner {
  pauseForInbox(): void;
  resumeForInbox(): void;
  /** Is called when the inbox uses more memory. If the memory budget has no room, the connection stops reading until there is room. */
  askForRoom(): void;
}

/** Messages that wait for `for await`. */
export class Inbox implements TimerOwner {
  #isTaken = false;
  #unread: Timer | null = null;
  readonly #owner: InboxOwner;
  /** Counts the memory of the waiting messages, and of the message that the loop works on (frame/charge.ts). */
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

  /** @param charge counts the memory of this inbox only; at first it counts 0 bytes */
  constructor(owner: InboxOwner, charge: Charge) {
    this.#owner = owner;
    this.#charge = charge;
  }

  /** Is called when a loop begins to read. @throws {TypeError} if another loop reads the messages, or the messages were dropped */
  open(): void {
    if (this.#isTaken) throw new TypeError('the messages of this connection are being read already');
    if (this.#discards)
      throw new TypeError('the messages of this connection were dropped: no loop read them in time');
    this.#isTaken = true;
    this.#unread?.cancel();
  }

  /**
   * Returns the iterator for one loop over the messages.
   * @param leave called when the loop is left early
   * @throws {TypeError} if another loop reads the messages, or the messages were dropped
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

  /** Whether the connection stopped reading because messages wait here. */
  get isHolding(): boolean {
    return this.#paused;
  }

  onTimer(): void {
    if (this.#ended !== null) {
      // The connection is closed, and its loop did not continue. Without this call, the waiting messages would count in the memory budget
      // for ever.
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
    // The connection is closing: messages that arrive now are dropped if there is no room for them.
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
    // The loop asks for the next message, so it no longer works on the previous message.
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

  /** From this call on, the connection does not stop reading, even if many messages wait: it must read the peer's Close frame. */
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
   * Starts a timer for the messages of a closed connection. Each read by a loop starts the timer again. When the timer ends, the messages
   * no longer count in the memory budget.
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
