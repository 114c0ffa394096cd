/** Returns the text that `console.log` shows for a `Topics`. */

import { type InspectOptions, inspect } from 'node:util';
import type { TopicsCounts } from './topics-options.ts';

interface ShownTopics {
  readonly size: number;
  readonly counts: TopicsCounts;
}

/** Implements the method `inspect.custom` of `Topics`. */
export function showTopics(this: ShownTopics, _depth: number, options: InspectOptions): string {
  const { size, counts } = this;
  return `Topics ${inspect({ size, counts }, options)}`;
}
