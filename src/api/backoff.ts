/**
 * How long a client waits before it connects again: RFC 6455 §7.2.3 (a random time first, then truncated binary exponential back-off).
 * Pure: options in, milliseconds out. When a wait begins is reconnect-run.ts.
 */

import { checkOptions, type OptionNames } from './option-names.ts';

/** How long to wait before a new attempt; milliseconds. */
export interface Backoff {
  /**
   * After a lost connection: a random time up to this. If the connection before it was lost at once as well, within 5 s of being
   * open, the wait is that after a failed attempt. @default 5000
   */
  readonly first?: number;
  /** After the first failed attempt; twice as long after each further one. @default 1000 */
  readonly base?: number;
  /** The longest wait. @default 60000 */
  readonly max?: number;
  /** The shortest wait after a failed attempt. @default 0 */
  readonly min?: number;
  /** Which part of the wait after a failed attempt is random, 0 to 1. @default 0.5 */
  readonly jitter?: number;
}

const backoffNames: OptionNames<Backoff> = { first: true, base: true, max: true, min: true, jitter: true };

// A longer delay makes setTimeout fire at once.
const MAX_WAIT = 2_147_483_647;

// 100 ms · 2^26 is two months: further doublings only overflow.
const MAX_DOUBLINGS = 26;

/** @throws {RangeError | TypeError} for a value that is not a time, or not a fraction */
export function checkBackoff(backoff: Backoff): Required<Backoff> {
  checkOptions('backoff', backoff, backoffNames);
  const { first = 5_000, base = 1_000, max = 60_000, min = 0, jitter = 0.5 } = backoff;
  for (const [name, value] of Object.entries({ first, base, max, min })) {
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new RangeError(`backoff.${name} is ${String(value)}, not a number of milliseconds`);
    }
  }
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) {
    throw new RangeError(`backoff.jitter is ${String(jitter)}, not 0 to 1`);
  }
  return { first, base, max, min, jitter };
}

/** §7.2.3: the first wait after a lost connection is random. @param random 0 up to, but not including, 1 */
export function firstWait({ first }: Required<Backoff>, random: number): number {
  return Math.min(first * random, MAX_WAIT);
}

/** §7.2.3: the wait after failed attempts grows, by truncated binary exponential back-off. */
export function waitAfter(
  retries: number,
  { base, min, max, jitter }: Required<Backoff>,
  random: number,
): number {
  const doublings = retries - 1;
  const full = doublings >= MAX_DOUBLINGS ? max : Math.min(base * 2 ** doublings, max);
  return Math.min(Math.max(full * (1 - jitter * random), min), MAX_WAIT);
}

/** From 0 up to, but not including, 1: clients that lost the same server must not come back together. */
export function randomFraction(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}
