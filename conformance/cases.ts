/**
 * All cases: the cases of Autobahn, and the cases that Autobahn does not have.
 */

import { autobahn } from './autobahn/suite.ts';
import { beyond } from './beyond/suite.ts';
import type { Case, Titles } from './case/model.ts';

/** All cases, in the order of their groups. */
export const allCases: readonly Case[] = [...autobahn.cases, ...beyond.cases];
/** Maps the ids of groups and subgroups to their titles. */
export const titles: Titles = { ...autobahn.titles, ...beyond.titles };

/** Maps the id of each of Autobahn's cases to its position in Autobahn's list of 517 cases, counted from 1. */
export const autobahnIds: ReadonlyMap<string, number> = new Map(
  autobahn.cases.map(({ id }, i) => [id, i + 1]),
);

/** Returns the group of a case, for example 1 for 1.1.1. */
export function groupOf(id: string): string {
  return id.split('.')[0] ?? id;
}

export function isAutobahn(id: string): boolean {
  return autobahnIds.has(id);
}
