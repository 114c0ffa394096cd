/**
 * Decides which connections are read while a memory budget has little room. RFC 6455 §10.4 asks for limits. A limit should not cost honest
 * peers data. So a connection without room is not read until later: meanwhile TCP makes its peer wait.
 *
 * A turn is the permission to read one connection. It lasts until the end of the current message, and room is reserved for this message. A
 * connection whose peer sends too little loses its turn to the next connection. A message that makes no progress while other connections
 * wait is aborted. So no kind of peer can block another peer forever.
 */

import {
  type BudgetReader,
  ChunkTurn,
  MessageTurn,
  Reading,
  Share,
  type ShareOwner,
  Waiting,
} from './share.ts';
import { ProtocolError } from './violation.ts';

/** The part of a memory budget that this file uses. */
export interface TurnsBudget {
  readonly limit: number;
  readonly used: number;
  readonly unread: number;
  readonly isScarce: boolean;
  readonly onWaiting: (() => void) | null;
}

// While other connections wait, a message is aborted if its pace was too low during `JUDGED_AFTER` milliseconds of reading. The lowest
// allowed pace is `MIN_MESSAGE_PACE` bytes per second.
const JUDGED_AFTER = 2000;
const MIN_MESSAGE_PACE = 4096;

// A connection whose message arrives at fewer bytes per second than this loses its turn to the next connection. Its message is still read.
const MIN_TURN_PACE = 65_536;

// The number of bytes that a connection may read before it can be stopped. Node reads up to this number of bytes at once.
const CHUNK_SIZE = 65_536;

// Milliseconds between two reviews. A longer interval counts as `LONGEST_PERIOD`, since a process that was blocked did not read the bytes
// that had arrived. If less than `SHORTEST_PERIOD` has passed since the last review, the review is skipped.
const LONGEST_PERIOD = 1000;
const SHORTEST_PERIOD = 200;

// After `TURNS_OF_TRUST` turns of more trusted connections (see `trustOf`), one of the least trusted connections has a turn. While the
// limit is exceeded, it has a turn only after `TURNS_BEYOND_LIMIT` turns. A peer that does not use its turn then blocks all other
// connections until its message is aborted.
const TURNS_OF_TRUST = 7;
const TURNS_BEYOND_LIMIT = 255;

/** The order in which the connections of a budget are read. */
export class ReadingTurns implements ShareOwner {
  readonly #budget: TurnsBudget & { count(bytes: number): void };
  readonly #now: () => number;
  /**
   * Connections whose unfinished message is counted. `place` of each share is its index here. A Set would allocate a new table after every
   * few messages. In V8, the table of an old Set lies in the old generation. After an allocation there, V8 in Node 24 and 26 marks the
   * whole heap when new messages take 8 MiB.
   */
  readonly #unfinished: Share[] = [];
  /**
   * Connections that wait in the middle of a message, one set for each value of `trustOf`. Those in the last set are the most likely to
   * finish. Within a set, the connection that has waited longest gets the next turn.
   */
  readonly #waiting: readonly [Set<Share>, Set<Share>, Set<Share>] = [new Set(), new Set(), new Set()];
  /** Connections that wait between messages. */
  readonly #between = new Set<Share>();
  /** Connections that have a turn: the permission to read. */
  readonly #running = new Set<Share>();
  #turn = 0;
  #isWaking = false;
  /** The number, from 1, of the current period during which connections wait. */
  #period = 0;
  #reviewedAt = 0;

  constructor(budget: TurnsBudget & { count(bytes: number): void }, now: () => number) {
    this.#budget = budget;
    this.#now = now;
  }

  get isWaiting(): boolean {
    return this.#between.size > 0 || this.#waiting.some((set) => set.size > 0);
  }

  share(reader: BudgetReader): Share {
    return new Share(reader, this);
  }

  count(bytes: number): void {
    this.#budget.count(bytes);
  }

  grew(share: Share): void {
    if (share.place === -1) share.place = this.#unfinished.push(share) - 1;
    if (share.state === MessageTurn || share.state === Waiting) return;
    this.asked(share);
  }

  asked(share: Share): void {
    if (share.state === Waiting || share.isGone || share.reader.isStopped || !this.#budget.isScarce) return;
    this.#running.delete(share);
    if (!this.isWaiting) this.#begin();
    share.state = Waiting;
    (share.bytes > 0 ? this.#waiting[trustOf(share)] : this.#between).add(share);
    // The budget may have room for this connection now.
    this.wake();
    if (share.state !== Waiting || share.isHalted) return;
    share.isHalted = true;
    share.reader.waitForRoom();
  }

  /** The current message of `share` is complete or aborted. Its turn ends. */
  ended(share: Share): void {
    this.#finish(share);
    if (share.state !== Waiting) {
      this.#endTurn(share);
      return;
    }
    this.#forget(share);
    this.#between.add(share);
  }

  /** Removes the share from `#unfinished`. The last share in the list takes its place. */
  #finish(share: Share): void {
    const { place } = share;
    if (place === -1) return;
    share.place = -1;
    const last = this.#unfinished.pop()!;
    if (last === share) return;
    this.#unfinished[place] = last;
    last.place = place;
  }

  stopped(share: Share): void {
    if (share.state !== ChunkTurn && share.state !== MessageTurn) return;
    this.#endTurn(share);
    this.wake();
  }

  left(share: Share): void {
    this.#forget(share);
    this.#endTurn(share);
  }

  /** Gives turns to waiting connections while there is room. One message may also continue without room, see `#fits`. */
  wake(): void {
    if (this.#isWaking || !this.isWaiting) return;
    this.#isWaking = true;
    try {
      this.#startFrom(() => this.#nextSet());
      this.#startFrom(() => this.#between);
    } finally {
      this.#isWaking = false;
    }
  }

  #startFrom(nextSet: () => Set<Share>): void {
    for (let [share] = nextSet(); share !== undefined && this.#fits(share); [share] = nextSet()) {
      this.#forget(share);
      this.#turn++;
      this.#start(share);
    }
  }

  #forget(share: Share): void {
    for (const set of this.#waiting) set.delete(share);
    this.#between.delete(share);
  }

  #nextSet(): Set<Share> {
    const [last, second, first] = this.#waiting;
    const turns = this.#budget.used > this.#budget.limit ? TURNS_BEYOND_LIMIT : TURNS_OF_TRUST;
    const order = this.#turn % (turns + 1) === turns ? [last, second, first] : [first, second, last];
    return order.find((set) => set.size > 0) ?? last;
  }

