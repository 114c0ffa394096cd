/**
 * Decides the two verdicts of a case from an observation, and adds a sentence to each verdict. The names `behavior` and `behaviorClose`
 * come from Autobahn.
 */

import { createHash } from 'node:crypto';
import type { AnswerExpectation, Behavior, BehaviorClose, Case, Event } from '../case/model.ts';
import type { Observation } from '../case/observation.ts';
import { bytesOf } from '../case/payload.ts';
import { judgeCloses } from '../case/steps.ts';
import { completionOf } from './pongs.ts';

export interface Verdict {
  readonly behavior: Behavior;
  readonly behaviorClose: BehaviorClose;
  readonly result: string;
  readonly resultClose: string;
  /**
   * True if both verdicts pass. `behavior` passes with OK, NON-STRICT, INFORMATIONAL or UNIMPLEMENTED (the case does not apply), and
   * `behaviorClose` with OK or INFORMATIONAL.
   */
  readonly passed: boolean;
}

/** A sentence that states a fault of the peer, or null if there is no fault. */
type Fault = string | null;

/**
 * Decides the verdicts for one connection.
 * @param unimplemented a sentence that states what the case needs and the peer did not agree to, or null
 */
export function judge(one: Case, seen: Observation, unimplemented: string | null): Verdict {
  const { expect } = one;
  if (one.informational === true) {
    const result = 'No verdict: this case only reports what the peer does.';
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
  if (seen.violation !== null) {
    return verdict('FAILED', behaviorClose, `The peer broke a rule: ${seen.violation}.`, resultClose);
  }
  if (unimplemented !== null) {
    // No step was played, so the expectation of the case for the close does not apply. A normal close is OK.
    const [end, how] = judgeClose({ ...one, expect: { close: judgeCloses } }, seen);
    return verdict('UNIMPLEMENTED', end, `Not applicable: ${unimplemented}`, how);
  }
  // For the levels SHOULD and MAY, a wrong close is a fault of `behavior`, and `behaviorClose` does not fail.
  if (one.level !== 'MUST' && behaviorClose !== 'OK') {
    return verdict(failure(one), 'INFORMATIONAL', resultClose, resultClose);
  }
  const beside = faultBeside(one, seen, behaviorClose);
  const second = expect.events?.['NON-STRICT'];
  if (second !== undefined && completionOf(one.steps, second).complete(seen.events) === 'all') {
    if (beside === null)
      return verdict(
        'NON-STRICT',
        behaviorClose,
        'The peer caused the events that are only tolerated.',
        resultClose,
      );
  }
  const fault = faultOfEvents(one, seen) ?? beside;
  if (fault !== null) return verdict(failure(one), behaviorClose, fault, resultClose);
  const { OK } = expect.events ?? {};
  if (OK !== undefined && completionOf(one.steps, OK).complete(seen.events) === 'pongs missing') {
    // Autobahn expects every pong, so in its cases a missing pong is a tolerated difference.
    const result = 'The peer answered only the newest of several pings, which 6455 §5.5.3 allows.';
    return verdict(isAutobahn(one) ? 'NON-STRICT' : 'OK', behaviorClose, result, resultClose);
  }
  return verdict('OK', behaviorClose, 'Everything was as expected.', resultClose);
}

const isAutobahn = ({ id }: Case): boolean => Number(id.split('.')[0]) < 20;

function verdict(
  behavior: Behavior,
  behaviorClose: BehaviorClose,
  result: string,
  resultClose: string,
): Verdict {
  const passed =
    ['OK', 'NON-STRICT', 'INFORMATIONAL', 'UNIMPLEMENTED'].includes(behavior) &&
    ['OK', 'INFORMATIONAL'].includes(behaviorClose);
  return { behavior, behaviorClose, result, resultClose, passed };
}

/** Returns the verdict for a broken rule, which depends on the level of the rule. Only a MUST gives FAILED. */
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

function faultOfEvents(one: Case, seen: Observation): Fault {
  const { events, echo } = one.expect;
  if (seen.loopFault !== null) return `A round trip failed: ${seen.loopFault}.`;
  if (!seen.loopDone) return 'Not all round trips were done.';
  if (echo !== undefined) {
    const [event] = seen.events;
    if (event === undefined) return 'No echo came.';
    if (event.type !== 'message' || event.kind !== echo.kind) return `The echo is no ${echo.kind} message.`;
    if (event.payload.length !== echo.length)
      return `The echo has ${event.payload.length} bytes, not ${echo.length}.`;
    return seen.events.length > 1 ? 'More than the echo came.' : null;
  }
  if (events === undefined || completionOf(one.steps, events.OK).complete(seen.events) !== null) return null;
  const difference = differenceOf(seen.events, events.OK);
  return `The judge received ${describeEvents(seen.events)}, but expected ${describeEvents(events.OK)}.${difference}`;
}

/** Returns where the contents of two events first differ, if the descriptions of both lists are equal. Otherwise returns ''. */
function differenceOf(seen: readonly Event[], expected: readonly Event[]): string {
  if (describeEvents(seen) !== describeEvents(expected)) return '';
  for (const [i, event] of seen.entries()) {
    const other = expected[i];
    if (other === undefined || event.type === 'timeout' || other.type === 'timeout') continue;
    const [came, due] = [bytesOf(event.payload), bytesOf(other.payload)];
    const at = came.findIndex((value, place) => value !== due[place]);
    if (at < 0 || event.type !== other.type) continue;
    const digest = (content: Buffer): string =>
      createHash('sha256').update(content).digest('hex').slice(0, 16);
    return ` Event ${i + 1} differs first in byte ${at}: 0x${came.toString('hex', at, at + 1)}, not 0x${due.toString('hex', at, at + 1)}; SHA-256 ${digest(came)}…, not ${digest(due)}….`;
  }
  return '';
}

/** Checks the rules of the case that are not about events. */
function faultBeside(one: Case, seen: Observation, close: BehaviorClose): Fault {
  const { expect } = one;
  if (expect.wrongCodeFails === true && close === 'WRONG CODE')
    return `The peer closed with ${seen.receivedClose?.code}, expected ${codes(one)}.`;
  if (expect.wrongSideFails === true && close === 'FAILED')
    return 'The judge had to close, because the peer did not.';
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

/**
 * Decides `behaviorClose`. The checks have the same order as in Autobahn. An additional check ensures that a peer that does nothing never
 * passes.
 */
function judgeClose(one: Case, seen: Observation): readonly [BehaviorClose, string] {
  const { by, codes: allowed, clean } = one.expect.close;
  const first = seen.firstClose === 'judge' ? 'judge' : 'peer';
  if (by !== 'any' && by !== first) {
    const code = first === 'peer' ? seen.receivedClose?.code : null;
    const frame = `sent the first Close frame${typeof code === 'number' ? `, with ${code}` : ''}`;
    return [
      'FAILED',
      `The ${first} ${seen.firstClose === null ? 'ended TCP' : frame}, but the ${by} had to close first.`,
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

/** Describes events in a few words. */
export function describeEvents(events: readonly Event[]): string {
  const one = (event: Event): string =>
    event.type === 'timeout'
      ? `time-out ${event.tag}`
      : `a ${event.type === 'pong' ? 'pong' : `${event.kind} message`} of ${event.payload.length} bytes`;
  if (events.length === 0) return 'no events';
  const shown = events.slice(0, 5).map(one);
  return `${shown.join(', then ')}${events.length > 5 ? `, and ${events.length - 5} more` : ''}`;
}
