/**
 * A share is the part of a memory budget that one connection uses (RFC 6455 §10.4). It counts the bytes of the connection's unfinished
 * message, and records whether the connection is read. assembler.ts reports the bytes. If the budget has little room, reading-turns.ts
 * decides which connections are read.
 */

import type { ProtocolError } from './violation.ts';

/** What the memory budget reads and calls of a connection that receives messages. */
export interface BudgetReader {
  /** The number of received payload bytes of the unfinished message. If no message is unfinished, this is 0. */
  readonly receivedBytes: number;
  /** The maximum number of bytes that may still arrive for the unfinished message. */
  readonly remainingBytes: number;
  /** True if the size of the message is known, because the header of its last frame has arrived. */
  readonly isSizeKnown: boolean;
  /** True if reading is stopped for a reason other than the memory budget. */
  readonly isStopped: boolean;
  /** Is called when the budget has no room. Stops reading after the current chunk. */
  waitForRoom(): void;
  /** Is called when the budget has room again. Continues reading. This method must not report events before it returns. */
  readOn(): void;
  /** Aborts the unfinished message. The connection fails with `error`. */
  shed(error: ProtocolError): void;
}

export const Reading = 0;
export const Waiting = 1;
/**
 * The connection has a turn (the permission to read). `ChunkTurn` lasts for one chunk, and `MessageTurn` lasts until the end of the
 * message.
 */
export const ChunkTurn = 2;
export const MessageTurn = 3;

/** The owner of shares decides when each connection is read. */
export interface ShareOwner {
  count(bytes: number): void;
  /** The unfinished message of this share needs more memory. */
  grew(share: Share): void;
  asked(share: Share): void;
  /** The unfinished message is now complete or aborted. */
  ended(share: Share): void;
  stopped(share: Share): void;
  left(share: Share): void;
  wake(): void;
}

/** The share of one connection. It counts the bytes of the unfinished message. */
export class Share {
  readonly reader: BudgetReader;
  readonly #owner: ShareOwner;
  state: 0 | 1 | 2 | 3 = Reading;
  /** The number of bytes that count in the budget now. */
  bytes = 0;
  /** True if `waitForRoom` has stopped reading. If so, `readOn` must be called later. */
  isHalted = false;
  /** True if the connection will receive no more data. */
  isGone = false;
  /** The index of this share in the owner's list of unfinished messages, or -1 if it is not in the list. */
  place = -1;
  /** The number of finished messages that arrived in pieces. */
  finished = 0;

  // `review` uses these three fields to measure the speed of the message: the number of the waiting period, the milliseconds of reading
  // during the measurement, and the number of bytes at the start of the measurement.
  period = 0;
  readTime = 0;
  receivedBefore = 0;
  /** The message's bytes that had arrived at the last call of `review` in this turn, or -1 before the first such call. */
  receivedLast = -1;

  constructor(reader: BudgetReader, owner: ShareOwner) {
    this.reader = reader;
    this.#owner = owner;
  }

  /**
   * Counts `bytes` more bytes for the unfinished message. If the budget has no room for them, they are still counted, and reading stops.
   */
  grow(bytes: number): void {
    this.bytes += bytes;
    this.#owner.count(bytes);
    this.#owner.grew(this);
  }

  /** Call this when the unfinished message is complete or aborted. */
  done(isFinished: boolean): void {
    if (isFinished) this.finished++;
    this.#owner.ended(this);
    const { bytes } = this;
    this.bytes = 0;
    this.period = 0;
    this.#owner.count(-bytes);
    this.#owner.wake();
  }

  /** Call this when messages wait for the application. If the budget has no room, the connection is no longer read. */
  ask(): void {
    this.#owner.asked(this);
  }

  /** Call this when the connection will receive no more data. */
  leave(): void {
    this.isGone = true;
    this.#owner.left(this);
    this.isHalted = false;
    this.done(false);
  }

  /** Call this when the connection is not read, and the budget is not the reason. The connection cannot use its turn, so the turn ends. */
  stop(): void {
    this.#owner.stopped(this);
  }

  /** Call this when the connection is read again after `stop`. `review` then starts a new measurement of the message's speed. */
  restart(): void {
    this.period = 0;
  }
}
