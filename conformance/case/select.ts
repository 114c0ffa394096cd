/**
 * Selects the cases to run. The patterns have the same form as in Autobahn's spec files.
 */

import type { Case, Role } from './model.ts';

/**
 * Returns true if the whole id matches the pattern, in which `*` stands for any text. `9.*` matches all of group 9, and `1.*` does not
 * match 10.1.1.
 */
export function matches(id: string, pattern: string): boolean {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(id) || id.startsWith(`${pattern}.`);
}

/** The cases to run. */
export interface Selection {
  /** Patterns of ids; an empty list selects all cases. */
  readonly cases: readonly string[];
  readonly exclude: readonly string[];
}

/** Compares ids by their numbers, so that 2.9 comes before 2.10. */
export function compareIds(a: string, b: string): number {
  const [x, y] = [a, b].map((id) => id.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? -1) - (y[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Returns the selected cases that apply to this kind of peer, in the order of their ids. */
export function select(all: readonly Case[], peer: Role, { cases, exclude }: Selection): Case[] {
  const wanted = (id: string): boolean =>
    (cases.length === 0 || cases.some((pattern) => matches(id, pattern))) &&
    !exclude.some((pattern) => matches(id, pattern));
  return all
    .filter(({ id, against }) => (against === undefined || against === peer) && wanted(id))
    .sort((a, b) => compareIds(a.id, b.id));
}
