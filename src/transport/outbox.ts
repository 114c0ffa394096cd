/**
 * Passes an endpoint's bytes to the socket: joins small writes, applies backpressure, and notifies senders when their bytes have left.
 *
 * All bytes that were sent within one turn of the event loop leave in one write (batch.ts). While the socket is blocked, the bytes wait in
 * memory of their exact size (write-queue.ts). The RFC allows all of this: §5.4 only forbids changing the order.
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
  /** Nothing waits in the outbox any more. Called if the socket was blocked, or `notifyWhenEmpty` was called. */
  onDrained(): void;
  /** The socket is blocked: it takes no more bytes for now. */
  onBlocked(): void;
  /** The endpoint asks to read from the socket again. */
  onResumable(): void;
  /** The closing handshake began, or the endpoint called `end`. */
  onClosing(): void;
  /** The application transferred or resized a payload before the payload had left. The owner drops the connection. */
  onPayloadChanged(error: Error): void;
  /** The socket is being destroyed. */
  onDestroying(): void;
}

export interface OutboxOptions {
  readonly memoryBudget: MemoryBudget;
  /** The maximum number of bytes that may wait to be sent. */
  readonly sendCap: number;
}

// When this many bytes wait in the batch, we write them before the turn ends. A larger write saves nothing.
const FLUSH_THRESHOLD = 65_536;

// Every outbox uses this object until a sender wants a notification or memory is shared. No mark is ever added to this object.
const noMarks = new SentMarks();

function flushHere(this: Outbox): void {
  this.flushHere(clock.now());
}

/** The sending half of one socket. */
export class Outbox implements ByteSink, WriteQueueOwner {
  readonly #socket: Duplex;
  readonly #owner: OutboxOwner;
  readonly #options: OutboxOptions;

  /** The bytes that were sent in this turn and have not been passed on yet. */
  readonly #batch: Batch = new Batch();
  isListed = false;
  readonly #queue: WriteQueue;
  /** The number of bytes that the memory budget counts for this outbox at present. */
  #counted = 0;

  /** The number of bytes that were committed so far. */
  #committed = 0;
  /** When a batch was last written to the socket, in milliseconds of `clock.now()`. */
  #lastGiven: number = clock.now();
  #marks: SentMarks = noMarks;
  /** True after the socket was blocked: `onDrained` has to be called when nothing waits any more. */
  #owesDrained = false;
  /** True after `notifyWhenEmpty` was called: `onDrained` has to be called when nothing waits any more. */
  #isDraining = false;
  #ending = false;
  #ended = false;
  #destroyed = false;

  /** @param ownership how the Duplex uses memory that is written to it */
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

  /** When the blocked socket last took bytes, in milliseconds of `clock.now()`. */
  get lastTaken(): number {
    return this.#queue.lastTaken;
  }

  /** When bytes last left, in milliseconds of `clock.now()`. */
  get lastSent(): number {
    return Math.max(this.#lastGiven, this.#queue.lastTaken);
  }

  /** The number of bytes that have left the process so far. */
  get sent(): number {
    return this.#committed - this.bufferedAmount;
  }

  /** Whether `end` was called: bytes that wait still leave, but no bytes are added. */
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

  /** From now on until `stopNotifying`, `onDrained` is called whenever the outbox becomes empty, even if the socket was not blocked. */
  notifyWhenEmpty(): void {
    this.#isDraining = true;
    flushAtEndOfTurn(this);
  }

  stopNotifying(): void {
    this.#isDraining = false;
  }

  /** Drops all bytes that wait. Call this when the socket is closed or is about to be destroyed. */
  release(): void {
    // Bytes that the socket was given and did not take are lost as well. A closed socket no longer counts these bytes; the queue does.
    const left = this.#committed - this.#batch.size - this.#queue.release();
    this.#destroyed = true;
    this.#batch.clear();
    this.#marks.left(left);
    // Creating an error records the stack, which costs time. So we create the error only if a sender waits for it.
    if (!this.#marks.isEmpty) this.#marks.lost(new ConnectionError('WS_NOT_SENT'));
    this.#count();
  }

  /**
   * Writes as many of the waiting bytes as the socket takes. It writes outside the caller's AsyncLocalStorage context, because the caller
   * may be another connection.
   */
  flush(): void {
    if (this.#batch.size > 0 || this.#ending) withoutContext(flushHere, this);
    else this.flushHere(0);
  }

  /** Does the same as `flush`, in the caller's context. @param now the result of `clock.now()`; used only if there is something to write */
  flushHere(now: number): void {
    const queue = this.#queue;
    // Frames that are added while `socket.write` runs must come after the bytes of that write. So they leave at the end of the turn.
    if (this.#destroyed || queue.isWriting) return;
    if (this.#batch.size > 0) {
      if (!queue.isBusy) {
        this.#lastGiven = now;
        queue.write(this.#batch);
      } else if (this.blocked || this.#batch.size >= FLUSH_THRESHOLD || areSlabsExhausted()) {
        queue.setAside(this.#batch);
      }
      // Otherwise the batch waits for the busy socket, and leaves in one write with later frames.
    }
    if (this.#destroyed) return;
    this.#count();
    // At the end of the turn, we check again: the busy socket may be free, or it may be slow.
    if (queue.isBusy ? !queue.isSlow : this.#batch.size > 0 || !this.#marks.isEmpty) flushAtEndOfTurn(this);
    if (this.#isDraining && !queue.isBusy) this.#drained();
    if (this.#ending && !this.#ended && this.#batch.size === 0 && queue.isEmpty) {
      this.#ended = true;
      this.#socket.end();
    }
  }

  /** turn.ts calls this at the end of the event loop's turn. */
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
    // A transport that throws is broken, so we destroy it. The error must not reach the other connections that are flushed in this turn.
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
    // The slab is full, so its content leaves, or waits in the queue, before the batch acquires another slab.
    if (!batch.canGrow(size)) this.flush();
    if (!batch.canGrow(size) && this.#queue.isBusy && !this.#queue.isWriting) this.#queue.setAside(batch);
    if (areSlabsExhausted()) flushAll();
    if (batch.hasRoom(size)) return;
    // While `socket.write` runs, the content of the full slab cannot leave, and cannot move to the queue. It stays in this slab.
    if (!batch.canGrow(size)) batch.abandon();
    batch.grow(size);
  }

  get #ownMarks(): SentMarks {
    if (this.#marks === noMarks) this.#marks = new SentMarks();
    return this.#marks;
  }

  /** Notifies the senders whose bytes have left, or whose bytes are lost because the socket is destroyed. */
  #settle(): void {
    if (this.#marks.isEmpty) return;
    if (this.#destroyed) this.#marks.lost(new ConnectionError('WS_NOT_SENT'));
    else this.#marks.left(this.sent);
  }

  #count(): void {
    // Shared memory has a separate charge (frame/charge.ts). So we do not count it here.
    const counted = this.#queue.isBusy ? Math.max(0, this.bufferedAmount - this.#marks.sharedBytes) : 0;
    const difference = counted - this.#counted;
    if (difference === 0) return;
    this.#counted = counted;
    this.#options.memoryBudget.count(difference);
  }
}
