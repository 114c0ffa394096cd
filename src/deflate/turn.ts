/**
 * Limits the work of decompression in one turn of the event loop. A turn lasts from its first work until the next `setImmediate` callback.
 * Without a limit, one peer could block all others. 150 bytes can decompress to 128 KiB, and one chunk of input can contain hundreds of
 * such messages. Each connection has a share: the work that it may do in one turn. If the turn has become long, the share is smaller. Both
 * the work and the clock decide whether a turn is long. Code that is not compiled yet, garbage collection and the application's handlers
 * take time as well. If a connection has used up its share, its next message waits for a later turn. At the beginning of that turn, all
 * bytes that were sent are flushed. Then the waiting messages are decompressed, in the order in which they began to wait. Compression
 * counts as work as well, since much of it is for replies, but compression never waits.
 */

// The unit of work is the time that zlib takes for one byte of output, about 2 ns. Other work is converted to this unit. If a peer sends
// one message at a time, its share is never used up. Its message waits only if the turn is full.
const SHARE = 524_288;
/**
 * The share of a connection in a long turn: the work that it may do. A turn is long after `LONG_TURN` work or `LONG_TIME` milliseconds. The
 * share allows a few messages: making a message wait costs as much time as processing a few messages.
 */
const SMALL_SHARE = 65_536;
const LONG_TURN = 2_097_152;
const LONG_TIME = 2;
/** After this much work, or this many milliseconds, a turn is full. No connection then decompresses further messages in this turn. */
const FULL_TURN = 8_388_608;
const FULL_TIME = 5;

/** The clock is read only after this much work. Reading the clock takes 50 ns, and a small message takes a few µs. */
const WORK_BETWEEN_READINGS = 8_192;

// `setImmediate` is read once, when this file loads, since an application's tests may replace the global later.
const { setImmediate: atEndOfTurn } = globalThis;

/** `now` returns milliseconds on a clock that never jumps. Only tests replace `now`. */
export const turnClock: { now: () => number } = { now: performance.now.bind(performance) };

/** The number of the current turn. Only turns in which work was done are counted. */
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

/**
 * Sets the function that flushes sent bytes before waiting messages are decompressed. So the answer to a ping, for example, does not wait
 * for this work.
 */
export function flushBeforeLateWork(flushAll: () => void): void {
  flush = flushAll;
}

/** Begins a turn. Called before each piece of work; only the first call in a turn has an effect. */
function beginWork(): void {
  if (hasEnd) return;
  hasEnd = true;
  began = turnClock.now();
  atEndOfTurn(endTurn);
}

/** Ends the turn, and begins the next turn with the work that waits, in order. */
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

/**
 * Runs the work that has waited longest. Then the same connection may decompress its next messages, up to its share. After that,
 * `serveNext` is called again.
 */
function serveNext(): void {
  waiting.shift()!();
  readClock();
  if (waiting.length > 0 && !isLong) resolved.then(serveNext);
}

/** Reads the clock and updates `isLong` and `isFull`, if enough work was done since the clock was last read. */
function readClock(): void {
  if (spent < nextReading) return;
  nextReading = spent + WORK_BETWEEN_READINGS;
  const elapsed = turnClock.now() - began;
  isLong = spent >= LONG_TURN || elapsed >= LONG_TIME;
  isFull = spent >= FULL_TURN || elapsed >= FULL_TIME;
}

/** Counts the work of one connection in the current turn. Compares it with the share, which is the maximum. */
export class TurnShare {
  #turn = -1;
  #spent = 0;

  /** Whether this connection has used up its share, or the turn is full. Check this before doing work. */
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

/**
 * Runs `work` in a later turn: when all earlier work is done, and the turn is not too long. Call this function only if `isSpent` is true.
 */
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
