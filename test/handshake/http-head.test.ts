import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RefusalCode } from '../../src/handshake/error.ts';
import { HandshakeError, refusals } from '../../src/handshake/error.ts';
import { isHost } from '../../src/handshake/host.ts';
import {
  defaultHeadLimits,
  formatHead,
  type HeadLimits,
  type HttpHead,
  HttpHeadParser,
  isHttp11,
} from '../../src/handshake/http-head.ts';
import { verifyRequest } from '../../src/handshake/server.ts';
import { everyChunking, leastCpu, prototypeKeys, refusalOf, sampleKey } from './samples.ts';

type Kind = HttpHead['kind'];

/** Parses the chunks. Returns the head and the bytes after the head, or the code of the error. */
function read(kind: Kind, chunks: readonly Buffer[], limits?: Partial<HeadLimits>) {
  const parser = new HttpHeadParser(kind, limits);
  let head: HttpHead | null = null;
  const rest: Buffer[] = [];
  try {
    for (const chunk of chunks) {
      if (head !== null) rest.push(chunk);
      else {
        head = parser.push(chunk);
        if (head !== null) rest.push(parser.rest());
      }
    }
  } catch (error) {
    if (error instanceof HandshakeError) return { refused: error.code };
    throw error;
  }
  return { head, rest: Buffer.concat(rest).toString('latin1') };
}

/** Parses a text with many different chunks, and checks that all results are equal. */
function readEveryWay(kind: Kind, text: string, limits?: Partial<HeadLimits>) {
  const bytes = Buffer.from(text, 'latin1');
  const whole = read(kind, [bytes], limits);
  for (const chunks of everyChunking(bytes)) expect(read(kind, chunks, limits)).toEqual(whole);
  return whole;
}

const handshake =
  'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  `Sec-WebSocket-Key: ${sampleKey}\r\nOrigin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n` +
  'Sec-WebSocket-Version: 13\r\n\r\n';

describe('parsing the head of a request', () => {
  test('S1, S8: the parser reads the request of RFC 6455 §1.2 whole, byte by byte, and in two parts at every position', () => {
    expect(readEveryWay('request', handshake)).toEqual({
      head: {
        kind: 'request',
        method: 'GET',
        target: '/chat',
        httpVersion: '1.1',
        headers: [
          ...['Host', 'server.example.com', 'Upgrade', 'websocket', 'Connection', 'Upgrade'],
          ...['Sec-WebSocket-Key', sampleKey, 'Origin', 'http://example.com'],
          ...['Sec-WebSocket-Protocol', 'chat, superchat', 'Sec-WebSocket-Version', '13'],
        ],
      },
      rest: '',
    });
  });

  test.each<[string, string, { method?: string; target?: string; httpVersion?: string; headers?: string[] }]>(
    [
      [
        'a request without header fields',
        'GET / HTTP/1.1\r\n\r\n',
        { method: 'GET', target: '/', headers: [] },
      ],
      ['another method', 'OPTIONS * HTTP/1.1\r\n\r\n', { method: 'OPTIONS', target: '*' }],
      ['a method in lower case', 'get / HTTP/1.1\r\n\r\n', { method: 'get' }],
      ['an earlier version', 'GET / HTTP/1.0\r\n\r\n', { httpVersion: '1.0' }],
      ['a later version', 'GET / HTTP/1.9\r\n\r\n', { httpVersion: '1.9' }],
      ['a target with unusual characters', 'GET //a\\b|c"{}? HTTP/1.1\r\n\r\n', { target: '//a\\b|c"{}?' }],
      ['an empty value', 'GET / HTTP/1.1\r\nA:\r\nB: \t \r\n\r\n', { headers: ['A', '', 'B', ''] }],
      [
        'white space in and around a value',
        'GET / HTTP/1.1\r\nA:\t b \t c\t \r\n\r\n',
        { headers: ['A', 'b \t c'] },
      ],
      ['a colon in a value', 'GET / HTTP/1.1\r\nA:: b:c\r\n\r\n', { headers: ['A', ': b:c'] }],
      ['bytes beyond ASCII', 'GET / HTTP/1.1\r\nA: \x80\xe4\xff\r\n\r\n', { headers: ['A', '\x80\xe4\xff'] }],
      [
        'repeated names in their spelling',
        'GET / HTTP/1.1\r\na: 1\r\nA: 2\r\n\r\n',
        { headers: ['a', '1', 'A', '2'] },
      ],
      [
        'any token as a name',
        "GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09aZ: 1\r\n\r\n",
        { headers: ["!#$%&'*+-.^_`|~09aZ", '1'] },
      ],
    ],
  )('S8: the parser accepts %s', (_, text, expected) => {
    const result = readEveryWay('request', text);
    expect(result.head).toMatchObject({ kind: 'request', ...expected });
    expect(result.rest).toBe('');
  });

  test('A11: names of Object.prototype are ordinary names of header fields', () => {
    const lines = prototypeKeys.map((key) => `${key}: 1\r\n`).join('');
    const { head } = readEveryWay('request', `GET / HTTP/1.1\r\n${lines}\r\n`);
    expect(head?.headers).toEqual(prototypeKeys.flatMap((key) => [key, '1']));
  });
});

