/** How many messages of a history are read at once: about as many as fit into 1 MiB. */

import type { HistoryPage } from './bus.ts';

/** How many messages a first page has: nothing is known about their size. */
export const FIRST_COUNT = 8;
const MAX_COUNT = 500;
const PAGE_SIZE = 1024 * 1024;

/** How many messages the next page has, judged by the page before. @param count how many that page could have */
export function nextCount({ messages }: HistoryPage, count: number): number {
  if (messages.length === 0) return count;
  const size = messages.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
  return Math.max(1, Math.min(MAX_COUNT, Math.floor((PAGE_SIZE * messages.length) / (size + 1))));
}
