/**
 * What an endpoint sends on its way to the socket: coalescing, backpressure, and when it has left.
 *
 * Small frames are written in place into a slab, large payloads are kept as they are; what was sent within one turn of the
 * event loop leaves in one write. While the socket is blocked, everything waits here, in memory of its exact size.
 * The RFC leaves all of this to us (§5.4 only forbids to change the order).
 */

import type { Duplex } from 'node:stream';
import { ConnectionError } from '../frame/connection-error.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';
import type { ByteSink, SendCallback, SharedMemory } from '../frame/sink.ts';
import { Borrowed, giveBack, PayloadChangedError } from './borrowed.ts';
import { clock } from './clock.ts';
import {
  abandonSlab,
  acquireSlab,
  areSlabsExhausted,
  areSlabsScarce,
  releaseSlab,
  SLAB_SIZE,
} from './slabs.ts';
import { flushAll, flushAtEndOfTurn } from './turn.ts';
import { type Chunk, copyOutOf, WriteQueue } from './write-queue.ts';

/** Who is told what happens to the bytes. */
export interface OutboxOwner {
  /** Nothing waits here any more, after the socket had been blocked or `notifyWhenEmpty` was called. */
  onDrained(): void;
  /** The socket takes no more for now. */
  onBlocked(): void;
  /** Reading may go on. */
  onResumable(): void;
  /** The closing handshake began, or the end was asked for. */
  onClosing(): void;
  /** The application transferred or resized a payload too early: nothing more can be sent. */
  onPayloadChanged(error: Error): void;
  /** The socket is being destroyed. */
  onDestroying(): void;
}

export interface OutboxOptions {
  readonly memoryBudget: MemoryBudget;
}

/** A socket hands bytes to the kernel, or encrypts them; any other Duplex may keep, or share, the memory it is given. */
export type Ownership = 'taken' | 'kept';

// What waits unflushed: from here on a larger write saves nothing.
const FLUSH_FROM = 65_536;

const EMPTY: Buffer = Buffer.alloc(0);

/** The sending half of one socket. */
export class Outbox implements ByteSink {
  readonly #socket: Duplex;
  readonly #owner: OutboxOwner;
  readonly #options: OutboxOptions;
  readonly #copies: boolean;

  // `reserve` returns this object itself: no allocation for a frame.
  buffer: Buffer = EMPTY;
  offset = 0;

  /** The slab that frames are written into, or null. Its bytes [start, offset) are not flushed. */
  #slab: Buffer | null = null;
  #start = 0;
  /** Bytes in the slab and in `#chunks`. */
  #unflushed = 0;
  /** Slab parts and large payloads in order, where the slab alone does not tell. */
  #chunks: Chunk[] | null = null;
  #isDirty = false;

  #blocked = false;
  /** A slab that the blocked socket still reads from. */
  #slabInFlight: Buffer | null = null;
  /** What waits while the socket is blocked. */
  readonly #queue: WriteQueue = new WriteQueue();
  /** Inside `socket.write`: some transports hand the bytes on, and bring back the answer, before it returns. */
  #writing = false;
  /** What the memory budget was told. */
  #counted = 0;

  /** Bytes that the socket had not taken when it became blocked. */
  #inSocket = 0;
  /** Bytes that were committed so far. */
  #committed = 0;
  /** Who is to be notified once so many of them have left, in order. */
  #marks: { readonly at: number; readonly done: SendCallback }[] = [];
  /** `onDrained` is wanted though the socket may never have been blocked. */
  #isDraining = false;
  #ending = false;
  #ended = false;
  #destroyed = false;

  /** When the blocked socket last took something, in milliseconds of `performance.now()`. */
  lastTaken = 0;

  /** @param ownership what the Duplex does with memory once a write is done */
  constructor(socket: Duplex, owner: OutboxOwner, options: OutboxOptions, ownership: Ownership) {
    this.#copies = ownership === 'kept';
    this.#socket = socket;
    this.#owner = owner;
    this.#options = options;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  get bufferedAmount(): number {
    const inSocket = this.#blocked ? this.#socket.writableLength : 0;
    return this.#unflushed + this.#queue.bytes + inSocket;
  }

  /** Whether the end was asked for: what waits still leaves, nothing is added. */
  get isEnding(): boolean {
    return this.#ending;
  }

