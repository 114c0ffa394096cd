/**
 * Computes how long a client waits before it connects again (RFC 6455 §7.2.3). The first wait is random. Later waits grow with truncated
 * binary exponential back-off. This file only computes the wait. reconnect-run.ts decides when the wait begins.
 */

import { checkOptions } from './option-names.ts';
import { amount, custom, readValues, type SpecsOf, show, type ValuesOf } from './option-spec.ts';

/** How long a client waits before a new attempt to connect. All times are in milliseconds. */
export interface Backoff {
  /**
   * The longest wait after a lost connection. The wait is a random time from 0 to this value. If two connections in a row each end within 5
   * s, the client waits as long as after a failed attempt. @default 5000
   */
  readonly first?: number | undefined;
  /** The wait after the first failed attempt. It doubles with each further failed attempt. @default 1000 */
  readonly base?: number | undefined;
  /** The longest wait after a failed attempt. @default 60000 */
  readonly max?: number | undefined;
  /** The shortest wait after a failed attempt. @default 0 */
  readonly min?: number | undefined;
  /** How much of the wait after a failed attempt is random. 0 means nothing, 1 means the whole wait. @default 0.5 */
  readonly jitter?: number | undefined;
}

/** The times of a `Backoff`, after the defaults were filled in. */
export type BackoffTimes = ValuesOf<Backoff>;

export const backoffSpecs: SpecsOf<Backoff> = {
  first: amount('ms', 0, ' of milliseconds', {
    default: 5_000,
    text: 'The longest wait after a lost connection. The wait is a random time from 0 to this value. If two connections in a row each end within 5 s, the client waits as long as after a failed attempt.',
  }),
  base: amount('ms', 0, ' of milliseconds', {
    default: 1_000,
    text: 'The wait after the first failed attempt. It doubles with each further failed attempt.',
  }),
  max: amount('ms', 0, ' of milliseconds', {
    default: 60_000,
    text: 'The longest wait after a failed attempt.',
  }),
  min: amount('ms', 0, ' of milliseconds', { default: 0, text: 'The shortest wait after a failed attempt.' }),
  jitter: custom<number, number>(
    '0 to 1',
    { default: 0.5, text: 'The part of the wait after a failed attempt that is random, from 0 to 1.' },
    checkFraction,
  ),
};

function checkFraction(value: unknown, name: string): void {
  if (typeof value === 'number' && value >= 0 && value <= 1) return;
  throw new RangeError(`${name} is ${show(value)}, not 0 to 1`);
}

// The longest delay that `setTimeout` accepts. If a delay is longer, `setTimeout` fires immediately.
const MAX_WAIT = 2_147_483_647;

// The maximum exponent. Without it, the power could be Infinity. If `base` is 0, 0 · Infinity would be NaN.
const MAX_DOUBLINGS = 1000;

/**
 * Reads the option `backoff`. Fills in the defaults.
 * @throws {RangeError | TypeError} for an invalid time or fraction
 */
export function readBackoff(backoff: Backoff = {}): BackoffTimes {
  checkOptions('backoff', backoff, backoffSpecs);
  return readValues(backoff, backoffSpecs, 'client', 'backoff.');
}

/** RFC 6455 §7.2.3: the first wait after a lost connection is random. @param random a number from 0 up to, but not including, 1 */
export function firstWait({ first }: BackoffTimes, random: number): number {
  return Math.min(first * random, MAX_WAIT);
}

/** RFC 6455 §7.2.3: the waits after failed attempts grow with truncated binary exponential back-off. */
export function waitAfter(retries: number, { base, min, max, jitter }: BackoffTimes, random: number): number {
  const grown = base * 2 ** Math.min(retries - 1, MAX_DOUBLINGS);
  return Math.min(Math.max(Math.min(grown, max) * (1 - jitter * random), min), MAX_WAIT);
}

/**
 * Returns a random number from 0 up to, but not including, 1. If many clients lose the same server, random waits distribute their new
 * connections over time.
 */
export function randomFraction(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}
