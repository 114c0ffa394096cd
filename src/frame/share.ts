/**
 * One connection's share of a memory budget (RFC 6455 §10.4). It counts the bytes of the connection's unfinished message, and records
 * whether the connection is read. assembler.ts reports the bytes. reading-turns.ts decides which connections are read when the budget has
 * little room.
 */

import type { ProtocolError } from './violation.ts';

/** The part of a receiving connection that the budget uses. */
export interface BudgetReader {
  /** Payload bytes of the unfinished message that have arrived; 0 between messages. */
  readonly receivedBytes: number;
  /** The number of bytes by which the unfinished message can still grow. */
  readonly remainingBytes: number;
  /** Whether the message's size is known: the header of its last frame has arrived. */
  readonly isSizeKnown: boolean;
  /** Whether reading is stopped for a reason other than the budget. */
  readonly isStopped: boolean;
  /** The memory budget has no room: stop reading after the current chunk. */
  waitForRoom(): void;
  /** The memory budget has room again: continue reading. The reader must not report events from inside this call. */
  readOn(): void;
  /** Aborts the unfinished message: the connection fails with `error`. */
  shed(error: ProtocolError): void;
}

export const Reading = 0;
export const Waiting = 1;
/** The connection has a turn, which is the permission to read. `ChunkTurn` lasts for one chunk, `MessageTurn` to the end of its message. */
export const ChunkTurn = 2;
export const MessageTurn = 3;

/** Decides when a connection is read. */
export interface ShareOwner {
  count(bytes: number): void;
  /** The share's unfinished message takes more memory. */
  grew(share: Share): void;
  asked(share: Share): void;
  /** The current message is complete or aborted. */
  ended(share: Share): void;
  stopped(share: Share): void;
  left(share: Share): void;
  wake(): void;
}

/** One connection's share. It counts the bytes of the unfinished message. */
export class Share {
  readonly reader: BudgetReader;
  readonly #owner: ShareOwner;
  state: 0 | 1 | 2 | 3 = Reading;
  /** Bytes counted now. */
  bytes = 0;
  /** Whether reading was stopped with `waitForRoom`, so that `readOn` must be called later. */
  isHalted = false;
  /** Whether the connection receives nothing more. */
  isGone = false;
  /** The index of the share in its owner's list of unfinished messages; -1 while the share is not in that list. */
  place = -1;
  /** The number of messages in pieces that this connection has finished. */
  finished = 0;

  // `review` sets these three fields when it begins to measure the speed of the message. They are the number of the waiting period, the
  // milliseconds of reading since then, and the bytes that had arrived.
  period = 0;
  readTime = 0;
  receivedBefore = 0;
  /** The bytes that had arrived at the last review of the connection's turn; -1 before the first review. */
  receivedLast = -1;

  constructor(reader: BudgetReader, owner: ShareOwner) {
    this.reader = reader;
    this.#owner = owner;
  }

  /** Counts `bytes` more for the unfinished message. If the budget has no room, the bytes are counted anyway, and reading stops. */
  grow(bytes: number): void {
    this.bytes += bytes;
    this.#owner.count(bytes);
    this.#owner.grew(this);
  }

  /** Called when the unfinished message is complete, or aborted. */
  done(isFinished: boolean): void {
    if (isFinished) this.finished++;
    this.#owner.ended(this);
    const { bytes } = this;
    this.bytes = 0;
    this.period = 0;
    this.#owner.count(-bytes);
    this.#owner.wake();
  }

  /** Stops reading if the budget has no room. Called if the connection holds memory other than its unfinished message. */
  ask(): void {
    this.#owner.asked(this);
  }

  /** Call this when the connection will receive nothing more. */
  leave(): void {
    this.isGone = true;
    this.#owner.left(this);
    this.isHalted = false;
    this.done(false);
  }

  /** Call this when reading is stopped for a reason other than the budget. The connection cannot use its turn, so the turn ends. */
  stop(): void {
    this.#owner.stopped(this);
  }

  /** Call this when reading continues after `stop`: `review` begins to measure the speed of the message again. */
  restart(): void {
    this.period = 0;
  }
}
