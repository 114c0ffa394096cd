/**
 * One connection's part of a memory budget: what its unfinished message takes, and whether it is read. RFC 6455 §10.4. Who is
 * read when there is little room is reading-turns.ts; who fills the message is assembler.ts.
 */

import type { ProtocolError } from './violation.ts';

/** A connection that receives, as the budget sees it. */
export interface BudgetReader {
  /** Payload bytes of the unfinished message that are here; 0 between messages. */
  readonly receivedBytes: number;
  /** By how many bytes the unfinished message can still grow. */
  readonly remainingBytes: number;
  /** Whether the header of the last frame is here, so that the message's size is known. */
  readonly isSizeKnown: boolean;
  /** Whether it is not read for a reason that is not the budget's. */
  readonly isStopped: boolean;
  /** There is no room: nothing more is to be read once the chunk at hand is done with. */
  waitForRoom(): void;
  /** There is room again. Must not report anything from inside this call. */
  readOn(): void;
  /** The unfinished message is given up. */
  shed(error: ProtocolError): void;
}

export const Reading = 0;
export const Waiting = 1;
/** It has a turn of one chunk, or to the end of its message. */
export const ChunkTurn = 2;
export const MessageTurn = 3;

/** Who decides when a connection is read. */
export interface ShareOwner {
  count(bytes: number): void;
  /** Its unfinished message takes more. */
  grew(share: Share): void;
  asked(share: Share): void;
  /** The message at hand is done with. */
  ended(share: Share): void;
  stopped(share: Share): void;
  left(share: Share): void;
  wake(): void;
}

/** One connection's part. What it counts is the unfinished message. */
export class Share {
  readonly reader: BudgetReader;
  readonly #owner: ShareOwner;
  state: 0 | 1 | 2 | 3 = Reading;
  /** Bytes counted now. */
  bytes = 0;
  /** Whether `readOn` has to follow. */
  isHalted = false;
  /** Whether the connection receives nothing any more. */
  isGone = false;
  /** Messages in pieces that this connection has brought to their end. */
  finished = 0;

  // For `review`: the pressure in which it was looked at last, milliseconds of being read since, what was here then.
  period = 0;
  readTime = 0;
  receivedBefore = 0;
  /** What was here at the last review of its turn, -1 before the first. */
  receivedLast = -1;

  constructor(reader: BudgetReader, owner: ShareOwner) {
    this.reader = reader;
    this.#owner = owner;
  }

  /** The unfinished message takes so many bytes more. They are counted in any case; if there is no room, reading stops. */
  grow(bytes: number): void {
    this.bytes += bytes;
    this.#owner.count(bytes);
    this.#owner.grew(this);
  }

  /** The unfinished message is complete, or given up. */
  done(isFinished: boolean): void {
    if (isFinished) this.finished++;
    this.#owner.ended(this);
    const { bytes } = this;
    this.bytes = 0;
    this.period = 0;
    this.#owner.count(-bytes);
    this.#owner.wake();
  }

  /** The connection holds memory for other reasons: if there is no room, reading stops. */
  ask(): void {
    this.#owner.asked(this);
  }

  /** Nothing more is received. */
  leave(): void {
    this.isGone = true;
    this.#owner.left(this);
    this.isHalted = false;
    this.done(false);
  }

  /** Reading was stopped for another reason: a turn would be lost on it. */
  stop(): void {
    this.#owner.stopped(this);
  }

  /** Reading goes on after it was stopped for another reason: time counts from here. */
  restart(): void {
    this.period = 0;
  }
}
