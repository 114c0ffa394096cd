/**
 * Passes the bytes of one connection to its socket. Joins small writes, applies backpressure, and notifies senders of sent bytes.
 *
 * One write passes all bytes of one turn of the event loop to the socket (batch.ts). While the socket is blocked, the bytes wait in memory
 * of exactly their size (write-queue.ts). RFC 6455 allows this, because §5.4 only forbids a change of the order.
 */

import type { Duplex } from 'node:stream';
import { ConnectionError } from '../frame/connection-error.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';
import type { ByteSink, SendCallback, SharedMemory } from '../frame/sink.ts';
import { Batch } from './batch.ts';
import { Borrowed, PayloadChangedError } from './borrowed.ts';
import { clock, withoutContext } from './clock.ts';
import type { Ownership } from './ownership.ts';
import { SentMarks } from './sent-marks.ts';
import { areSlabsExhausted } from './slabs.ts';
import { flushAll, flushAtEndOfTurn } from './turn.ts';
import { WriteQueue, type WriteQueueOwner } from './write-queue.ts';

/** The events of an outbox. */
export interface OutboxOwner {
  /** Is called when nothing waits any more, if the socket was blocked before, or if `notifyWhenEmpty` was called. */
  onDrained(): void;
  /** Is called when the socket is blocked (it takes no more bytes for now). */
  onBlocked(): void;
  /** Is called when the endpoint wants to receive again after a pause. */
  onResumable(): void;
  /** Is called when the closing handshake begins, or the endpoint calls `end`. */
  onClosing(): void;
  /** Is called if the application transferred or resized a payload before it was sent. The owner drops the connection. */
  onPayloadChanged(error: Error): void;
  /** Is called when the socket is being destroyed. */
  onDestroying(): void;
}

export interface OutboxOptions {
  readonly memoryBudget: MemoryBudget;
  /** The maximum number of bytes that may wait to be sent. */
  readonly sendCap: number;
}

// If at least this many bytes wait, we write them before the end of the turn of the event loop. A larger write would not be faster.
const FLUSH_THRESHOLD = 65_536;

// An outbox uses this empty object until it needs a mark (see sent-marks.ts). No mark is ever added to this object.
const noMarks = new SentMarks();

function flushHere(this: Outbox): void {
  this.flushHere(clock.now());
}

/** The sending half of one socket. */
export class Outbox implements ByteSink, WriteQueueOwner {
  readonly #socket: Duplex;
  readonly #owner: OutboxOwner;
  readonly #options: OutboxOptions;

  /** The bytes from the endpoint in this turn of the event loop. They are not in the socket or in the queue yet. */
  readonly #batch: Batch = new Batch();
  isListed = false;
  readonly #queue: WriteQueue;
  /** The number of bytes that the memory budget counts for this outbox at present. */
  #counted = 0;

  /** The number of all bytes that were added to this outbox so far. */
  #committed = 0;
  /** When a batch was last written to the socket, in milliseconds of `clock.now()`. */
  #lastGiven: number = clock.now();
  #marks: SentMarks = noMarks;
  /** True after the socket was blocked. Then `onDrained` has to be called when nothing waits any more. */
  #owesDrained = false;
  /** True after `notifyWhenEmpty` was called. Then `onDrained` has to be called when nothing waits any more. */
  #isDraining = false;
  #ending = false;
  #ended = false;
  #destroyed = false;

  /** @param ownership how `socket` uses memory that is written to it (see ownership.ts) */
  constructor(socket: Duplex, owner: OutboxOwner, options: OutboxOptions, ownership: Ownership) {
    this.#socket = socket;
    this.#owner = owner;
    this.#options = options;
    this.#queue = new WriteQueue(socket, this, ownership, options.sendCap);
  }

  get blocked(): boolean {
    return this.#queue.blocked;
  }

  get bufferedAmount(): number {
    return this.#batch.size + this.#queue.bufferedAmount;
  }

  /** When the socket last took bytes or became busy, in milliseconds of `clock.now()`. */
  get lastTaken(): number {
    return this.#queue.lastTaken;
  }

