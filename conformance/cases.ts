/**
 * All cases there are: Autobahn's, and those beyond.
 */

import { autobahn } from './autobahn/suite.ts';
import { beyond } from './beyond/suite.ts';
import type { Case, Titles } from './case/model.ts';

/** In the order of their groups. */
export const allCases: readonly Case[] = [...autobahn.cases, ...beyond.cases];
/** Titles of groups and subgroups, by their ids. */
export const titles: Titles = { ...autobahn.titles, ...beyond.titles };

/** Autobahn's cases → their places in its list of 517, from 1. */
export const autobahnIds: ReadonlyMap<string, number> = new Map(
  autobahn.cases.map(({ id }, i) => [id, i + 1]),
);

/** The group of a case: 1 for 1.1.1. */
export function groupOf(id: string): string {
  return id.split('.')[0] ?? id;
}

/** Whether a case is one of Autobahn's. */
export function isAutobahn(id: string): boolean {
  return autobahnIds.has(id);
}
