/**
 * Work for zlib's threads: Node has four threads for files, names and zlib together, so a bounded number of jobs runs at a time.
 * Each works in slices and gives its place back after each one: first come, first served between slices, so that a message waits
 * for one slice of each other connection, and not for their messages. Messages of one connection never overtake each other: it
 * has one job in each direction at most.
 */

import type { Charge } from '../frame/charge.ts';

const MAX_RUNNING = 3;

// Jobs that are under way hold what came out so far. Beyond this no other one begins before some of them have ended.
const MAX_HELD = 33_554_432;

let running = 0;
let held = 0;
let tickets = 0;
/** In the order of their tickets: those that have not begun, and those between two slices. */
const fresh: PoolJob[] = [];
const begun: PoolJob[] = [];

/** Rejects what is being done for a connection that is closed. */
const ABANDONED = 'The connection is closed';

/** The job whose turn it is. */
function nextJob(): PoolJob | undefined {
  const [first] = fresh;
  const [second] = begun;
  if (first === undefined) return second;
  const mayBegin = held < MAX_HELD || (second === undefined && running === 0);
  if (!mayBegin) return second;
  return second === undefined || first.ticket < second.ticket ? first : second;
}

function fillPlaces(): void {
  while (running < MAX_RUNNING) {
    const job = nextJob();
    if (job === undefined) return;
    (job === fresh[0] ? fresh : begun).shift();
    running++;
    job.enter();
  }
}

/** One message in the pool. */
export class PoolJob {
  /** When it came, or came back, in relation to the others. */
  ticket = 0;
  #isRunning = false;
  #hasBegun = false;
  #isAbandoned = false;
  #held = 0;
  readonly #charge: Charge | null;
  readonly #input: number;
  #enter: (() => void) | null = null;
  #refuse: ((error: Error) => void) | null = null;

  /**
   * @param charge counts the input and what is held besides; its owner releases it
   * @param input bytes
   */
  constructor(charge: Charge | null = null, input = 0) {
    this.#charge = charge;
    this.#input = input;
    charge?.resize(input);
  }

  /** Runs `work` when there is a place. Once per job. */
  async run<Result>(work: (job: PoolJob) => Promise<Result>): Promise<Result> {
    try {
      await this.#wait(fresh);
      this.#hasBegun = true;
      return await work(this);
    } finally {
      this.#leaveQueue();
      this.hold(0);
      this.#leave();
    }
  }

  /**
   * A slice is done: gives the place to the job that waits longest. To be called again only after the promise has settled.
   * @returns resolves when it is this job's turn again; null if no job waits: go on
   */
  rest(): Promise<void> | null {
    if (this.#isAbandoned) return Promise.reject(new Error(ABANDONED));
    if (nextJob() === undefined) return null;
    const turn = this.#wait(begun);
    this.#leave();
    return turn;
  }

  /** Bytes that the job holds from now on, besides its input. */
  hold(bytes: number): void {
    held += bytes - this.#held;
    this.#held = bytes;
    this.#charge?.resize(this.#input + bytes);
  }

  /** The connection is closed: what is not done yet is not worth doing. `run` rejects, after the slice at hand. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#leaveQueue();
    this.#refuse?.(new Error(ABANDONED));
    this.#enter = null;
    this.#refuse = null;
  }

  /** By the pool only: there is a place. */
  enter(): void {
    this.#isRunning = true;
    this.#enter!();
    this.#enter = null;
    this.#refuse = null;
  }

  #wait(queue: PoolJob[]): Promise<void> {
    this.ticket = ++tickets;
    queue.push(this);
    return new Promise((resolve, reject) => {
      this.#enter = resolve;
      this.#refuse = reject;
      if (queue === fresh) fillPlaces();
    });
  }

  #leaveQueue(): void {
    if (this.#isRunning) return;
    const queue = this.#hasBegun ? begun : fresh;
    const at = queue.indexOf(this);
    if (at >= 0) queue.splice(at, 1);
  }

  #leave(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    running--;
    fillPlaces();
  }
}