describe('parsing the head of a response', () => {
  test.each<[string, object]>([
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', { status: 101, statusText: 'Switching Protocols' }],
    ['HTTP/1.1 101 \r\n\r\n', { status: 101, statusText: '' }],
    ['HTTP/1.1 101\r\n\r\n', { status: 101, statusText: '' }],
    ['HTTP/1.0 200 Connection established\r\n\r\n', { status: 200, httpVersion: '1.0' }],
    ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', { status: 103, headers: ['Link', '</a>'] }],
    ['HTTP/1.1 999 \xe4\t b\r\n\r\n', { status: 999, statusText: '\xe4\t b' }],
    ['HTTP/1.1 100  two spaces\r\n\r\n', { status: 100, statusText: ' two spaces' }],
  ])('V1: the parser reads the response %j', (text, expected) => {
    expect(readEveryWay('response', text).head).toMatchObject({ kind: 'response', ...expected });
  });

  test.each<[string, RefusalCode]>([
    ['HTTP/1.1101 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1 10 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1 1010 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1 099 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1 1e1 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1 -10 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1 101X\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1\t101 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1  101 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['http/1.1 101 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['ICY 200 OK\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/2.0 101 OK\r\n\r\n', 'WS_HANDSHAKE_HTTP_VERSION'],
    ['HTTP/1.1 101 OK\r\nA: b\r\n c\r\n\r\n', 'WS_HANDSHAKE_HEADER_FOLDED'],
    ['HTTP/1.1 101 OK\r\nA : b\r\n\r\n', 'WS_HANDSHAKE_HEADER_LINE'],
    ['HTTP/1.1 101 OK\nA: b\r\n\r\n', 'WS_HANDSHAKE_LINE_ENDING'],
    ['HTTP/1.1 101 O\0K\r\n\r\n', 'WS_HANDSHAKE_CONTROL_CHARACTER'],
  ])('V7, A45: the parser refuses the response %j', (text, code) => {
    expect(readEveryWay('response', text)).toEqual({ refused: code });
    const error = refusalOf(() => new HttpHeadParser('response').push(Buffer.from(text, 'latin1')));
    expect(error).toMatchObject({ stage: 'http', status: 0 });
  });

  test('V8: rest() returns the bytes after the head of a response', () => {
    const frames = '\x81\x05Hello\r\n\r\n';
    expect(readEveryWay('response', `HTTP/1.1 101 OK\r\nA: b\r\n\r\n${frames}`)).toMatchObject({
      rest: frames,
    });
  });

  test('V8: rest() is empty before the head is complete, and if no bytes follow the head', () => {
    const parser = new HttpHeadParser('response');
    expect(parser.rest()).toHaveLength(0);
    expect(parser.push(Buffer.from('HTTP/1.1 101 OK\r\n'))).toBeNull();
    expect(parser.rest()).toHaveLength(0);
    expect(parser.push(Buffer.from('\r\n'))).toMatchObject({ status: 101 });
    expect(parser.rest()).toHaveLength(0);
    expect(() => parser.push(Buffer.from('\x81\x00'))).toThrow('complete');
  });
});

test('S1: the parser ignores one empty line before a request', () => {
  const text = 'GET /a HTTP/1.1\r\nHost: b\r\n\r\nrest';
  const read = readEveryWay('request', text);
  expect(read).toMatchObject({ head: { target: '/a' }, rest: 'rest' });
  expect(readEveryWay('request', `\r\n${text}`)).toEqual(read);
  expect(readEveryWay('response', '\r\nHTTP/1.1 101 OK\r\n\r\n')).toEqual({
    refused: 'WS_HANDSHAKE_START_LINE',
  });
});

describe('the heads of invalid requests', () => {
  const line = 'GET / HTTP/1.1\r\n';

  test.each<[string, string, RefusalCode]>([
    ['two empty lines first', `\r\n\r\n${line}\r\n`, 'WS_HANDSHAKE_START_LINE'],
    ['an empty line first that ends with a bare LF', `\n${line}\r\n`, 'WS_HANDSHAKE_LINE_ENDING'],
    ['no version (HTTP/0.9)', 'GET /\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['no target', 'GET HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['an empty target', 'GET  HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['two spaces', 'GET  / HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['two spaces before the version', 'GET /  HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a space at the end', 'GET / HTTP/1.1 \r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a space at the start', ' GET / HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a tab instead of a space', 'GET\t/ HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a tab in the target', 'GET /a\tb HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a target beyond ASCII', 'GET /\xe4 HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a method that is not a token', 'G(T / HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a version in lower case', 'GET / http/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a version with more digits', 'GET / HTTP/1.10\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a version with fewer digits', 'GET / HTTP/1.\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a version with a comma', 'GET / HTTP/1,1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['a version without digits', 'GET / HTTP/a.b\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['another protocol', 'GET / SHTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'WS_HANDSHAKE_HTTP_VERSION'],
    ['HTTP/0.9 as a written version', 'GET / HTTP/0.9\r\n\r\n', 'WS_HANDSHAKE_HTTP_VERSION'],
    ['a TLS ClientHello', '\x16\x03\x01\x02\x00', 'WS_HANDSHAKE_CONTROL_CHARACTER'],
    ['obs-fold with a space', `${line}A: b\r\n c\r\n\r\n`, 'WS_HANDSHAKE_HEADER_FOLDED'],
    ['obs-fold with a tab', `${line}A: b\r\n\tc\r\n\r\n`, 'WS_HANDSHAKE_HEADER_FOLDED'],
    ['obs-fold in the first field', `${line} A: b\r\n\r\n`, 'WS_HANDSHAKE_HEADER_FOLDED'],
    ['an empty obs-fold', `${line}A: b\r\n \r\n\r\n`, 'WS_HANDSHAKE_HEADER_FOLDED'],
    ['a bare LF after a field', `${line}A: b\nC: d\r\n\r\n`, 'WS_HANDSHAKE_LINE_ENDING'],
    ['a bare LF after the request line', 'GET / HTTP/1.1\nA: b\r\n\r\n', 'WS_HANDSHAKE_LINE_ENDING'],
    ['a bare LF at the end', `${line}A: b\r\n\n`, 'WS_HANDSHAKE_LINE_ENDING'],
    ['a bare CR in a value', `${line}A: b\rc\r\n\r\n`, 'WS_HANDSHAKE_LINE_ENDING'],
    ['a bare CR in the target', 'GET /\ra HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_LINE_ENDING'],
    ['CR CR LF', `${line}A: b\r\r\n\r\n`, 'WS_HANDSHAKE_LINE_ENDING'],
    ['CR at the end instead of CR LF', `${line}A: b\r\n\rX`, 'WS_HANDSHAKE_LINE_ENDING'],
    ['NUL in a value', `${line}A: b\0c\r\n\r\n`, 'WS_HANDSHAKE_CONTROL_CHARACTER'],
    ['NUL in a name', `${line}A\0: b\r\n\r\n`, 'WS_HANDSHAKE_CONTROL_CHARACTER'],
    ['NUL in the target', 'GET /\0 HTTP/1.1\r\n\r\n', 'WS_HANDSHAKE_CONTROL_CHARACTER'],
    ['DEL in a value', `${line}A: \x7f\r\n\r\n`, 'WS_HANDSHAKE_CONTROL_CHARACTER'],
    ['ESC in a value', `${line}A: \x1b[2J\r\n\r\n`, 'WS_HANDSHAKE_CONTROL_CHARACTER'],
    ['a space before the colon', `${line}A : b\r\n\r\n`, 'WS_HANDSHAKE_HEADER_LINE'],
    ['a tab before the colon', `${line}A\t: b\r\n\r\n`, 'WS_HANDSHAKE_HEADER_LINE'],
    ['a space in a name', `${line}A B: c\r\n\r\n`, 'WS_HANDSHAKE_HEADER_LINE'],
    ['an empty name', `${line}: b\r\n\r\n`, 'WS_HANDSHAKE_HEADER_LINE'],
    ['no colon', `${line}Ab\r\n\r\n`, 'WS_HANDSHAKE_HEADER_LINE'],
    ['a name beyond ASCII', `${line}\xc4: b\r\n\r\n`, 'WS_HANDSHAKE_HEADER_LINE'],
    ['a name in quotes', `${line}"A": b\r\n\r\n`, 'WS_HANDSHAKE_HEADER_LINE'],
  ])('S1, S22, A8: the parser refuses a request with this fault: %s', (_, text, code) => {
    expect(readEveryWay('request', text)).toEqual({ refused: code });
    const error = refusalOf(() => new HttpHeadParser('request').push(Buffer.from(text, 'latin1')));
    expect(error).toMatchObject({ stage: 'request', status: refusals[code].status });
  });

  test('A8: the parser refuses every byte that is not allowed in a field name, in a value and in the target', () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const isText = byte === 9 || (byte >= 0x20 && byte !== 0x7f);
      const value = read('request', [Buffer.from(`${line}A: b${character}c\r\n\r\n`, 'latin1')]);
      expect('head' in value, `value ${byte}`).toBe(isText);
      const name = read('request', [Buffer.from(`${line}A${character}B: c\r\n\r\n`, 'latin1')]);
      // A colon is allowed here, because it ends the name. The rest is then the value.
      const isName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z:]$/.test(character);
      expect('head' in name, `name ${byte}`).toBe(isName);
      const target = read('request', [Buffer.from(`GET /${character} HTTP/1.1\r\n\r\n`, 'latin1')]);
      expect('head' in target, `target ${byte}`).toBe(byte > 0x20 && byte < 0x7f);
    }
  });

  test('A8: after a refusal, the parser throws the same error for all later bytes', () => {
    const parser = new HttpHeadParser('request');
    const first = refusalOf(() => parser.push(Buffer.from('\0')));
    expect(refusalOf(() => parser.push(Buffer.from(handshake)))).toBe(first);
    expect(parser.rest()).toHaveLength(0);
  });
});

describe('the limits of a head', () => {
  test('A6: the default limits are 16 KiB, 100 header fields and 8 KiB for the target', () => {
    expect(defaultHeadLimits).toEqual({ headSize: 16_384, headers: 100, target: 8_192 });
  });

  const sized = (size: number) => {
    const start = 'GET / HTTP/1.1\r\nA: ';
    return `${start}${'b'.repeat(size - start.length - 4)}\r\n\r\n`;
  };

  test('A6: the parser accepts a head of 16384 bytes, and refuses a head of 16385 bytes with 431', () => {
    const atLimit = Buffer.from(sized(16_384));
    expect(atLimit).toHaveLength(16_384);
    expect(read('request', [atLimit])).toMatchObject({ rest: '' });
    expect(read('request', [Buffer.concat([atLimit, Buffer.from('frames')])])).toMatchObject({
      rest: 'frames',
    });
    expect(read('request', [Buffer.from(sized(16_385))])).toEqual({ refused: 'WS_HANDSHAKE_HEAD_SIZE' });
    expect(refusals.WS_HANDSHAKE_HEAD_SIZE.status).toBe(431);
  });

  test.each<[string, (at: number) => string]>([
    ['a method that never ends', () => 'A'],
    ['a header line that never ends', (at) => 'GET / HTTP/1.1\r\nA: '[at] ?? 'b'],
    ['header lines that never end', (at) => 'GET / HTTP/1.1\r\n'[at] ?? 'A:b\r\n'[(at - 16) % 5]!],
    ['a response line that never ends', () => 'A'],
  ])(
    'A6: the parser refuses %s as soon as the head exceeds its limit, in one chunk and byte by byte',
    (title, character) => {
      const kind = title.includes('response') ? 'response' : 'request';
      const limits = { headers: Number.POSITIVE_INFINITY };
      const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, at) => character(at)).join(''));
      expect(read(kind, [bytes], limits)).toEqual({ refused: 'WS_HANDSHAKE_HEAD_SIZE' });
      const parser = new HttpHeadParser(kind, limits);
      for (let at = 0; at < 16_384; at++) expect(parser.push(bytes.subarray(at, at + 1))).toBeNull();
      expect(refusalOf(() => parser.push(bytes.subarray(0, 1))).code).toBe('WS_HANDSHAKE_HEAD_SIZE');
    },
  );

  test('A6: the parser accepts 100 header fields, and refuses 101 or 2001 with 431', () => {
    const head = (count: number) => Buffer.from(`GET / HTTP/1.1\r\n${'a:b\r\n'.repeat(count)}\r\n`);
    expect(read('request', [head(100)]).head?.headers).toHaveLength(200);
    expect(read('request', [head(101)])).toEqual({ refused: 'WS_HANDSHAKE_HEADER_COUNT' });
    expect(read('request', [head(2_001)])).toEqual({ refused: 'WS_HANDSHAKE_HEADER_COUNT' });
    expect(read('response', [Buffer.from(`HTTP/1.1 101 OK\r\n${'a:b\r\n'.repeat(101)}\r\n`)])).toEqual({
      refused: 'WS_HANDSHAKE_HEADER_COUNT',
    });
    expect(refusals.WS_HANDSHAKE_HEADER_COUNT.status).toBe(431);
  });

  test('A6: the parser accepts a target of 8192 bytes, and refuses 8193 bytes with 414, even if the line never ends', () => {
    const target = (size: number) => `/${'a'.repeat(size - 1)}`;
    const line = (size: number) => Buffer.from(`GET ${target(size)} HTTP/1.1\r\n\r\n`);
    expect(read('request', [line(8_192)]).head).toMatchObject({ target: target(8_192) });
    expect(read('request', [line(8_193)])).toEqual({ refused: 'WS_HANDSHAKE_TARGET_SIZE' });
    expect(read('request', [Buffer.from(`GET ${target(8_193)}`)])).toEqual({
      refused: 'WS_HANDSHAKE_TARGET_SIZE',
    });
    expect(refusals.WS_HANDSHAKE_TARGET_SIZE.status).toBe(414);
    // The limit of the target does not apply to the reason phrase of a response.
    const phrase = `HTTP/1.1 101 ${'a'.repeat(9_000)}\r\n\r\n`;
    expect(read('response', [Buffer.from(phrase)])).toMatchObject({ rest: '' });
  });

  test('A6: each limit of the parser can be set separately, and the parser accepts exactly the limit', () => {
    const text = 'GET /abc HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n';
    const exact = { headSize: text.length, headers: 2, target: 4 };
    expect(readEveryWay('request', text, exact)).toMatchObject({ rest: '' });
    expect(readEveryWay('request', text, { headSize: text.length - 1 })).toEqual({
      refused: 'WS_HANDSHAKE_HEAD_SIZE',
    });
    expect(readEveryWay('request', text, { headers: 1 })).toEqual({ refused: 'WS_HANDSHAKE_HEADER_COUNT' });
    expect(readEveryWay('request', text, { target: 3 })).toEqual({ refused: 'WS_HANDSHAKE_TARGET_SIZE' });
  });

  test('A10: the CPU time for a head that arrives byte by byte is proportional to its length', () => {
    const unlimited = {
      headSize: Number.POSITIVE_INFINITY,
      headers: Number.POSITIVE_INFINITY,
      target: Number.POSITIVE_INFINITY,
    };
    const bytes = (size: number, line: string) => {
      const text = `GET / HTTP/1.1\r\n${line.repeat(size / line.length)}`;
      return Array.from(Buffer.from(text), (byte) => Buffer.of(byte));
    };
    const drip = (chunks: readonly Buffer[]) => () => {
      const parser = new HttpHeadParser('request', unlimited);
      for (const chunk of chunks) parser.push(chunk);
    };
    for (const line of ['a', 'a: b\r\n']) {
      const [short, long] = leastCpu([drip(bytes(12_000, line)), drip(bytes(96_000, line))]);
      // If the cost is proportional to the length, the factor is 8. If each byte costs as much as all earlier bytes, it is 64.
      expect(long! / short!, JSON.stringify(line)).toBeLessThan(24);
    }
  });
});

