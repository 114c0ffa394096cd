/**
 * What is expected of an implementation, in a file that is kept: every verdict that is not simply OK. A change either
 * way is a failure, until a maintainer looked at it and wrote the file anew.
 */

import type { CaseResult } from '../run/result.ts';

/** The file's content. */
export interface Baseline {
  readonly agent: string;
  readonly peer: 'server' | 'client';
  /** Case → verdict; cases that are not named are OK. */
  readonly cases: Readonly<Record<string, string>>;
  /** Cases that are not compared, with the reason: what comes out depends on something else than the implementation. */
  readonly open?: Readonly<Record<string, string>>;
}

/** `OK`, `FAILED` where both halves are, or `FAILED, close UNCLEAN`. */
export function verdictOf({ behavior, behaviorClose }: CaseResult): string {
  const plain = behaviorClose === 'OK' && behavior !== 'FAILED';
  if (plain || behaviorClose === behavior) return behavior;
  return `${behavior}, close ${behaviorClose}`;
}

/** The baseline that these results are. @param open what is not to be compared, with the reason */
export function baselineOf(
  agent: string,
  peer: 'server' | 'client',
  results: readonly CaseResult[],
  open: Baseline['open'] = {},
): Baseline {
  const notable = results.filter(
    ({ id, behavior, behaviorClose }) => !(id in open) && (behavior !== 'OK' || behaviorClose !== 'OK'),
  );
  const cases = Object.fromEntries(notable.map((one) => [one.id, verdictOf(one)]));
  return { agent, peer, cases, ...(Object.keys(open).length > 0 && { open }) };
}

/**
 * Where results differ from a baseline, in sentences. Cases of the baseline that did not run are not looked at, since a
 * run may be of a few cases only.
 */
export function differences(baseline: Baseline, results: readonly CaseResult[]): string[] {
  return results
    .filter((one) => !isAsIn(baseline, one))
    .map((one) => `${one.id} is ${verdictOf(one)}, the baseline says ${baseline.cases[one.id] ?? 'OK'}`);
}

/** Whether a result is what the baseline says. */
export function isAsIn(baseline: Baseline, result: CaseResult): boolean {
  return result.id in (baseline.open ?? {}) || verdictOf(result) === (baseline.cases[result.id] ?? 'OK');
}

/** @throws {TypeError} for what is no baseline */
export function parseBaseline(text: string): Baseline {
  const value = JSON.parse(text) as Baseline;
  if (typeof value !== 'object' || value === null || typeof value.cases !== 'object')
    throw new TypeError('this is no baseline: it has no "cases"');
  return value;
}
