/**
 * Decides which pongs may be missing and which may be additional (RFC 6455 §5.5.3). If several pings arrive before the peer answers, the
 * peer may answer only the newest ping. A peer may also send unsolicited pongs. The payload of a pong shows which ping it answers, but an
 * empty pong shows nothing.
 */

import type { Event, Step } from '../case/model.ts';
import { sameEvent } from './link.ts';

/** Compares the events so far with the expected events. */
export interface Completion {
  /**
   * Returns 'all' if all expected events have occurred. Returns 'pongs missing' if only optional pongs are missing. Otherwise returns null.
   */
  readonly complete: (events: readonly Event[]) => 'all' | 'pongs missing' | null;
  /** True if the events are the beginning of the expected events. */
  readonly begun: (events: readonly Event[]) => boolean;
}

/**
 * Returns for each ping whether its pong is optional. The pong is optional if another ping follows, and the judge does not wait between the
 * two pings.
 */
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
 * Returns functions that compare events with the expected events.
 * @param expected the complete list. Its k-th pong answers the k-th ping of the steps
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

/** Returns every position in the expected list that the event after these events may have. */
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

/** Adds the positions after optional pongs, because these pongs may be missing. */
function skipped(places: ReadonlySet<number>, mayLack: readonly boolean[]): Set<number> {
  const all = new Set(places);
  // The loop also visits the positions that it adds to the set.
  for (const place of all) if (mayLack[place] === true) all.add(place + 1);
  return all;
}
