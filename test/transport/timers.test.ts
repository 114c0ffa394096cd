/** Tests the timer wheel, which manages all deadlines of the process. The tests move the clock. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { clock } from '../../src/transport/clock.ts';
import { processTimers, type Timer, TimerWheel } from '../../src/transport/timers.ts';
import { useFakeClock, useRealClock } from './fake-clock.ts';

// The length of one tick, and of one turn of the whole wheel. timers.ts promises that a deadline is at most one tick late.
const TICK = 20;
const TURN = 1024 * TICK;

beforeEach(() => {
  useFakeClock();
});

afterEach(() => {
  useRealClock();
});

/** Makes a timer that records the times at which its callback is called, on the clock of the test. */
function recorder(
  wheel: TimerWheel,
  onTimer: (timer: Timer) => void = () => {},
): { timer: Timer; at: number[] } {
  const at: number[] = [];
  const timer: Timer = wheel.timer({
    onTimer: () => {
      at.push(performance.now());
      onTimer(timer);
    },
  });
  return { timer, at };
}

function expectDue(at: number, due: number): void {
  expect(at).toBeGreaterThanOrEqual(due);
  expect(at).toBeLessThanOrEqual(due + TICK + 1);
}

describe('the deadline of a timer', () => {
  test.each([
    0,
    1,
    19,
    20,
    21,
    999,
    5_000,
    TURN - TICK,
    TURN - 1,
    TURN,
    TURN + 1,
    30_000,
    10 * TURN + 7,
    86_400_000,
  ])('a deadline of %i ms fires once, never early, and at most one tick late', (delay) => {
    const wheel = new TimerWheel();
    vi.advanceTimersByTime(1_234.5);
    const { timer, at } = recorder(wheel);
    const due = performance.now() + delay;
    timer.set(delay);
    expect(timer.isSet).toBe(true);
    vi.advanceTimersByTime(delay + 2 * TICK);
    expect(at).toHaveLength(1);
    expectDue(at[0]!, due);
    expect(timer.isSet).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a deadline of Infinity never fires, and starts no timer of Node', () => {
    const { timer, at } = recorder(new TimerWheel());
    timer.set(Number.POSITIVE_INFINITY);
    expect(timer.isSet).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(100 * TURN);
    expect(at).toEqual([]);
  });

  test('a deadline of Infinity replaces a deadline that was set before', () => {
    const { timer, at } = recorder(new TimerWheel());
    timer.set(100);
    timer.set(Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(1_000);
    expect(at).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a deadline beyond the maximum of setTimeout (2^31 ms) does not fire immediately and causes no warning', () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const spy = vi.spyOn(globalThis, 'setTimeout');
    const { timer, at } = recorder(new TimerWheel());
    timer.set(2 ** 33);
    expect(spy.mock.calls.every(([, delay]) => (delay ?? 0) < 2 ** 31)).toBe(true);
    vi.advanceTimersByTime(10 * TURN);
    expect(at).toEqual([]);
    timer.cancel();
    spy.mockRestore();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('if a deadline is set again, its delay counts from the second call', () => {
    const { timer, at } = recorder(new TimerWheel());
    timer.set(100);
    vi.advanceTimersByTime(90);
    timer.set(100);
    vi.advanceTimersByTime(90);
    expect(at).toEqual([]);
    vi.advanceTimersByTime(40);
    expect(at).toHaveLength(1);
  });

  test('setSooner can make a deadline earlier, and never makes it later', () => {
    const { timer, at } = recorder(new TimerWheel());
    timer.setSooner(1_000);
    timer.setSooner(5_000);
    timer.setSooner(300);
    timer.setSooner(Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(340);
    expect(at).toHaveLength(1);
    expectDue(at[0]!, 300);
    vi.advanceTimersByTime(10_000);
    expect(at).toHaveLength(1);
  });

  test('a deadline that was cancelled twice does not fire, and can be set again', () => {
    const { timer, at } = recorder(new TimerWheel());
    timer.set(50);
    timer.cancel();
    timer.cancel();
    vi.advanceTimersByTime(200);
    expect(at).toEqual([]);
    timer.set(50);
    vi.advanceTimersByTime(100);
    expect(at).toHaveLength(1);
  });
});

describe('setting timers inside a callback', () => {
  test('if a callback sets a far deadline, nearer deadlines still fire in time', () => {
    const wheel = new TimerWheel();
    const first = recorder(wheel, (timer) => {
      if (first.at.length === 1) timer.set(30_000);
    });
    const second = recorder(wheel);
    first.timer.set(100);
    second.timer.set(5_000);
    vi.advanceTimersByTime(5_100);
    expect(second.at).toHaveLength(1);
    expectDue(second.at[0]!, 5_000);
    vi.advanceTimersByTime(30_000);
    expect(first.at).toHaveLength(2);
  });

  test('a callback may set its own timer again, even for 0 ms, and does not block the event loop', () => {
    const wheel = new TimerWheel();
    const { timer, at } = recorder(wheel, () => {
      if (at.length < 5) timer.set(0);
    });
    timer.set(0);
    vi.advanceTimersByTime(10 * TICK);
    expect(at).toHaveLength(5);
    expect(new Set(at).size).toBe(5);
  });

  test('a callback may cancel another timer of the same tick, or set it again', () => {
    const wheel = new TimerWheel();
    const others = [recorder(wheel), recorder(wheel), recorder(wheel)];
    const [kept, cancelled, moved] = others as [(typeof others)[0], (typeof others)[0], (typeof others)[0]];
    const meddler = recorder(wheel, () => {
      cancelled.timer.cancel();
      if (meddler.at.length === 1) moved.timer.set(200);
    });
    // The test uses both orders. `meddler` is first the newest timer of its tick, and then the oldest one. In one of these cases, it runs
    // before the other timers.
    for (const { timer } of others) timer.set(100);
    meddler.timer.set(100);
    vi.advanceTimersByTime(400);
    meddler.at.length = 0;
    meddler.timer.set(100);
    for (const { timer } of others) timer.set(100);
    vi.advanceTimersByTime(400);
    expect(kept.at).toHaveLength(2);
    expect(cancelled.at).toHaveLength(1);
    // The timer fired once for each deadline that `meddler` did not replace in time.
    expect(moved.at).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('if a callback throws, the exception reaches the process, and the other callbacks of the tick are still called', () => {
    const wheel = new TimerWheel();
    const before = recorder(wheel);
    const bad = recorder(wheel, () => {
      throw new Error('an owner threw');
    });
    const after = recorder(wheel);
    before.timer.set(100);
    bad.timer.set(100);
    after.timer.set(100);
    expect(() => vi.advanceTimersByTime(200)).toThrow('an owner threw');
    vi.advanceTimersByTime(200);
    expect([before.at.length, bad.at.length, after.at.length]).toEqual([1, 1, 1]);
  });
});

describe('FAULT-2: the deadlines of a process that was suspended', () => {
  test('after a suspension, the timer wheel checks the deadlines only after Node has read the data that has arrived', () => {
    const polls: (() => void)[] = [];
    const wheel = new TimerWheel({ ...clock, afterPoll: (callback) => void polls.push(callback) });
    const answered = recorder(wheel);
    const silent = recorder(wheel);
    answered.timer.set(100);
    silent.timer.set(100);
    vi.advanceTimersByTime(140);
    expect([answered.at, silent.at]).toEqual([[], []]);
    expect(polls).toHaveLength(1);
    // The answer of one peer waited in the kernel. When the answer is read, the deadline of this peer is cancelled. Another deadline is set
    // before the wheel checks the deadlines.
    answered.timer.cancel();
    const later = recorder(wheel);
    later.timer.set(200);
    expect(vi.getTimerCount()).toBe(0);
    polls.pop()!();
    expect([answered.at.length, silent.at.length]).toEqual([0, 1]);
    vi.advanceTimersByTime(220);
    polls.pop()!();
    expect(later.at).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a deadline that passed during a suspension is prolonged once by the lost time, but at most by its own delay', () => {
    const wheel = new TimerWheel();
    const short = recorder(wheel);
    const long = recorder(wheel);
    const later = recorder(wheel);
    vi.advanceTimersByTime(TICK);
    short.timer.set(2_000);
    long.timer.set(15_000);
    later.timer.set(400_000);
    const now = performance.now() + 20_000;
    const jumped = vi.spyOn(performance, 'now');
    jumped.mockReturnValue(now);
    vi.advanceTimersByTime(2_000 + TICK);
    expect([short.at, long.at]).toEqual([[], []]);
    // The wheel should have woken up after two seconds. So it knows that 18 seconds were lost.
    jumped.mockReturnValue(now + 2_000 + TICK);
    vi.advanceTimersByTime(2_000 + TICK);
    expect([short.at.length, long.at.length]).toEqual([1, 0]);
    // The wheel is late again, but it does not prolong the same deadline a second time.
    jumped.mockReturnValue(now + 60_000);
    vi.advanceTimersByTime(20_000);
    expect([short.at.length, long.at.length, later.at.length]).toEqual([1, 1, 0]);
    jumped.mockRestore();
    later.timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a suspension of less than a second prolongs no deadline', () => {
    const wheel = new TimerWheel();
    const { timer, at } = recorder(wheel);
    vi.advanceTimersByTime(TICK);
    timer.set(2_000);
    const jumped = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 2_900);
    vi.advanceTimersByTime(2_000 + TICK);
    expect(at).toHaveLength(1);
    jumped.mockRestore();
  });
});

test('a timer wheel uses one timer of Node for all deadlines, and no timer after the last deadline', () => {
  const wheel = new TimerWheel();
  const timers = Array.from({ length: 1_000 }, () => recorder(wheel));
  timers.forEach(({ timer }, index) => {
    timer.set((index * 37) % 60_000);
  });
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(61_000);
  expect(timers.every(({ at }) => at.length === 1)).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test('after any sequence of `set`, `setSooner` and `cancel`, a timer fires at its last deadline, or never if it was cancelled', () => {
  const operation = fc.record({
    kind: fc.constantFrom('set', 'setSooner', 'cancel', 'wait'),
    which: fc.nat(4),
    delay: fc.oneof(fc.nat(200), fc.nat(3 * TURN)),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const wheel = new TimerWheel();
      const due: (number | null)[] = [null, null, null, null, null];
      const faults: string[] = [];
      const timers = due.map((_, which) =>
        wheel.timer({
          onTimer: () => {
            const expected = due[which];
            const now = performance.now();
            if (expected == null) faults.push('called while not set');
            else if (now < expected) faults.push(`early: ${now} for ${expected}`);
            else if (now > expected + TICK + 1) faults.push(`late: ${now} for ${expected}`);
            due[which] = null;
          },
        }),
      );
      for (const { kind, which, delay } of operations) {
        const at = performance.now() + delay;
        if (kind === 'wait') vi.advanceTimersByTime(delay);
        else if (kind === 'set') {
          due[which] = at;
          timers[which]!.set(delay);
        } else if (kind === 'setSooner') {
          const before = due[which];
          timers[which]!.setSooner(delay);
          // If the two deadlines are less than one tick apart, the timer may fire at either of them.
          if (before == null || at < before) due[which] = before == null ? at : Math.min(before, at);
          if (before != null && Math.abs(before - at) < TICK) due[which] = Math.min(before, at);
        } else {
          due[which] = null;
          timers[which]!.cancel();
        }
      }
      vi.advanceTimersByTime(4 * TURN);
      expect(faults).toEqual([]);
      expect(due).toEqual([null, null, null, null, null]);
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('a deadline does not keep the process alive', () => {
  const timers = new URL('../../dist/transport/timers.js', import.meta.url).href;
  const script = `const { processTimers } = await import(${JSON.stringify(timers)});
    processTimers.timer({ onTimer() { console.log('met'); } }).set(3_600_000);
    console.log('set');`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([0, 'set\n']);
});

test('all connections of the process share processTimers, which is a TimerWheel', () => {
  expect(processTimers).toBeInstanceOf(TimerWheel);
});
