/** `rfc6455 conform` as a process: exit codes, reports, baselines, our server and our client. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { conform } from '../../conformance/cli.ts';
import { interrupt, Running, root, run, serve, start, tlsFixture, track } from '../cli/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'conform-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As `run(['conform', …])`, without a process of its own. */
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

describe('conform server', () => {
  test('our server: everything OK, reports, and the same again by a baseline', async () => {
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

  test('a fault is exit code 1, and 0 where the baseline has it; a baseline that has too many is 1', async () => {
    // Without --compression, 12.1.4 is UNIMPLEMENTED.
    const { url } = await serve();
    const failed = await run(['conform', 'server', url, ...few]);
    expect(failed.exit).toBe(1);
    expect(failed.stdout).toMatch(/^UNIMPLEMENTED {2}12\.1\.4 /);
    const file = join(folder, 'known.json');
    writeFileSync(file, JSON.stringify({ cases: { '12.1.4': 'UNIMPLEMENTED' } }));
    expect((await judge('server', url, ...few, '--baseline', file)).exit).toBe(0);
    writeFileSync(file, JSON.stringify({ cases: { '12.1.4': 'UNIMPLEMENTED', '2.1': 'FAILED' } }));
    const differing = await judge('server', url, ...few, '--baseline', file);
    expect(differing.exit).toBe(1);
    expect(differing.stdout).toContain('2.1 is OK, the baseline says FAILED\n');
    // What is open is a person's word: written anew, the file keeps it.
    writeFileSync(file, JSON.stringify({ cases: {}, open: { '12.1.4': 'nobody asked for it' } }));
    expect((await run(['conform', 'server', url, ...few, '--baseline', file])).exit).toBe(0);
    await run(['conform', 'server', url, ...few, '--agent', 'ours', '--write-baseline', file]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      agent: 'ours',
      peer: 'server',
      cases: {},
      open: { '12.1.4': 'nobody asked for it' },
    });
  });

  test('--strict: a peer that takes a GET with a body fails', async () => {
    const peer = track(new Running(process.execPath, [join(root, 'conformance', 'servers', 'ws.js')]));
    const [, url = ''] = await peer.output(/^listening on (\S+)\n/);
    const command = ['conform', 'server', url, '--cases', '20.9.1,7.7.1'];
    const [lax, strict] = await Promise.all([run(command), run([...command, '--strict'])]);
    for (const { stdout } of [lax, strict]) expect(stdout).toMatch(/1 OK; 1 NON-STRICT|1 NON-STRICT; 1 OK/);
    expect([lax.exit, strict.exit]).toEqual([0, 1]);
    peer.child.kill();
    await peer.exit;
  });

  test('over TLS, with a field of its own', async () => {
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

  test('nobody there', async () => {
    const { exit, stderr } = await judge('server', 'ws://127.0.0.1:1/', '--cases', '1.1.1');
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^rfc6455: .*ECONNREFUSED/);
  });
});

describe('conform client', () => {
  test('our client, started and tested', async () => {
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

  test('our client over TLS', async () => {
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

  test('a command that fails has failed the cases', async () => {
    const { exit, stdout } = await judge('client', '--run', 'exit 3', '--cases', '1.1.1');
    expect(exit).toBe(1);
    expect(stdout).toMatch(/1 cases .*1 FAILED/);
  });

  test('as a server until Ctrl-C, or until a client ends it', async () => {
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

test('--list shows the cases and runs none', async () => {
  const { stdout, exit } = await run(['conform', 'client', '--list', ...few]);
  const lines = stdout.trim().split('\n');
  expect(lines.length).toBe(12);
  expect(lines[0]).toMatch(/^1\.1\.1\t6455 §5\.2\tMUST\tSends a text frame/);
  expect(exit).toBe(0);
});

describe('called the wrong way', () => {
  test.each([
    [[], 'what is tested: server or client?'],
    [['server'], 'the URL is missing'],
    [['server', 'http://localhost/'], "'http://localhost/' is no ws: or wss: URL"],
    [['server', 'ws://localhost/', 'x'], "'x' is too much"],
    [['client', 'x'], "'x' is too much"],
    [['client', '--port', 'x'], '--port is a number from 0 to 65535'],
    [['client', '--tls-cert', 'x'], '--tls-cert and --tls-key need each other'],
    [['client', '--cases', '99.*'], 'no case fits'],
    [['client', '--suite', 'x'], '--suite x is not known'],
    [['client', '--profile', 'x'], '--profile is quick or full, not x'],
    [['client', '--time-factor', '0'], "--time-factor is a number above 0, not '0'"],
    [['server', 'ws://localhost/', '--header', 'x'], "--header is 'Name: value', not 'x'"],
    [['client', '--unknown'], "Unknown option '--unknown'"],
  ])('%j', async (args, line) => {
    const { exit, stdout, stderr } = await judge(...args);
    expect(stderr).toMatch(/^rfc6455: .*; see rfc6455 conform --help\n$/);
    expect(stderr).toContain(line);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  });

  test('the exit code is that of the process', async () => {
    expect((await run(['conform', 'client', '--cases', '99.*'])).exit).toBe(2);
  });

  test('--help', async () => {
    const { exit, stdout } = await judge('--help');
    expect(stdout).toMatch(/^usage: rfc6455 conform server <url>/);
    expect(exit).toBe(0);
  });
});