describe('heads of any bytes', () => {
  const fragment = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        'GET / HTTP/1.1\r\n',
        'A: b\r\n',
        '\r\n',
        'Host: x\r\n',
        'HTTP/1.1 101 X\r\n',
      ),
    },
    { weight: 2, arbitrary: fc.constantFrom('\r', '\n', ' ', '\t', ':', '\0', 'a', '/', '"', '\xff') },
    {
      weight: 1,
      arbitrary: fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)) }),
    },
  );
  const bytes = fc.array(fragment, { maxLength: 12 }).map((parts) => Buffer.from(parts.join(''), 'latin1'));

  test('S1, A8: for any bytes in any chunks, the parser returns a head, waits, or throws an error of the table', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(8), { maxLength: 60 }),
        fc.constantFrom<Kind>('request', 'response'),
        (all, sizes, kind) => {
          const whole = read(kind, [all]);
          if (whole.refused !== undefined) expect(Object.keys(refusals)).toContain(whole.refused);
          const chunks: Buffer[] = [];
          let at = 0;
          for (const size of sizes) {
            chunks.push(all.subarray(at, at + size));
            at += size;
          }
          chunks.push(all.subarray(at));
          expect(read(kind, chunks)).toEqual(whole);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('S8: any head that formatHead writes is read back unchanged by the parser', () => {
    const name = fc.string({
      unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"),
      minLength: 1,
      maxLength: 12,
    });
    const byte = fc.oneof(
      fc.constant(9),
      fc.integer({ min: 0x20, max: 0x7e }),
      fc.integer({ min: 0x80, max: 0xff }),
    );
    const value = fc
      .array(byte, { maxLength: 20 })
      .map((codes) => String.fromCharCode(...codes).replace(/^[ \t]+|[ \t]+$/g, ''));
    const fields = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((pairs) => pairs.flat());
    fc.assert(
      fc.property(fields, (headers) => {
        const text = formatHead('GET /x?y HTTP/1.1', headers);
        expect(read('request', [Buffer.from(text, 'latin1')])).toEqual({
          head: { kind: 'request', method: 'GET', target: '/x?y', httpVersion: '1.1', headers },
          rest: '',
        });
      }),
    );
  });
});

