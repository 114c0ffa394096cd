/**
 * Work for zlib's threads, a bounded number of jobs at a time: Node has four threads for files, names and zlib together, and a
 * job holds its memory while it waits. Messages of one connection never overtake each other: it has one job at most.
 */

const MAX_JOBS = 3;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs `job` when there is room; first come, first served. */
export async function inPool<Result>(job: () => Promise<Result>): Promise<Result> {
  if (running < MAX_JOBS) running++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await job();
  } finally {
    // The room goes to the one that waits longest, without being free in between.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
