/**
 * Gives bytes to a socket, and keeps the bytes that the socket does not take, in order. Waiting bytes go to the socket in slices of limited
 * size. So we can distinguish slow progress from no progress. Otherwise, 16 MiB for one peer might wait in the socket's own queue, where we
 * cannot count them.
 */

import type { Duplex } from 'node:stream';
import { type Batch, copyOutOf } from './batch.ts';
import { giveBack, giveUp, MAX_REST, takeMemory, WRITE_SIZE } from './borrowed.ts';
import { clock } from './clock.ts';
import type { Ownership } from './ownership.ts';
import { abandonSlab, areSlabsScarce, landSlab, launchSlab, releaseSlab } from './slabs.ts';
import { Waiting } from './waiting.ts';
import { ENCRYPTED_SIZE, type WriteCallback, writeJoined, writeParts } from './write-slice.ts';

/** The events of the queue. */
export interface WriteQueueOwner {
  /** The socket takes no more for now. */
  onBlocked(): void;
  /** The socket took everything that it had been given. */
  onTaken(): void;
  /** A write threw: the transport is broken, or a payload was transferred or resized. Nothing more is written. */
  onWriteFailed(error: unknown): void;
}

// A write of TLS is never done before the next turn. A TLS socket does not count as blocked while at most this many bytes are being written.
const MAX_UNDER_WAY = 262_144;

// Bytes. For each callback, Node schedules a call of process.nextTick, which costs 5 % of a small echo. The kernel usually takes a small
// write at once, so a write of up to this size has no callback, unless the socket did not take the write before it at once.
const MAX_SILENT_SIZE = 16_384;

const EMPTY: Buffer = Buffer.alloc(0);

export class WriteQueue {
  readonly #socket: Duplex;
  readonly #owner: WriteQueueOwner;
  readonly #copies: boolean;
  readonly #encrypts: boolean;
  /** Whether a small write gets the callback as well: the socket did not take the last write at once. */
  #isUnsure: boolean;
  /** Whether the last write got the callback. */
  #hasCallback = false;
  /** Bytes that may be in a write before the socket counts as blocked. */
  readonly #allowance: number;
  /** Whether all bytes that other code had written to the socket have left, so that only this queue writes now. */
  #isAlone = false;

  readonly #waiting: Waiting = new Waiting();

  /** Whether the socket still has to take bytes that it was given. Until it has taken them, it is given no more. */
  isBusy = false;
  /** Whether the socket takes no more for now: it is writing more bytes than the allowance, or it is slow. */
  blocked = false;
  /** Whether the busy socket waits for its peer. This stays true until nothing waits in the queue any more. */
  isSlow = false;
  /** How often `endTurn` was called since the socket became busy. */
  #turns = 0;
  /** Whether `socket.write` is being called: some transports deliver the bytes, and the answer to them, before it returns. */
  isWriting = false;
  /** When the busy socket last took bytes, in milliseconds of `clock.now()`. */
  lastTaken = 0;
  /** Bytes that the socket had not taken when it became busy. */
  #inSocket = 0;
  /** A slab that the busy socket still reads from. */
  #slabInFlight: Buffer | null = null;
  /** Writes whose callback has not been called. */
  #writes = 0;
  #onTaken: WriteCallback | null = null;
  /** Whether a write failed: nothing more is given to the socket, which is being destroyed. */
  #isBroken = false;
  #isReleased = false;

  /** @param sendCap how many bytes may wait. A TLS socket that is writing more than this limit counts as blocked */
  constructor(socket: Duplex, owner: WriteQueueOwner, ownership: Ownership, sendCap: number) {
    this.#socket = socket;
    this.#owner = owner;
    this.#copies = ownership === 'kept';
    this.#encrypts = ownership === 'encrypted';
    this.#isUnsure = this.#copies || this.#encrypts;
    this.#allowance = this.#encrypts ? Math.min(MAX_UNDER_WAY, sendCap) : 0;
  }

  /** Bytes that have not left: those that wait, and those that the socket has not taken. */
  get bufferedAmount(): number {
    return this.#waiting.size + (this.isBusy ? this.#socket.writableLength : 0);
  }

  /** Whether nothing waits to be given to the socket. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Whether memory that is written must be a copy. */
  get copies(): boolean {
    return this.#copies;
  }

  /** Writes a batch. Do not call it while the socket is busy. */
  write(batch: Batch): void {
    if (!batch.isPart) {
      this.#writeChunks(batch);
      return;
    }
    // Most turns have only this write: a part of a slab, not copied.
    const part = batch.takePart();
    const slab = batch.leaveSlab()!;
    const isReadAtOnce = this.#readsAtOnce;
    const copies = !isReadAtOnce && this.#copiesSlab;
    this.isWriting = true;
    try {
      this.#socket.write(copies ? Buffer.from(part) : part, this.#callbackFor(part.length));
    } catch (error) {
      // These bytes are lost, so they must not count as sent.
      this.#waiting.size += part.length;
      this.#writeFailed(error);
    }
    this.#written();
    this.#leaveSlab(slab, isReadAtOnce || copies);
  }

  /** Keeps the batch while the socket is busy, in memory of its exact size. */
  setAside(batch: Batch): void {
    const { size } = batch;
    this.#waiting.add(batch.takeApart(), size);
    if (!this.blocked) this.#checkBlocked();
  }

