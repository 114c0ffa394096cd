/**
 * Passes an endpoint's bytes to the socket: joins small writes, applies backpressure, and notifies senders once bytes have left.
 *
 * Everything that was sent within one turn of the event loop leaves in one write (batch.ts). While the socket is blocked, everything waits
 * in memory of its exact size (write-queue.ts). The RFC allows all of this: §5.4 only forbids changing the order.
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
  /** Nothing waits in the outbox any more, after the socket had been blocked or `notifyWhenEmpty` was called. */
  onDrained(): void;
  /** The socket takes no more for now. */
  onBlocked(): void;
  /** Reading may continue. */
  onResumable(): void;
  /** The closing handshake began, or the end was requested. */
  onClosing(): void;
  /** The application transferred or resized a payload before it had left. The connection is dropped. */
  onPayloadChanged(error: Error): void;
  /** The socket is being destroyed. */
  onDestroying(): void;
}

export interface OutboxOptions {
  readonly memoryBudget: MemoryBudget;
  /** Bytes that may wait to be sent. */
  readonly sendCap: number;
}

// If this many bytes wait, they are flushed at once: a larger write saves nothing.
const FLUSH_THRESHOLD = 65_536;

// Every connection uses this object until a sender wants a notification or memory is shared. Nothing is ever added to it.
const noMarks = new SentMarks();

function flushHere(this: Outbox): void {
  this.flushHere(clock.now());
}

/** The sending half of one socket. */
export class Outbox implements ByteSink, WriteQueueOwner {
  readonly #socket: Duplex;
  readonly #owner: OutboxOwner;
  readonly #options: OutboxOptions;

  /** The bytes that were sent in this turn. */
  readonly #batch: Batch = new Batch();
  isListed = false;
  readonly #queue: WriteQueue;
  /** Bytes that the memory budget currently counts for this outbox. */
  #counted = 0;

  /** Bytes that were committed so far. */
  #committed = 0;
  /** The last time at which the socket was given bytes, or at which a blocked socket took bytes, in milliseconds of `clock.now()`. */
  #lastGiven: number = clock.now();
  #marks: SentMarks = noMarks;
  /** Whether `onDrained` is to follow because the socket was blocked. */
  #owesDrained = false;
  /** Whether `onDrained` is to follow even if the socket was never blocked. */
  #isDraining = false;
  #ending = false;
  #ended = false;
  #destroyed = false;

  /** @param ownership what happens to the memory once the Duplex has written it */
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

  /** The time at which the blocked socket last took something, in milliseconds of `clock.now()`. */
  get lastTaken(): number {
    return this.#queue.lastTaken;
  }

  /** The time at which bytes last left. */
  get lastSent(): number {
    return Math.max(this.#lastGiven, this.#queue.lastTaken);
  }

  /** Bytes that have left the process so far. */
  get sent(): number {
    return this.#committed - this.bufferedAmount;
  }

  /** Whether the end was requested: waiting bytes still leave, but nothing is added. */
  get isEnding(): boolean {
    return this.#ending;
  }

  // ---- what the endpoint does ----

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

  // ---- what the transport does ----

  /** Asks for `onDrained` whenever nothing waits in the outbox, even if the socket never blocks. `stopNotifying` ends this. */
  notifyWhenEmpty(): void {
    this.#isDraining = true;
    flushAtEndOfTurn(this);
  }

  stopNotifying(): void {
    this.#isDraining = false;
  }

  /** Drops everything that waits, since the socket is closed. */
  release(): void {
    // Bytes that the socket was given and did not take are lost as well. The socket no longer counts them.
    const left = this.#committed - this.#batch.size - this.#queue.release();
    this.#destroyed = true;
    this.#batch.clear();
    this.#marks.left(left);
    // Creating an error records the stack, which costs time, so it is made only if a sender waits for it.
    if (!this.#marks.isEmpty) this.#marks.lost(new ConnectionError('WS_NOT_SENT'));
    this.#count();
  }

  /**
   * Writes as many of the waiting bytes as the socket takes. It runs outside the AsyncLocalStorage context of any connection, since the code
   * that follows may belong to another connection.
   */
  flush(): void {
    if (this.#batch.size > 0 || this.#ending) withoutContext(flushHere, this);
    else this.flushHere(0);
  }

  /** The same as `flush`, in the caller's context. @param now the result of `clock.now()`; used if there is something to write */
  flushHere(now: number): void {
    const queue = this.#queue;
    // Frames that are added during a write must come after it, so they leave at the end of the turn.
    if (this.#destroyed || queue.isWriting) return;
    if (this.#batch.size > 0) {
      if (!queue.isBusy) {
        this.#lastGiven = now;
        queue.write(this.#batch);
      } else if (this.blocked || this.#batch.size >= FLUSH_THRESHOLD || areSlabsExhausted()) {
        queue.setAside(this.#batch);
      }
      // If the socket is busy, the batch leaves in one write with later frames, as soon as the socket is free.
    }
    if (this.#destroyed) return;
    this.#count();
    // A busy socket may be free again one turn later, or turn out to be slow.
    if (queue.isBusy ? !queue.isSlow : this.#batch.size > 0 || !this.#marks.isEmpty) flushAtEndOfTurn(this);
    if (this.#isDraining && !queue.isBusy) this.#drained();
    if (this.#ending && !this.#ended && this.#batch.size === 0 && queue.isEmpty) {
      this.#ended = true;
      this.#socket.end();
    }
  }

  /** Called at the end of the event loop's turn. */
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
    // A transport that throws is broken. The error must not reach the other connections that are flushed in this turn.
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
    // The slab is full: its content leaves, or is kept as a chunk, before the next slab begins.
    if (!batch.canGrow(size)) this.flush();
    if (!batch.canGrow(size) && this.#queue.isBusy && !this.#queue.isWriting) this.#queue.setAside(batch);
    if (areSlabsExhausted()) flushAll();
    if (batch.hasRoom(size)) return;
    // `socket.write` is being called, so the content of the full slab has to stay in this slab.
    if (!batch.canGrow(size)) batch.abandon();
    batch.grow(size);
  }

  get #ownMarks(): SentMarks {
    if (this.#marks === noMarks) this.#marks = new SentMarks();
    return this.#marks;
  }

  /** Notifies the senders whose bytes have left. */
  #settle(): void {
    if (this.#marks.isEmpty) return;
    if (this.#destroyed) this.#marks.lost(new ConnectionError('WS_NOT_SENT'));
    else this.#marks.left(this.sent);
  }

  #count(): void {
    // Shared memory has a separate charge.
    const counted = this.#queue.isBusy ? Math.max(0, this.bufferedAmount - this.#marks.sharedBytes) : 0;
    const difference = counted - this.#counted;
    if (difference === 0) return;
    this.#counted = counted;
    this.#options.memoryBudget.count(difference);
  }
}
