import { describe, expect, test } from 'vitest';
import { codeOf, connectFailure, failure, listenFailure, textOf } from '../../src/cli/failure.ts';
import { refuse } from '../../src/handshake/error.ts';
import { HandshakeError, type HandshakeStage } from '../../src/index.ts';
import { systemFailure } from '../../src/transport/dial-failure.ts';

const systemError = (code: string, message = `${code}: something, and more`): Error =>
  Object.assign(new Error(message), { code });

test('textOf shortens the message of a system error, and returns a text for any other value', () => {
  expect(textOf(systemError('ENOENT', "ENOENT: no such file or directory, open 'a'"))).toBe(
    'ENOENT: no such file or directory',
  );
  expect(textOf(systemError('ERR_OTHER', 'one, two'))).toBe('one, two');
  expect(textOf(systemError('ECONNRESET', ''))).toBe('ECONNRESET');
  expect(textOf(new RangeError(''))).toBe('RangeError');
  expect(textOf('text')).toBe('text');
  expect(codeOf('text')).toBe('');
});

test('`failure` returns an error with one escaped line as its message, and with the original error as its cause', () => {
  const cause = new Error('inner');
  const error = failure('no\nsuch \x1b[31mfile', cause);
  expect(error).toMatchObject({ message: 'no\\nsuch \\x1b[31mfile', exitCode: 1, cause });
});

test.each([
  ['EADDRINUSE', 'port 80 on ::1 is in use'],
  ['EACCES', 'port 80 on ::1 may not be used: permission denied'],
  ['EADDRNOTAVAIL', '::1 is not an address of this machine'],
  ['ENOTFOUND', 'host ::1 was not found'],
  ['EMFILE', 'cannot listen on port 80 of ::1: EMFILE: something'],
])('listenFailure explains the system error %s in one line', (code, text) => {
  expect(listenFailure(systemError(code), { host: '::1', port: 80 })).toMatchObject({
    message: text,
    exitCode: 1,
  });
});

describe('failures to connect', () => {
  const handshakeError = (
    code: string,
    message: string,
    stage: HandshakeStage,
    status = 0,
    body = '',
  ): HandshakeError => new HandshakeError(code, message, { stage, status, body: Buffer.from(body) });

  test.each([
    [handshakeError('WS_URL_SYNTAX', 'Not a URL', 'url'), 'Not a URL'],
    [
      handshakeError('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', 'tcp'),
      'the connection was refused: connect ECONNREFUSED 127.0.0.1:1',
    ],
    [
      handshakeError('ECONNRESET', 'socket hang up', 'http'),
      'cannot connect, http: socket hang up (ECONNRESET)',
    ],
    [
      systemFailure(
        Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
        'tls',
      ),
      'cannot connect, tls: self-signed certificate; --ca FILE trusts its issuer (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
    [
      handshakeError('WS_STATUS', 'No 101', 'http', 403, 'not\nyou\n'),
      'cannot connect, http: No 101 (status 403: not\\nyou)',
    ],
    [handshakeError('WS_STATUS', 'No 101', 'http', 404), 'cannot connect, http: No 101 (status 404)'],
    [
      refuse('WS_RESPONSE_STATUS', { status: 404 }),
      'cannot connect, http: The server did not switch protocols (6455 §4.1) (status 404)',
    ],
    [
      handshakeError('WS_STATUS', 'No 101', 'http', 500, 'x'.repeat(300)),
      `cannot connect, http: No 101 (status 500: ${'x'.repeat(200)} …)`,
    ],
    [new Error('odd'), 'cannot connect: odd'],
  ])('a failure to connect is explained in one line: %s', (error, message) => {
    expect(connectFailure(error)).toMatchObject({ message, exitCode: 1 });
  });

  test('connectFailure treats a TypeError and a RangeError of `connect` as a usage error, with exit code 2', () => {
    expect(connectFailure(new TypeError('a subprotocol is not a token'))).toMatchObject({ exitCode: 2 });
    expect(connectFailure(new RangeError('too long'))).toMatchObject({ message: 'too long', exitCode: 2 });
  });
});
