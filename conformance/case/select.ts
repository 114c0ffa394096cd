/**
 * Which cases run: by patterns as Autobahn's spec files have them, or by suite.
 */

import type { Case, Role } from './model.ts';

/** A pattern of ids, `*` for any text: `9.*` is all of group 9, and `1.*` is not 10.1.1. @returns whether the whole id matches */
export function matches(id: string, pattern: string): boolean {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(id) || id.startsWith(`${pattern}.`);
}

/** What is wanted. */
export interface Selection {
  /** Patterns; empty for all. */
  readonly cases: readonly string[];
  readonly exclude: readonly string[];
}

/** Orders ids by their numbers: 2.9 before 2.10. */
export function compareIds(a: string, b: string): number {
  const [x, y] = [a, b].map((id) => id.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? -1) - (y[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The cases for such a peer that are wanted, in the order of their ids. */
export function select(all: readonly Case[], peer: Role, { cases, exclude }: Selection): Case[] {
  const wanted = (id: string): boolean =>
    (cases.length === 0 || cases.some((pattern) => matches(id, pattern))) &&
    !exclude.some((pattern) => matches(id, pattern));
  return all
    .filter(({ id, against }) => (against === undefined || against === peer) && wanted(id))
    .sort((a, b) => compareIds(a.id, b.id));
}
