/** Replaces the clock of the library by a clock that the tests move. The library stores its clock when it is loaded. */
import { vi } from 'vitest';
import { type Clock, clock } from '../../src/transport/clock.ts';

const real: Clock = { ...clock };

/**
 * After this call, `vi.advanceTimersByTime` moves the deadlines of connections. Streams and turns of the event loop still run in real time.
 */
export function useFakeClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  Object.assign(clock, {
    now: () => performance.now(),
    setTimeout: (callback: () => void, delay: number) => setTimeout(callback, delay),
    clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
    // In these tests, all data that has arrived is read before the clock moves.
    afterPoll: (callback: () => void) => callback(),
  });
}

export function useRealClock(): void {
  Object.assign(clock, real);
  vi.useRealTimers();
}
