/**
 * Writes bytes to a socket. The bytes that the socket does not take wait here, in order. They are written later, in slices of limited size.
 * After each slice, we know that the peer makes progress. If we wrote 16 MiB at once, we could not distinguish a slow peer from a peer that
 * takes nothing.
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
  /** Is called when the socket is blocked (it takes no more bytes for now). */
  onBlocked(): void;
  /** Is called when the socket has taken all bytes that were written to it. */
  onTaken(): void;
  /** Is called if a write threw. Either the socket is broken, or the application changed a payload. The queue writes no more bytes. */
  onWriteFailed(error: unknown): void;
}

// In bytes. A TLS socket finishes each write in a later turn of the event loop. While the unfinished writes have at most this many bytes,
// the socket does not count as blocked.
const MAX_UNDER_WAY = 262_144;

// In bytes. The kernel usually takes a small write immediately. So a write of up to this size has no callback, except if the previous write
// had to wait. Without the callback, Node does not call process.nextTick, and a small echo takes 5 % less time.
const MAX_SILENT_SIZE = 16_384;

const EMPTY: Buffer = Buffer.alloc(0);

export class WriteQueue {
  readonly #socket: Duplex;
  readonly #owner: WriteQueueOwner;
  readonly #copies: boolean;
  readonly #encrypts: boolean;
  /** True if even a small write needs a callback, because the socket might not take the bytes immediately. */
  #isUnsure: boolean;
  /** True if the last write had a callback. */
  #hasCallback = false;
  /** If more than this number of bytes wait in this queue and in the socket, the socket counts as blocked. */
  readonly #allowance: number;
  /** True if the socket has sent all bytes that other code (such as the opening handshake) wrote to it. */
  #isAlone = false;

  readonly #waiting: Waiting = new Waiting();

  /** True while the socket has not taken all bytes of the earlier writes. During this time, the queue writes no more bytes. */
  isBusy = false;
  /** True while the socket counts as blocked: `isSlow` is true, or more than `#allowance` bytes wait. */
  blocked = false;
  /** True if the socket is busy because the peer is slow. The value stays true until the queue is empty and the socket is not busy. */
  isSlow = false;
  /** How often `endTurn` was called after the socket had become busy. */
  #turns = 0;
  /** True while `socket.write` is running. Some streams deliver the bytes, and even the peer's answer, before `write` returns. */
  isWriting = false;
  /** When the socket last took bytes or became busy, in milliseconds of `clock.now()`. */
  lastTaken = 0;
  /** The number of bytes in the socket's buffer at the time when the socket became busy. */
  #inSocket = 0;
  /** The slab (a pooled buffer) that the busy socket still reads from, or null. */
  #slabInFlight: Buffer | null = null;
  /** The number of callbacks that have not been called yet. */
  #writes = 0;
  #onTaken: WriteCallback | null = null;
  /** True after a write failed. Then the socket is being destroyed, and the queue writes no more bytes. */
  #isBroken = false;
  #isReleased = false;

  /** @param sendCap the maximum number of bytes that may wait. If more bytes wait, a TLS socket counts as blocked */
  constructor(socket: Duplex, owner: WriteQueueOwner, ownership: Ownership, sendCap: number) {
    this.#socket = socket;
    this.#owner = owner;
    this.#copies = ownership === 'kept';
    this.#encrypts = ownership === 'encrypted';
    this.#isUnsure = this.#copies || this.#encrypts;
    this.#allowance = this.#encrypts ? Math.min(MAX_UNDER_WAY, sendCap) : 0;
  }

  /** The number of bytes that wait in this queue or in the socket. */
  get bufferedAmount(): number {
    return this.#waiting.size + (this.isBusy ? this.#socket.writableLength : 0);
  }

  /** True if no bytes wait in the queue. There may still be bytes in the socket. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** True if the queue must write copies only, because the Duplex may keep the memory. */
  get copies(): boolean {
    return this.#copies;
  }

