/** Tests `rfc6455 conform` as a process: exit codes, reports, baselines, and runs against our server and our client. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allCases } from '../../conformance/cases.ts';
import { conform } from '../../conformance/cli.ts';
import { vectors } from '../../conformance/vectors.ts';
import { reject, WebSocketServer } from '../../src/index.ts';
import { interrupt, Running, root, run, serve, start, tlsFixture, track } from '../cli/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'conform-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `conform` with these arguments in this process. `run(['conform', …])` does the same in a separate process. */
async function judge(...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  const exit = await conform(args, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { exit, stdout, stderr };
}

const few = ['--cases', '1.1.*,2.1,3.4', '--cases', '7.9.1,12.1.4'];
const client = 'node conformance/clients/rfc6455.js {url} {agent}';

describe('the command `conform server`', () => {
  test('our server passes all cases, the judge writes the reports, and the verdicts of a second run equal the baseline', async () => {
    const { url } = await serve('--compression');
    const file = join(folder, 'ours.json');
    const first = await run([
      'conform',
      'server',
      url,
      ...few,
      '--agent',
      'ours',
      '--out',
      join(folder, 'a'),
      '--write-baseline',
      file,
    ]);
    expect(first.stdout).toMatch(/^12 cases in \d+\.\d s: 12 OK\n$/);
    expect(first).toMatchObject({ exit: 0, stderr: '' });
    const index = JSON.parse(readFileSync(join(folder, 'a', 'index.json'), 'utf8'));
    expect(index.ours['7.9.1']).toMatchObject({ behavior: 'OK', behaviorClose: 'OK', remoteCloseCode: 1002 });
    const report = JSON.parse(readFileSync(join(folder, 'a', 'ours_case_12_1_4.json'), 'utf8'));
    expect(report.command).toBe(`npx rfc6455 conform server ${url} --cases 12.1.4`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ agent: 'ours', peer: 'server', cases: {} });
    expect((await judge('server', url, ...few, '--baseline', file)).exit).toBe(0);
  });

  test('a server without permessage-deflate passes, and cases that need permessage-deflate are counted as not applicable', async () => {
    const { url } = await serve();
    const { exit, stdout } = await run(['conform', 'server', url, ...few]);
    expect(stdout).toMatch(/^12 cases in \d+\.\d s: 11 OK; 1 not applicable\n$/);
    expect(exit).toBe(0);
  });

  test('the exit code is 1 if a verdict is better or worse than in the baseline', async () => {
    // The server runs without --compression, so case 12.1.4 is UNIMPLEMENTED.
    const { url } = await serve();
    const file = join(folder, 'known.json');
    writeFileSync(file, JSON.stringify({ cases: { '12.1.4': 'UNIMPLEMENTED' } }));
    expect((await judge('server', url, ...few, '--baseline', file)).exit).toBe(0);
    writeFileSync(file, JSON.stringify({ cases: { '12.1.4': 'UNIMPLEMENTED', '2.1': 'FAILED' } }));
    const differing = await judge('server', url, ...few, '--baseline', file);
    expect(differing.exit).toBe(1);
    expect(differing.stdout).toContain('2.1 is OK, the baseline says FAILED\n');
    // A person decides which cases are open. Therefore a baseline that is written again keeps them.
    writeFileSync(file, JSON.stringify({ cases: {}, open: { '12.1.4': 'not asked for' } }));
    expect((await run(['conform', 'server', url, ...few, '--baseline', file])).exit).toBe(0);
    await run(['conform', 'server', url, ...few, '--agent', 'ours', '--write-baseline', file]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      agent: 'ours',
      peer: 'server',
      cases: {},
      open: { '12.1.4': 'not asked for' },
    });
  });

  test('with --strict, a server that accepts a GET with a body fails', async () => {
    const peer = track(new Running(process.execPath, [join(root, 'conformance', 'servers', 'ws.js')]));
    const [, url = ''] = await peer.output(/^listening on (\S+)\n/);
    const command = ['conform', 'server', url, '--cases', '20.9.1,7.7.1'];
    const [lax, strict] = await Promise.all([run(command), run([...command, '--strict'])]);
    for (const { stdout } of [lax, strict]) expect(stdout).toMatch(/1 OK; 1 NON-STRICT|1 NON-STRICT; 1 OK/);
    expect([lax.exit, strict.exit]).toEqual([0, 1]);
    peer.child.kill();
    await peer.exit;
  });

  test('the judge tests a server over TLS, and sends an additional header field', async () => {
    const { url } = await serve(
      '--tls-cert',
      tlsFixture('localhost-cert.pem'),
      '--tls-key',
      tlsFixture('localhost-key.pem'),
    );
    const trusting = ['--ca', tlsFixture('ca-cert.pem'), '--header', 'X-One: 1', '--cases', '1.1.1'];
    expect(await judge('server', url, ...trusting)).toMatchObject({ exit: 0 });
    expect(await judge('server', url, '--insecure', '--cases', '1.1.1')).toMatchObject({ exit: 0 });
    const doubtful = await judge('server', url, '--cases', '1.1.1');
    expect(doubtful.exit).toBe(1);
    expect(doubtful.stderr).toMatch(/^rfc6455: .*certificate/);
  });

  test('the judge presents a client certificate to a server that requests one', async () => {
    const [cert, key] = [tlsFixture('self-signed-cert.pem'), tlsFixture('self-signed-key.pem')];
    const ca = tlsFixture('ca-cert.pem');
    const certificates = { cert: tlsFixture('localhost-cert.pem'), key: tlsFixture('localhost-key.pem') };
    const server = new WebSocketServer({
      // The server accepts a client only if the certificate of the client was verified.
      upgrade: (request) => (request.peerCertificate === null ? reject(403) : undefined),
      message: (connection, message) => void connection.send(message),
    });
    const { port } = await server.listen({
      tls: {
        cert: readFileSync(certificates.cert),
        key: readFileSync(certificates.key),
        ...{ ca: readFileSync(cert), requestCert: true, rejectUnauthorized: false },
      },
    });
    try {
      const url = `https://localhost:${port}/`;
      const shown = ['--ca', ca, '--cert', cert, '--key', key];
      expect(await judge('server', url, '--cases', '1.1.1', ...shown)).toMatchObject({ exit: 0, stderr: '' });
      expect((await judge('server', url, '--cases', '1.1.1', '--ca', ca)).exit).toBe(1);
    } finally {
      await server.shutdown();
    }
  });

  test('the judge reports that no server listens', async () => {
    const { exit, stderr } = await judge('server', 'ws://127.0.0.1:1/', '--cases', '1.1.1');
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^rfc6455: .*ECONNREFUSED/);
  });
});

