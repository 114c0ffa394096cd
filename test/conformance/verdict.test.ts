/**
 * Tests the judge's verdicts on simulated behaviour of peers. For Autobahn's cases, the verdict must equal the verdict of Autobahn itself.
 * A silent peer must never pass.
 */
import { describe, expect, test } from 'vitest';
import { autobahn } from '../../conformance/autobahn/suite.ts';
import type { Case } from '../../conformance/case/model.ts';
import type { Observation } from '../../conformance/case/observation.ts';
import { bytesOf } from '../../conformance/case/payload.ts';
import { allCases } from '../../conformance/cases.ts';
import { judge } from '../../conformance/run/verdict.ts';

/** Returns the observation of a peer that does everything that a case expects, with these changes. */
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
    earlyBytes: 0,
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
    bytesAfterClose: 0,
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
  unimplemented: string | null = null,
): [string, string] => {
  const { behavior, behaviorClose } = judge(one, good(one, changes), unimplemented);
  return [behavior, behaviorClose];
};
const judged = autobahn.cases.filter((one) => one.informational !== true);
const other = { code: 4321, reason: Buffer.alloc(0) };
const stray = { type: 'message', kind: 'text', payload: Buffer.from('stray') } as const;

describe.each(judged.map((one) => [one.id, one] as const))('the verdict of case %s', (_id, one) => {
  const { wrongCodeFails = false, wrongSideFails = false, close, events } = one.expect;

  test('the judge gives the right verdict for each behaviour of a simulated peer', () => {
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
      if (one.deflate !== undefined)
        expect(verdictOf(one, {}, 'No compression.')).toEqual(['UNIMPLEMENTED', 'OK']);
    } else {
      expect(verdictOf(one, { events: [...good(one).events, stray] })[0]).toBe('FAILED');
    }
    if (events?.['NON-STRICT'] !== undefined)
      expect(verdictOf(one, { events: events['NON-STRICT'] })).toEqual(['NON-STRICT', 'OK']);
  });

  test('a server or a client that ignores everything does not pass the case', () => {
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
    expect(judge(one, good(one, silent), null).passed).toBe(false);
    expect(judge(one, good(one, { ...silent, peer: 'client' }), null).passed).toBe(false);
  });
});

test('three cases of Autobahn always get INFORMATIONAL, whatever the peer does', () => {
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

test('the verdict shows that a server does not close TCP', () => {
  const refused = judged.find(({ id }) => id === '3.1')!;
  const kept = { dropped: true, clean: false, uncleanReason: 'the judge had to drop TCP' };
  expect(verdictOf(refused, kept)).toEqual(['OK', 'FAILED BY CLIENT']);
  const echoed = judged.find(({ id }) => id === '1.1.1')!;
  expect(verdictOf(echoed, kept)).toEqual(['OK', 'UNCLEAN']);
});

describe('the level of a case determines the kind of failure', () => {
  const base = judged.find(({ id }) => id === '3.1')!;
  test.each([
    ['MUST', 'FAILED'],
    ['SHOULD', 'NON-STRICT'],
    ['MAY', 'INFORMATIONAL'],
  ] as const)('a case of level %s fails as %s', (level, behavior) => {
    expect(verdictOf({ ...base, level }, { events: [stray] })[0]).toBe(behavior);
    const closed = verdictOf({ ...base, level }, { firstClose: 'judge' });
    expect(closed).toEqual(level === 'MUST' ? ['OK', 'FAILED'] : [behavior, 'INFORMATIONAL']);
    expect(judge({ ...base, level }, good(base, { firstClose: 'judge' }), null).passed).toBe(
      level !== 'MUST',
    );
    expect(verdictOf({ ...base, level }, { opened: false })).toEqual([
      behavior,
      level === 'MUST' ? 'FAILED' : 'INFORMATIONAL',
    ]);
    // If a frame breaks a rule, the verdict does not depend on the level of the case.
    expect(verdictOf({ ...base, level }, { violation: 'a masked frame of a server' })[0]).toBe('FAILED');
  });
});

describe('answers of a server to a request that it has to refuse', () => {
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
  ])('if a server answers an invalid request with the status %s, the server passes: %s', (status, passed) => {
    expect(judge(base, good(base, answer(status)), null).passed).toBe(passed);
  });
  test('if a case allows it, a server may refuse by ending TCP, but a server that stays silent fails', () => {
    const nothing = { opened: false, answer: null };
    expect(judge(base, good(base, { ...nothing, endedBy: 'peer' }), null).passed).toBe(true);
    expect(judge(base, good(base, { ...nothing, endedBy: 'judge' }), null).passed).toBe(false);
  });
});