describe('our parser compared with the parser of Node', () => {
  /** Passes the bytes to a server of node:http, on a connection without a socket. Returns the upgrade request of the server, or null. */
  async function readByNode(bytes: Buffer): Promise<{ request: IncomingMessage; rest: string } | null> {
    const server = createServer({ insecureHTTPParser: false });
    const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    try {
      return await new Promise((resolve) => {
        server.on('upgrade', (request, _socket, head) => resolve({ request, rest: head.toString('latin1') }));
        server.on('request', () => resolve(null));
        server.on('clientError', () => resolve(null));
        connection.on('close', () => resolve(null));
        server.emit('connection', connection);
        connection.push(bytes);
        connection.push(null);
      });
    } finally {
      connection.destroy();
      server.close();
    }
  }

  /** Parses the bytes with our parser, and then checks the rules of §4.2.1. Returns null if the parser or a rule refuses the bytes. */
  function readByUs(bytes: Buffer): { head: HttpHead; rest: string } | null {
    const { head, rest = '' } = read('request', [bytes]);
    if (head?.kind !== 'request') return null;
    try {
      const remote = { address: undefined, port: undefined, secure: false };
      verifyRequest({ ...head, remote }, { origins: 'any' });
    } catch (error) {
      if (error instanceof HandshakeError) return null;
      throw error;
    }
    return { head, rest };
  }

  const frames = '\x81\x80abcd';
  const splice = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        '\r\n',
        '\r',
        '\n',
        ' ',
        '\t',
        ':',
        ',',
        '\0',
        '\x0b',
        '\x7f',
        '\xa0',
        '#',
        '//',
        '\\',
        '"',
        ';',
        '1',
        'A',
        '@',
        '[',
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        'X: y\r\n',
        'Host: a\r\n',
        ' folded\r\n',
        'Upgrade: h2c\r\n',
        'Connection: close\r\n',
        'Content-Length: 4\r\n',
        'Transfer-Encoding: chunked\r\n',
        'HTTP/1.0',
        'HTTP/1.1\r\n',
        'http://server.example.com/',
      ),
    },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) },
  );
  const mutation = fc.record({
    at: fc.nat(handshake.length),
    remove: fc.constantFrom(0, 0, 1, 2, 9),
    insert: fc.oneof(splice, fc.constant('')),
  });

  function mutate(mutations: readonly { at: number; remove: number; insert: string }[]): Buffer {
    let text = handshake;
    for (const { at, remove, insert } of mutations)
      text = text.slice(0, at) + insert + text.slice(at + remove);
    return Buffer.from(text + frames, 'latin1');
  }

  test('S1, A8: if our parser accepts a mutated request, llhttp in strict mode reads the same request', async () => {
    const seen = { accepted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { maxLength: 3 }), async (mutations) => {
        const bytes = mutate(mutations);
        const ours = readByUs(bytes);
        if (ours === null) {
          seen.refused++;
          return;
        }
        // §4.2.1 allows the versions 1.2 to 1.9, but llhttp does not accept them.
        if (ours.head.httpVersion !== '1.1') return;
        seen.accepted++;
        const nodes = await readByNode(bytes);
        // 9110 §5.6.3 allows a tab after a token of Connection, but llhttp does not accept it.
        if (nodes === null && /\r\nConnection:[^\r]*\t/i.test(bytes.toString('latin1'))) return;
        expect(nodes).not.toBeNull();
        const { rawHeaders, url, method } = nodes!.request;
        expect(ours).toEqual({
          head: { kind: 'request', method, target: url, httpVersion: '1.1', headers: rawHeaders },
          rest: nodes!.rest,
        });
      }),
      { numRuns: 1_500 },
    );
    // The comparison is useful only if both outcomes occur often.
    expect(seen.accepted).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });
});

