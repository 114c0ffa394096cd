/**
 * The result of a case, as plain data. All reports are made from these objects.
 */

import type { Case, Event, Role } from '../case/model.ts';
import type { CloseSeen, Observation } from '../case/observation.ts';
import { bytesOf, type Payload } from '../case/payload.ts';
import { isUtf8 } from '../wire/utf8.ts';
import type { Counts, Timeline, TimelineEntry } from './timeline.ts';
import type { Verdict } from './verdict.ts';

/** An event as the reports show it: `['message', text, isBinary]`, `['pong', text]` or `['timeout', tag]`. */
export type ShownEvent =
  | readonly ['message', string, boolean]
  | readonly ['pong', string]
  | readonly ['timeout', string];

/** The result of one case for one peer. */
export interface CaseResult extends Verdict {
  readonly id: string;
  readonly agent: string;
  /** The kind of peer that was tested. */
  readonly peer: Role;
  readonly description: string;
  readonly expectation: string;
  readonly section: string;
  readonly level: Case['level'];
  readonly covers: readonly string[];
  /** The start time, in ISO 8601. */
  readonly started: string;
  /** The milliseconds from the opening handshake to the end of TCP, as an integer. */
  readonly duration: number;
  readonly expected: Readonly<Record<string, readonly ShownEvent[]>>;
  readonly received: readonly ShownEvent[];
  readonly expectedClose: {
    readonly by: 'judge' | 'peer' | 'any';
    readonly codes: readonly number[] | 'any';
    readonly clean: boolean;
  };
  readonly close: {
    readonly first: 'judge' | 'peer' | null;
    readonly sent: ShownClose | null;
    readonly received: ShownClose | null;
    readonly clean: boolean;
    readonly uncleanReason: string | null;
    readonly dropped: boolean;
    readonly endedBy: 'judge' | 'peer' | null;
  };
  readonly opened: boolean;
  readonly violation: string | null;
  readonly request: string;
  readonly answer: string;
  readonly timeline: readonly TimelineEntry[];
  /** The number of entries that are not in `timeline`, because the timeline was too long. */
  readonly omitted: number;
  readonly sent: Counts;
  readonly got: Counts;
  /** Limits and pauses that ran out. */
  readonly expired: readonly string[];
  /**
   * True if the case was run a second time with longer limits, because a limit had run out. `flaky` is true if the second run had another
   * verdict.
   */
  readonly rerun: boolean;
  readonly flaky: boolean;
  /** The command that runs only this case again. */
  readonly command: string;
}

/** A Close frame as reports show it. */
export interface ShownClose {
  readonly code: number | null;
  readonly reason: string;
}

/** Returns the first 64 bytes of a payload as text, or as hex if they are not UTF-8. */
export function showPayload(payload: Payload): string {
  const head = Buffer.isBuffer(payload)
    ? payload.subarray(0, 68)
    : bytesOf({ ...payload, length: Math.min(payload.length, 68) });
  // The cut must not be inside a character, so it moves to the beginning of the character.
  let cut = Math.min(head.length, 64);
  while (payload.length > cut && cut > 60 && (head[cut]! & 0xc0) === 0x80) cut -= 1;
  const shown = head.subarray(0, cut);
  const text = isUtf8(shown) ? shown.toString() : `0x${shown.toString('hex')}`;
  return payload.length > cut ? `${text} ...` : text;
}

export function showEvent(event: Event): ShownEvent {
  if (event.type === 'timeout') return ['timeout', event.tag];
  const text = showPayload(event.payload);
  return event.type === 'pong' ? ['pong', text] : ['message', text, event.kind === 'binary'];
}

function showClose(close: CloseSeen | null): ShownClose | null {
  return close && { code: close.code, reason: showPayload(close.reason) };
}

/** The maximum number of events of a connection that are shown. */
const SHOWN_EVENTS = 100;

/** Makes the result of a case. */
export function resultOf(
  one: Case,
  seen: Observation,
  verdict: Verdict,
  timeline: Timeline,
  about: { readonly agent: string; readonly started: string; readonly command: string },
): CaseResult {
  const { events } = one.expect;
  const expected = Object.entries(events ?? {}).map(([name, list]) => [name, list.map(showEvent)]);
  return {
    ...verdict,
    ...about,
    id: one.id,
    peer: seen.peer,
    description: one.description,
    expectation: one.expectation,
    section: one.section,
    level: one.level,
    covers: one.covers ?? [],
    duration: Math.round(seen.duration),
    expected: Object.fromEntries(expected),
    received: seen.events.slice(0, SHOWN_EVENTS).map(showEvent),
    expectedClose: one.expect.close,
    close: {
      first: seen.firstClose,
      sent: showClose(seen.sentClose),
      received: showClose(seen.receivedClose),
      clean: seen.clean,
      uncleanReason: seen.uncleanReason,
      dropped: seen.dropped,
      endedBy: seen.endedBy,
    },
    opened: seen.opened,
    violation: seen.violation,
    request: seen.requestText,
    answer: seen.answerText,
    timeline: timeline.entries,
    omitted: timeline.omitted,
    sent: timeline.sent,
    got: timeline.received,
    // An informational case is never run again because of a limit. So no limit is recorded for it.
    expired: one.informational === true ? [] : seen.expired,
    rerun: false,
    flaky: false,
  };
}

/** Makes the result of a case that could not be run. */
export function notRun(
  one: Case,
  why: string,
  about: { readonly agent: string; readonly peer: Role; readonly command: string },
): CaseResult {
  const { agent, peer, command } = about;
  const counts: Counts = { bytes: {}, frames: {} };
  return {
    ...{ behavior: 'FAILED', behaviorClose: 'FAILED', result: why, resultClose: why, passed: false },
    ...{ id: one.id, agent, peer, command, description: one.description, expectation: one.expectation },
    ...{ section: one.section, level: one.level, covers: one.covers ?? [] },
    ...{
      started: new Date().toISOString(),
      duration: 0,
      expected: {},
      received: [],
      expectedClose: one.expect.close,
    },
    close: {
      ...{
        first: null,
        sent: null,
        received: null,
        clean: false,
        uncleanReason: why,
        dropped: false,
        endedBy: null,
      },
    },
    ...{ opened: false, violation: null, request: '', answer: '', timeline: [], omitted: 0 },
    ...{ sent: counts, got: counts, expired: [], rerun: false, flaky: false },
  };
}
