/**
 * Limits the work of decompression in one turn of the event loop. A turn lasts from its first work until the next `setImmediate` callback.
 * Without a limit, one peer could block all other peers. For example, 150 bytes can decompress to 128 KiB, and one chunk of input can
 * contain hundreds of such messages.
 * Each connection has a share: the maximum work for this connection in one turn. If the connection has used up its share, its next message
 * waits for a later turn. That turn first flushes all sent bytes, and then decompresses the waiting messages in order. In a long turn, the
 * shares are smaller. A turn is long if much work was done in it, or if much time has passed. Compression also counts as work, because much
 * of it is for replies. But compression never waits.
 */

// How much work one connection may cause in a turn before it waits for other connections. A unit of work is the time that zlib takes for
// one byte of output, about 2 ns. A peer that sends one message at a time never reaches this limit.
const SHARE = 524_288;
/**
 * The share of a connection in a long turn. A turn is long after `LONG_TURN` units of work, or after `LONG_TIME` milliseconds. The share
 * still allows a few messages: to make a message wait costs as much time as to process a few messages.
 */
const SMALL_SHARE = 65_536;
const LONG_TURN = 2_097_152;
const LONG_TIME = 2;
/**
 * After `FULL_TURN` units of work, or after `FULL_TIME` milliseconds, a turn is full: no connection decompresses another message in this
 * turn.
 */
const FULL_TURN = 8_388_608;
const FULL_TIME = 5;

/** The clock is read only after this number of units of work. Reading the clock takes 50 ns, and a small message takes a few µs. */
const WORK_BETWEEN_READINGS = 8_192;

// The function is stored when this file loads, because tests of the application may replace the global function later.
const { setImmediate: atEndOfTurn } = globalThis;

/** `now` returns the milliseconds of a monotonic clock. Only our tests replace `now`. */
export const turnClock: { now: () => number } = { now: performance.now.bind(performance) };

/** The number of the current turn. Turns without work are not counted. */
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
 * Sets the function that flushes all sent bytes. It is called before waiting messages are decompressed, so that, for example, a pong does
 * not wait for this work.
 */
export function flushBeforeLateWork(flushAll: () => void): void {
  flush = flushAll;
}

/** Begins a turn, if no turn has begun yet. Is called before each piece of work. */
function beginWork(): void {
  if (hasEnd) return;
  hasEnd = true;
  began = turnClock.now();
  atEndOfTurn(endTurn);
}

/** Ends the turn. If work waits, begins the next turn with this work. */
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
 * Runs the work that has waited longest. Then, in microtasks, the same connection may decompress its next messages, up to its share. After
 * these microtasks, `serveNext` runs again.
 */
function serveNext(): void {
  waiting.shift()!();
  readClock();
  if (waiting.length > 0 && !isLong) resolved.then(serveNext);
}

/** Reads the clock and updates `isLong` and `isFull`. Does nothing if little work was done after the last reading. */
function readClock(): void {
  if (spent < nextReading) return;
  nextReading = spent + WORK_BETWEEN_READINGS;
  const elapsed = turnClock.now() - began;
  isLong = spent >= LONG_TURN || elapsed >= LONG_TIME;
  isFull = spent >= FULL_TURN || elapsed >= FULL_TIME;
}

/** Counts the work of one connection in the current turn, and compares it with the connection's share. */
export class TurnShare {
  #turn = -1;
  #spent = 0;

  /** True if this connection has used up its share, or the turn is full. Check this before you decompress a message. */
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

/** Runs `work` in a later turn, after all work that began to wait earlier. Call this function only if `isSpent` is true. */
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