describe('writing a head', () => {
  test('H1, S17: formatHead writes a start line, the fields and an empty line', () => {
    expect(formatHead('GET / HTTP/1.1', ['A', 'b', 'C', ''])).toBe('GET / HTTP/1.1\r\nA: b\r\nC: \r\n\r\n');
    expect(formatHead('HTTP/1.1 101 X', [])).toBe('HTTP/1.1 101 X\r\n\r\n');
  });

  const forbidden = [
    '\r',
    '\n',
    '\0',
    '\r\n',
    '\u010d\u010a',
    '\x7f',
    '\x1b',
    '\x0b',
    '\u0100',
    '\ud83d\ude00',
  ];

  test.each(forbidden)(
    'A9: formatHead refuses %j in the start line, in a field name and in a value',
    (text) => {
      expect(() => formatHead(`GET /${text} HTTP/1.1`, [])).toThrow(TypeError);
      expect(() => formatHead('GET / HTTP/1.1', [`A${text}`, 'b'])).toThrow(TypeError);
      expect(() => formatHead('GET / HTTP/1.1', ['A', `b${text}`])).toThrow(TypeError);
      expect(() => formatHead('GET / HTTP/1.1', ['A', `${text}b`])).toThrow(TypeError);
    },
  );

  test('A9: formatHead refuses a name that is not a token, a non-string value, and an empty start line', () => {
    for (const name of ['', 'A B', 'A:', 'A ', '\xc4']) {
      expect(() => formatHead('GET / HTTP/1.1', [name, 'b']), name).toThrow(TypeError);
    }
    expect(() => formatHead('GET / HTTP/1.1', ['A'])).toThrow(TypeError);
    expect(() => formatHead('GET / HTTP/1.1', ['A', 1 as unknown as string])).toThrow(TypeError);
    expect(() => formatHead('GET / HTTP/1.1', [1 as unknown as string, 'b'])).toThrow(TypeError);
    expect(() => formatHead('', [])).toThrow(TypeError);
    expect(formatHead('X', ['A', '\t\xe4 \xff'])).toBe('X\r\nA: \t\xe4 \xff\r\n\r\n');
  });
});

