/** Tests the text of a refusal: its status, header fields and body, and the data that it must never contain. */
import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { HandshakeError, type RefusalCode, refusals, refuse } from '../../src/handshake/error.ts';
import { HttpHeadParser } from '../../src/handshake/http-head.ts';
import { formatRefusal } from '../../src/handshake/refusal.ts';
import { prototypeKeys, readHead, valuesOf } from './samples.ts';

describe('the answer that refuses a request', () => {
  test.each(Object.entries(refusals).filter(([, { status }]) => status > 0))(
    'S1, S22: the response for the error %s is a complete HTTP response that ends the connection',
    (code, { status, text }) => {
      const error = refuse(code as RefusalCode);
      const { startLine, fields, body } = readHead(formatRefusal(error));
      expect(startLine).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z][A-Za-z ]+$`));
      expect(valuesOf(fields, 'Connection')).toEqual(['close']);
      expect(valuesOf(fields, 'Content-Type')).toEqual(['text/plain; charset=utf-8']);
      expect(valuesOf(fields, 'Content-Length')).toEqual([String(body.length)]);
      expect(valuesOf(fields, 'Transfer-Encoding')).toEqual([]);
      expect(body).toBe(`${text}\n`);
      // The parser of our client can read the response.
      const parser = new HttpHeadParser('response');
      expect(parser.push(Buffer.from(formatRefusal(error), 'latin1'))).toMatchObject({ status });
      expect(parser.rest().toString('latin1')).toBe(body);
    },
  );

  test('S13, A5: a 426 response has version 13, `Upgrade: websocket` and `Connection: close`', () => {
    for (const code of ['WS_HANDSHAKE_VERSION', 'WS_HANDSHAKE_UPGRADE'] as const) {
      const { startLine, fields } = readHead(formatRefusal(refuse(code)));
      expect(startLine).toBe('HTTP/1.1 426 Upgrade Required');
      expect(valuesOf(fields, 'Sec-WebSocket-Version')).toEqual(['13']);
      expect(valuesOf(fields, 'Upgrade')).toEqual(['websocket']);
      expect(valuesOf(fields, 'Connection')).toEqual(['close']);
    }
  });

  test('S2, A5: a 405 response has an Allow field with GET', () => {
    const { startLine, fields } = readHead(formatRefusal(refuse('WS_HANDSHAKE_METHOD')));
    expect(startLine).toBe('HTTP/1.1 405 Method Not Allowed');
    expect(valuesOf(fields, 'Allow')).toEqual(['GET']);
  });

  test('S14, A13: a server answers 404 if the path has no endpoint, and 503 with Retry-After if the server is full', () => {
    expect(readHead(formatRefusal(refuse('WS_HANDSHAKE_NOT_FOUND'))).startLine).toBe(
      'HTTP/1.1 404 Not Found',
    );
    const { startLine, fields } = readHead(formatRefusal(refuse('WS_HANDSHAKE_UNAVAILABLE')));
    expect(startLine).toBe('HTTP/1.1 503 Service Unavailable');
    expect(Number(valuesOf(fields, 'Retry-After')[0])).toBeGreaterThan(0);
  });

  test('S10, S11: an application may refuse a request with its own status, fields and body', () => {
    const unauthorized = refuse('WS_HANDSHAKE_REJECTED', {
      status: 401,
      headers: ['WWW-Authenticate', 'Basic realm="a"', 'content-type', 'application/json'],
      body: Buffer.from('{"é":1}'),
    });
    const { startLine, fields, body } = readHead(formatRefusal(unauthorized));
    expect(startLine).toBe('HTTP/1.1 401 Unauthorized');
    expect(valuesOf(fields, 'WWW-Authenticate')).toEqual(['Basic realm="a"']);
    expect(valuesOf(fields, 'Content-Type')).toEqual(['application/json']);
    expect(valuesOf(fields, 'Content-Length')).toEqual(['8']);
    expect(Buffer.from(body, 'latin1').toString('utf8')).toBe('{"é":1}');

    const redirect = refuse('WS_HANDSHAKE_REJECTED', { status: 307, headers: ['Location', '/there'] });
    expect(readHead(formatRefusal(redirect)).startLine).toBe('HTTP/1.1 307 Temporary Redirect');
    expect(valuesOf(readHead(formatRefusal(redirect)).fields, 'Location')).toEqual(['/there']);
  });

  test('S1: a refusal may have a status without a standard reason phrase, and an error code of the application', () => {
    const error = new HandshakeError('MY_CODE', 'secret details', { stage: 'request', status: 418 });
    const { startLine, body } = readHead(formatRefusal(error));
    expect(startLine).toBe('HTTP/1.1 418 ');
    expect(body).toBe('\n');
    for (const code of prototypeKeys) {
      const odd = new HandshakeError(code, 'x', { stage: 'request', status: 400 });
      expect(readHead(formatRefusal(odd)).body).toBe('Bad Request\n');
    }
  });

  test('A50: the response contains neither text of the peer nor the cause of the error', () => {
    const secret = 'X-SECRET-\u001b[31m';
    const error = refuse('WS_HANDSHAKE_ORIGIN', { value: secret, cause: new Error(secret) });
    expect(formatRefusal(error)).not.toContain('X-SECRET');
    expect(error.message).not.toContain('X-SECRET');
  });

  test('S22: the response to a HEAD request has only a head', () => {
    const error = refuse('WS_HANDSHAKE_METHOD');
    const { fields, body } = readHead(formatRefusal(error, 'HEAD'));
    expect(body).toBe('');
    expect(valuesOf(fields, 'Content-Length')).toEqual([
      String(refusals.WS_HANDSHAKE_METHOD.text.length + 1),
    ]);
    expect(formatRefusal(error, 'POST')).toBe(formatRefusal(error));
  });

  test('A50: formatRefusal throws for the error of a client, so that no peer receives the content of another server', () => {
    const headers = ['Set-Cookie', 'session=of-the-backend'];
    const details = { status: 403, headers, body: Buffer.from('from the backend') };
    const received = refuse('WS_RESPONSE_STATUS', details);
    expect(() => formatRefusal(received)).toThrow(RangeError);
    for (const stage of ['url', 'dns', 'tcp', 'tls', 'proxy', 'http', 'redirect', 'abort'] as const) {
      expect(() => formatRefusal(refuse('WS_HANDSHAKE_REJECTED', { ...details, stage })), stage).toThrow(
        RangeError,
      );
    }
    for (const stage of ['request', 'subprotocol', 'extensions', 'timeout'] as const) {
      const answer = formatRefusal(refuse('WS_HANDSHAKE_REJECTED', { ...details, stage }));
      expect(readHead(answer).startLine, stage).toBe('HTTP/1.1 403 Forbidden');
    }
  });

  test.each([0, 101, 200, 299, 600, 1000, 400.5, Number.NaN, -1])(
    'S12: formatRefusal throws a RangeError for the status %d',
    (status) => {
      expect(() => formatRefusal(refuse('WS_HANDSHAKE_REJECTED', { status }))).toThrow(RangeError);
    },
  );

  test.each([
    ['Connection', 'keep-alive'],
    ['content-length', '0'],
    ['Transfer-Encoding', 'chunked'],
    ['X', 'a\r\nY: b'],
    ['X\r\n', 'a'],
    ['X', '\u010d\u010a'],
    ['X'],
  ])('A9: formatRefusal throws a TypeError for the field %j', (...headers) => {
    expect(() => formatRefusal(refuse('WS_HANDSHAKE_REJECTED', { headers }))).toThrow(TypeError);
  });
});

test('FAULT-8: a 304 response has only a head, without Content-Length and Content-Type', () => {
  const error = refuse('WS_HANDSHAKE_REJECTED', { status: 304, headers: ['ETag', '"a"'] });
  for (const method of [undefined, 'GET', 'HEAD']) {
    expect(formatRefusal(error, method)).toBe(
      'HTTP/1.1 304 Not Modified\r\nConnection: close\r\nETag: "a"\r\n\r\n',
    );
  }
});
