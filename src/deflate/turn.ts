/**
 * A quantum for what is inflated inside one turn of the event loop: 150 bytes of a peer can stand for 128 KiB, and a chunk of its
 * bytes for hundreds of those. Each connection has a share, and all of them together a limit. Beyond it what is received goes to
 * zlib's threads, or, if it is too small for that, waits for a later turn, first come, first served. What is sent counts, since
 * much of it is replies, but never waits here.
 */

// Bytes of output of zlib, or what takes as long: some 2 ms, most of which goes into delivering the messages. A peer that sends one
// message at a time never reaches it.
const SHARE = 1_048_576;
const WORK_PER_TURN = 16_777_216;

// Taken once: an application's tests may replace it.
const { setImmediate: atEndOfTurn } = globalThis;

/** Counts turns in which anything was done. */
let turn = 0;
let spent = 0;
const waiting: (() => void)[] = [];

function beginTurn(): void {
  turn++;
  spent = 0;
  while (spent < WORK_PER_TURN) {
    const work = waiting.shift();
    if (work === undefined) return;
    work();
  }
}

/** What one connection may do in a turn. */
export class TurnShare {
  #turn = -1;
  #spent = 0;

  /** Whether what was done in this turn, for this connection or for all, is enough. */
  get isSpent(): boolean {
    return spent >= WORK_PER_TURN || (this.#spent >= SHARE && this.#turn === turn);
  }

  /** Counts work. */
  spend(bytes: number): void {
    if (spent === 0) atEndOfTurn(beginTurn);
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
