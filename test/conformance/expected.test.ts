/**
 * Tests the files of expected results for other implementations. The files contain the failures that Autobahn itself reports, and
 * docs/conformance.md shows these failures. `npm run conformance -- others` compares real runs with the files.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allCases, isAutobahn, titles } from '../../conformance/cases.ts';
import { type Baseline, parseBaseline } from '../../conformance/report/baseline.ts';
import { matrixOf, standingOf } from '../../scripts/conformance-docs.js';
import { Running, root, run, track } from '../cli/process.ts';

const folder = join(root, 'conformance', 'expected');
const expected = (name: string): Baseline => parseBaseline(readFileSync(join(folder, name), 'utf8'));

/** Returns the cases of Autobahn that are not OK. */
const ofAutobahn = ({ cases }: Baseline): Record<string, string> =>
  Object.fromEntries(Object.entries(cases).filter(([id]) => isAutobahn(id)));

const tooManyFragments = ['9.3.1', '9.3.2', '9.4.1', '9.4.2'];
const late = { '6.4.1': 'NON-STRICT', '6.4.2': 'NON-STRICT', '6.4.3': 'NON-STRICT', '6.4.4': 'NON-STRICT' };
const withoutVerdict = { '7.1.6': 'INFORMATIONAL', '7.13.1': 'INFORMATIONAL', '7.13.2': 'INFORMATIONAL' };

describe("the expected results of Autobahn's 517 cases", () => {
  test('the server of ws fails the four cases with many fragments, and is NON-STRICT in 6.4.* because it checks UTF-8 late', () => {
    const failed = Object.fromEntries(tooManyFragments.map((id) => [id, 'FAILED']));
    expect(ofAutobahn(expected('ws-server.json'))).toEqual({ ...late, ...withoutVerdict, ...failed });
  });

  test('the client of ws passes the four cases with many fragments, and otherwise has the same results as the server of ws', () => {
    expect(ofAutobahn(expected('ws-client.json'))).toEqual({ ...late, ...withoutVerdict });
  });

  test.each(['rfc6455-server.json', 'rfc6455-client.json'])(
    '%s: every case of Autobahn is OK or has no verdict',
    (name) => {
      expect(ofAutobahn(expected(name))).toEqual(withoutVerdict);
    },
  );

  test.each(['rfc6455-server.json', 'rfc6455-client.json'])(
    '%s: no case has failed, and every case applies to the peer',
    (name) => {
      const standings = Object.values(expected(name).cases).map((verdict) => standingOf(verdict));
      expect(standings.filter((one) => one === 'failed' || one === 'not applicable')).toEqual([]);
    },
  );

  test.each(readdirSync(folder))(
    'the name of the file %s consists of the agent and the peer that the file contains',
    (name) => {
      const { agent, peer } = expected(name);
      expect(`${agent}-${peer}.json`).toBe(name);
    },
  );
});

test('the report shows that the server of the package ws closes with 1008 in the four cases with many fragments', async () => {
  const peer = track(new Running(process.execPath, [join(root, 'conformance', 'servers', 'ws.js')]));
  const [, url = ''] = await peer.output(/^listening on (\S+)\n/);
  const out = mkdtempSync(join(tmpdir(), 'conform-ws-'));
  try {
    const cases = ['--cases', tooManyFragments.join(), '--agent', 'ws', '--out', out];
    const { stdout, exit } = await run(['conform', 'server', url, ...cases]);
    expect(exit).toBe(1);
    expect(
      stdout.match(/The peer sent the first Close frame, with 1008, but the judge had to close first/g),
    ).toHaveLength(4);
    const { ws } = JSON.parse(readFileSync(join(out, 'index.json'), 'utf8'));
    for (const id of tooManyFragments)
      expect(ws[id]).toMatchObject({ behavior: 'FAILED', behaviorClose: 'FAILED', remoteCloseCode: 1008 });
  } finally {
    rmSync(out, { recursive: true });
    peer.child.kill();
    await peer.exit;
  }
});

describe('the matrix of docs/conformance.md', () => {
  const cases = allCases.filter(({ id }) => id.startsWith('25.2.') || id.startsWith('28.3.'));
  const one = (verdicts: Record<string, string>) => ({
    agent: 'x',
    peer: 'client' as const,
    cases: verdicts,
  });

  test('the matrix counts the cases of each group, and lists each case that is not OK with its outcome', () => {
    const { text, faults } = matrixOf(
      [one({ '25.2.10': 'FAILED', '25.2.25': 'OK, close FAILED', '28.3.14': 'INFORMATIONAL' })],
      cases,
      titles,
      { x: '1.2.3' },
    );
    expect(faults).toEqual([]);
    expect(text).toContain('| group | subject | x 1.2.3 as a client: passed cases |');
    expect(text).toContain('| 25 | Compression: negotiation | **30 of 32**<br>2 failed |');
    expect(text).toContain('| 28 | Closing | 14<br>1 informational |');
    expect(text).toContain(
      '| 25.2.10 | 7692 §7.1 | Answers with permessage-deflate and invalid parameters (server_max_window_bits=08).',
    );
    expect(text).toContain(
      'All other cases are OK, except the following cases, which have no verdict: 28.3.14.',
    );
  });

  test('a case that does not apply is missing in the total of the matrix, and does not count as passed', () => {
    const { text } = matrixOf([one({ '25.2.1': 'UNIMPLEMENTED' })], cases, titles, {});
    expect(text).toContain('| 25 | Compression: negotiation | 31<br>1 not applicable |');
  });

  test('the matrix states which cases the baseline does not compare, and why', () => {
    const { text } = matrixOf([{ ...one({}), open: { '25.2.1': 'it depends' } }], cases, titles, {});
    expect(text).toContain('| 25 | Compression: negotiation | 31<br>1 open |');
    expect(text).toContain('All cases are OK.\n\nCase 25.2.1 is not compared: it depends.');
  });

  test('expected results are refused if they name a case that does not exist or that tests the other role', () => {
    expect(
      matrixOf([{ ...one({ '25.2.99': 'FAILED' }), open: { '20.1.1': 'why' } }], allCases, titles, {}).faults,
    ).toEqual([
      'x-client.json names 25.2.99, which is no case for it',
      'x-client.json names 20.1.1, which is no case for it',
    ]);
  });

  test.each([
    [undefined, 'OK'],
    ['FAILED', 'failed'],
    ['OK, close WRONG CODE', 'failed'],
    ['FAILED, close OK', 'failed'],
    ['NON-STRICT', 'non-strict'],
    ['NON-STRICT, close INFORMATIONAL', 'non-strict'],
    ['INFORMATIONAL', 'informational'],
    ['UNIMPLEMENTED', 'not applicable'],
    ['UNIMPLEMENTED, close UNCLEAN', 'failed'],
  ])('the verdict %s is counted as %s', (verdict, standing) => {
    expect(standingOf(verdict)).toBe(standing);
  });
});
