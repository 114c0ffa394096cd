/**
 * Gives bytes to a socket, and keeps what it does not take, in order. What waits goes to the socket in slices of bounded size, so
 * that slow progress can be told from none, and one peer's 16 MiB do not sit in the socket's own queue, out of reach of our
 * accounting.
 */

import type { Duplex } from 'node:stream';
import { type Batch, type Chunk, copyOutOf } from './batch.ts';
import { Borrowed, giveBack, WRITE_SIZE } from './borrowed.ts';
import { clock } from './clock.ts';
import { abandonSlab, areSlabsScarce, landSlab, launchSlab, releaseSlab } from './slabs.ts';

/** What is notified of what the socket does. */
export interface WriteQueueOwner {
  /** The socket takes no more for now. */
  onBlocked(): void;
  /** The socket took everything that it had been given. */
  onTaken(): void;
  /** A write threw: the transport is broken, or a payload was taken away. Nothing more is written. */
  onWriteFailed(error: unknown): void;
}

/** A socket hands bytes to the kernel, or encrypts them; any other Duplex may keep, or share, the memory it is given. */
export type Ownership = 'taken' | 'kept';

const EMPTY: Uint8Array = new Uint8Array(0);

export class WriteQueue {
  readonly #socket: Duplex;
  readonly #owner: WriteQueueOwner;
  readonly #copies: boolean;

  /** What waits; null until something does. */
  #chunks: Chunk[] | null = null;
  /** Where the first of them is. */
  #head = 0;
  /** Bytes of them. */
  #waiting = 0;

  /** Whether the socket takes no more for now. */
  blocked = false;
  /** Inside `socket.write`: some transports hand the bytes on, and bring back the answer, before it returns. */
  isWriting = false;
  /** When the blocked socket last took something, in milliseconds of `clock.now()`. */
  lastTaken = 0;
  /** Bytes that the socket had not taken when it became blocked. */
  #inSocket = 0;
  /** A slab that the blocked socket still reads from. */
  #slabInFlight: Buffer | null = null;
  /** Writes whose callback has not been called. */
  #writes = 0;
  #onTaken: ((error?: Error | null) => void) | null = null;
  /** A write failed: nothing more is given to the socket, which is being destroyed. */
  #isBroken = false;
  #isReleased = false;

  constructor(socket: Duplex, owner: WriteQueueOwner, ownership: Ownership) {
    this.#socket = socket;
    this.#owner = owner;
    this.#copies = ownership === 'kept';
  }

  /** Bytes that have not left: those that wait, and those that the socket has not taken. */
  get bufferedAmount(): number {
    return this.#waiting + (this.blocked ? this.#socket.writableLength : 0);
  }

  /** Whether nothing waits to be given to the socket. */
  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  /** Whether memory that is written must be a copy. */
  get copies(): boolean {
    return this.#copies;
  }

  /** Writes a batch. Not to be called while the socket is blocked. */
  write(batch: Batch): void {
    if (!batch.isPart) {
      this.#writeChunks(batch);
      return;
    }
    // The one write of most turns: a part of a slab as it is.
    const part = batch.takePart();
    const slab = batch.leave()!;
    const copies = this.#copiesSlab;
    this.isWriting = true;
    this.#writes++;
    try {
      this.#socket.write(copies ? Buffer.from(part) : part, this.#callback);
    } catch (error) {
      // Lost, not sent.
      this.#waiting += part.length;
      this.#writeFailed(error);
    }
    this.#written();
    this.#leaveSlab(slab, copies);
  }

  /** The socket is blocked: a batch waits, in memory of its own size. */
  setAside(batch: Batch): void {
    const { size } = batch;
    this.#add(batch.takeApart(), size);
  }

