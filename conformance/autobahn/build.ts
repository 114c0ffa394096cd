/**
 * Autobahn's cases are of four shapes: echoed and closed, refused, closed by the judge, or timed round trips. Each shape
 * is a function from an id and its steps to a case.
 */

import { describeSteps } from '../case/describe.ts';
import type { Case, CloseExpectation, Event, Expectation, Step } from '../case/model.ts';
import { judgeCloses } from '../case/steps.ts';
import { describeEvents } from '../run/verdict.ts';

/** What cases of a group share. */
export interface Common {
  readonly section: string;
  readonly covers: readonly string[];
  /** In front of the steps' description. */
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

/** The peer has to do this; then the judge closes, and the peer answers. */
export function expects(id: string, common: Common, steps: readonly Step[], ...events: Event[]): Case {
  const expectation = `Expects ${describeEvents(events)}; then closes with 1000, which the peer answers with 1000 or no code.`;
  return caseOf(id, common, steps, expectation, {
    events: { OK: events },
    close: judgeCloses,
    closeWhenMet: true,
  });
}

/** An echo that is compared by its length only, at leisure. */
export function echoes(
  id: string,
  common: Common,
  steps: readonly Step[],
  echo: NonNullable<Expectation['echo']>,
): Case {
  const expectation = `Expects an echo of the same type and ${echo.length} bytes; then closes with 1000.`;
  return caseOf(id, common, steps, expectation, { echo, close: judgeCloses, closeWhenMet: true });
}

/** What a refusal allows besides the codes. */
interface Refusal {
  /** Done before the refusal. */
  readonly events?: readonly Event[];
  /** Tolerated in place of the events, as NON-STRICT. */
  readonly tolerated?: readonly Event[];
  readonly wrongSideFails?: boolean;
}

/** The peer has to fail the connection, by a Close frame with this code or by ending TCP. */
export function refuses(
  id: string,
  common: Common,
  steps: readonly Step[],
  code: number,
  options: Refusal = {},
): Case {
  const { events = [], tolerated, wrongSideFails = false } = options;
  const before = events.length === 0 ? '' : `${describeEvents(events)}; then `;
  const second = tolerated === undefined ? '' : ` Tolerated: ${describeEvents(tolerated)}.`;
  const expectation = `Expects ${before}that the peer fails the connection, with ${code} or by ending TCP.${second}`;
  return caseOf(id, common, steps, expectation, {
    events: { OK: events, ...(tolerated !== undefined && { 'NON-STRICT': tolerated }) },
    close: { by: 'peer', codes: [code], clean: false },
    wrongSideFails,
  });
}

/** The judge's steps hold its Close frame; the peer answers with one of these codes. */
export function closes(
  id: string,
  common: Common,
  steps: readonly Step[],
  options: Partial<CloseExpectation> = {},
  wrongCodeFails = true,
): Case {
  const end: CloseExpectation = { ...judgeCloses, ...options };
  const how = end.clean ? 'answers' : 'answers, or ends TCP,';
  const expectation = `Expects no message; the peer ${how} with ${(end.codes as number[]).join(' or ')}, or no code.`;
  return caseOf(id, common, steps, expectation, { events: { OK: [] }, close: end, wrongCodeFails });
}

/** Whatever the peer does. */
export function tells(
  id: string,
  common: Common,
  steps: readonly Step[],
  events: readonly Event[],
  end: Partial<CloseExpectation> = {},
): Case {
  const close: CloseExpectation = { ...judgeCloses, ...end };
  const expectation = 'Only tells what the peer does: no verdict.';
  // To tell a peer that reads on before it answers from one that does not.
  const second = events.length === 0 ? null : { 'NON-STRICT': [] };
  const expect: Expectation = { events: { OK: events, ...second }, close };
  return { ...caseOf(id, common, steps, expectation, expect), informational: true };
}