  /** Call this when a turn of the event loop ends. TLS completes a write in the next turn, unless it has to wait for the peer. */
  endTurn(): void {
    if (!this.isBusy || this.isSlow || this.isWriting || ++this.#turns === 1) return;
    this.isSlow = true;
    if (!this.blocked) this.#checkBlocked();
  }

  /** Call this when the socket is closed. @returns the number of bytes that did not leave */
  release(): number {
    const lost = this.#waiting.size + (this.isBusy ? this.#inSocket : 0);
    this.#isReleased = true;
    this.#waiting.clear();
    this.isBusy = false;
    this.isSlow = false;
    this.blocked = false;
    // The socket may still read from the slab, so the garbage collector has to free it.
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
    const slab = batch.leaveSlab();
    const isReadAtOnce = this.#readsAtOnce;
    const copies = !isReadAtOnce && this.#copiesSlab;
    if (copies && slab !== null) copyOutOf(slab, chunks);
    this.#waiting.add(chunks, size);
    this.#feed();
    if (slab === null) return;
    this.#waiting.leaveSlab(slab);
    this.#leaveSlab(slab, isReadAtOnce || copies);
  }

  /** Whether the socket reads bytes before `write` returns, because nothing waits in front of them. */
  get #readsAtOnce(): boolean {
    return this.#encrypts && this.#isAlone && this.#socket.writableLength === 0;
  }

  /** Whether a part of a slab is given to the socket as a copy. */
  get #copiesSlab(): boolean {
    return this.#copies || areSlabsScarce();
  }

  /** Gives up the slab, whose content was written. If all of it was copied, or taken by the kernel, the slab is free again at once. */
  #leaveSlab(slab: Buffer, copied: boolean): void {
    if (copied || !(this.isBusy || this.#isReleased)) releaseSlab(slab);
    else if (this.isBusy) {
      this.#slabInFlight = slab;
      launchSlab(slab);
    }
    // The socket may still read from the slab, so the garbage collector has to free it.
    else abandonSlab(slab);
  }

  /** Writes until nothing waits or the socket is busy. */
  #feed(): void {
    while (this.#waiting.size > 0 && !this.isBusy && !this.#isBroken && !this.#isReleased) {
      this.isWriting = true;
      let memory: Buffer | null = null;
      try {
        if (this.#readsAtOnce) {
          const size = this.#sliceSize(this.isSlow ? WRITE_SIZE : ENCRYPTED_SIZE);
          writeJoined(this.#socket, this.#waiting, size, this.#callbackFor(size));
        } else {
          const size = this.#sliceSize(WRITE_SIZE);
          const callback = this.#callbackFor(size);
          if (this.#waiting.isBorrowed(size)) {
            memory = takeMemory(size);
            this.#waiting.copy(size, memory);
            this.#socket.write(memory.subarray(0, size), callback);
          } else {
            writeParts(this.#socket, this.#waiting, size, callback);
          }
        }
      } catch (error) {
        this.#writeFailed(error);
      }
      this.#written();
      if (memory === null) continue;
      if (this.isBusy || this.#isReleased || this.#isBroken) giveUp(memory);
      else giveBack(memory);
    }
    this.#waiting.tidy();
  }

  /** Returns the size of the next slice. If only a few bytes remain after it, the slice includes them, which saves a write. */
  #sliceSize(usual: number): number {
    const { size } = this.#waiting;
    return size <= usual + MAX_REST ? size : usual;
  }

  #writeFailed(error: unknown): void {
    this.#isBroken = true;
    this.#owner.onWriteFailed(error);
  }

  #written(): void {
    const waits = !this.#isReleased && this.#socket.writableLength > 0;
    // We do not use 'drain', which is not emitted for small amounts: the callback of the last write shows that all bytes have left.
    if (waits && !this.#hasCallback && !this.#isBroken) this.#askForCallback();
    this.isWriting = false;
    if (this.#isReleased) return;
    this.#isUnsure = waits || this.#copies || this.#encrypts;
    if (!waits) return;
    this.isBusy = true;
    if (!this.#encrypts) this.isSlow = true;
    this.#turns = 0;
    this.#inSocket = this.#socket.writableLength;
    this.lastTaken = clock.now();
    this.#checkBlocked();
  }

  /** The socket did not take a write at once that has no callback: the callback belongs to an empty write. */
  #askForCallback(): void {
    this.#isUnsure = true;
    try {
      this.#socket.write(EMPTY, this.#callbackFor(0));
    } catch (error) {
      this.#writeFailed(error);
    }
  }

  /** Notifies the owner if the busy socket is blocked, even if the owner was notified before. */
  #checkBlocked(): void {
    if (!this.blocked && !this.isSlow && this.bufferedAmount <= this.#allowance) return;
    this.blocked = true;
    this.#owner.onBlocked();
  }

  /** Returns the callback for a write of `size` bytes; undefined if the write needs no callback. */
  #callbackFor(size: number): WriteCallback | undefined {
    this.#hasCallback = this.#isUnsure || size > MAX_SILENT_SIZE;
    if (!this.#hasCallback) return undefined;
    this.#writes++;
    return this.#callback;
  }

  /** The callback is created when a write first needs it, because an idle connection needs no callback. */
  get #callback(): WriteCallback {
    this.#onTaken ??= (error) => this.#taken(error ?? null);
    return this.#onTaken;
  }

  /** Called when the socket is done with a write. */
  #taken(error: Error | null): void {
    this.#writes--;
    // Node also calls back, later, for a write that the kernel took at once. Such a callback may come while a later write is not done yet.
    if (this.#writes > 0) return;
    this.#isAlone = true;
    if (error !== null || !this.isBusy || this.#isBroken || this.#isReleased) return;
    this.isBusy = false;
    this.lastTaken = clock.now();
    if (this.#slabInFlight !== null) {
      landSlab(this.#slabInFlight);
      releaseSlab(this.#slabInFlight);
    }
    this.#slabInFlight = null;
    this.#feed();
    if (!this.isBusy) {
      this.blocked = false;
      this.isSlow = false;
    }
    this.#owner.onTaken();
  }
}
