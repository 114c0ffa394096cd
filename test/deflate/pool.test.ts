/** Tests the scheduling of jobs for zlib's threads: which job runs next, and how a job is abandoned. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PoolJob } from '../../src/deflate/pool.ts';

/** Runs jobs in the pool. Each job ends when the test calls `end`. */
class Jobs {
  readonly started: number[] = [];
  running = 0;
  most = 0;
  readonly #ends: (() => void)[] = [];

  run(name: number, fails = false): Promise<number> {
    return new PoolJob().run(async () => {
      this.started.push(name);
      this.most = Math.max(this.most, ++this.running);
      await new Promise<void>((resolve) => this.#ends.push(resolve));
      this.running--;
      if (fails) throw new Error(`job ${name}`);
      return name;
    });
  }

  end(): void {
    this.#ends.shift()?.();
  }
}

test('A34: three jobs run at the same time in the pool, and the other jobs wait in the order of their arrival', async () => {
  const jobs = new Jobs();
  const results = Promise.all(Array.from({ length: 10 }, (_, name) => jobs.run(name)));
  await nextTurn();
  expect(jobs.started).toEqual([0, 1, 2]);
  for (let n = 0; n < 10; n++) {
    jobs.end();
    await nextTurn();
    expect(jobs.running).toBe(Math.min(3, 9 - n));
  }
  expect(jobs.started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await results).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(jobs.most).toBe(3);
});

test('A34: a new job runs after the jobs that already wait, even if it arrives when another job ends', async () => {
  const jobs = new Jobs();
  const results = [0, 1, 2, 3, 4].map((name) => jobs.run(name));
  await nextTurn();
  for (let n = 0; n < 3; n++) jobs.end();
  // These jobs arrive in microtasks, after a job has ended and before the next job starts.
  for (let n = 5; n < 12; n++) {
    results.push(jobs.run(n));
    await Promise.resolve();
  }
  while (jobs.started.length < 12 || jobs.running > 0) {
    await nextTurn();
    jobs.end();
  }
  await Promise.all(results);
  expect(jobs.most).toBe(3);
  expect(jobs.started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test('A34: if a job fails, or throws before it begins, the next job can run', async () => {
  const jobs = new Jobs();
  const failing = Array.from({ length: 6 }, (_, name) => jobs.run(name, true));
  const settled = Promise.allSettled(failing);
  const thrown = new PoolJob().run(() => {
    throw new Error('at once');
  });
  const last = jobs.run(7);
  const outcome = expect(thrown).rejects.toThrow('at once');
  for (let n = 0; n < 8; n++) {
    await nextTurn();
    jobs.end();
  }
  await outcome;
  expect(await last).toBe(7);
  expect((await settled).map(({ status }) => status)).toEqual(new Array(6).fill('rejected'));
  expect(jobs.most).toBe(3);
});

/** Returns a job with this number of slices. The job logs each slice. */
function sliced(
  log: string[],
  name: string,
  slices: number,
  held = 0,
): { job: PoolJob; done: Promise<void> } {
  const job = new PoolJob();
  const done = job.run(async (place) => {
    place.hold(held);
    for (let slice = 0; slice < slices; slice++) {
      log.push(`${name}${slice}`);
      await nextTurn();
      const turn = slice + 1 < slices ? place.rest() : null;
      if (turn !== null) await turn;
    }
  });
  return { job, done };
}

test('FAULT-5: a job lets other jobs run after each slice, and a short job waits for at most two slices of each job', async () => {
  const log: string[] = [];
  const long = Array.from({ length: 6 }, (_, n) => sliced(log, 'abcdef'[n]!, 50).done);
  await nextTurn();
  const short = sliced(log, 'x', 1).done;
  await short;
  // Each of the six earlier jobs had at most two slices before the short job.
  expect(log.indexOf('x0')).toBeLessThanOrEqual(12);
  await Promise.all(long);
  expect(log.length).toBe(301);
  // The jobs run in rounds, in the order of their arrival. No job is more than two rounds ahead of another job.
  const rounds = new Map<string, number>();
  for (const entry of log.slice(0, 290)) {
    if (entry.startsWith('x')) continue;
    rounds.set(entry[0]!, Number(entry.slice(1)));
    if (rounds.size === 6)
      expect(Math.max(...rounds.values()) - Math.min(...rounds.values())).toBeLessThan(3);
  }
});

test('a job continues immediately if no other job waits', async () => {
  const job = new PoolJob();
  await job.run(async (place) => {
    expect(place.rest()).toBe(null);
    expect(place.rest()).toBe(null);
  });
});

test('FAULT-5, A35: while the output of all running jobs has 32 MiB or more, no other job begins, but the running jobs continue', async () => {
  const log: string[] = [];
  const heavy = Array.from({ length: 4 }, (_, n) => sliced(log, 'abcd'[n]!, 20, 12_000_000).done);
  await Promise.all(heavy);
  // Three jobs exceed the limit of 32 MiB together. So the last job began only when another job had ended.
  expect(log.indexOf('d0')).toBeGreaterThan(log.findIndex((entry) => entry.endsWith('19')));
  // The output of the heavy jobs no longer counts.
  const light = Array.from({ length: 4 }, (_, n) => sliced(log, 'wxyz'[n]!, 3, 1000).done);
  log.length = 0;
  await Promise.all(light);
  expect(log.indexOf('z0')).toBeLessThan(log.indexOf('w2'));
});

test('FAULT-5: if a job is abandoned while it waits, pauses or runs, the other jobs continue', async () => {
  const log: string[] = [];
  const jobs = Array.from({ length: 8 }, (_, n) => sliced(log, 'abcdefgh'[n]!, 30));
  const settled = Promise.allSettled(jobs.map(({ done }) => done));
  await nextTurn();
  await nextTurn();
  for (const index of [0, 3, 7]) jobs[index]!.job.abandon();
  const results = await settled;
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7].map((index) => ![0, 3, 7].includes(index)),
  );
  for (const index of [0, 3, 7]) {
    await expect(jobs[index]!.done).rejects.toThrow('The connection is closed');
    expect(log.filter((entry) => entry.startsWith('abcdefgh'[index]!)).length).toBeLessThan(4);
  }
  // All three places for running jobs are free again.
  const started = new Jobs();
  const three = [0, 1, 2].map((name) => started.run(name));
  await nextTurn();
  expect(started.running).toBe(3);
  for (let n = 0; n < 3; n++) started.end();
  await Promise.all(three);
});
