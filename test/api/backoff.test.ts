/** How long a client waits before it connects again (RFC 6455 §7.2.3). The tests need no clock. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstWait, randomFraction, readBackoff, waitAfter } from '../../src/api/backoff.ts';

const MAX_TIMER = 2_147_483_647;
const time = fc.double({ min: 0, max: 1e12, noNaN: true });
const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe('C21: the time that a client waits before it connects again', () => {
  test('C21: without jitter, each wait is twice as long as the previous wait, up to `max`', () => {
    const times = readBackoff({ base: 100, max: 1_000, jitter: 0 });
    expect([1, 2, 3, 4, 5, 6, 500].map((retries) => waitAfter(retries, times, 0.9))).toEqual([
      100, 200, 400, 800, 1_000, 1_000, 1_000,
    ]);
    const none = readBackoff({ base: 0, jitter: 0 });
    expect([1, 27, 2_000].map((retries) => waitAfter(retries, none, 0))).toEqual([0, 0, 0]);
  });

  test('C21: each wait is above zero and between `min` and `max`, and `jitter` is the random part of the wait', () => {
    fc.assert(
      fc.property(
        fc.record({ base: time, max: time, min: time, jitter: fc.double({ min: 0, max: 1, noNaN: true }) }),
        fc.integer({ min: 1, max: 2_000 }),
        fraction,
        (backoff, retries, random) => {
          const wait = waitAfter(retries, readBackoff(backoff), random);
          const full = Math.min(backoff.base * 2 ** Math.min(retries - 1, 1_000), backoff.max);
          expect(wait).toBeGreaterThanOrEqual(Math.min(backoff.min, MAX_TIMER));
          // setTimeout fires immediately if the delay is over 2^31 - 1 ms.
          expect(wait).toBeLessThanOrEqual(MAX_TIMER);
          expect(wait).toBeLessThanOrEqual(Math.max(full, backoff.min));
        },
      ),
    );
  });

  test('C21: the first wait after a lost connection is random, and at most as long as the option `first`', () => {
    fc.assert(
      fc.property(time, fraction, (first, random) => {
        expect(firstWait(readBackoff({ first }), random)).toBe(Math.min(first * random, MAX_TIMER));
      }),
    );
    const values = Array.from({ length: 1_000 }, randomFraction);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(new Set(values).size).toBeGreaterThan(990);
  });
});

describe('options of the back-off', () => {
  test('an option that is absent or undefined has its default value', () => {
    const defaults = { first: 5_000, base: 1_000, max: 60_000, min: 0, jitter: 0.5 };
    expect(readBackoff()).toEqual(defaults);
    expect(readBackoff({ first: undefined, base: undefined, max: 7 })).toEqual({ ...defaults, max: 7 });
  });

  test.each<[object, RegExp]>([
    [{ first: -1 }, /^backoff\.first is -1, not a number of milliseconds$/],
    [{ base: Number.NaN }, /^backoff\.base is NaN/],
    [{ max: '1' }, /^backoff\.max is '1'/],
    [{ min: null }, /^backoff\.min is null/],
    [{ jitter: 1.1 }, /^backoff\.jitter is 1\.1, not 0 to 1$/],
    [{ jitter: 'a' }, /^backoff\.jitter is 'a'/],
    [{ factor: 2 }, /backoff has no option "factor"/],
    [{ jiter: 0.1 }, /did you mean "jitter"/],
    [[], /not an object/],
  ])('invalid options of the back-off are refused: %j', (backoff, message) => {
    expect(() => readBackoff(backoff)).toThrow(message);
  });
});
