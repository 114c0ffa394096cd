/**
 * Functions that build Autobahn's cases from an id and the steps of the judge (this test program). There are four kinds of cases:
 * - The peer echoes, and the judge closes.
 * - The peer fails the connection.
 * - The steps of the case contain the closing handshake.
 * - Messages make round trips within a time limit.
 */

import { describeSteps } from '../case/describe.ts';
import type { Case, CloseExpectation, Event, Expectation, Step } from '../case/model.ts';
import { judgeCloses } from '../case/steps.ts';
import { describeEvents } from '../run/verdict.ts';

/** The properties that all cases of a group have. */
export interface Common {
  readonly section: string;
  readonly covers: readonly string[];
  /** Text that is written before the description of the steps. */
  readonly about?: string;
}

function caseOf(
  id: string,
  { section, covers, about }: Common,
  steps: readonly Step[],
  expectation: string,
  expect: Expectation,
): Case {
  const sent = describeSteps(steps);
  const description = about === undefined ? `Sends ${sent}.` : `${about}: sends ${sent}.`;
  return { id, description, expectation, section, level: 'MUST', covers, steps, expect };
}

/** Builds a case in which the peer has to cause these events. Then the judge sends a Close frame, and the peer answers it. */
export function expects(id: string, common: Common, steps: readonly Step[], ...events: Event[]): Case {
  const expectation = `Expects ${describeEvents(events)}. Then the judge closes with 1000, and the peer has to answer with 1000 or without a code.`;
  return caseOf(id, common, steps, expectation, {
    events: { OK: events },
    close: judgeCloses,
    closeWhenMet: true,
  });
}

/** Builds a case in which the peer has to echo a message. Only the type and the length of the echo are compared. */
export function echoes(
  id: string,
  common: Common,
  steps: readonly Step[],
  echo: NonNullable<Expectation['echo']>,
): Case {
  const expectation = `Expects an echo of the same type, with ${echo.length} bytes. Then the judge closes with 1000.`;
  return caseOf(id, common, steps, expectation, { echo, close: judgeCloses, closeWhenMet: true });
}

/** Optional properties of a case in which the peer fails the connection. */
interface Refusal {
  /** The events that the peer has to cause before it fails the connection. */
  readonly events?: readonly Event[];
  /** If the peer causes these events instead of the expected events, the verdict is NON-STRICT. */
  readonly tolerated?: readonly Event[];
  readonly wrongSideFails?: boolean;
}

/** Builds a case in which the peer has to fail the connection. The peer sends a Close frame with this code, or ends TCP. */
export function refuses(
  id: string,
  common: Common,
  steps: readonly Step[],
  code: number,
  options: Refusal = {},
): Case {
  const { events = [], tolerated, wrongSideFails = false } = options;
  const before = events.length === 0 ? 'The' : `Expects ${describeEvents(events)}. Then the`;
  const second =
    tolerated === undefined
      ? ''
      : ` With the verdict NON-STRICT, the judge also accepts ${describeEvents(tolerated)}.`;
  const expectation = `${before} peer has to fail the connection with ${code}, or end TCP.${second}`;
  return caseOf(id, common, steps, expectation, {
    events: { OK: events, ...(tolerated !== undefined && { 'NON-STRICT': tolerated }) },
    close: { by: 'peer', codes: [code], clean: false },
    wrongSideFails,
  });
}

/** Builds a case in which the steps contain the Close frame of the judge. The peer has to answer with one of the codes. */
export function closes(
  id: string,
  common: Common,
  steps: readonly Step[],
  options: Partial<CloseExpectation> = {},
  wrongCodeFails = true,
): Case {
  const end: CloseExpectation = { ...judgeCloses, ...options };
  const how = end.clean ? 'without a code' : 'without a code, or end TCP';
  const expectation = `Expects no message. The peer has to answer with ${(end.codes as number[]).join(' or ')}, or ${how}.`;
  return caseOf(id, common, steps, expectation, { events: { OK: [] }, close: end, wrongCodeFails });
}

/** Builds an informational case, for which the verdict is always INFORMATIONAL. */
export function tells(
  id: string,
  common: Common,
  steps: readonly Step[],
  events: readonly Event[],
  end: Partial<CloseExpectation> = {},
): Case {
  const close: CloseExpectation = { ...judgeCloses, ...end };
  const expectation = 'There is no verdict. The case only reports what the peer does.';
  // Two lists of events are accepted. So the report shows whether the peer continues to read before it answers.
  const second = events.length === 0 ? null : { 'NON-STRICT': [] };
  const expect: Expectation = { events: { OK: events, ...second }, close };
  return { ...caseOf(id, common, steps, expectation, expect), informational: true };
}
