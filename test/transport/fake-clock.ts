/** Replaces the clock that the library took when it was loaded by a clock that the tests move. */
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
    // Data that has arrived was read before the clock was moved.
    afterPoll: (callback: () => void) => callback(),
  });
}

export function useRealClock(): void {
  Object.assign(clock, real);
  vi.useRealTimers();
}