  /** The socket is gone. @returns bytes that did not leave */
  release(): number {
    const lost = this.#waiting + (this.blocked ? this.#inSocket : 0);
    this.#isReleased = true;
    this.#chunks = null;
    this.#head = 0;
    this.#waiting = 0;
    this.blocked = false;
    // A slab that the socket may still read from is left to the collector.
    if (this.#slabInFlight !== null) {
      landSlab(this.#slabInFlight);
      abandonSlab(this.#slabInFlight);
    }
    this.#slabInFlight = null;
    return lost;
  }

  #writeChunks(batch: Batch): void {
    const { size } = batch;
    const chunks = batch.takeChunks();
    const slab = batch.leave();
    const copies = this.#copiesSlab;
    if (copies && slab !== null) copyOutOf(slab, chunks);
    this.#add(chunks, size);
    this.#feed();
    if (slab === null) return;
    if (this.#chunks !== null) copyOutOf(slab, this.#chunks, this.#head);
    this.#leaveSlab(slab, copies);
  }

  /** Whether a part of a slab is given to the socket as a copy. */
  get #copiesSlab(): boolean {
    return this.#copies || areSlabsScarce();
  }

  /** What the slab held was written. If the kernel took it all, the slab is free again at once. */
  #leaveSlab(slab: Buffer, copied: boolean): void {
    if (copied || !(this.blocked || this.#isReleased)) releaseSlab(slab);
    else if (this.blocked) {
      this.#slabInFlight = slab;
      launchSlab(slab);
    }
    // The socket may still read from it: it is left to the collector.
    else abandonSlab(slab);
  }

  #add(chunks: Chunk[], size: number): void {
    if (this.#chunks === null) this.#chunks = chunks;
    else for (const chunk of chunks) this.#chunks.push(chunk);
    this.#waiting += size;
  }

  /** Writes until nothing waits or the socket is blocked. */
  #feed(): void {
    while (this.#waiting > 0 && !this.blocked && !this.#isBroken && !this.#isReleased) {
      this.isWriting = true;
      this.#writes++;
      let copy: Buffer | null = null;
      try {
        this.#socket.cork();
        copy = this.#writeSome(Math.min(WRITE_SIZE, this.#waiting));
        this.#socket.uncork();
      } catch (error) {
        this.#writeFailed(error);
      }
      this.#written();
      if (copy !== null && !this.blocked && !this.#isReleased) giveBack(copy);
    }
    if (this.#waiting === 0) {
      this.#chunks = null;
      this.#head = 0;
    } else if (this.#chunks !== null && this.#head > 1024 && this.#head * 2 > this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /**
   * Writes `size` bytes; the callback is that of the last one.
   * @returns memory that can be used again, by `giveBack`, once the socket has taken everything
   * @throws {PayloadChangedError}
   */
  #writeSome(size: number): Buffer | null {
    const callback = this.#callback;
    const chunks = this.#chunks!;
    let copy: Buffer | null = null;
    for (let room = size; room > 0; ) {
      const chunk = chunks[this.#head]!;
      const length = Math.min(chunk.length, room);
      let part: Uint8Array;
      if (chunk instanceof Borrowed) {
        copy = chunk.take(length);
        part = copy;
        if (chunk.length === 0) chunks[this.#head++] = EMPTY;
      } else if (length < chunk.length) {
        part = chunk.subarray(0, length);
        chunks[this.#head] = chunk.subarray(length);
      } else {
        part = chunk;
        chunks[this.#head++] = EMPTY;
      }
      room -= length;
      this.#waiting -= length;
      if (room > 0) this.#socket.write(part);
      else this.#socket.write(part, callback);
    }
    return copy;
  }

  #writeFailed(error: unknown): void {
    this.#isBroken = true;
    this.#owner.onWriteFailed(error);
  }

  #written(): void {
    this.isWriting = false;
    if (this.#isReleased || this.#socket.writableLength === 0) return;
    // Not 'drain', which would not come for small amounts: the callback of the last write says that all of them are gone.
    this.blocked = true;
    this.#inSocket = this.#socket.writableLength;
    this.lastTaken = clock.now();
    this.#owner.onBlocked();
  }

  /** Made for the first write: an idle connection needs none. */
  get #callback(): (error?: Error | null) => void {
    this.#onTaken ??= (error) => this.#taken(error ?? null);
    return this.#onTaken;
  }

  /** The socket is done with a write. */
  #taken(error: Error | null): void {
    this.#writes--;
    // Node calls back for a write that the kernel took at once as well, later: it may precede one that is on its way.
    if (error !== null || this.#writes > 0 || !this.blocked || this.#isBroken || this.#isReleased) return;
    this.blocked = false;
    this.lastTaken = clock.now();
    if (this.#slabInFlight !== null) {
      landSlab(this.#slabInFlight);
      releaseSlab(this.#slabInFlight);
    }
    this.#slabInFlight = null;
    this.#feed();
    this.#owner.onTaken();
  }
}