test('S2, V7: isHttp11 accepts the versions 1.1 to 1.9, and no other version', () => {
  for (const version of ['1.1', '1.2', '1.9']) expect(isHttp11(version), version).toBe(true);
  for (const version of ['1.0', '0.9', '2.0', '1.', '1', '', '1.10', '1.a', '11.1', 'HTTP/1.1']) {
    expect(isHttp11(version), version).toBe(false);
  }
});

test.each<[string, boolean]>([
  ['example.com', true],
  ['EXAMPLE.com.', true],
  ['example.com:8080', true],
  ['example.com:', true],
  ['xn--mnchen-3ya.de', true],
  ['192.0.2.1:80', true],
  ['[2001:db8::1]:443', true],
  ['a_b', true],
  ['', false],
  [':80', false],
  ['example.com:65536', false],
  ['example.com:1:2', false],
  ['example.com:80a', false],
  ['a/b', false],
  ['a\\b', false],
  ['a?b', false],
  ['a#b', false],
  ['user@example.com', false],
  ['a b', false],
  ['a\tb', false],
  ['a, b', false],
  ['<a>', false],
  ['a|b', false],
  ['m\u00fcnchen.de', false],
  ['2001:db8::1', false],
  ['[2001:db8::1', false],
  ['[::1%25eth0]', false],
  ['256.256.256.256', false],
  ['http://example.com', false],
])('S3, H3: for the Host value %j, isHost returns %j', (host, expected) => {
  expect(isHost(host)).toBe(expected);
});
