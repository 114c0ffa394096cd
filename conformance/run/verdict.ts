/**
 * The verdict on what was seen: behavior and behaviorClose, as Autobahn names them, each with a sentence.
 */

import type { AnswerExpectation, Behavior, BehaviorClose, Case, Event } from '../case/model.ts';
import type { Observation } from '../case/observation.ts';
import { sameEvent } from './link.ts';

/** A verdict. */
export interface Verdict {
  readonly behavior: Behavior;
  readonly behaviorClose: BehaviorClose;
  readonly result: string;
  readonly resultClose: string;
  /** Both are fine: OK, NON-STRICT or INFORMATIONAL, and OK or INFORMATIONAL. */
  readonly passed: boolean;
}

/** What is wrong with the peer's behavior; null for nothing. */
type Fault = string | null;

/** Judges one connection. @param unimplemented the case needs an extension that the peer did not agree to */
export function judge(one: Case, seen: Observation, unimplemented: boolean): Verdict {
  const { expect } = one;
  if (one.informational === true) {
    const result = 'No verdict: this case only tells what the peer does.';
    return verdict('INFORMATIONAL', 'INFORMATIONAL', result, describeEnd(seen));
  }
  if (expect.answer !== undefined) return judgeAnswer(one, expect.answer, seen);
  if (!seen.opened) {
    if (expect.mayRefuse === true && hasRefused(seen))
      return verdict('OK', 'OK', `The answer is ${describeAnswer(seen)}.`, 'The request was refused.');
    const why = `The opening handshake was not completed: ${seen.openFault ?? 'for no known reason'}.`;
    return verdict(failure(one), one.level === 'MUST' ? 'FAILED' : 'INFORMATIONAL', why, why);
  }
  const [behaviorClose, resultClose] = judgeClose(one, seen);
  if (unimplemented && one.deflate?.optional !== false) {
    return verdict(
      'UNIMPLEMENTED',
      behaviorClose,
      'The peer did not agree to permessage-deflate.',
      resultClose,
    );
  }
  if (seen.violation !== null) {
    return verdict('FAILED', behaviorClose, `The peer broke a rule: ${seen.violation}.`, resultClose);
  }
  // Only a MUST fails a connection: what else was not done is told by the behavior alone.
  if (one.level !== 'MUST' && behaviorClose !== 'OK') {
    return verdict(failure(one), 'INFORMATIONAL', resultClose, resultClose);
  }
  if (expect.events?.['NON-STRICT'] !== undefined && sameEvents(seen.events, expect.events['NON-STRICT'])) {
    const fault = faultBeside(one, seen, behaviorClose);
    if (fault === null)
      return verdict('NON-STRICT', behaviorClose, 'The events are the second best ones.', resultClose);
  }
  const fault = faultOfEvents(one, seen) ?? faultBeside(one, seen, behaviorClose);
  if (fault !== null) return verdict(failure(one), behaviorClose, fault, resultClose);
  return verdict('OK', behaviorClose, 'Everything was as expected.', resultClose);
}

function verdict(
  behavior: Behavior,
  behaviorClose: BehaviorClose,
  result: string,
  resultClose: string,
): Verdict {
  const passed =
    ['OK', 'NON-STRICT', 'INFORMATIONAL'].includes(behavior) &&
    ['OK', 'INFORMATIONAL'].includes(behaviorClose);
  return { behavior, behaviorClose, result, resultClose, passed };
}

/** What a failure is, by the level of the rule: only a MUST fails. */
function failure({ level }: Case): Behavior {
  return level === 'MUST' ? 'FAILED' : level === 'SHOULD' ? 'NON-STRICT' : 'INFORMATIONAL';
}

const statusOf = (seen: Observation): number => Number(seen.answer?.parts[1] ?? Number.NaN);
const hasEnded = (seen: Observation): boolean => seen.answer === null && seen.endedBy === 'peer';
const hasRefused = (seen: Observation): boolean => hasEnded(seen) || statusOf(seen) >= 400;

function describeAnswer(seen: Observation): string {
  if (hasEnded(seen)) return 'the end of TCP';
  return seen.answer === null ? 'nothing' : `"${seen.answer.line}"`;
}

function judgeAnswer(one: Case, expected: AnswerExpectation, seen: Observation): Verdict {
  const status = statusOf(seen);
  const ended = hasEnded(seen);
  const right = expected.some((one) =>
    one === 'end'
      ? ended
      : typeof one === 'number'
        ? one === status
        : Math.floor(status / 100) === Number(one[0]),
  );
  const answer = describeAnswer(seen);
  const wanted = `The answer is ${answer}, expected ${expected.join(' or ')}.`;
  const fault = right ? runChecks(one, seen) : wanted;
  if (fault === null) return verdict('OK', 'OK', `The answer is ${answer}.`, 'The request was refused.');
  return verdict(failure(one), one.level === 'MUST' ? 'FAILED' : 'OK', fault, fault);
}

