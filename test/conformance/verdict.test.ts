/**
 * Verdicts on simulated observations: for every case of Autobahn's, what the original suite says of a peer that does
 * this or that; and that a peer which does nothing never passes.
 */
import { describe, expect, test } from 'vitest';
import { autobahn } from '../../conformance/autobahn/suite.ts';
import type { Case } from '../../conformance/case/model.ts';
import type { Observation } from '../../conformance/case/observation.ts';
import { judge } from '../../conformance/run/verdict.ts';

/** A peer that does all that a case expects. */
function good(one: Case, changes: Partial<Observation> = {}): Observation {
  const { events, echo, close } = one.expect;
  const code = close.codes === 'any' ? 1000 : close.codes[0]!;
  const closed = { code, reason: Buffer.alloc(0) };
  return {
    peer: 'server',
    opened: true,
    openFault: null,
    requestText: '',
    answerText: '',
    request: null,
    answer: null,
    body: Buffer.alloc(0),
    deflate: null,
    events:
      echo === undefined
        ? (events?.OK ?? [])
        : [{ type: 'message', kind: echo.kind, payload: { unit: Buffer.from('x'), length: echo.length } }],
    frames: [],
    violation: null,
    loopFault: null,
    loopDone: true,
    firstClose: close.by === 'peer' ? 'peer' : 'judge',
    sentClose: closed,
    receivedClose: closed,
    octetsAfterClose: 0,
    endedBy: 'peer',
    reset: false,
    dropped: false,
    clean: true,
    uncleanReason: null,
    expired: [],
    duration: 1,
    ...changes,
  };
}

const verdictOf = (
  one: Case,
  changes: Partial<Observation> = {},
  unimplemented = false,
): [string, string] => {
  const { behavior, behaviorClose } = judge(one, good(one, changes), unimplemented);
  return [behavior, behaviorClose];
};
const judged = autobahn.cases.filter((one) => one.informational !== true);
const other = { code: 4321, reason: Buffer.alloc(0) };
const stray = { type: 'message', kind: 'text', payload: Buffer.from('stray') } as const;

describe.each(judged.map((one) => [one.id, one] as const))('%s', (_id, one) => {
  const { wrongCodeFails = false, wrongSideFails = false, close, events } = one.expect;

  test('by what the peer does', () => {
    expect(verdictOf(one)).toEqual(['OK', 'OK']);
    expect(verdictOf(one, { receivedClose: { code: null, reason: Buffer.alloc(0) } })).toEqual(['OK', 'OK']);
    expect(verdictOf(one, { receivedClose: other })).toEqual([
      wrongCodeFails ? 'FAILED' : 'OK',
      'WRONG CODE',
    ]);
    const wrongSide = close.by === 'peer' ? 'judge' : 'peer';
    expect(verdictOf(one, { firstClose: wrongSide })).toEqual([wrongSideFails ? 'FAILED' : 'OK', 'FAILED']);
    const gone = { receivedClose: null, clean: false, uncleanReason: 'the peer sent no Close frame' };
    const dropped = close.by === 'peer' ? { ...gone, firstClose: null } : gone;
    expect(verdictOf(one, dropped)).toEqual(['OK', close.clean ? 'UNCLEAN' : 'OK']);
    const closed = { opened: false, openFault: 'no answer' };
    expect(verdictOf(one, closed)).toEqual(['FAILED', 'FAILED']);
    if (one.steps[0]?.do === 'loop') {
      expect(verdictOf(one, { loopFault: 'echo 3 did not come' })[0]).toBe('FAILED');
      expect(verdictOf(one, { loopDone: false })[0]).toBe('FAILED');
      if (one.deflate !== undefined) expect(verdictOf(one, {}, true)).toEqual(['UNIMPLEMENTED', 'OK']);
    } else {
      expect(verdictOf(one, { events: [...good(one).events, stray] })[0]).toBe('FAILED');
    }
    if (events?.['NON-STRICT'] !== undefined)
      expect(verdictOf(one, { events: events['NON-STRICT'] })).toEqual(['NON-STRICT', 'OK']);
  });

  test('a peer that ignores everything does not pass, whoever it is', () => {
    const silent: Partial<Observation> = {
      events: [],
      firstClose: 'judge',
      receivedClose: null,
      clean: false,
      uncleanReason: 'the peer sent no Close frame',
      dropped: true,
      endedBy: 'judge',
      loopDone: one.steps[0]?.do !== 'loop',
    };
    expect(judge(one, good(one, silent), false).passed).toBe(false);
    expect(judge(one, good(one, { ...silent, peer: 'client' }), false).passed).toBe(false);
  });
});

test('the cases without a verdict have none, whatever happens', () => {
  const informational = autobahn.cases.filter((one) => one.informational === true);
  expect(informational.map(({ id }) => id)).toEqual(['7.1.6', '7.13.1', '7.13.2']);
  for (const one of informational) {
    expect(verdictOf(one)).toEqual(['INFORMATIONAL', 'INFORMATIONAL']);
    expect(verdictOf(one, { opened: false })).toEqual(['INFORMATIONAL', 'INFORMATIONAL']);
    expect(verdictOf(one, { receivedClose: null, dropped: true })).toEqual([
      'INFORMATIONAL',
      'INFORMATIONAL',
    ]);
  }
});

test('a server that leaves TCP to the judge is told so', () => {
  const refused = judged.find(({ id }) => id === '3.1')!;
  const kept = { dropped: true, clean: false, uncleanReason: 'the judge had to drop TCP' };
  expect(verdictOf(refused, kept)).toEqual(['OK', 'FAILED BY CLIENT']);
  const echoed = judged.find(({ id }) => id === '1.1.1')!;
  expect(verdictOf(echoed, kept)).toEqual(['OK', 'UNCLEAN']);
});

describe('what a failure is follows from the level', () => {
  const base = judged.find(({ id }) => id === '3.1')!;
  test.each([
    ['MUST', 'FAILED'],
    ['SHOULD', 'NON-STRICT'],
    ['MAY', 'INFORMATIONAL'],
  ] as const)('%s', (level, behavior) => {
    expect(verdictOf({ ...base, level }, { events: [stray] })[0]).toBe(behavior);
    const closed = verdictOf({ ...base, level }, { firstClose: 'judge' });
    expect(closed).toEqual(level === 'MUST' ? ['OK', 'FAILED'] : [behavior, 'INFORMATIONAL']);
    expect(judge({ ...base, level }, good(base, { firstClose: 'judge' }), false).passed).toBe(
      level !== 'MUST',
    );
  });
});

describe('answers to requests that are to be refused', () => {
  const base: Case = {
    ...judged[0]!,
    against: 'server',
    steps: [],
    expect: { close: judged[0]!.expect.close, answer: [400, '5xx', 'end'] },
  };
  const answer = (status: string): Partial<Observation> => ({
    opened: false,
    answer: { line: `HTTP/1.1 ${status} X`, parts: ['HTTP/1.1', status, 'X'], fields: [] },
  });
  test.each([
    ['400', true],
    ['503', true],
    ['404', false],
    ['101', false],
  ])('%s: %s', (status, passed) => {
    expect(judge(base, good(base, answer(status)), false).passed).toBe(passed);
  });
  test('the end of TCP is an answer where it may be, silence is none', () => {
    const nothing = { opened: false, answer: null };
    expect(judge(base, good(base, { ...nothing, endedBy: 'peer' }), false).passed).toBe(true);
    expect(judge(base, good(base, { ...nothing, endedBy: 'judge' }), false).passed).toBe(false);
  });
});
