/**
 * Limits the decompression inside one turn of the event loop: 150 bytes from a peer can decompress to 128 KiB, and one chunk can hold
 * hundreds of such messages. Each connection has a share of a turn. The share gets smaller once the turn is long. A
 * turn is long by the work in it or by the clock, since code that is not compiled yet, garbage collection and the application's handlers
 * take time as well. A message beyond the share waits for a later turn. Messages that wait are served in the order in which they began to
 * wait, after everything that was already sent has left. Compression counts as well, since much of it is for replies, but it never waits.
 */

// The unit of work is a byte of zlib's output, some 2 ns; other work is converted to it. A peer that sends one message at a time never
// reaches any of these limits except the last.
const SHARE = 524_288;
/** The share in a long turn: one with at least `LONG_TURN` work or `LONG_TIME` ms. To wait costs as much as a few messages. */
const SMALL_SHARE = 65_536;
const LONG_TURN = 2_097_152;
const LONG_TIME = 2;
/** After this much work, or this many milliseconds, no connection continues in this turn. */
const FULL_TURN = 8_388_608;
const FULL_TIME = 5;

/** The work between two readings of the clock. A reading takes 50 ns, and a small message takes some µs. */
const WORK_BETWEEN_READINGS = 8_192;

// The global is read when this file is loaded, since an application's tests may replace it later.
const { setImmediate: atEndOfTurn } = globalThis;

/** Returns milliseconds on a clock that never jumps. Only tests replace `now`. */
export const turnClock: { now: () => number } = { now: performance.now.bind(performance) };

/** Counts the turns in which work was done. */
let turn = 0;
let hasEnd = false;
let spent = 0;
let began = 0;
let isLong = false;
let isFull = false;
let nextReading = WORK_BETWEEN_READINGS;
const waiting: (() => void)[] = [];
const resolved = Promise.resolve();
let flush = (): void => {};

/** Sets the function that flushes sent bytes before late work begins: the answer to a ping, for example, must not wait for that work. */
export function flushBeforeLateWork(flushAll: () => void): void {
  flush = flushAll;
}

/** Begins a turn, at the first work in it. */
function beginWork(): void {
  if (hasEnd) return;
  hasEnd = true;
  began = turnClock.now();
  atEndOfTurn(endTurn);
}

/** Ends the turn, as this file counts turns, and does the waiting work in the order in which it began to wait. */
function endTurn(): void {
  turn++;
  hasEnd = false;
  spent = 0;
  isLong = false;
  isFull = false;
  nextReading = WORK_BETWEEN_READINGS;
  if (waiting.length === 0) return;
  flush();
  beginWork();
  serveNext();
}

/** Serves one waiting item. Later messages of the same connection are served before the next item, up to the connection's share. */
function serveNext(): void {
  waiting.shift()!();
  readClock();
  if (waiting.length > 0 && !isLong) resolved.then(serveNext);
}

/** Updates `isLong` and `isFull`, if enough work was done since the last reading of the clock. */
function readClock(): void {
  if (spent < nextReading) return;
  nextReading = spent + WORK_BETWEEN_READINGS;
  const elapsed = turnClock.now() - began;
  isLong = spent >= LONG_TURN || elapsed >= LONG_TIME;
  isFull = spent >= FULL_TURN || elapsed >= FULL_TIME;
}

/** The work that one connection may do in a turn. */
export class TurnShare {
  #turn = -1;
  #spent = 0;

  /** Whether this connection has used up its share, or the turn is full. Ask this before doing work. */
  get isSpent(): boolean {
    beginWork();
    readClock();
    return isFull || (this.#turn === turn && this.#spent >= (isLong ? SMALL_SHARE : SHARE));
  }

  /** Counts work that this connection has done. */
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

/** Runs `work` in a later turn that has room for it. Call this while `isSpent` is true. */
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