  #fits(share: Share): boolean {
    const { limit, used, unread } = this.#budget;
    let room = limit - used;
    let isFirst = true;
    for (const running of this.#running) {
      room -= needOf(running);
      if (running.state === MessageTurn || share.bytes === 0) isFirst = false;
    }
    if (needOf(share) <= room) return true;
    // Unfinished messages wait for each other, so one of them must continue without room. Finished messages wait for the application. If
    // the application leaves over half of the limit unread, no message continues without room. Otherwise finished messages would
    // accumulate.
    return isFirst && unread <= limit / 2;
  }

  #start(share: Share): void {
    share.period = 0;
    share.receivedLast = -1;
    // A connection that is also stopped for another reason gets no turn. Otherwise other connections would wait for a connection that is
    // not read. The connection asks again later.
    if (share.reader.isStopped) {
      share.state = Reading;
    } else {
      share.state = share.bytes > 0 ? MessageTurn : ChunkTurn;
      this.#running.add(share);
    }
    if (!share.isHalted) return;
    share.isHalted = false;
    share.reader.readOn();
  }

  /** Called when the first connection has to wait: a new period begins. Ends turns for one chunk that are left from the last period. */
  #begin(): void {
    for (const share of this.#running) if (share.state === ChunkTurn) this.#endTurn(share);
    this.#period++;
    this.#reviewedAt = this.#now();
    this.#budget.onWaiting?.();
  }

  review(): void {
    if (!this.isWaiting) return;
    const now = this.#now();
    const elapsed = Math.min(now - this.#reviewedAt, LONGEST_PERIOD);
    if (elapsed < SHORTEST_PERIOD) return;
    this.#reviewedAt = now;
    const slow: Share[] = [];
    for (const share of this.#unfinished) if (this.#isSlow(share, elapsed)) slow.push(share);
    for (const share of this.#running) this.#checkTurn(share, elapsed);
    // The largest messages are aborted first, since this makes the most room.
    slow.sort((one, other) => other.bytes - one.bytes);
    for (const share of slow) {
      if (!this.#budget.isScarce) break;
      // A callback of a message that was aborted before may have ended this connection.
      if (share.bytes > 0) share.reader.shed(new ProtocolError('WS_MEMORY_BUDGET'));
    }
    this.wake();
  }

  /** Says whether a message is read so slowly that it must be aborted for the connections that wait. */
  #isSlow(share: Share, elapsed: number): boolean {
    const { receivedBytes, isStopped } = share.reader;
    if (share.state === Waiting || isStopped || share.period !== this.#period) {
      share.period = this.#period;
      share.readTime = 0;
      share.receivedBefore = receivedBytes;
      return false;
    }
    share.readTime += elapsed;
    if (share.readTime < JUDGED_AFTER) return false;
    const pace = ((receivedBytes - share.receivedBefore) * 1000) / share.readTime;
    share.readTime = 0;
    share.receivedBefore = receivedBytes;
    return pace < MIN_MESSAGE_PACE;
  }

  /** Ends a turn in which the peer sends too little. Beyond the limit, a message keeps its turn. So no second message grows. */
  #checkTurn(share: Share, elapsed: number): void {
    const { receivedBytes, isStopped } = share.reader;
    const arrived = receivedBytes - share.receivedLast;
    const isFirst = share.receivedLast === -1;
    share.receivedLast = receivedBytes;
    if (isFirst) return;
    const isUnused = (arrived * 1000) / elapsed < MIN_TURN_PACE;
    const isFree = share.state === ChunkTurn || isStopped || this.#budget.used <= this.#budget.limit;
    if (isUnused && isFree) this.#endTurn(share);
  }

  #endTurn(share: Share): void {
    this.#running.delete(share);
    share.state = Reading;
  }
}

/**
 * Returns 2 if the connection has finished messages: it will probably finish this message too. Otherwise 1 if the message's size is known.
 */
function trustOf(share: Share): 0 | 1 | 2 {
  if (share.finished > 0) return 2;
  return share.reader.isSizeKnown ? 1 : 0;
}

function needOf(share: Share): number {
  return share.bytes > 0 ? share.reader.remainingBytes : CHUNK_SIZE;
}