describe('the pongs that a case expects', () => {
  const ten = judged.find(({ id }) => id === '2.10')!;
  const apart = judged.find(({ id }) => id === '5.19')!;
  const { OK } = ten.expect.events!;
  const empty = { type: 'pong', payload: Buffer.alloc(0) } as const;

  test("in Autobahn's cases, a peer may answer only the newest of several pings, and the result then names the section", () => {
    const newest = good(ten, { events: OK.slice(-1) });
    expect(judge(ten, newest, null)).toMatchObject({
      behavior: 'NON-STRICT',
      behaviorClose: 'OK',
      passed: true,
    });
    expect(judge(ten, newest, null).result).toBe(
      'The peer answered only the newest of several pings, which 6455 §5.5.3 allows.',
    );
    expect(verdictOf({ ...ten, id: '24.9.1' }, { events: OK.slice(-1) })).toEqual(['OK', 'OK']);
    expect(verdictOf(ten, { events: [OK[3]!, OK[9]!] })).toEqual(['NON-STRICT', 'OK']);
  });

  test('the judge requires a pong for the newest ping, and all pongs have to be in order', () => {
    expect(verdictOf(ten, { events: OK.slice(0, -1) })[0]).toBe('FAILED');
    expect(verdictOf(ten, { events: [] })[0]).toBe('FAILED');
    expect(verdictOf(ten, { events: [OK[1]!, OK[0]!, ...OK.slice(2)] })[0]).toBe('FAILED');
  });

  test('if the judge waits between its pings, the peer has to answer each ping', () => {
    const [first, ...rest] = apart.expect.events!.OK;
    expect(first!.type).toBe('pong');
    expect(verdictOf(apart, { events: rest })[0]).toBe('FAILED');
  });

  test('the judge allows each unsolicited pong without a payload, and no other unsolicited pong', () => {
    const refused = judged.find(({ id }) => id === '3.2')!;
    const [hello] = refused.expect.events!.OK;
    expect(verdictOf(refused, { events: [empty, hello!, empty] })).toEqual(['OK', 'OK']);
    expect(verdictOf(refused, { events: [empty] })).toEqual(['NON-STRICT', 'OK']);
    expect(verdictOf(refused, { events: [hello!, { ...empty, payload: Buffer.from('x') }] })[0]).toBe(
      'FAILED',
    );
    // An empty pong does not answer a ping.
    expect(verdictOf(ten, { events: OK.map(() => empty) })[0]).toBe('FAILED');
  });
});

test('if one byte of a message is wrong, the verdict states the position of the byte and the hashes of the contents', () => {
  const large = allCases.find(({ id }) => id === '27.2.1')!;
  const [event] = large.expect.events!.OK;
  if (event?.type !== 'message') throw new Error('27.2.1 is an echo');
  const changed = Buffer.from(bytesOf(event.payload));
  changed[1_600_000]! ^= 1;
  const { behavior, result } = judge(large, good(large, { events: [{ ...event, payload: changed }] }), null);
  expect(behavior).toBe('FAILED');
  expect(result).toMatch(
    /Event 1 differs first in byte 1600000: 0x[0-9a-f]{2}, not 0x[0-9a-f]{2}; SHA-256 [0-9a-f]{16}…, not [0-9a-f]{16}…\.$/,
  );
});

test('an inapplicable case passes if the connection ended properly, and fails if the peer broke a rule or closed first', () => {
  const one = allCases.find(({ id }) => id === '26.1.1')!;
  const why = 'The peer did not agree to permessage-deflate.';
  const polite = {
    events: [],
    firstClose: 'judge',
    receivedClose: { code: 1000, reason: Buffer.alloc(0) },
  } as const;
  expect(judge(one, good(one, polite), why)).toMatchObject({
    behavior: 'UNIMPLEMENTED',
    behaviorClose: 'OK',
    passed: true,
    result: `Not applicable: ${why}`,
  });
  expect(judge(one, good(one, { ...polite, violation: 'a masked frame of a server' }), why).passed).toBe(
    false,
  );
  expect(judge(one, good(one, { ...polite, firstClose: 'peer' }), why).passed).toBe(false);
});
