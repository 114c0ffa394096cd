/**
 * A quantum for what is inflated inside one turn of the event loop, over all connections: 150 bytes of a peer can stand for 128 KiB,
 * and a chunk of its bytes for hundreds of those. Beyond it what is received goes to zlib's threads, or, if it is too small for
 * that, waits for a later turn, first come, first served. What is sent counts, since much of it is replies, but never waits here.
 */

// About 10 ms, most of which goes into delivering the messages.
const WORK_PER_TURN = 4_194_304;

// Taken once: an application's tests may replace it.
const { setImmediate: atEndOfTurn } = globalThis;

let spent = 0;
const waiting: (() => void)[] = [];

function beginTurn(): void {
  spent = 0;
  while (spent < WORK_PER_TURN) {
    const work = waiting.shift();
    if (work === undefined) return;
    work();
  }
}

/** Whether what was done in this turn is enough. */
export function isTurnSpent(): boolean {
  return spent >= WORK_PER_TURN;
}

/** Counts work: bytes of output of zlib, or what takes as long. */
export function spendTurn(bytes: number): void {
  if (spent === 0) atEndOfTurn(beginTurn);
  spent += bytes;
}

/** Runs `work` in a later turn that has room for it. To be called while the turn is spent. */
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
