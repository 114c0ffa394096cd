import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { buildRequest, parseTarget, verifyResponse } from '../../src/handshake/client.ts';
import {
  HandshakeError,
  maxErrorBody,
  type Refusal,
  type RefusalCode,
  refusals,
  refuse,
} from '../../src/handshake/error.ts';
import { HttpHeadParser } from '../../src/handshake/http-head.ts';
import { formatRefusal } from '../../src/handshake/refusal.ts';
import { verifyRequest } from '../../src/handshake/server.ts';
import type { HandshakeRequest } from '../../src/handshake/upgrade-request.ts';
import { type Changes, refusalOf, request, response, sampleKey } from './samples.ts';

const codes = Object.keys(refusals) as RefusalCode[];

function parse(text: string): unknown {
  return new HttpHeadParser('request').push(Buffer.from(text, 'latin1'));
}

function ask(changes: Changes, start: Partial<HandshakeRequest> = {}): unknown {
  return verifyRequest(request(changes, start), { origins: 'same-origin' });
}

function answer(changes: Changes, start = {}, expected = {}): unknown {
  return verifyResponse(response(changes, start), { key: sampleKey, ...expected });
}

/** For each rule of the handshake, the shortest input that breaks the rule. */
const broken = {
  WS_HANDSHAKE_LINE_ENDING: () => parse('GET / HTTP/1.1\n'),
  WS_HANDSHAKE_CONTROL_CHARACTER: () => parse('GET /\0'),
  WS_HANDSHAKE_START_LINE: () => parse('GET /\r\n'),
  WS_HANDSHAKE_HTTP_VERSION: () => ask({}, { httpVersion: '1.0' }),
  WS_HANDSHAKE_HEADER_FOLDED: () => parse('GET / HTTP/1.1\r\n a: b\r\n'),
  WS_HANDSHAKE_HEADER_LINE: () => parse('GET / HTTP/1.1\r\na b\r\n'),
  WS_HANDSHAKE_TARGET_SIZE: () => parse(`GET /${'a'.repeat(8_192)}`),
  WS_HANDSHAKE_HEAD_SIZE: () => parse('A'.repeat(16_385)),
  WS_HANDSHAKE_HEADER_COUNT: () => parse(`GET / HTTP/1.1\r\n${'a:b\r\n'.repeat(101)}`),
  WS_HANDSHAKE_METHOD: () => ask({}, { method: 'POST' }),
  WS_HANDSHAKE_TARGET: () => ask({}, { target: '*' }),
  WS_HANDSHAKE_HOST: () => ask({ Host: [] }),
  WS_HANDSHAKE_BODY: () => ask({ 'Content-Length': ['1'] }),
  WS_HANDSHAKE_UPGRADE: () => ask({ Upgrade: [] }),
  WS_HANDSHAKE_UPGRADE_SYNTAX: () => ask({ Upgrade: ['a b'] }),
  WS_HANDSHAKE_CONNECTION: () => ask({ Connection: ['close'] }),
  WS_HANDSHAKE_VERSION: () => ask({ 'Sec-WebSocket-Version': ['8'] }),
  WS_HANDSHAKE_VERSION_REPEATED: () => ask({ 'Sec-WebSocket-Version': ['13', '13'] }),
  WS_HANDSHAKE_KEY: () => ask({ 'Sec-WebSocket-Key': ['x'] }),
  WS_HANDSHAKE_SUBPROTOCOLS: () => ask({ 'Sec-WebSocket-Protocol': ['a, a'] }),
  WS_HANDSHAKE_SUBPROTOCOL_COUNT: () =>
    ask({ 'Sec-WebSocket-Protocol': Array.from({ length: 65 }, (_, at) => `p${at}`) }),
  WS_HANDSHAKE_EXTENSIONS: () => ask({ 'Sec-WebSocket-Extensions': ['a;'] }),
  WS_HANDSHAKE_EXTENSION_COUNT: () =>
    ask({ 'Sec-WebSocket-Extensions': Array.from({ length: 17 }, () => 'a') }),
  WS_HANDSHAKE_FIELD_SIZE: () => ask({ 'Sec-WebSocket-Extensions': ['a'.repeat(8_193)] }),
  WS_HANDSHAKE_ORIGIN_REPEATED: () => ask({ Origin: ['null', 'null'] }),
  WS_HANDSHAKE_ORIGIN: () => ask({ Origin: ['null'] }),

  WS_URL_SYNTAX: () => parseTarget('ws://'),
  WS_URL_CREDENTIALS: () => parseTarget('ws://user:%@a'),
  WS_URL_SCHEME: () => parseTarget('ftp://a'),
  WS_URL_FRAGMENT: () => parseTarget('ws://a#'),
  WS_RESPONSE_STATUS: () => answer({}, { status: 200 }),
  WS_RESPONSE_HTTP_VERSION: () => answer({}, { httpVersion: '1.0' }),
  WS_RESPONSE_BODY: () => answer({ 'Content-Length': ['1'] }),
  WS_RESPONSE_UPGRADE: () => answer({ Upgrade: [] }),
  WS_RESPONSE_CONNECTION: () => answer({ Connection: [] }),
  WS_RESPONSE_ACCEPT: () => answer({ 'Sec-WebSocket-Accept': ['x'] }),
  WS_RESPONSE_EXTENSIONS: () => answer({ 'Sec-WebSocket-Extensions': ['a;'] }),
  WS_RESPONSE_EXTENSION_NOT_OFFERED: () => answer({ 'Sec-WebSocket-Extensions': ['a'] }),
  WS_RESPONSE_SUBPROTOCOL_REPEATED: () => answer({ 'Sec-WebSocket-Protocol': ['a', 'a'] }),
  WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED: () => answer({ 'Sec-WebSocket-Protocol': ['a'] }),
  WS_RESPONSE_SUBPROTOCOL_MISSING: () => answer({}, {}, { subprotocols: ['a'], requireSubprotocol: true }),
};