  reserve(size: number): { readonly buffer: Buffer; readonly offset: number } {
    if (this.#slab === null || this.offset + size > SLAB_SIZE) this.#nextSlab();
    return this;
  }

  commit(size: number): void {
    this.offset += size;
    this.#added(size);
  }

  append(payload: Uint8Array, size: number, isStable: boolean, _shared: SharedMemory | null): void {
    if (this.#destroyed) return;
    this.offset += size;
    this.#chunks ??= [];
    if (this.offset > this.#start) this.#chunks.push(this.#slabPart());
    if (this.#copies) this.#chunks.push(new Uint8Array(payload));
    else this.#chunks.push(isStable ? payload : new Borrowed(payload));
    this.#added(size + payload.length);
  }

  /** `onDrained` is to follow whenever nothing waits here, even if the socket never blocks, up to `stopNotifying`. */
  notifyWhenEmpty(): void {
    this.#isDraining = true;
    this.#markDirty();
  }

  stopNotifying(): void {
    this.#isDraining = false;
  }

  resumeReading(): void {
    this.#owner.onResumable();
  }

  whenSent(done: SendCallback): void {
    this.#marks.push({ at: this.#committed, done });
    this.#markDirty();
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

  /** The socket is gone: everything that waits is dropped. */
  release(): void {
    // What the socket had been given and did not take is lost as well, though it does not count it any more.
    const left = this.#committed - this.#unflushed - this.#queue.bytes - (this.#blocked ? this.#inSocket : 0);
    this.#destroyed = true;
    this.#chunks = null;
    this.#queue.clear();
    this.#unflushed = 0;
    this.#blocked = false;
    // A slab that the socket may still read from is left to the collector.
    this.#dropSlab();
    if (this.#slabInFlight !== null) abandonSlab();
    this.#slabInFlight = null;
    this.#count();
    const marks = this.#marks;
    this.#marks = [];
    for (const { at, done } of marks) done(at <= left ? null : new ConnectionError('WS_NOT_SENT'));
  }

  /** The end of the loop's turn. */
  endTurn(): void {
    this.flush();
    this.#notify();
  }

  /** Writes what waits, as far as the socket takes it. */
  flush(): void {
    this.#isDirty = false;
    // What is added while a write is going on must come behind it: it leaves at the end of the turn.
    if (this.#destroyed || this.#writing) return;
    if (this.#unflushed > 0) {
      if (this.#blocked) this.#setAside();
      else if (this.#chunks === null) this.#writeSlab();
      else this.#writeChunks();
    }
    if (this.#destroyed) return;
    if (this.#unflushed > 0 || (this.#marks.length > 0 && !this.#blocked)) this.#markDirty();
    if (this.#blocked) this.#count();
    else if (this.#isDraining) this.#owner.onDrained();
    if (this.#ending && !this.#ended && this.#unflushed === 0 && this.#queue.isEmpty) {
      this.#ended = true;
      this.#socket.end();
    }
  }

  #added(size: number): void {
    if (this.#destroyed) {
      this.#dropSlab();
      return;
    }
    this.#unflushed += size;
    this.#committed += size;
    if (this.#unflushed >= FLUSH_FROM) this.flush();
    else this.#markDirty();
  }

  #markDirty(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    flushAtEndOfTurn(this);
  }

  #nextSlab(): void {
    // Full: what it holds leaves, or is set aside, before the next one is begun.
    if (this.#slab !== null) this.flush();
    if (this.#slab !== null) {
      // Inside a write: it waits in its slab, which is left to the collector afterwards.
      this.#chunks ??= [];
      if (this.offset > this.#start) this.#chunks.push(this.#slabPart());
      abandonSlab();
      this.#slab = null;
    }
    if (areSlabsExhausted()) flushAll();
    if (this.#slab === null) {
      this.#slab = acquireSlab();
      this.#start = 0;
      this.offset = 0;
    }
    this.buffer = this.#slab;
  }

  #slabPart(): Buffer {
    const part = this.#slab!.subarray(this.#start, this.offset);
    this.#start = this.offset;
    return part;
  }

  /** The one write of a turn: the slab as it is. */
  #writeSlab(): void {
    const part = this.#slabPart();
    const slab = this.#detachSlab()!;
    const copies = this.#copiesSlab;
    this.#unflushed = 0;
    this.#writing = true;
    try {
      this.#socket.write(copies ? Buffer.from(part) : part);
    } catch (error) {
      this.#writeFailed(error);
    }
    this.#written();
    this.#leaveSlab(slab, copies);
  }

  #writeChunks(): void {
    const chunks = this.#chunks!;
    if (this.offset > this.#start) chunks.push(this.#slabPart());
    const slab = this.#detachSlab();
    const copies = this.#copiesSlab;
    if (copies && slab !== null) copyOutOf(slab, chunks);
    this.#queue.add(chunks, this.#unflushed);
    this.#chunks = null;
    this.#unflushed = 0;
    this.#feed();
    if (slab === null) return;
    this.#queue.leave(slab);
    this.#leaveSlab(slab, copies);
  }

  /** Whether a part of the slab is given to the socket as a copy. */
  get #copiesSlab(): boolean {
    return this.#copies || areSlabsScarce();
  }

  /** What is added from now on goes to another slab. */
  #detachSlab(): Buffer | null {
    const slab = this.#slab;
    this.#slab = null;
    this.#start = 0;
    this.offset = 0;
    return slab;
  }

  #dropSlab(): void {
    const slab = this.#detachSlab();
    if (slab !== null) releaseSlab(slab);
  }

  /** What the slab held was written. Where the kernel took it all, the slab is free again at once. */
  #leaveSlab(slab: Buffer, copied: boolean): void {
    if (copied || !(this.#blocked || this.#destroyed)) releaseSlab(slab);
    else if (this.#blocked) this.#slabInFlight = slab;
    // The socket may still read from it: it is left to the collector.
    else abandonSlab();
  }

  /** A transport that throws is a broken one; the other connections that are flushed in this turn are not. */
  #writeFailed(error: unknown): void {
    if (error instanceof PayloadChangedError) {
      this.destroy();
      this.#owner.onPayloadChanged(error);
      return;
    }
    this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
  }

  #written(): void {
    this.#writing = false;
    if (!this.#destroyed && this.#socket.writableLength > 0) this.#block();
  }

  /** Writes from the queue until the socket is blocked. */
  #feed(): void {
    while (!this.#queue.isEmpty && !this.#blocked && !this.#destroyed) {
      this.#writing = true;
      let copy: Buffer | null = null;
      try {
        this.#socket.cork();
        copy = this.#queue.writeSome(this.#socket);
        this.#socket.uncork();
      } catch (error) {
        this.#writeFailed(error);
      }
      this.#written();
      if (copy !== null && !this.#blocked && !this.#destroyed) giveBack(copy);
    }
    this.#queue.compact();
  }

  #block(): void {
    this.#blocked = true;
    this.#inSocket = this.#socket.writableLength;
    this.lastTaken = clock.now();
    // An empty write behind the others: its callback says that they are gone. 'drain' would not come for small amounts.
    this.#socket.write(EMPTY, (error) => {
      if (!error) this.#taken();
    });
    this.#owner.onBlocked();
  }

  /** The socket took everything it had been given. */
  #taken(): void {
    if (this.#destroyed) return;
    this.#blocked = false;
    this.lastTaken = clock.now();
    if (this.#slabInFlight !== null) releaseSlab(this.#slabInFlight);
    this.#slabInFlight = null;
    this.#feed();
    this.flush();
    this.#notify();
    if (this.#blocked || this.#destroyed) return;
    this.#count();
    this.#owner.onDrained();
  }

  /** Calls who waits for bytes that have left. */
  #notify(): void {
    if (this.#marks.length === 0 || this.#destroyed) return;
    const left = this.#committed - this.bufferedAmount;
    for (let mark = this.#marks[0]; mark !== undefined && mark.at <= left; mark = this.#marks[0]) {
      this.#marks.shift();
      mark.done(null);
    }
  }

  /** The socket is blocked: what was sent meanwhile waits in memory of its own size, and the slab goes to others. */
  #setAside(): void {
    const chunks = this.#chunks ?? [];
    if (this.offset > this.#start) chunks.push(this.#slabPart());
    if (this.#slab !== null) copyOutOf(this.#slab, chunks);
    this.#queue.add(chunks, this.#unflushed);
    this.#chunks = null;
    this.#unflushed = 0;
    this.#dropSlab();
  }

  #count(): void {
    const counted = this.#blocked ? this.bufferedAmount : 0;
    const difference = counted - this.#counted;
    if (difference === 0) return;
    this.#counted = counted;
    this.#options.memoryBudget.count(difference);
  }
}
