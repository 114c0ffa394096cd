/**
 * Schedules the jobs for zlib's threads. A job compresses or decompresses one message. Node has four threads for files, DNS and zlib
 * together, so at most three jobs run at the same time. A job processes its message in slices. After each slice, the job that has waited
 * longest runs next. So a message waits only for one slice of each other connection, not for whole messages. Messages of one connection
 * stay in order, because a connection has at most one job in each direction.
 */

import type { Charge } from '../frame/charge.ts';

const MAX_RUNNING = 3;

// Jobs that have begun keep their output in memory. If these jobs together hold at least this number of bytes, no new job begins.
const MAX_HELD = 33_554_432;

let running = 0;
let held = 0;
let tickets = 0;
/**
 * The waiting jobs. `fresh` has the jobs that have not begun. `begun` has the jobs that wait between two slices. In both lists, the job
 * that has waited longest comes first.
 */
const fresh: PoolJob[] = [];
const begun: PoolJob[] = [];

/** The message of the error with which a job rejects if its connection is closed. */
const ABANDONED = 'The connection is closed';

/** Returns the waiting job that may run next, or undefined if no job may run. */
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

/** The compression or decompression of one message in zlib's threads. */
export class PoolJob {
  /**
   * A number that shows which job has waited longest: the job with the lowest number. A job gets a new number each time it begins to wait.
   */
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
   * @param charge counts the memory of the job: the input, and the bytes that were passed to `hold`. The job does not release the charge
   * @param input the size of the input in bytes
   */
  constructor(charge: Charge | null = null, input = 0) {
    this.#charge = charge;
    this.#input = input;
    charge?.resize(input);
  }

  /** Waits until fewer than three jobs run and no other job has waited longer. Then runs `work`. Call this method once per job. */
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
   * Lets another job run. Call this method after each slice. Do not call it again before the returned Promise has settled.
   * @returns a Promise that resolves when this job may continue. Null if no other job waits: then this job continues at once
   */
  rest(): Promise<void> | null {
    if (this.#isAbandoned) return Promise.reject(new Error(ABANDONED));
    if (nextJob() === undefined) return null;
    const turn = this.#wait(begun);
    this.#leave();
    return turn;
  }

  /** Sets the number of bytes that the job holds now, without its input. */
  hold(bytes: number): void {
    held += bytes - this.#held;
    this.#held = bytes;
    this.#charge?.resize(this.#input + bytes);
  }

  /** Abandons the job. Is called when the connection is closed. If the job runs, it finishes its current slice, and then `run` rejects. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#leaveQueue();
    this.#refuse?.(new Error(ABANDONED));
    this.#enter = null;
    this.#refuse = null;
  }

  /** Starts or continues this job. Only `fillPlaces` calls this method. */
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