/** The rules that transport/ and api/ apply. The tests of these folders break the rules. The tests in this file check only the response. */
const raisedAbove: readonly string[] = [
  'WS_HANDSHAKE_NOT_FOUND',
  'WS_HANDSHAKE_REJECTED',
  'WS_HANDSHAKE_TIMEOUT',
  'WS_HANDSHAKE_HOOK_FAILED',
  'WS_HANDSHAKE_UNAVAILABLE',
];

/** If one of these rules is broken, the server sends no response. The tests of transport/ break these rules. */
const unanswered: readonly string[] = ['WS_HANDSHAKE_TAKEN', 'WS_HANDSHAKE_ABANDONED'];

describe('the table of rules', () => {
  test('S1, V7: these tests break every rule of the table, except for the rules that transport/ and api/ apply', () => {
    const triggered = new Set<string>([...raisedAbove, ...unanswered]);
    for (const action of Object.values(broken)) triggered.add(refusalOf(action).code);
    expect([...triggered].sort()).toEqual([...codes].sort());
  });

  test.each(Object.entries(broken))(
    'S1, V7: the error %s has the text, the stage and the status of the table',
    (code, action) => {
      const row: Refusal = refusals[code as RefusalCode];
      const error = refusalOf(action);
      expect(error.code).toBe(code);
      expect(error.stage).toBe(row.stage);
      const answered = code === 'WS_RESPONSE_STATUS' ? ': status 200' : '';
      if (code === 'WS_HANDSHAKE_ORIGIN') expect(error.message.startsWith(row.text)).toBe(true);
      else expect(error.message).toBe(`${row.text}${answered} (${row.section})`);
      // On a client, the status of the error is the received status: 200 for the rule about the status, and otherwise 101.
      if (code.startsWith('WS_RESPONSE_'))
        expect(error.status).toBe(code === 'WS_RESPONSE_STATUS' ? 200 : 101);
      else expect(error.status).toBe(row.status);
      if (row.headers !== undefined) expect(error.headers).toEqual(row.headers);
    },
  );

  test.each(raisedAbove)(
    'S12, S14: the response to the error %s has the status and the text of the table',
    (code) => {
      const { status, text } = refusals[code as RefusalCode];
      expect(formatRefusal(refuse(code as RefusalCode))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(formatRefusal(refuse(code as RefusalCode))).toContain(text);
    },
  );

  test.each(codes)('the row of %s in the table has a text, a section and a status', (code) => {
    const { section, status, text }: Refusal = refusals[code];
    expect(section).toMatch(/^(6454|6455|6585|9110|9112) §\d+(\.\d+)*$/);
    expect(text).toMatch(/^[A-Z][ -~]+[^.]$/);
    if (code.startsWith('WS_HANDSHAKE_') && !unanswered.includes(code))
      expect([400, 403, 404, 405, 408, 414, 426, 431, 500, 503, 505]).toContain(status);
    else expect(status).toBe(0);
    expect(code).toMatch(/^WS_(HANDSHAKE|URL|RESPONSE)_[A-Z_]+$/);
  });

  test('S1, S13, S14: the table uses each status of this list, and no other status', () => {
    const statuses = new Set<number>(Object.values(refusals).map(({ status }) => status));
    expect([...statuses].sort((a, b) => a - b)).toEqual([
      0, 400, 403, 404, 405, 408, 414, 426, 431, 500, 503, 505,
    ]);
  });
});

describe('HandshakeError', () => {
  test('a HandshakeError has a name, and a value in each member', () => {
    const error = new HandshakeError('ECONNREFUSED', 'connect failed', { stage: 'tcp' });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'HandshakeError',
      code: 'ECONNREFUSED',
      message: 'connect failed',
      stage: 'tcp',
      status: 0,
      headers: [],
      value: null,
    });
    expect(error.body).toHaveLength(0);
    expect('cause' in error).toBe(false);
    expect(error.stack).toContain('HandshakeError: connect failed');
  });

  test("a HandshakeError has a message even if the system's error has no message, such as an AggregateError", () => {
    const cause = new AggregateError([new Error('a')], '');
    const error = new HandshakeError('ECONNREFUSED', cause.message, { stage: 'tcp', cause });
    expect(error.message).toBe('The opening handshake failed (tcp)');
    expect(error.cause).toBe(cause);
  });

  test("A50: a HandshakeError has the peer's text in `value`, and Node prints this text escaped", () => {
    const error = refuse('WS_HANDSHAKE_TARGET', { value: 'a\u001b[2J\nb' });
    expect(error.value).toBe('a\u001b[2J\nb');
    expect(error.message).not.toContain('\u001b');
    expect(inspect(error)).not.toContain('\u001b');
  });

  test('`refuse` appends the header fields of the caller to the header fields of the table', () => {
    expect(refuse('WS_HANDSHAKE_METHOD', { headers: ['X', 'y'] }).headers).toEqual([
      'Allow',
      'GET',
      'X',
      'y',
    ]);
    // The row of the table has not changed.
    expect(refuse('WS_HANDSHAKE_METHOD').headers).toEqual(['Allow', 'GET']);
  });

  test('a HandshakeError keeps a body of up to 64 KiB, or the first 64 KiB of a longer one', () => {
    const long = Buffer.alloc(maxErrorBody + 1, 'a');
    const exact = long.subarray(0, maxErrorBody);
    expect(maxErrorBody).toBe(65_536);
    expect(refuse('WS_HANDSHAKE_REJECTED', { body: exact }).body).toBe(exact);
    const { body } = refuse('WS_HANDSHAKE_REJECTED', { body: long });
    expect(body).toHaveLength(maxErrorBody);
    expect(body.buffer).not.toBe(long.buffer);
  });

  test('V1: withBody returns a copy of the error with another body, and does not change the original error', () => {
    const cause = new Error('why');
    const first = refuse('WS_RESPONSE_STATUS', { status: 403, headers: ['A', 'b'], value: 'v', cause });
    const second = first.withBody(Buffer.alloc(maxErrorBody + 1, 'a'));
    const { code, stage, status, headers, value, message } = first;
    expect(second).toMatchObject({ code, stage, status, headers, value, message, cause });
    expect(second.body).toHaveLength(maxErrorBody);
    expect(first.body).toHaveLength(0);
    expect('cause' in refuse('WS_RESPONSE_STATUS').withBody(Buffer.alloc(0))).toBe(false);
  });
});

test('buildRequest throws a TypeError for invalid arguments, and not a HandshakeError', () => {
  expect(() => buildRequest(parseTarget('ws://a'), { subprotocols: [''] })).toThrow(TypeError);
  expect(() => buildRequest(parseTarget('ws://a'), { subprotocols: [''] })).not.toThrow(HandshakeError);
});