  /** Writes a batch. Do not call it while the socket is busy. */
  write(batch: Batch): void {
    if (!batch.isPart) {
      this.#writeChunks(batch);
      return;
    }
    // In most turns, this is the only write. It writes a part of a slab (a pooled buffer), usually without a copy.
    const part = batch.takePart();
    const slab = batch.leaveSlab()!;
    const isReadAtOnce = this.#readsAtOnce;
    const copies = !isReadAtOnce && this.#copiesSlab;
    this.isWriting = true;
    try {
      this.#socket.write(copies ? Buffer.from(part) : part, this.#callbackFor(part.length));
    } catch (error) {
      // These bytes are lost. We add them to `size`, so that they do not count as sent.
      this.#waiting.size += part.length;
      this.#writeFailed(error);
    }
    this.#written();
    this.#leaveSlab(slab, isReadAtOnce || copies);
  }

  /** Moves the bytes of a batch into this queue while the socket is busy. In the queue, they use only memory of their exact size. */
  setAside(batch: Batch): void {
    const { size } = batch;
    this.#waiting.add(batch.takeApart(), size);
    if (!this.blocked) this.#checkBlocked();
  }

  /** Call this when a turn of the event loop ends. TLS finishes a write in the next turn. If a write takes longer, the peer is slow. */
  endTurn(): void {
    if (!this.isBusy || this.isSlow || this.isWriting || ++this.#turns === 1) return;
    this.isSlow = true;
    if (!this.blocked) this.#checkBlocked();
  }

  /** Call this when the socket is closed or is about to be destroyed. @returns the number of lost bytes */
  release(): number {
    const lost = this.#waiting.size + (this.isBusy ? this.#inSocket : 0);
    this.#isReleased = true;
    this.#waiting.clear();
    this.isBusy = false;
    this.isSlow = false;
    this.blocked = false;
    // The socket may still read from the slab, so no other frame may use it. The garbage collector frees the slab.
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

  /** True if the socket reads all bytes before `write` returns. A TLS socket does this if no earlier bytes wait in it. */
  get #readsAtOnce(): boolean {
    return this.#encrypts && this.#isAlone && this.#socket.writableLength === 0;
  }

  /** True if a part of a slab (a pooled buffer) must be copied before it is written. */
  get #copiesSlab(): boolean {
    return this.#copies || areSlabsScarce();
  }

  /** Stops using a slab (a pooled buffer) after its bytes were written. If the socket does not read from the slab, releases the slab. */
  #leaveSlab(slab: Buffer, copied: boolean): void {
    if (copied || !(this.isBusy || this.#isReleased)) releaseSlab(slab);
    else if (this.isBusy) {
      this.#slabInFlight = slab;
      launchSlab(slab);
    }
    // The socket may still read from the slab, so no other frame may use it. The garbage collector frees the slab.
    else abandonSlab(slab);
  }

  /** Writes waiting bytes to the socket, until no bytes wait or the socket is busy. */
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

  /** Returns the size of the next slice. If at most `MAX_REST` bytes would remain, the slice includes them, which saves a write. */
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
    // A socket emits no 'drain' for a small write. So only the callback of the last write shows that the socket has taken all bytes.
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

  /** Writes zero bytes, with a callback. Is called if a write had no callback, and the socket did not take the bytes immediately. */
  #askForCallback(): void {
    this.#isUnsure = true;
    try {
      this.#socket.write(EMPTY, this.#callbackFor(0));
    } catch (error) {
      this.#writeFailed(error);
    }
  }

  /** Notifies the owner if the busy socket is blocked, even if it was blocked before. */
  #checkBlocked(): void {
    if (!this.blocked && !this.isSlow && this.bufferedAmount <= this.#allowance) return;
    this.blocked = true;
    this.#owner.onBlocked();
  }

  /** Returns the callback for a write of `size` bytes. Undefined if the write needs no callback. */
  #callbackFor(size: number): WriteCallback | undefined {
    this.#hasCallback = this.#isUnsure || size > MAX_SILENT_SIZE;
    if (!this.#hasCallback) return undefined;
    this.#writes++;
    return this.#callback;
  }

  /** Creates the callback when a write first needs it, because an idle connection needs no callback. */
  get #callback(): WriteCallback {
    this.#onTaken ??= (error) => this.#taken(error ?? null);
    return this.#onTaken;
  }

  /** Is called when the socket has finished a write. */
  #taken(error: Error | null): void {
    this.#writes--;
    // Node calls a callback late, even if the kernel took the bytes at once. If a newer write has begun, we wait for its callback.
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
