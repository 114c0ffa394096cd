/**
 * Decides which connections are read when a memory budget has little room (RFC 6455 §10.4). Honest peers should not lose data because of
 * this limit. So if the budget has no room for a connection, the connection is not read for some time. TCP then makes its peer wait.
 *
 * A turn is the permission to read one connection. It lasts until the end of the connection's current message, and room for this message is
 * reserved. If a peer sends too slowly, its connection loses the turn to the next connection. If a message makes almost no progress and
 * other connections wait, the message is aborted. So no peer can block another peer forever.
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

// A message is slow if it was read for `JUDGED_AFTER` milliseconds, and arrived at fewer than `MIN_MESSAGE_PACE` bytes per second. If
// other connections wait, a slow message is aborted.
const JUDGED_AFTER = 2000;
const MIN_MESSAGE_PACE = 4096;

// If a message arrives at fewer bytes per second than this, its connection loses the turn to the next connection. But the message
// is not aborted.
const MIN_TURN_PACE = 65_536;

// Node reads up to this number of bytes at once. So a connection may read this number of bytes before it can be stopped.
const CHUNK_SIZE = 65_536;

// A review measures the speed of messages. If the last review was less than `SHORTEST_PERIOD` milliseconds ago, the review is skipped. A
// blocked process does not read. So if the last review was long ago, only `LONGEST_PERIOD` milliseconds count.
const LONGEST_PERIOD = 1000;
const SHORTEST_PERIOD = 200;

// After `TURNS_OF_TRUST` turns of more trusted connections (see `trustOf`), one of the least trusted connections gets a turn. If the limit
// is exceeded, this happens only after `TURNS_BEYOND_LIMIT` turns. The reason: while the limit is exceeded, a peer that does not use its
// turn blocks all other connections until its message is aborted.
const TURNS_OF_TRUST = 7;
const TURNS_BEYOND_LIMIT = 255;

/** Gives turns to the connections of one memory budget. */
export class ReadingTurns implements ShareOwner {
  readonly #budget: TurnsBudget & { count(bytes: number): void };
  readonly #now: () => number;
  /**
   * All connections with an unfinished message. `place` of a share is its index in this list. This is an array, because a Set is slower: it
   * often allocates new tables in the old generation of V8's heap. After this, V8 in Node 24 and 26 marks the whole heap when new messages
   * take 8 MiB.
   */
  readonly #unfinished: Share[] = [];
  /**
   * Connections that wait inside a message. There is one set for each result of `trustOf`. Within a set, the connection that has waited
   * longest gets the next turn.
   */
  readonly #waiting: readonly [Set<Share>, Set<Share>, Set<Share>] = [new Set(), new Set(), new Set()];
  /** Connections that wait between messages. */
  readonly #between = new Set<Share>();
  /** Connections that have a turn (the permission to read). */
  readonly #running = new Set<Share>();
  #turn = 0;
  #isWaking = false;
  /** The number of the current waiting period, from 1. A period begins when the first connection must wait. */
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
    // There may already be room for this connection.
    this.wake();
    if (share.state !== Waiting || share.isHalted) return;
    share.isHalted = true;
    share.reader.waitForRoom();
  }

  /** Is called when the current message of the share's connection is complete or aborted. Ends the turn of this connection. */
  ended(share: Share): void {
    this.#finish(share);
    if (share.state !== Waiting) {
      this.#endTurn(share);
      return;
    }
    this.#forget(share);
    this.#between.add(share);
  }

  /** Removes the share from `#unfinished`. The last share of the list moves to the free place. */
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

  /** Gives turns to waiting connections until there is no more room. One message may also continue without room, see `#fits`. */
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
    // If all unfinished messages waited for room, no message would ever finish. So one message may continue without room. But no message
    // may continue if finished messages, which the application has not read, take more than half of the limit: otherwise they would take
    // more and more memory.
    return isFirst && unread <= limit / 2;
  }

  #start(share: Share): void {
    share.period = 0;
    share.receivedLast = -1;
    // If the connection is also stopped for another reason, it gets no turn, because it cannot use the turn now. It asks again later.
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

  /**
   * Is called when the first connection must wait: a new waiting period begins. Ends turns for one chunk that remain from the last period.
   */
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
    // The largest messages are aborted first, because this frees the most memory.
    slow.sort((one, other) => other.bytes - one.bytes);
    for (const share of slow) {
      if (!this.#budget.isScarce) break;
      // When another message was aborted, a callback may have ended this connection.
      if (share.bytes > 0) share.reader.shed(new ProtocolError('WS_MEMORY_BUDGET'));
    }
    this.wake();
  }

  /** Returns true if a message arrives so slowly that it must be aborted. */
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

  /** Ends the turn if the peer sends too slowly. If the limit is exceeded, a message keeps its turn, so that no second message grows. */
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
 * Estimates whether the connection will finish its message. Returns 2 if it has finished messages before, 1 if the size of its message is
 * known, and 0 otherwise.
 */
function trustOf(share: Share): 0 | 1 | 2 {
  if (share.finished > 0) return 2;
  return share.reader.isSizeKnown ? 1 : 0;
}

function needOf(share: Share): number {
  return share.bytes > 0 ? share.reader.remainingBytes : CHUNK_SIZE;
}
