/** Tests the reports: the format that existing scripts for Autobahn's reports expect, and the contents for other readers. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { casesFor } from '../../conformance/index.ts';
import { baselineOf, differences, parseBaseline, verdictOf } from '../../conformance/report/baseline.ts';
import { html } from '../../conformance/report/html.ts';
import { caseJson, indexJson, reportFile, sortedJson } from '../../conformance/report/index-json.ts';
import { Progress } from '../../conformance/report/progress.ts';
import { countsOf, json, junit, markdown, tap } from '../../conformance/report/texts.ts';
import { writeReports } from '../../conformance/report/write.ts';
import { type CaseResult, notRun, showPayload } from '../../conformance/run/result.ts';

const [one] = casesFor('server', { cases: ['12.1.1'] });
const missing = notRun(one!, 'No <connection> & "nothing"', {
  agent: 'My Agent',
  peer: 'server',
  command: 'again',
});
const closed = { ...missing.close, received: { code: 1002, reason: 'bye' }, clean: true };
const good: CaseResult = {
  ...missing,
  behavior: 'OK',
  behaviorClose: 'OK',
  passed: true,
  result: 'fine',
  resultClose: 'fine',
  id: '7.9.2',
  duration: 12,
  close: closed,
};
const told: CaseResult = { ...good, behavior: 'INFORMATIONAL', behaviorClose: 'INFORMATIONAL', id: '7.13.1' };
const tolerated: CaseResult = { ...good, behavior: 'NON-STRICT', id: '6.4.1' };
const results = [tolerated, good, told, missing];
const entry = {
  at: 1,
  by: 'judge',
  kind: 'bytes',
  text: 'sent',
  length: 100,
  hex: 'aa'.repeat(64),
} as const;

describe('the report file index.json', () => {
  test('index.json maps agents to cases, and cases to five facts, sorted and indented by three spaces', () => {
    const text = indexJson(results);
    const index = JSON.parse(text);
    expect(index['My Agent']['7.9.2']).toEqual({
      behavior: 'OK',
      behaviorClose: 'OK',
      duration: 12,
      remoteCloseCode: 1002,
      reportfile: 'my_agent_case_7_9_2.json',
    });
    expect(index['My Agent']['12.1.1'].remoteCloseCode).toBeNull();
    expect(Object.keys(index['My Agent'])).toEqual(['12.1.1', '6.4.1', '7.13.1', '7.9.2']);
    expect(text).toContain('\n      "7.9.2": {\n         "behavior": "OK",\n');
  });

  test("the name of a case's file consists of the agent and the id, in safe characters", () => {
    expect(reportFile('ws', '12.1.1')).toBe('ws_case_12_1_1.json');
    expect(reportFile(' Agent/1.0 ü ', '5.1')).toBe('agent_1_0___case_5_1.json');
  });

  test('sortedJson sorts the keys and changes nothing else', () => {
    const value = { b: [1, { d: null, c: 'x' }], a: {}, e: [], 10: true, 9: false };
    expect(JSON.parse(sortedJson(value))).toEqual(value);
    expect(sortedJson(value).indexOf('"10"')).toBeLessThan(sortedJson(value).indexOf('"9"'));
  });
});

test("the file of a case has the fields of Autobahn's files", () => {
  const fields =
    'agent case id description expectation started duration reportTime reportCompressionRatio behavior behaviorClose result resultClose expected received expectedClose closedByMe failedByMe droppedByMe wasClean wasNotCleanReason wasServerConnectionDropTimeout wasOpenHandshakeTimeout wasCloseHandshakeTimeout localCloseCode localCloseReason remoteCloseCode remoteCloseReason isServer httpRequest httpResponse createStats rxOctetStats txOctetStats rxFrameStats txFrameStats trafficStats createWirelog wirelog';
  const timeline = [
    { at: 1, by: 'judge', kind: 'bytes', text: 'sent', length: 100, hex: 'aa'.repeat(64) },
    {
      at: 2,
      by: 'peer',
      kind: 'frame',
      text: '',
      length: 1,
      hex: '41',
      frame: { opcode: 1, fin: true, rsv: 0, key: '01020304' },
    },
    {
      at: 3,
      by: 'judge',
      kind: 'frame',
      text: '',
      length: 0,
      hex: '',
      frame: { opcode: 8, fin: true, rsv: 0, key: null },
    },
    { at: 4, by: 'judge', kind: 'timer', text: 'waits' },
  ] as const;
  const json = JSON.parse(caseJson({ ...missing, timeline }, 3));
  for (const field of fields.split(' ')) expect(json, field).toHaveProperty(field);
  expect(json).toMatchObject({
    id: '12.1.1',
    case: 302,
    isServer: false,
    reportTime: true,
    httpRequest: '?',
  });
  expect(json.wirelog).toEqual([
    ['TO', [100, `${'aa'.repeat(64)} ...`], false],
    ['RF', [1, '41'], 1, true, 0, true, '01020304'],
    ['TF', [0, ''], 8, true, 0, null, null, null, false],
    ['CT', 0, 'waits'],
  ]);
});

test('the reports show a payload as text or as hex, and show only the beginning of a long payload', () => {
  expect(showPayload(Buffer.from('Grüße'))).toBe('Grüße');
  expect(showPayload(Buffer.from('ff00', 'hex'))).toBe('0xff00');
  expect(showPayload({ unit: Buffer.from('*'), length: 70 })).toBe(`${'*'.repeat(64)} ...`);
  // The shortened payload does not end inside a character.
  expect(showPayload(Buffer.from(`${'*'.repeat(63)}ü!!!!`))).toBe(`${'*'.repeat(63)} ...`);
});

test('the JUnit report has one element for a failure and another for a skipped test, and escapes all text', () => {
  const xml = junit(results);
  expect(xml).toContain('<testsuite name="My Agent 7 Closing" tests="2" failures="0" skipped="1">');
  expect(xml).toContain('<failure message="FAILED: No &lt;connection&gt; &amp; &quot;nothing&quot;">');
  expect(xml.match(/<skipped /g)?.length).toBe(1);
  expect(xml.match(/<testcase /g)?.length).toBe(4);
});

test('the TAP report numbers its lines, and a failure has details', () => {
  const lines = tap(results).split('\n');
  expect(lines.slice(0, 3)).toEqual([
    'TAP version 13',
    '1..4',
    expect.stringMatching(/^ok 1 - My Agent 6\.4\.1 /),
  ]);
  expect(lines[4]).toMatch(/^ok 3 - .* # SKIP informational$/);
  expect(lines[5]).toMatch(/^not ok 4 - My Agent 12\.1\.1 /);
  expect(lines).toContain('  again: "again"');
});

test('the Markdown report has a matrix, and lists the cases that are not OK', () => {
  const text = markdown(results);
  expect(text).toContain('| 7 Closing | 2 |');
  expect(text).toContain('| 12 Compression of various content | **0 of 1** |');
  expect(text).toContain('| My Agent | 12.1.1 | 7692 §7.2 | FAILED | FAILED |');
  expect(text).not.toContain('| 7.9.2 |');
  expect(markdown([good])).toContain('Everything is OK.');
});

describe('cases that do not apply in the reports', () => {
  const why = 'Not applicable: The peer did not agree to permessage-deflate.';
  const left: CaseResult = { ...good, behavior: 'UNIMPLEMENTED', result: why, id: '12.1.1' };

  test('cases that do not apply count neither as passed nor as failed', () => {
    expect(countsOf([...results, left])).toEqual({
      ...{ cases: 5, applicable: 4, passed: 3, failed: 1, nonStrict: 1, informational: 1 },
      ...{ notApplicable: 1, flaky: 0 },
    });
  });

  test('cases that do not apply are skipped in JUnit and TAP, and noted in Markdown and HTML', () => {
    expect(junit([left])).toContain(`<skipped message="${why}"/>`);
    expect(tap([left])).toMatch(/^ok 1 - .* # SKIP not applicable$/m);
    expect(markdown([left, good])).toContain('| 12 Compression of various content | 0, 1 not applicable |');
    const page = html([left, good]);
    expect(page).toContain('<strong>The one case passed</strong>');
    expect(page).toContain(`${why} 12.1.1</p>`);
    expect(html([left])).toContain('<strong>Nothing applies</strong>');
  });
});

test('the JSON report has the number of cases with each verdict, and an entry for each case', () => {
  const { counts, cases } = JSON.parse(json(results));
  expect(counts).toMatchObject({ cases: 4, passed: 3, failed: 1 });
  expect(cases.map(({ id }: CaseResult) => id)).toEqual(['6.4.1', '7.9.2', '7.13.1', '12.1.1']);
  expect(cases[3]).toMatchObject({ behavior: 'FAILED', passed: false, command: 'again', agent: 'My Agent' });
});

describe('the HTML page of a report', () => {
  test('the HTML page begins with the verdict, and then lists the failed cases with their reasons', () => {
    const page = html(results);
    const places = [
      '1 failed</strong> of 4 cases',
      'What failed',
      'No &#60;connection&#62;',
      'id="cases"',
      'id="groups"',
    ];
    const found = places.map((one) => page.indexOf(one));
    expect(found).not.toContain(-1);
    expect([...found].sort((a, b) => a - b)).toEqual(found);
    expect(page).toContain('<title>1 failed: WebSocket conformance</title>');
  });

  test('the Content-Security-Policy of the HTML page allows only the script of the page, by its hash', () => {
    const page = html(results);
    const [, source = ''] = /<script>([\s\S]*?)<\/script>/.exec(page) ?? [];
    const hash = createHash('sha256').update(source).digest('base64');
    expect(page).toContain(`default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`);
    expect(page.match(/<script/g)).toHaveLength(1);
  });

  test('the HTML page is smaller than 1.5 MB if all cases passed', () => {
    const all = casesFor('server').map((one) => ({
      ...good,
      ...{ id: one.id, description: one.description, expectation: one.expectation, section: one.section },
      ...{ covers: one.covers ?? [], timeline: Array.from({ length: 50 }, () => entry) },
    }));
    expect(all.length).toBeGreaterThan(1052);
    expect(Buffer.byteLength(html(all))).toBeLessThan(1_500_000);
    expect(html(all)).toContain(`All ${all.length.toLocaleString('en')} passed</strong>`);
  });

  test('the HTML page says that no case ran if there are no results', () => {
    expect(html([])).toContain('No case ran.');
  });
});

test('the judge writes all reports to a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reports-'));
  try {
    writeReports(join(folder, 'new'), results);
    expect(readdirSync(join(folder, 'new')).sort()).toEqual([
      'index.json',
      'junit.xml',
      'my_agent_case_12_1_1.json',
      'my_agent_case_6_4_1.json',
      'my_agent_case_7_13_1.json',
      'my_agent_case_7_9_2.json',
      'report.html',
      'report.md',
      'report.tap',
    ]);
    expect(JSON.parse(readFileSync(join(folder, 'new', 'index.json'), 'utf8'))).toHaveProperty('My Agent');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('the baseline of a run', () => {
  const baseline = baselineOf('My Agent', 'server', results);

  test('a baseline names only the cases that are not OK', () => {
    expect(baseline.cases).toEqual({ '6.4.1': 'NON-STRICT', '7.13.1': 'INFORMATIONAL', '12.1.1': 'FAILED' });
    expect(verdictOf({ ...good, behaviorClose: 'UNCLEAN' })).toBe('OK, close UNCLEAN');
    expect(parseBaseline(JSON.stringify(baseline))).toEqual(baseline);
    expect(() => parseBaseline('{}')).toThrow(TypeError);
  });

  test('a run has no differences if its results equal the baseline, even if it ran only some of the cases', () => {
    expect(differences(baseline, results)).toEqual([]);
    expect(differences(baseline, [good])).toEqual([]);
  });

  test('if the outcome of a case is declared open, the baseline has no verdict for the case, and the judge does not compare it', () => {
    const open = { '6.4.1': 'it depends' };
    const some = baselineOf('My Agent', 'server', results, open);
    expect(some.cases).toEqual({ '7.13.1': 'INFORMATIONAL', '12.1.1': 'FAILED' });
    expect(some.open).toEqual(open);
    expect(differences(some, results)).toEqual([]);
    expect(differences(some, [{ ...tolerated, behavior: 'OK' }])).toEqual([]);
  });

  test('the judge reports a verdict that is better or worse than in the baseline', () => {
    const better = { ...tolerated, behavior: 'OK' } as const;
    const worse = { ...good, behavior: 'FAILED' } as const;
    expect(differences(baseline, [better, worse])).toEqual([
      '6.4.1 is OK, the baseline says NON-STRICT',
      '7.9.2 is FAILED, close OK, the baseline says OK',
    ]);
  });
});

test('if a case has one verdict for the behaviour and another for the close, the report shows both verdicts', () => {
  expect(verdictOf({ ...missing, behaviorClose: 'OK' })).toBe('FAILED, close OK');
});

describe('the progress of a run', () => {
  const show = (isTTY: boolean): string => {
    let text = '';
    const progress = new Progress({ write: (some: string) => (text += some), isTTY }, 4);
    for (const result of results) progress.add(result);
    progress.end(results);
    return text;
  };

  test('without a terminal, the progress shows only the cases that are not OK, and a total', () => {
    const lines = show(false).split('\n');
    expect(lines[0]).toMatch(/^NON-STRICT {2}6\.4\.1 /);
    expect(lines[1]).toMatch(/^FAILED {2}12\.1\.1 .*No <connection>/);
    expect(lines[2]).toMatch(/^4 cases in \d+\.\d s: 1 NON-STRICT; 1 OK; 1 INFORMATIONAL; 1 FAILED$/);
  });

  test('at a terminal, the progress is one line that counts the cases', () => {
    expect(show(true)).toContain('\r\u001b[K3 of 4');
  });
});