function sameEvents(a: readonly Event[], b: readonly Event[]): boolean {
  return a.length === b.length && a.every((event, i) => sameEvent(event, b[i]!));
}

function faultOfEvents({ expect }: Case, seen: Observation): Fault {
  const { events, echo } = expect;
  if (seen.loopFault !== null) return `A round trip failed: ${seen.loopFault}.`;
  if (!seen.loopDone) return 'Not all round trips were done.';
  if (echo !== undefined) {
    const [event] = seen.events;
    if (event === undefined) return 'No echo came.';
    if (event.type !== 'message' || event.kind !== echo.kind) return `The echo is no ${echo.kind} message.`;
    if (event.payload.length !== echo.length)
      return `The echo has ${event.payload.length} octets, not ${echo.length}.`;
    return seen.events.length > 1 ? 'More than the echo came.' : null;
  }
  if (events === undefined || sameEvents(seen.events, events.OK)) return null;
  return `The events are ${describeEvents(seen.events)}, expected ${describeEvents(events.OK)}.`;
}

/** Rules beside the events. */
function faultBeside(one: Case, seen: Observation, close: BehaviorClose): Fault {
  const { expect } = one;
  if (expect.wrongCodeFails === true && close === 'WRONG CODE')
    return `The peer closed with ${seen.receivedClose?.code}, expected ${codes(one)}.`;
  if (expect.wrongSideFails === true && close === 'FAILED')
    return 'The judge had to close, since the peer did not.';
  return runChecks(one, seen);
}

function runChecks({ expect }: Case, seen: Observation): Fault {
  for (const check of expect.checks ?? []) {
    const fault = check(seen);
    if (fault !== null) return fault;
  }
  return null;
}

const codes = (one: Case): string =>
  one.expect.close.codes === 'any' ? 'any code' : `${one.expect.close.codes.join(' or ')}, or none`;

/** In the order of Autobahn's own checks, plus one: a peer that does nothing at all never passes. */
function judgeClose(one: Case, seen: Observation): readonly [BehaviorClose, string] {
  const { by, codes: allowed, clean } = one.expect.close;
  const first = seen.firstClose === 'judge' ? 'judge' : 'peer';
  if (by !== 'any' && by !== first) {
    const code = first === 'peer' ? seen.receivedClose?.code : null;
    const frame = `sent the first Close frame${typeof code === 'number' ? `, with ${code}` : ''}`;
    return [
      'FAILED',
      `The ${first} ${seen.firstClose === null ? 'ended TCP' : frame}, where the ${by} had to.`,
    ];
  }
  if (clean && !seen.clean)
    return ['UNCLEAN', `The closing handshake was not completed: ${seen.uncleanReason}.`];
  const code = seen.receivedClose?.code ?? null;
  if (code !== null && allowed !== 'any' && !allowed.includes(code))
    return ['WRONG CODE', `The peer closed with ${code}, expected ${codes(one)}.`];
  if (seen.dropped && seen.peer === 'server') return ['FAILED BY CLIENT', 'The judge had to drop TCP.'];
  if (seen.dropped) return ['FAILED', 'The peer neither closed nor ended TCP.'];
  return ['OK', describeEnd(seen)];
}

/** How it ended, in a sentence. */
function describeEnd(seen: Observation): string {
  if (!seen.opened) return `The opening handshake was not completed: ${seen.openFault}.`;
  const { receivedClose, firstClose } = seen;
  if (receivedClose === null)
    return seen.dropped ? 'The judge dropped TCP.' : 'The peer ended TCP without a Close frame.';
  const code = receivedClose.code === null ? 'no code' : `${receivedClose.code}`;
  return firstClose === 'peer'
    ? `The peer closed, with ${code}.`
    : `The judge closed, and the peer answered with ${code}.`;
}

/** Events in a few words. */
export function describeEvents(events: readonly Event[]): string {
  const one = (event: Event): string =>
    event.type === 'timeout'
      ? `time-out ${event.tag}`
      : `${event.type === 'pong' ? 'pong' : `${event.kind} message`} of ${event.payload.length} octets`;
  if (events.length === 0) return 'none';
  const shown = events.slice(0, 5).map(one);
  return `${shown.join(', ')}${events.length > 5 ? ` and ${events.length - 5} more` : ''}`;
}
