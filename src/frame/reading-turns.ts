/**
 * Which connections are read while a memory budget has little room. RFC 6455 §10.4 asks for limits; that honest peers lose
 * nothing to them is our aim: a connection without room is not read (TCP makes its peer wait), and has its turn later.
 *
 * A turn lasts to the end of the message, in room that was set aside for it. It is lost by a peer that does not use it,
 * and a message that stands still while others wait is given up, so that no kind of peer can keep out another for good.
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

/** The budget, as the turns see it. */
export interface TurnsBudget {
  readonly limit: number;
  readonly used: number;
  readonly unread: number;
  readonly isScarce: boolean;
  readonly onWaiting: (() => void) | null;
}

// A message that keeps others waiting for so long, in milliseconds of being read, has to have arrived at this pace.
const JUDGED_AFTER = 2000;
const SLOWEST = 4096;

// Bytes per second below which a turn goes to the next one. The message is still read.
const SLOWEST_TURN = 65_536;

// What a connection is expected to read before it can be stopped: Node reads that much at once.
const CHUNK_SIZE = 65_536;

// Milliseconds between two reviews that count as time: a process that stood still has not looked at what had arrived.
const LONGEST_PERIOD = 1000;
const SHORTEST_PERIOD = 200;

// After so many turns the least trusted have one; after more beyond the limit, when a peer that does not use its turn keeps
// everyone waiting until it is given up.
const TURNS_OF_TRUST = 7;
const TURNS_BEYOND_LIMIT = 255;

/** The order in which the connections of a budget are read. */
export class ReadingTurns implements ShareOwner {
  readonly #budget: TurnsBudget & { count(bytes: number): void };
  readonly #now: () => number;
  /** Those whose unfinished message counts. */
  readonly #unfinished = new Set<Share>();
  /** Those that are not read in the middle of a message, the likelier to finish it in the later set; first come, first served. */
  readonly #waiting: readonly [Set<Share>, Set<Share>, Set<Share>] = [new Set(), new Set(), new Set()];
  /** Those that are not read between messages. */
  readonly #between = new Set<Share>();
  readonly #running = new Set<Share>();
  #turn = 0;
  #isWaking = false;
  /** Counts the times in which connections waited, from 1. */
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
    this.#unfinished.add(share);
    if (share.state === MessageTurn || share.state === Waiting) return;
    this.asked(share);
  }

  asked(share: Share): void {
    if (share.state === Waiting || share.isGone || share.reader.isStopped || !this.#budget.isScarce) return;
    this.#running.delete(share);
    if (!this.isWaiting) this.#begin();
    share.state = Waiting;
    (share.bytes > 0 ? this.#waiting[trustOf(share)] : this.#between).add(share);
    // There may be room for it at once.
    this.wake();
    if (share.state !== Waiting || share.isHalted) return;
    share.isHalted = true;
    share.reader.waitForRoom();
  }

  /** The message at hand is done with, and its turn with it. */
  ended(share: Share): void {
    this.#unfinished.delete(share);
    if (share.state !== Waiting) {
      this.#endTurn(share);
      return;
    }
    this.#forget(share);
    this.#between.add(share);
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

  /** Gives turns while there is room, and one in any case. */
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
    // Unfinished messages wait for each other: one of them goes on. Finished ones wait for the application; were it to
    // leave all of them unread, they would pile up.
    return isFirst && unread <= limit / 2;
  }

  #start(share: Share): void {
    share.period = 0;
    share.receivedLast = -1;
    // One that is not read anyway would keep the others waiting: it asks again later.
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

  /** The first connection has to wait: turns that were left over from the last time are over. */
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
    // Those that hold most make the most room.
    slow.sort((one, other) => other.bytes - one.bytes);
    for (const share of slow) {
      if (!this.#budget.isScarce) break;
      // A callback of one of the others may have ended it.
      if (share.bytes > 0) share.reader.shed(new ProtocolError('WS_MEMORY_BUDGET'));
    }
    this.wake();
  }

  /** Whether a message that is being read arrives too slowly for others to wait for it. */
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
    return pace < SLOWEST;
  }

  /** A peer that does not use its turn loses it. Beyond the limit one message at a time goes on: more would add up. */
  #checkTurn(share: Share, elapsed: number): void {
    const { receivedBytes, isStopped } = share.reader;
    const arrived = receivedBytes - share.receivedLast;
    const isFirst = share.receivedLast === -1;
    share.receivedLast = receivedBytes;
    if (isFirst) return;
    const isUnused = (arrived * 1000) / elapsed < SLOWEST_TURN;
    const isFree = share.state === ChunkTurn || isStopped || this.#budget.used <= this.#budget.limit;
    if (isUnused && isFree) this.#endTurn(share);
  }

  #endTurn(share: Share): void {
    this.#running.delete(share);
    share.state = Reading;
  }
}

/** A connection that has brought messages to their end will do so again; one whose size is known has its end in sight. */
function trustOf(share: Share): 0 | 1 | 2 {
  if (share.finished > 0) return 2;
  return share.reader.isSizeKnown ? 1 : 0;
}

function needOf(share: Share): number {
  return share.bytes > 0 ? share.reader.remainingBytes : CHUNK_SIZE;
}
