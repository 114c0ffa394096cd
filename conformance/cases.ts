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

/** Whether a case is one of Autobahn's. */
export function isAutobahn(id: string): boolean {
  return Number(id.split('.')[0]) < 20;
}
