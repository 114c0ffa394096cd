import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inPool } from '../../src/deflate/pool.ts';

/** Jobs that end when they are told to. */
class Jobs {
  readonly started: number[] = [];
  running = 0;
  most = 0;
  readonly #ends: (() => void)[] = [];

  run(name: number, fails = false): Promise<number> {
    return inPool(async () => {
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

test('A34: three jobs at a time, the others in the order in which they came', async () => {
  const jobs = new Jobs();
  const results = Promise.all(Array.from({ length: 10 }, (_, name) => jobs.run(name)));
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

test('A34: one that comes when another ends does not take the place of those that wait', async () => {
  const jobs = new Jobs();
  const results = [0, 1, 2, 3, 4].map((name) => jobs.run(name));
  for (let n = 0; n < 3; n++) jobs.end();
  // In the microtasks in which the places change hands.
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

test('A34: a job that fails, or throws before it begins, leaves its place to the next', async () => {
  const jobs = new Jobs();
  const failing = Array.from({ length: 6 }, (_, name) => jobs.run(name, true));
  const settled = Promise.allSettled(failing);
  const thrown = inPool(() => {
    throw new Error('at once');
  });
  const last = jobs.run(7);
  const outcome = expect(thrown).rejects.toThrow('at once');
  for (let n = 0; n < 8; n++) {
    jobs.end();
    await nextTurn();
  }
  await outcome;
  expect(await last).toBe(7);
  expect((await settled).map(({ status }) => status)).toEqual(new Array(6).fill('rejected'));
  expect(jobs.most).toBe(3);
});
