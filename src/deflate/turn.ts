/**
 * A quantum for what is inflated inside one turn of the event loop: 150 bytes of a peer can stand for 128 KiB, and a chunk of its
 * bytes for hundreds of those. Each connection has a share of a turn, a smaller one once the turn is long, by what was done in it or by
 * the clock: code that is not compiled yet, garbage and the application's handlers take time as well. What comes beyond that waits
 * for a later turn, first come, first served, and whatever was sent leaves before. What is sent counts, since much of it is replies, but
 * never waits here.
 */

// All of these in bytes of output of zlib, or what takes as long: some 2 ns each. A peer that sends one message at a time never
// reaches any but the last.
const SHARE = 524_288;
/** The share in a turn that is long, by what was done in it or by its milliseconds. To wait costs as much as a few messages. */
const SMALL_SHARE = 65_536;
const LONG_TURN = 2_097_152;
const LONG_TIME = 2;
/** From here on, or after so many milliseconds, no connection goes on. */
const FULL_TURN = 8_388_608;
const FULL_TIME = 5;

/** What is done between two looks at the clock: such a look takes 50 ns, a small message some µs. */
const BETWEEN_LOOKS = 8_192;

// Taken once: an application's tests may replace it.
const { setImmediate: atEndOfTurn } = globalThis;

/** Milliseconds on a clock that never jumps. Only tests replace its member. */
export const turnClock: { now: () => number } = { now: performance.now.bind(performance) };

/** Counts turns in which anything was done. */
let turn = 0;
let hasEnd = false;
let spent = 0;
let began = 0;
let isLong = false;
let isFull = false;
let nextLook = BETWEEN_LOOKS;
const waiting: (() => void)[] = [];
const resolved = Promise.resolve();
let flush = (): void => {};

/** What is to leave before work that waited is done: the answer to a ping, say, must not wait for it as well. */
export function flushBeforeLateWork(flushAll: () => void): void {
  flush = flushAll;
}

/** A turn begins with the first work in it. */
function beginWork(): void {
  if (hasEnd) return;
  hasEnd = true;
  began = turnClock.now();
  atEndOfTurn(endTurn);
}

/** The next turn has begun, as far as this file is concerned: what waited goes first. */
function endTurn(): void {
  turn++;
  hasEnd = false;
  spent = 0;
  isLong = false;
  isFull = false;
  nextLook = BETWEEN_LOOKS;
  if (waiting.length === 0) return;
  flush();
  beginWork();
  serveNext();
}

/** One after the other: what follows on the same connection comes first, up to its share. */
function serveNext(): void {
  waiting.shift()!();
  look();
  if (waiting.length > 0 && !isLong) resolved.then(serveNext);
}

/** How far the turn has come. */
function look(): void {
  if (spent < nextLook) return;
  nextLook = spent + BETWEEN_LOOKS;
  const elapsed = turnClock.now() - began;
  isLong = spent >= LONG_TURN || elapsed >= LONG_TIME;
  isFull = spent >= FULL_TURN || elapsed >= FULL_TIME;
}

/** What one connection may do in a turn. */
export class TurnShare {
  #turn = -1;
  #spent = 0;

  /** Whether what was done in this turn, for this connection or for all, is enough. To be asked before work is done. */
  get isSpent(): boolean {
    beginWork();
    look();
    return isFull || (this.#turn === turn && this.#spent >= (isLong ? SMALL_SHARE : SHARE));
  }

  /** Counts work. */
  spend(bytes: number): void {
    beginWork();
    spent += bytes;
    if (this.#turn !== turn) {
      this.#turn = turn;
      this.#spent = 0;
    }
    this.#spent += bytes;
  }
}

/** Runs `work` in a later turn that has room for it. To be called while a share is spent. */
export function inLaterTurn<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    waiting.push(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}