describe('a server that requires a token and a subprotocol', () => {
  const token = 'Bearer s3cret-token';
  let server: WebSocketServer;
  let url: string;
  beforeAll(async () => {
    server = new WebSocketServer(
      {
        upgrade: (request) =>
          request.header('authorization') === token || request.target.includes('key=s3cret')
            ? undefined
            : reject(401),
        message: (connection, message) => void connection.send(message),
      },
      { subprotocols: ['chat'] },
    );
    const { port } = await server.listen();
    url = `http://127.0.0.1:${port}/`;
  });
  afterAll(() => server.shutdown());
  // These cases send every kind of request: normal requests, a request with a head that the case writes itself, and requests that are
  // refused.
  const cases = ['--cases', '1.1.1,20.8.14,20.1.1,20.6.1,20.4.15'];

  test('the judge sends the token with every request, and no report contains the token', async () => {
    const out = join(folder, 'token');
    const { exit, stdout } = await judge(
      'server',
      url,
      ...cases,
      '--header',
      `Authorization: ${token}`,
      '--out',
      out,
    );
    expect(stdout).toMatch(/^5 cases in .*: 5 OK\n$/);
    expect(exit).toBe(0);
    for (const name of readdirSync(out))
      expect(readFileSync(join(out, name), 'utf8'), name).not.toContain('s3cret');
  });

  test('the judge accepts a URL with a query, and sends the user information of the URL as Basic credentials', async () => {
    expect((await judge('server', `${url}?key=s3cret`, ...cases)).exit).toBe(0);
    const { stdout, exit } = await judge('server', url.replace('//', '//me:pass@'), '--cases', '1.1.1');
    expect(stdout).toContain('The opening handshake was not completed');
    expect(stdout).not.toContain('pass@');
    expect(exit).toBe(1);
  });

  test('the judge offers the subprotocols of the command line', async () => {
    const options = [
      '--header',
      `Authorization: ${token}`,
      '--subprotocol',
      'chat',
      '--subprotocol',
      'other',
    ];
    const out = join(folder, 'subprotocol');
    expect(
      (await judge('server', url, '--cases', '1.1.1,20.6.1', ...options, '--out', out, '--agent', 'x')).exit,
    ).toBe(0);
    const { httpRequest, httpResponse } = JSON.parse(readFileSync(join(out, 'x_case_1_1_1.json'), 'utf8'));
    expect(httpRequest).toContain('Sec-WebSocket-Protocol: chat, other\r\n');
    expect(httpRequest).toContain('Authorization: (not shown)\r\n');
    expect(httpResponse).toMatch(/sec-websocket-protocol: chat\r\n/i);
    // This case has its own subprotocols, and offers only these.
    const own = JSON.parse(readFileSync(join(out, 'x_case_20_6_1.json'), 'utf8'));
    expect(own.httpRequest.match(/Sec-WebSocket-Protocol/g)).toHaveLength(1);
  });

  test('--reporter writes one report to standard output, and everything else to standard error', async () => {
    const options = ['--header', `Authorization: ${token}`, '--cases', '1.1.1,2.1'];
    const asked = async (reporter: string) => judge('server', url, ...options, '--reporter', reporter);
    const { stdout, stderr, exit } = await asked('json');
    expect(JSON.parse(stdout).counts).toMatchObject({ cases: 2, passed: 2, failed: 0 });
    expect(stderr).toMatch(/^2 cases in .*: 2 OK\n$/);
    expect(exit).toBe(0);
    expect((await asked('junit')).stdout).toMatch(/^<\?xml [\s\S]*<\/testsuites>\n$/);
    expect((await asked('tap')).stdout).toMatch(/^TAP version 13\n1\.\.2\nok 1 /);
    expect((await asked('md')).stdout).toMatch(/^# WebSocket conformance\n/);
  });

  test('with --shard each case is in exactly one of the shards', async () => {
    const shards = await Promise.all(
      ['1/3', '2/3', '3/3'].map(async (shard) =>
        (await judge('server', url, '--list', ...few, '--shard', shard)).stdout.trim().split('\n'),
      ),
    );
    expect(shards.map(({ length }) => length)).toEqual([4, 4, 4]);
    const whole = (await judge('server', url, '--list', ...few)).stdout.trim().split('\n');
    expect(shards.flat().sort()).toEqual([...whole].sort());
  });

  test('--profile endurance runs cases and long connections, and records the memory of the process', async () => {
    const options = ['--header', `Authorization: ${token}`, '--cases', '1.1,2.1,7.7', '--parallel', '4'];
    const timed = ['--profile', 'endurance', '--minutes', '0.02', '--pid', String(process.pid)];
    const { stdout, exit } = await judge('server', url, ...options, ...timed, '--reporter', 'json');
    const outcome = JSON.parse(stdout);
    expect(outcome.faults).toEqual([]);
    expect(outcome.cases).toBeGreaterThan(5);
    expect(outcome.messages).toBeGreaterThan(5);
    expect(outcome.memory.samples).toBeGreaterThan(5);
    expect(outcome.memory.largest).toBeGreaterThan(1_000_000);
    expect(exit).toBe(0);
    const text = await judge('server', url, ...options, '--profile', 'endurance', '--minutes', '0.005');
    expect(text.stdout).toMatch(
      /messages of [\d.]+ MiB on connections that stay\nmemory: not looked at \(--pid PID\)\nno fault\n$/,
    );
  });

  test('--profile endurance counts faults, and exits with 1 if there is a fault', async () => {
    const short = ['--profile', 'endurance', '--minutes', '0.005', '--cases', '1.1'];
    const { stdout, exit } = await judge('server', url, ...short);
    expect(stdout).toMatch(/^ +\d+ × .*The opening handshake was not completed: the answer is 401, not 101/m);
    expect(exit).toBe(1);
  });
});

describe('the command `conform client`', () => {
  test('the judge starts our client and tests it', async () => {
    const out = join(folder, 'b');
    const { exit, stdout } = await run([
      'conform',
      'client',
      '--run',
      client,
      ...few,
      '--agent',
      'ours',
      '--out',
      out,
    ]);
    expect(stdout).toMatch(/^12 cases in \d+\.\d s: 12 OK\n$/);
    expect(exit).toBe(0);
    const index = JSON.parse(readFileSync(join(out, 'index.json'), 'utf8'));
    expect(Object.keys(index.ours).length).toBe(12);
  });

  test('the judge tests our client over TLS', async () => {
    const certificate = [
      '--tls-cert',
      tlsFixture('localhost-cert.pem'),
      '--tls-key',
      tlsFixture('localhost-key.pem'),
    ];
    const judging = start(
      'conform',
      'client',
      '--port',
      '0',
      '--cases',
      '1.1.1',
      '--agent',
      'x',
      ...certificate,
    );
    const [, url = ''] = await judging.output(/^listening on (\S+)\n/);
    expect(url).toMatch(/^wss:/);
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: tlsFixture('ca-cert.pem') };
    const looped = join(root, 'conformance', 'clients', 'rfc6455.js');
    expect(await track(new Running(process.execPath, [looped, url, 'secure'], { env })).exit).toBe(0);
    expect(await interrupt(judging)).toBe(0);
    expect(judging.stdout).toMatch(/1 cases in .*: 1 OK\n$/);
  });

  test('if the command that starts a client fails, the client fails all cases', async () => {
    const { exit, stdout } = await judge('client', '--run', 'exit 3', '--cases', '1.1.1');
    expect(exit).toBe(1);
    expect(stdout).toMatch(/1 cases .*1 FAILED/);
  });

  test('without a command for the client, the judge runs as a server until Ctrl-C', async () => {
    const out = join(folder, 'c');
    const options = ['conform', 'client', '--port', '0', ...few, '--out', out];
    const first = start(...options);
    const [, url = ''] = await first.output(/^listening on (\S+)\n/);
    const looped = join(root, 'conformance', 'clients', 'rfc6455.js');
    expect(await track(new Running(process.execPath, [looped, url, 'looped'])).exit).toBe(0);
    expect(JSON.parse(readFileSync(join(out, 'index.json'), 'utf8'))).toHaveProperty('looped');
    expect(await interrupt(first)).toBe(0);
  });
});

