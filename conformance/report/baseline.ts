/**
 * The baseline is a file with the expected verdicts of an implementation: every verdict that is not OK. If a verdict becomes better or
 * worse, the run fails. A maintainer then checks the change and writes a new baseline.
 */

import type { CaseResult } from '../run/result.ts';

/** The content of the file. */
export interface Baseline {
  readonly agent: string;
  readonly peer: 'server' | 'client';
  /** Maps the id of a case to its verdict. A case that is not listed has to be OK. */
  readonly cases: Readonly<Record<string, string>>;
  /** Maps the id of a case that is not compared to the reason. The verdict of such a case does not depend on the implementation alone. */
  readonly open?: Readonly<Record<string, string>>;
}

/**
 * Returns both verdicts of a result as a text. If both verdicts are equal, the text is one word, such as `OK`. Otherwise the text has both,
 * such as `FAILED, close UNCLEAN`.
 */
export function verdictOf({ behavior, behaviorClose }: CaseResult): string {
  const plain = behaviorClose === 'OK' && behavior !== 'FAILED';
  if (plain || behaviorClose === behavior) return behavior;
  return `${behavior}, close ${behaviorClose}`;
}

/** Makes a baseline from these results. @param open the cases that are not compared, with the reasons */
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
 * Returns a sentence for each result that differs from the baseline. Cases that did not run are not compared, because a run may have only a
 * few cases.
 */
export function differences(baseline: Baseline, results: readonly CaseResult[]): string[] {
  return results
    .filter((one) => !isAsIn(baseline, one))
    .map((one) => `${one.id} is ${verdictOf(one)}, the baseline says ${baseline.cases[one.id] ?? 'OK'}`);
}

/** Returns true if a result agrees with the baseline. */
export function isAsIn(baseline: Baseline, result: CaseResult): boolean {
  return result.id in (baseline.open ?? {}) || verdictOf(result) === (baseline.cases[result.id] ?? 'OK');
}

/** Reads a baseline. @throws {TypeError} if the text is not a baseline */
export function parseBaseline(text: string): Baseline {
  const value = JSON.parse(text) as Baseline;
  if (typeof value !== 'object' || value === null || typeof value.cases !== 'object')
    throw new TypeError('this is no baseline: it has no "cases"');
  return value;
}
