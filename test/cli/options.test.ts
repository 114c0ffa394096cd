import { describe, expect, test } from 'vitest';
import { parseConnectArguments } from '../../src/cli/connect.ts';
import type { CommandFailure } from '../../src/cli/failure.ts';
import { parseOptions, readOptionFile } from '../../src/cli/options.ts';
import { parseServeOptions } from '../../src/cli/serve.ts';
import { tlsFixture } from './process.ts';

/** Calls the function, and returns the name, the exit code and the message of the error that it throws. */
function complaint(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    const { name, exitCode, message } = error as CommandFailure;
    return `${name} ${exitCode}: ${message}`;
  }
  return 'nothing';
}

describe('options of serve', () => {
  test('without arguments, serve has the default of each option', () => {
    expect(parseServeOptions([])).toEqual({
      host: '127.0.0.1',
      port: 9001,
      mode: 'echo',
      maxMessageSize: undefined,
      compression: false,
      anyOrigin: false,
      tls: null,
      page: false,
    });
  });

  test('serve accepts all its options in one call', () => {
    const cert = tlsFixture('localhost-cert.pem');
    const key = tlsFixture('localhost-key.pem');
    const parsed = parseServeOptions(
      `--port=0 --host ::1 --mode chat --max-message-size 16777216 --compression --any-origin --tls-cert ${cert} --tls-key ${key} --page`.split(
        ' ',
      ),
    );
    expect(parsed).toMatchObject({ host: '::1', port: 0, mode: 'chat', maxMessageSize: 16_777_216 });
    expect(parsed).toMatchObject({ compression: true, anyOrigin: true, page: true });
    expect(parsed?.tls?.cert.toString()).toContain('BEGIN CERTIFICATE');
    expect(parsed?.tls?.key.toString()).toContain('BEGIN PRIVATE KEY');
  });

  test.each([['--help'], ['-h'], ['--port', 'none', '--help']])(
    'the arguments %s ask for the help of serve',
    (...args) => {
      expect(parseServeOptions(args)).toBeNull();
    },
  );

  test('the last value of a repeated option counts, so that `npm start -- --port 0` works', () => {
    expect(parseServeOptions(['--port', '9001', '--port', '0'])?.port).toBe(0);
  });

  test.each([
    [['--port', '65536'], "2: --port is a number from 0 to 65535, not '65536'"],
    [['--port', '-1'], "2: option '--port' argument is ambiguous"],
    [['--port', ''], "2: --port is a number from 0 to 65535, not ''"],
    [['--port', '1e3'], "2: --port is a number from 0 to 65535, not '1e3'"],
    [['--port'], "2: option '--port <value>' argument missing"],
    [['--host', ''], '2: --host is empty'],
    [['--mode', 'fan-out'], "2: --mode is echo or chat, not 'fan-out'"],
    [['--max-message-size', '0'], "2: --max-message-size is a number of bytes, at least 1, not '0'"],
    [['--max-message-size', '1M'], "2: --max-message-size is a number of bytes, at least 1, not '1M'"],
    [['--max-message-size', '9'.repeat(30)], '2: --max-message-size is a number of bytes'],
    [['--tls-cert', 'a.pem'], '2: --tls-cert and --tls-key need each other'],
    [['--tls-key', 'a.pem'], '2: --tls-cert and --tls-key need each other'],
    [
      ['--tls-cert', '/no/such.pem', '--tls-key', 'b'],
      '1: cannot read the file of --tls-cert, /no/such.pem: ENOENT',
    ],
    [['--compression=15'], "2: option '--compression' does not take an argument"],
    [['--page=yes'], "2: option '--page' does not take an argument"],
    [['--pages'], "2: unknown option '--pages'"],
    [['--a\x1b[31m'], "2: unknown option '--a\\x1b[31m'"],
    [['here'], "2: unexpected argument 'here'"],
  ])('serve reports the arguments %j in one line', (args, text) => {
    const said = complaint(() => parseServeOptions(args));
    expect(said).toContain(`CommandFailure ${text}`);
    expect(said).not.toContain('\n');
  });
});

describe('options of connect', () => {
  test('with only a URL, connect has the default of each option', () => {
    expect(parseConnectArguments(['ws://localhost/'])).toEqual({
      url: 'ws://localhost/',
      insecure: false,
      linger: 1000,
      options: { headers: [], subprotocols: [], compression: false, tls: {} },
    });
  });

  test('connect accepts all its options in one call', () => {
    const parsed = parseConnectArguments([
      '--header=X-One: 1',
      '--header',
      'Cookie:\t a=b; c: d ',
      '--subprotocol',
      'chat',
      '--subprotocol',
      'v2',
      '--compression',
      '--ca',
      tlsFixture('ca-cert.pem'),
      '--insecure',
      '--linger',
      '0.25',
      'wss://localhost/',
    ]);
    expect(parsed).toMatchObject({ url: 'wss://localhost/', insecure: true, linger: 250 });
    expect(parsed?.options.headers).toEqual(['X-One', '1', 'Cookie', 'a=b; c: d']);
    expect(parsed?.options.subprotocols).toEqual(['chat', 'v2']);
    expect(parsed?.options.compression).toBe(true);
    expect(parsed?.options.tls).toMatchObject({ rejectUnauthorized: false });
    expect(String(parsed?.options.tls?.ca)).toContain('BEGIN CERTIFICATE');
  });

  test('--linger accepts 0 and Infinity', () => {
    expect(parseConnectArguments(['ws://a/', '--linger', 'Infinity'])?.linger).toBe(Number.POSITIVE_INFINITY);
    expect(parseConnectArguments(['ws://a/', '--linger', '0'])?.linger).toBe(0);
    expect(parseConnectArguments(['-h'])).toBeNull();
  });

  test.each([
    [[], '2: the URL is missing'],
    [['ws://a/', 'ws://b/'], "2: one URL is enough, but there is 'ws://b/' too"],
    [['ws://a/', '--header', 'X-One'], "2: --header is 'Name: value', not 'X-One'"],
    [['ws://a/', '--header', ': 1'], "2: --header is 'Name: value', not ': 1'"],
    [['ws://a/', '--linger', '1s'], "2: --linger is a number of seconds, or Infinity, not '1s'"],
    [['ws://a/', '--linger', '.'], '2: --linger is a number of seconds'],
    [['ws://a/', '--ca', '/'], '1: cannot read the file of --ca, /: EISDIR'],
  ])(
    'for the invalid arguments %j, connect fails with one line of text that names the mistake',
    (args, text) => {
      const message = complaint(() => parseConnectArguments(args));
      expect(message).toContain(`CommandFailure ${text}`);
      expect(message).not.toContain('\n');
    },
  );
});

test('parseOptions does not report an invalid option table as a mistake of the user', () => {
  expect(complaint(() => parseOptions({ options: { Port: { type: 'number' as 'string' } } }))).toContain(
    'TypeError',
  );
});

test('readOptionFile returns the bytes of the file that an option names', () => {
  expect(readOptionFile('ca', tlsFixture('ca-cert.pem')).length).toBeGreaterThan(100);
});
