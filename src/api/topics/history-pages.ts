/** Decides how many messages of a history are read with one request (a page). A page has a size of about 1 MiB. */

import type { HistoryPage } from './bus.ts';

/** The maximum number of messages in the first page. It is small, because the size of the messages is not known yet. */
export const FIRST_COUNT = 8;
const MAX_COUNT = 500;
const PAGE_SIZE = 1024 * 1024;

/**
 * Returns the maximum number of messages in the next page. It depends on the size of the messages in this page.
 * @param count the maximum number of messages in this page
 */
export function nextCount({ messages }: HistoryPage, count: number): number {
  if (messages.length === 0) return count;
  const size = messages.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
  return Math.max(1, Math.min(MAX_COUNT, Math.floor((PAGE_SIZE * messages.length) / (size + 1))));
}