  /** When bytes were last sent, in milliseconds of `clock.now()`. */
  get lastSent(): number {
    return Math.max(this.#lastGiven, this.#queue.lastTaken);
  }

  /** The number of bytes of this connection that the operating system has taken so far. */
  get sent(): number {
    return this.#committed - this.bufferedAmount;
  }

  /** True after `end` was called. Then the bytes that wait are still sent, but no bytes are added. */
  get isEnding(): boolean {
    return this.#ending;
  }

  // ---- methods that the endpoint calls ----

  reserve(size: number): { readonly buffer: Buffer; readonly offset: number } {
    if (!this.#batch.hasRoom(size)) this.#makeRoom(size);
    return this.#batch;
  }

  commit(size: number): void {
    this.#batch.commit(size);
    this.#added(size);
  }

  append(payload: Uint8Array, size: number, isStable: boolean, shared: SharedMemory | null): void {
    if (this.#destroyed) return;
    const { copies } = this.#queue;
    if (copies) this.#batch.append(new Uint8Array(payload), size);
    else this.#batch.append(isStable ? payload : new Borrowed(payload), size);
    const total = size + payload.length;
    if (shared !== null && !copies) this.#ownMarks.hold(this.#committed + total, payload.length, shared);
    this.#added(total);
  }

  whenSent(done: SendCallback): void {
    this.#ownMarks.notify(this.#committed, done);
    flushAtEndOfTurn(this);
  }

  resumeReading(): void {
    this.#owner.onResumable();
  }

  closing(): void {
    this.flush();
    this.#owner.onClosing();
  }

  end(): void {
    if (this.#ending || this.#destroyed) return;
    this.#ending = true;
    this.flush();
    this.#owner.onClosing();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.release();
    this.#owner.onDestroying();
    this.#socket.destroy();
  }

  // ---- methods that the transport calls ----

  /** Until `stopNotifying` is called, `onDrained` is called each time the outbox becomes empty, even if the socket was not blocked. */
  notifyWhenEmpty(): void {
    this.#isDraining = true;
    flushAtEndOfTurn(this);
  }

  stopNotifying(): void {
    this.#isDraining = false;
  }

  /** Drops all bytes that wait. Call this when the socket is closed or is about to be destroyed. */
  release(): void {
    // The bytes in the socket are lost too. A closed socket no longer counts these bytes, but the queue still does.
    const left = this.#committed - this.#batch.size - this.#queue.release();
    this.#destroyed = true;
    this.#batch.clear();
    this.#marks.left(left);
    // A new error records the stack, which costs time. So we create the error only if a sender is waiting for a notification.
    if (!this.#marks.isEmpty) this.#marks.lost(new ConnectionError('WS_NOT_SENT'));
    this.#count();
  }

  /**
   * Writes as many waiting bytes as the socket takes. The write does not run in the AsyncLocalStorage context of the caller, because the
   * caller may be another connection.
   */
  flush(): void {
    if (this.#batch.size > 0 || this.#ending) withoutContext(flushHere, this);
    else this.flushHere(0);
  }

  /** Flushes in the AsyncLocalStorage context of the caller. @param now the result of `clock.now()`. It is used only if bytes wait */
  flushHere(now: number): void {
    const queue = this.#queue;
    // Frames that are added while `socket.write` runs must come after the bytes of that write. So they wait until the end of the turn.
    if (this.#destroyed || queue.isWriting) return;
    if (this.#batch.size > 0) {
      if (!queue.isBusy) {
        this.#lastGiven = now;
        queue.write(this.#batch);
      } else if (this.blocked || this.#batch.size >= FLUSH_THRESHOLD || areSlabsExhausted()) {
        queue.setAside(this.#batch);
      }
      // Otherwise the batch waits until the socket is no longer busy. Then one write sends it together with later frames.
    }
    if (this.#destroyed) return;
    this.#count();
    // At the end of the turn, the socket may have taken all bytes, or we may know that it is slow. So we check again then.
    if (queue.isBusy ? !queue.isSlow : this.#batch.size > 0 || !this.#marks.isEmpty) flushAtEndOfTurn(this);
    if (this.#isDraining && !queue.isBusy) this.#drained();
    if (this.#ending && !this.#ended && this.#batch.size === 0 && queue.isEmpty) {
      this.#ended = true;
      this.#socket.end();
    }
  }

  /** Is called by turn.ts at the end of the turn of the event loop. */
  endTurn(now: number): void {
    this.#queue.endTurn();
    this.flushHere(now);
    this.#settle();
  }

  // ---- the queue's events ----

  onBlocked(): void {
    this.#owesDrained = true;
    this.#owner.onBlocked();
  }

  onWriteFailed(error: unknown): void {
    if (error instanceof PayloadChangedError) {
      this.destroy();
      this.#owner.onPayloadChanged(error);
      return;
    }
    // `socket.write` threw, so the socket is broken. The error must not reach other connections that are flushed in this turn.
    this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
  }

  onTaken(): void {
    this.flushHere(clock.now());
    this.#settle();
    if (this.#owesDrained && !this.#queue.isBusy && !this.#destroyed) this.#drained();
  }

  #drained(): void {
    this.#owesDrained = false;
    this.#owner.onDrained();
  }

  #added(size: number): void {
    if (this.#destroyed) {
      this.#batch.clear();
      return;
    }
    this.#committed += size;
    if (this.#batch.size >= FLUSH_THRESHOLD) this.flush();
    else flushAtEndOfTurn(this);
  }

  #makeRoom(size: number): void {
    const batch = this.#batch;
    // The slab (a pooled buffer) is full. So its bytes go to the socket or the queue before the batch gets another slab.
    if (!batch.canGrow(size)) this.flush();
    if (!batch.canGrow(size) && this.#queue.isBusy && !this.#queue.isWriting) this.#queue.setAside(batch);
    if (areSlabsExhausted()) flushAll();
    if (batch.hasRoom(size)) return;
    // While `socket.write` runs, the bytes of the full slab cannot go to the socket or the queue. So the bytes stay in the slab.
    if (!batch.canGrow(size)) batch.abandon();
    batch.grow(size);
  }

  get #ownMarks(): SentMarks {
    if (this.#marks === noMarks) this.#marks = new SentMarks();
    return this.#marks;
  }

  /** Notifies the senders that their bytes were sent, or that their bytes are lost because the socket is destroyed. */
  #settle(): void {
    if (this.#marks.isEmpty) return;
    if (this.#destroyed) this.#marks.lost(new ConnectionError('WS_NOT_SENT'));
    else this.#marks.left(this.sent);
  }

  #count(): void {
    // We do not count shared memory here, because a `Charge` (frame/charge.ts) counts it already.
    const counted = this.#queue.isBusy ? Math.max(0, this.bufferedAmount - this.#marks.sharedBytes) : 0;
    const difference = counted - this.#counted;
    if (difference === 0) return;
    this.#counted = counted;
    this.#options.memoryBudget.count(difference);
  }
}