test('with --list the judge prints the cases and does not run them', async () => {
  const { stdout, exit } = await run(['conform', 'client', '--list', ...few]);
  const lines = stdout.trim().split('\n');
  expect(lines.length).toBe(12);
  expect(lines[0]).toMatch(/^1\.1\.1\t6455 §5\.2\tMUST\tboth\tSends an empty text frame/);
  expect(exit).toBe(0);
});

test('the judge has every option, reporter and profile that docs/conformance.md names', async () => {
  const { stdout } = await judge('--help');
  const known = new Set(stdout.match(/--[a-z][a-z-]+/g));
  const page = readFileSync(join(root, 'docs', 'conformance.md'), 'utf8');
  const using = page.slice(page.indexOf('## Using it'), page.indexOf('## Verdicts beyond Autobahn'));
  // The example server also has an option (--port). It is removed here.
  const named = using.replace('start-my-server --port 9001', '').match(/--[a-z][a-z-]+/g) ?? [];
  expect(named.length).toBeGreaterThan(15);
  for (const option of named) expect(known, option).toContain(option);
});

describe('commands of the judge that need no peer', () => {
  test('conform list shows every case once, with the role that it tests', async () => {
    const { stdout, exit } = await judge('list');
    const lines = stdout.trim().split('\n');
    expect(lines.length).toBe(allCases.length);
    expect(lines).toContainEqual(expect.stringMatching(/^20\.1\.1\t.*\tservers\t/));
    expect(lines).toContainEqual(expect.stringMatching(/^21\.1\.1\t.*\tclients\t/));
    expect(exit).toBe(0);
    expect((await judge('list', '--suite', 'autobahn')).stdout.trim().split('\n').length).toBe(517);
  });

  test('`conform explain` prints the rule of a case, and what the judge sends, expects and tolerates', async () => {
    const { stdout, exit } = await judge('explain', '6.4.1', '20.1.1');
    expect(stdout).toMatch(/^6\.4\.1 {2}UTF-8: Early refusal of invalid text\n/);
    expect(stdout).toContain('https://www.rfc-editor.org/rfc/rfc6455#section-8.1');
    expect(stdout).toMatch(/^ {2}sends {6}a text frame with /m);
    expect(stdout).toMatch(/^ {2}tolerated {2}.*, as NON-STRICT$/m);
    expect(stdout).toMatch(/^ {2}run it {5}npx rfc6455 conform server <url> --cases 6\.4\.1$/m);
    expect(stdout).toMatch(/^20\.1\.1 {2}Opening handshake: servers/m);
    expect(exit).toBe(0);
  });

  test('conform explain prints full sentences for every case', async () => {
    const { stdout } = await judge('explain', ...allCases.map(({ id }) => id));
    expect(stdout).not.toMatch(/undefined|\[object|NaN/);
    expect(stdout.match(/^ {2}rule {7}/gm)?.length).toBe(allCases.length);
  });

  test('conform vectors prints all cases, or the selected cases, as JSON', async () => {
    const { stdout, exit } = await judge('vectors', '--cases', '26.2.1');
    expect(JSON.parse(stdout)).toEqual(vectors({ cases: ['26.2.1'] }));
    expect(exit).toBe(0);
  });
});

describe('wrong usage of conform', () => {
  test.each([
    [[], 'what is tested: server or client?'],
    [['server'], 'the URL is missing'],
    [
      ['server', 'ftp://localhost/'],
      "'ftp://localhost/' cannot be connected to: it is no ws:, wss:, http: or https: URL",
    ],
    [['server', 'ws://localhost/#a'], 'a WebSocket URL has no fragment'],
    [['server', 'localhost'], "'localhost' cannot be connected to: Invalid URL"],
    [['server', 'ws://localhost/', '--cert', 'x'], '--cert and --key need each other'],
    [['client', '--reporter', 'x'], '--reporter is junit, tap, json, md, not x'],
    [['client', '--shard', '3/2'], "--shard is K/N, as 2/5, not '3/2'"],
    [['client', '--shard', '0/2'], "--shard is K/N, as 2/5, not '0/2'"],
    [['client', '--profile', 'endurance'], '--profile endurance is for servers'],
    [['explain'], 'which case is to be explained?'],
    [['explain', '99.1'], 'there is no case 99.1'],
    [['list', 'x'], "'x' is too much"],
    [['server', 'ws://localhost/', 'x'], "'x' is too much"],
    [['client', 'x'], "'x' is too much"],
    [['client', '--port', 'x'], '--port is a number from 0 to 65535'],
    [['client', '--tls-cert', 'x'], '--tls-cert and --tls-key need each other'],
    [['client', '--cases', '99.*'], 'no case fits'],
    [['client', '--suite', 'x'], '--suite x is not known'],
    [['client', '--profile', 'x'], '--profile is quick, full or endurance, not x'],
    [['client', '--time-factor', '0'], "--time-factor is a number above 0, not '0'"],
    [['server', 'ws://localhost/', '--header', 'x'], "--header is 'Name: value', not 'x'"],
    [['client', '--unknown'], "Unknown option '--unknown'"],
  ])('`conform` refuses the arguments %j and explains why', async (args, line) => {
    const { exit, stdout, stderr } = await judge(...args);
    expect(stderr).toMatch(/^rfc6455: .*; see rfc6455 conform --help\n$/);
    expect(stderr).toContain(line);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  });

  test('the process `rfc6455 conform` ends with the exit code of the judge', async () => {
    expect((await run(['conform', 'client', '--cases', '99.*'])).exit).toBe(2);
  });

  test('`conform --help` prints the usage', async () => {
    const { exit, stdout } = await judge('--help');
    expect(stdout).toMatch(/^usage: rfc6455 conform server <url>/);
    expect(exit).toBe(0);
  });
});
