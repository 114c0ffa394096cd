/**
 * Writes the outcome of the endurance profile as lines of text.
 */

import type { EnduranceOutcome } from '../run/endurance.ts';

const mebibytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
const signed = (bytes: number): string => `${bytes < 0 ? '−' : '+'}${mebibytes(Math.abs(bytes))}`;
/** The number of kinds of faults that are shown. */
const SHOWN = 50;

/** Returns the outcome as text. */
export function enduranceText(outcome: EnduranceOutcome): string {
  const { seconds, connections, cases, messages, bytes, faults, memory } = outcome;
  const lines = [
    `${(seconds / 60).toFixed(1)} min: ${connections} connections, ${cases} cases, ${messages} messages of ${mebibytes(bytes)} on connections that stay`,
    memory === null
      ? 'memory: not looked at (--pid PID)'
      : `memory: ${mebibytes(memory.start)} after the warm-up, ${mebibytes(memory.end)} at the end (${signed(memory.grown)}), ${mebibytes(memory.largest)} at most; ${signed(memory.perMinute)} a minute`,
    ...faults.slice(0, SHOWN).map(({ what, times }) => `${String(times).padStart(6)} × ${what}`),
    faults.length === 0 ? 'no fault' : `${faults.length} kinds of faults`,
  ];
  return `${lines.join('\n')}\n`;
}
