/**
 * Which pongs may be missing or too many, RFC 6455 §5.5.3: a peer that has not yet answered a ping when the next one comes
 * may answer the newest one only, and a pong may come unasked. One that carries something tells which ping it answers; an
 * empty one does not.
 */

import type { Event, Step } from '../case/model.ts';
import { sameEvent } from './link.ts';

/** What events may come to. */
export interface Completion {
  /** Whether these are the expected ones, all of them or without pongs that may be missing; null where they are not. */
  readonly complete: (events: readonly Event[]) => 'all' | 'pongs missing' | null;
  /** Whether these are the first of them. */
  readonly begun: (events: readonly Event[]) => boolean;
}

/** Whether each ping may stay without an answer: another one follows it, and the judge waits for nothing in between. */
function mayStayUnanswered(steps: readonly Step[]): boolean[] {
  const pings: { readonly turn: number }[] = [];
  let turn = 0;
  for (const step of steps) {
    if (step.do === 'frame' && step.opcode === 9) pings.push({ turn });
    else if (step.do === 'pause' || step.do === 'await') turn += 1;
  }
  return pings.map((one, i) => pings[i + 1]?.turn === one.turn);
}

/**
 * Compares with a list of expected events, of which the k-th pong is the answer to the k-th ping of the steps.
 * @param expected the whole list, no pong missing
 */
export function completionOf(steps: readonly Step[], expected: readonly Event[]): Completion {
  const unanswered = mayStayUnanswered(steps);
  let pong = 0;
  const mayLack = expected.map(({ type }) => type === 'pong' && unanswered[pong++] === true);
  const none = expected.map(() => false);
  const ends = (events: readonly Event[], without: readonly boolean[]): boolean =>
    placesBehind(events, expected, without).has(expected.length);
  return {
    complete: (events) => (ends(events, none) ? 'all' : ends(events, mayLack) ? 'pongs missing' : null),
    begun: (events) => placesBehind(events, expected, mayLack).size > 0,
  };
}

const isEmptyPong = (event: Event): boolean => event.type === 'pong' && event.payload.length === 0;

/** Every place in the expected list where the next event may stand, behind these. */
function placesBehind(
  events: readonly Event[],
  expected: readonly Event[],
  mayLack: readonly boolean[],
): Set<number> {
  let places = skipped(new Set([0]), mayLack);
  for (const event of events) {
    const next = new Set<number>(isEmptyPong(event) ? places : []);
    for (const place of places)
      if (place < expected.length && sameEvent(event, expected[place]!)) next.add(place + 1);
    places = skipped(next, mayLack);
  }
  return places;
}

/** Places, and those that are reached by leaving out pongs. */
function skipped(places: ReadonlySet<number>, mayLack: readonly boolean[]): Set<number> {
  const all = new Set(places);
  // A set that grows while it is gone through is gone through to its end.
  for (const place of all) if (mayLack[place] === true) all.add(place + 1);
  return all;
}
