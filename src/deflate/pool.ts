/**
 * Schedules the work for zlib's threads. Node has four threads for files, DNS and zlib together, so a bounded number of jobs runs at a
 * time. Each job works in slices, and gives up its place after each slice. The job that has waited longest gets the next place. So a
 * message waits for one slice of each other connection, not for a whole message of each. Messages of one connection never overtake each
 * other, since a connection has at most one job in each direction.
 */

import type { Charge } from '../frame/charge.ts';

const MAX_RUNNING = 3;

// Jobs that have begun hold their output so far. If they hold more bytes than this, no other job begins until some of them have ended.
const MAX_HELD = 33_554_432;

let running = 0;
let held = 0;
let tickets = 0;
/** Jobs that have not begun. `begun` below holds jobs that wait between two slices. Both lists are in the order of the jobs' tickets. */
const fresh: PoolJob[] = [];
const begun: PoolJob[] = [];

/** The error of a job whose connection is closed. */
const ABANDONED = 'The connection is closed';

/** Returns the job whose turn it is, if one may run. */
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
  /** The jobs that wait are in the order of their tickets. A job gets a new ticket when it arrives, and when it comes back after a slice. */
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
   * @param charge the job resizes it to the input plus the bytes passed to `hold`; the owner of the charge releases it
   * @param input the size of the input in bytes
   */
  constructor(charge: Charge | null = null, input = 0) {
    this.#charge = charge;
    this.#input = input;
    charge?.resize(input);
  }

  /** Runs `work` when there is a place. Call this once per job. */
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
   * Call this after a slice: it gives the place to the job that has waited longest. Call it again only after the promise has settled.
   * @returns a promise that resolves when it is this job's turn again; null if no job waits, so that this job continues at once
   */
  rest(): Promise<void> | null {
    if (this.#isAbandoned) return Promise.reject(new Error(ABANDONED));
    if (nextJob() === undefined) return null;
    const turn = this.#wait(begun);
    this.#leave();
    return turn;
  }

  /** Sets the bytes that the job holds from now on, besides its input. */
  hold(bytes: number): void {
    held += bytes - this.#held;
    this.#held = bytes;
    this.#charge?.resize(this.#input + bytes);
  }

  /** Abandons the rest of the work, since the connection is closed. `run` rejects after the current slice. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#leaveQueue();
    this.#refuse?.(new Error(ABANDONED));
    this.#enter = null;
    this.#refuse = null;
  }

  /** Called only by the pool, when there is a place for this job. */
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
