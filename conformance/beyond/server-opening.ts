/**
 * Group 20: the opening handshake of servers. RFC 6455 §4.2 and §9.1, and the rules of RFC 9112 for the HTTP request.
 */

import type { AnswerExpectation, Case, Check, Titles } from '../case/model.ts';
import { repeated } from '../case/payload.ts';
import { binary, messageEvent, pause } from '../case/steps.ts';
import { encodeFrame } from '../wire/frame.ts';
import { acceptOf, listOf, valuesOf } from '../wire/head.ts';
import { type About, type Draft, either, numbered, opens, refused } from './build.ts';

const server = { against: 'server' } as const;
const line: About = { ...server, section: '6455 §4.2.1', covers: ['S1', 'S2', 'S22'] };
const host: About = { ...server, section: '6455 §4.2.1', covers: ['S1', 'S3'] };
const tokens: About = { ...server, section: '6455 §4.2.1', covers: ['S1', 'S4', 'S8'] };
const key: About = { ...server, section: '6455 §4.2.1', covers: ['S1', 'S5'] };
const version: About = { ...server, section: '6455 §4.2.2', covers: ['S6', 'S13'] };
const protocol: About = { ...server, section: '6455 §4.2.2', covers: ['S8', 'S15'] };
const extension: About = { ...server, section: '6455 §9.1', covers: ['S1', 'S19'] };
const field: About = { ...server, section: '9112 §5', covers: ['S1', 'S22'] };
const body: About = { ...server, section: '9112 §6', covers: ['S1', 'S22'] };
const size: About = { ...server, section: '6455 §10.4', covers: ['F25', 'S22'] };
const delivery: About = { ...server, section: '6455 §4.2.1', covers: ['S8', 'S17'] };
const policy: About = { ...server, section: '6455 §10.2', covers: ['S7', 'S12', 'S21'], level: 'SHOULD' };

/** The accepted reactions to invalid HTTP: a 4xx, or the end of TCP without an answer. */
const noHttp: AnswerExpectation = ['4xx', 'end'];
/** The accepted answers to a valid HTTP request that does not ask for a WebSocket: any status from 200 on. */
const plainHttp: AnswerExpectation = ['2xx', '3xx', '4xx', '5xx'];
const oldHttp: AnswerExpectation = [...plainHttp, 'end'];

const tellsVersion: Check = ({ answer }) =>
  answer !== null && answer.parts[1] !== '101' && !listOf(answer, 'Sec-WebSocket-Version').includes('13')
    ? 'The refusal has no Sec-WebSocket-Version: 13.'
    : null;
/** If the server accepts the request, Sec-WebSocket-Accept has to be the value for this key. */
const acceptsKey =
  (one?: string): Check =>
  ({ answer, request }) => {
    if (answer?.parts[1] !== '101') return null;
    const expected = acceptOf(one ?? valuesOf(request!, 'Sec-WebSocket-Key').join(''));
    const given = valuesOf(answer, 'Sec-WebSocket-Accept').join();
    return given === expected ? null : `Sec-WebSocket-Accept is ${given}, not ${expected}.`;
  };
const wellFormed101: Check = ({ answer }) => {
  if (answer === null) return 'There is no answer.';
  for (const name of ['Upgrade', 'Connection', 'Sec-WebSocket-Accept']) {
    const { length } = valuesOf(answer, name);
    if (length !== 1) return `The answer has ${length} fields ${name}.`;
  }
  for (const name of ['Content-Length', 'Transfer-Encoding'])
    if (valuesOf(answer, name).length > 0) return `The 101 has ${name}.`;
  return null;
};
const noSecondAnswer: Check = ({ body }) =>
  body.includes('HTTP/1.1 101') ? 'The server served the request after the refused request.' : null;

const requestLine: readonly Draft[] = [
  refused('Sends a request with the method POST.', line, { line: 'POST {target} HTTP/1.1' }, ['4xx', 501]),
  refused(
    'Sends a request with the method "get". Methods are case-sensitive.',
    line,
    { line: 'get {target} HTTP/1.1' },
    ['4xx', 501, 'end'],
  ),
  refused('Sends a request with the method PUT.', line, { line: 'PUT {target} HTTP/1.1' }, ['4xx', 501]),
  refused('Sends a request with HTTP/1.0.', line, { line: 'GET {target} HTTP/1.0' }, oldHttp),
  refused('Sends a request without an HTTP version.', line, { line: 'GET {target}' }, ['4xx', 505, 'end']),
  refused('Sends a request with the HTTP version "http/1.1".', line, { line: 'GET {target} http/1.1' }, [
    '4xx',
    505,
    'end',
  ]),
  refused('Sends a request with the HTTP version "HTTP/1".', line, { line: 'GET {target} HTTP/1' }, [
    '4xx',
    505,
    'end',
  ]),
  refused('Sends a request with the HTTP version "HTTX/1.1".', line, { line: 'GET {target} HTTX/1.1' }, [
    '4xx',
    '5xx',
    'end',
  ]),
  refused(
    'Sends a request with the HTTP version "HTTP/9.9".',
    { ...line, level: 'MAY' },
    { line: 'GET {target} HTTP/9.9' },
    ['4xx', '5xx', 'end'],
  ),
  refused('Sends a request without a target.', line, { line: 'GET  HTTP/1.1' }, noHttp),
  refused(
    'Sends a request with a control character in the target.',
    line,
    { line: 'GET {target}\x01 HTTP/1.1' },
    noHttp,
  ),
  refused('Sends a request with a space in the target.', line, { line: 'GET {target}/a b HTTP/1.1' }, [
    '4xx',
    505,
    'end',
  ]),
  refused(
    'Sends a request with a fragment in the target.',
    { ...line, level: 'SHOULD' },
    { line: 'GET {target}#top HTTP/1.1' },
    noHttp,
  ),
  refused(
    'Sends a request with the target "*", which only OPTIONS requests may have.',
    line,
    { line: 'GET * HTTP/1.1' },
    noHttp,
  ),
  refused(
    'Sends a request with a target that does not begin with a slash.',
    line,
    { line: 'GET chat HTTP/1.1' },
    noHttp,
  ),
  opens('Sends a request with a target in absolute form.', line, {
    line: 'GET http://{host}{target} HTTP/1.1',
  }),
  opens(
    'Sends one empty line before the request.',
    { ...line, section: '9112 §2.2', level: 'SHOULD' },
    { line: '\r\nGET {target} HTTP/1.1' },
  ),
  opens(
    'Sends a request with a target of 6000 bytes.',
    { ...size, section: '9112 §3', level: 'SHOULD' },
    { line: `GET {target}?${'a'.repeat(6000)} HTTP/1.1` },
  ),
  refused(
    'Sends a request with a target of 1 MiB.',
    { ...size, level: 'SHOULD' },
    { line: `GET {target}?${'a'.repeat(1_048_576)} HTTP/1.1` },
    noHttp,
  ),
  refused(
    'Requests a resource that probably does not exist.',
    { ...line, covers: ['S14'], level: 'MAY' },
    { line: 'GET /conformance/no/such/resource HTTP/1.1' },
    plainHttp,
    { informational: true },
  ),
];

const hosts: readonly Draft[] = [
  refused('Sends a request without Host.', host, { set: { Host: null } }),
  refused(
    'Sends a request with two Host fields.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: ['{host}', '{host}'] } },
    noHttp,
  ),
  refused(
    'Sends a request with two different Host fields.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: ['{host}', 'other.example'] } },
    noHttp,
  ),
  refused(
    'Sends a request with a Host that contains a space.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: 'a b' } },
    noHttp,
  ),
  refused(
    'Sends a request with a Host that contains a path.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: 'example.com/path' } },
    noHttp,
  ),
  opens('Sends the name Host as HOST, and other names in lower case.', host, {
    set: { HOST: '{host}', upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' },
  }),
];

const takenTokens: readonly (readonly [string, Record<string, string | readonly string[]>])[] = [
  ['Sends a request with Upgrade: WebSocket.', { Upgrade: 'WebSocket' }],
  ['Sends a request with Upgrade: WEBSOCKET.', { Upgrade: 'WEBSOCKET' }],
  ['Sends a request with a list in Upgrade: "h2c, websocket".', { Upgrade: 'h2c, websocket' }],
  ['Sends a request with two Upgrade fields: h2c and websocket.', { Upgrade: ['h2c', 'websocket'] }],
  ['Sends a request with Connection: upgrade.', { Connection: 'upgrade' }],
  ['Sends a request with Connection: UPGRADE.', { Connection: 'UPGRADE' }],
  ['Sends a request with Connection: keep-alive, Upgrade.', { Connection: 'keep-alive, Upgrade' }],
  [
    'Sends a request with Connection: Upgrade,keep-alive without a space.',
    { Connection: 'Upgrade,keep-alive' },
  ],
  ['Sends a request with two Connection fields.', { Connection: ['keep-alive', 'Upgrade'] }],
  ['Sends a request with empty elements in Connection: ", ,Upgrade,,".', { Connection: ', ,Upgrade,,' }],
  ['Sends a request with a tab around the token of Connection.', { Connection: '\tUpgrade\t' }],
  ['Sends a request with spaces around the token of Upgrade.', { Upgrade: '   websocket   ' }],
];
const refusedTokens: readonly (readonly [string, Record<string, string | null>])[] = [
  ['Sends a request without Upgrade.', { Upgrade: null }],
  ['Sends a request with Upgrade: h2c.', { Upgrade: 'h2c' }],
  ['Sends a request with Upgrade: websocket2.', { Upgrade: 'websocket2' }],
  ['Sends a request with Upgrade: web socket.', { Upgrade: 'web socket' }],
  ['Sends a request with an empty Upgrade field.', { Upgrade: '' }],
  ['Sends a request without Connection.', { Connection: null }],
  ['Sends a request with Connection: keep-alive.', { Connection: 'keep-alive' }],
  ['Sends a request with Connection: Upgraded.', { Connection: 'Upgraded' }],
  ['Sends a request with Connection: no-upgrade.', { Connection: 'no-upgrade' }],
  ['Sends a request with an empty Connection field.', { Connection: '' }],
];

const badKeys: readonly (readonly [string, string | readonly string[] | null])[] = [
  ['Sends a request without Sec-WebSocket-Key.', null],
  ['Sends a request with an empty key.', ''],
  ['Sends a request with the same key twice.', ['{key}', '{key}']],
  ['Sends a request with two keys.', ['{key}', 'dGhlIHNhbXBsZSBub25jZQ==']],
  ['Sends a request with two keys in one field.', '{key}, dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sends a request with a key of 15 bytes.', Buffer.alloc(15, 1).toString('base64')],
  ['Sends a request with a key of 17 bytes.', Buffer.alloc(17, 1).toString('base64')],
  ['Sends a request with a key of 32 bytes.', Buffer.alloc(32, 1).toString('base64')],
  ['Sends a request with a key without padding.', 'dGhlIHNhbXBsZSBub25jZQ'],
  ['Sends a request with a key with a byte after the padding.', 'dGhlIHNhbXBsZSBub25jZQ==a'],
  ['Sends a request with a key of 24 characters that are not base64.', '!!!!!!!!!!!!!!!!!!!!!!=='],
  ['Sends a request with a key in the base64 alphabet for URLs.', '--------------------_w=='],
  ['Sends a request with a key that contains a space.', 'dGhlIHNhbXBs ZSBub25jZQ=='],
  ['Sends a request with a key in hex.', '000102030405060708090a0b0c0d0e0f'],
];

const keys: readonly Draft[] = [
  ...badKeys.map(([sentence, value]) => refused(sentence, key, { set: { 'Sec-WebSocket-Key': value } })),
  opens(
    'Sends a request with a key with unused last bits that are not zero. The key still decodes to 16 bytes.',
    key,
    { set: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' } },
    { checks: [acceptsKey('dGhlIHNhbXBsZSBub25jZR==')] },
  ),
  opens(
    'Sends a request with the key of RFC 6455 §1.3. The answer has to contain s3pPLMBiTxaQ9kYGzzhZRbK+xOo=.',
    { ...key, covers: ['S5', 'S17'], section: '6455 §4.2.2' },
    { set: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } },
    { checks: [acceptsKey('dGhlIHNhbXBsZSBub25jZQ==')] },
  ),
  opens('Sends a request with a key of zero bytes.', key, {
    set: { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  }),
  opens('Sends a request with white space around the key.', key, {
    set: { 'Sec-WebSocket-Key': ' \t{key}\t ' },
  }),
];

const versions: readonly Draft[] = [
  ...['99', '0', '12', '14', '255'].map((one) =>
    refused(
      `Sends a request for version ${one} of WebSocket.`,
      version,
      { set: { 'Sec-WebSocket-Version': one } },
      ['4xx'],
      {
        checks: [tellsVersion],
      },
    ),
  ),
  ...['7', '8'].map((one) =>
    refused(
      `Sends a request for version ${one}, the version of a draft. The server may know this version, or refuse it.`,
      version,
      { set: { 'Sec-WebSocket-Version': one } },
      [101, '4xx'],
      { checks: [tellsVersion] },
    ),
  ),
  ...['', '13, 8', '8, 13', '013', '13.0', '+13', '0x0d', '13;q=1', 'thirteen'].map((one) =>
    refused(
      `Sends a request with Sec-WebSocket-Version: "${one}".`,
      { ...version, section: '6455 §4.2.1', covers: ['S1', 'S6'] },
      { set: { 'Sec-WebSocket-Version': one } },
    ),
  ),
  refused(
    'Sends a request without Sec-WebSocket-Version.',
    { ...version, section: '6455 §4.2.1' },
    { set: { 'Sec-WebSocket-Version': null } },
  ),
  refused(
    'Sends a request with the field Sec-WebSocket-Version: 13 twice.',
    { ...version, section: '6455 §11.3.5' },
    { set: { 'Sec-WebSocket-Version': ['13', '13'] } },
  ),
  refused(
    'Sends a request with two Sec-WebSocket-Version fields: 8 and 13.',
    { ...version, section: '6455 §11.3.5' },
    { set: { 'Sec-WebSocket-Version': ['8', '13'] } },
  ),
  opens('Sends a request with spaces around the version.', version, {
    set: { 'Sec-WebSocket-Version': '  13  ' },
  }),
];

const one = 'chat-one.conformance';
const two = 'chat-two.conformance';
const protocols: readonly Draft[] = [
  opens('Offers two subprotocols. The answer may name one of them.', protocol, {
    add: [`Sec-WebSocket-Protocol: ${one}, ${two}`],
  }),
  opens(
    'Offers two subprotocols in two fields.',
    { ...protocol, section: '6455 §11.3.4', covers: ['S15', 'S20'] },
    { add: [`Sec-WebSocket-Protocol: ${one}`, `Sec-WebSocket-Protocol: ${two}`] },
  ),
  opens('Offers a subprotocol with all special characters of a token.', protocol, {
    add: ["Sec-WebSocket-Protocol: az09!#$%&'*+-.^_`|~"],
  }),
  ...['a b', 'a/b', 'a;b', '"a"', 'a@b', 'a(b)', 'caf\xe9', 'a, b c'].map((list) =>
    refused(
      `Offers subprotocols that are not tokens: ${list}.`,
      { ...protocol, section: '6455 §4.2.1', covers: ['S1', 'S8', 'S22'] },
      { add: [`Sec-WebSocket-Protocol: ${list}`] },
      noHttp,
    ),
  ),
  refused(
    'Offers an empty list of subprotocols.',
    { ...protocol, section: '6455 §4.2.1', covers: ['S1', 'S8'] },
    { add: ['Sec-WebSocket-Protocol:'] },
  ),
  ...[`${one}, ${one}`, `${one}, ${two}, ${one}`].map((list) =>
    refused(
      `Offers the same subprotocol twice: ${list}.`,
      { ...protocol, section: '6455 §4.1', covers: ['S1', 'S8'], level: 'SHOULD' },
      { add: [`Sec-WebSocket-Protocol: ${list}`] },
    ),
  ),
];

const badExtensions = [
  'a b',
  ';',
  ';a',
  'a;',
  'a;;b',
  '=',
  'a=1',
  'a; =1',
  'a; b=',
  'a; b=="1"',
  'a; b="1',
  'a; b=1"',
  'a; b="1"2',
  'a; b c',
  'a/1',
  '"a"',
  'a; "b"=1',
  'a; b=(1)',
];
const extensions: readonly Draft[] = [
  ...badExtensions.map((list) =>
    refused(`Sends a request with an invalid Sec-WebSocket-Extensions (${list}).`, extension, {
      add: [`Sec-WebSocket-Extensions: ${list}`],
    }),
  ),
  ...['a; b="1 2"', 'a; b=""', 'a; b="1,2"'].map((list) =>
    refused(
      `Sends a request with Sec-WebSocket-Extensions, in which a quoted value is not a token (${list}).`,
      { ...extension, covers: ['S18', 'S19'] },
      { add: [`Sec-WebSocket-Extensions: ${list}`] },
    ),
  ),
  ...['x-unknown', 'x-unknown; a=1; b="two"; c', 'x-one, x-two; a, x-one', 'x-unknown ; a = 1'].map((list) =>
    opens(
      `Offers unknown extensions (${list}).`,
      { ...extension, section: '6455 §9.1', covers: ['S8', 'S16'] },
      { add: [`Sec-WebSocket-Extensions: ${list}`] },
    ),
  ),
  opens(
    'Offers unknown extensions in three fields.',
    { ...extension, covers: ['S16', 'S20'] },
    { add: ['x-a', 'x-b; c', 'x-d'].map((name) => `Sec-WebSocket-Extensions: ${name}`) },
  ),
];

const takenOrNot: AnswerExpectation = [101, ...noHttp];
const fields: readonly Draft[] = [
  refused(
    'Folds Sec-WebSocket-Key onto a second line. The server may refuse this, or read both lines as one line.',
    { ...field, section: '9112 §5.2' },
    { set: { 'Sec-WebSocket-Key': '\r\n {key}' } },
    takenOrNot,
    {
      checks: [
        ({ requestText, ...seen }) =>
          acceptsKey(/\r\n (\S+=)/.exec(requestText)?.[1])({ ...seen, requestText }),
      ],
    },
  ),
  refused(
    'Folds an unknown field onto a second line.',
    { ...field, section: '9112 §5.2', level: 'MAY' },
    { add: ['X-Folded: a\r\n b'] },
    noHttp,
  ),
  refused(
    'Sends a request with lines that end with a bare LF.',
    { ...field, section: '9112 §2.2', level: 'MAY' },
    { newline: '\n', body: Buffer.from('\r\n\r\n') },
    noHttp,
  ),
  refused(
    'Sends a request with a bare CR in a field value.',
    { ...field, section: '9112 §2.2', level: 'SHOULD' },
    { add: ['X-Odd: a\rb'] },
    noHttp,
  ),
  refused(
    'Sends a request with a NUL in a field value.',
    { ...field, section: '9110 §5.5', level: 'SHOULD' },
    { add: ['X-Odd: a\0b'] },
    noHttp,
  ),
  refused('Sends a request with a NUL in a field name.', field, { add: ['X-O\0dd: a'] }, noHttp),
  refused(
    'Sends a request with a space between a field name and the colon.',
    { ...field, section: '9112 §5.1' },
    { add: ['X-Odd : a'] },
    noHttp,
  ),
  refused(
    'Sends a request with a space between Upgrade and the colon.',
    { ...field, section: '9112 §5.1' },
    { set: { Upgrade: null }, add: ['Upgrade : websocket'] },
    noHttp,
  ),
  refused('Sends a request with a line without a colon.', field, { add: ['X-Odd'] }, noHttp),
  refused('Sends a request with a field without a name.', field, { add: [': a'] }, noHttp),
  refused('Sends a request with a field name that is not a token.', field, { add: ['X(Odd): a'] }, noHttp),
  opens(
    'Sends a request with bytes beyond ASCII in a field value.',
    { ...field, section: '9110 §5.5', level: 'SHOULD' },
    { add: ['X-Odd: caf\xe9'] },
  ),
  opens(
    'Sends a request with unknown header fields.',
    { ...tokens, covers: ['S8'] },
    { add: ['X-One: 1', 'X-Two:', 'X-One: 2'] },
  ),
  opens(
    'Sends a request with the header fields in another order.',
    { ...tokens, covers: ['S8'] },
    {
      raw: 'GET {target} HTTP/1.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nHost: {host}\r\n\r\n',
    },
  ),
];

const bodies: readonly Draft[] = [
  refused(
    'Sends a request with Content-Length: 5 and a body, which must not be read as frames.',
    { ...body, level: 'SHOULD' },
    { add: ['Content-Length: 5'], body: Buffer.from('Hello') },
    noHttp,
  ),
  opens(
    'Sends a request with Content-Length: 0.',
    { ...body, level: 'SHOULD' },
    { add: ['Content-Length: 0'] },
  ),
  refused('Sends a request with Content-Length: abc.', body, { add: ['Content-Length: abc'] }, noHttp),
  refused('Sends a request with Content-Length: -1.', body, { add: ['Content-Length: -1'] }, noHttp),
  refused(
    'Sends a request with two different fields Content-Length.',
    body,
    { add: ['Content-Length: 0', 'Content-Length: 5'], body: Buffer.from('Hello') },
    noHttp,
  ),
  refused(
    'Sends a request with a body in chunks.',
    { ...body, level: 'SHOULD' },
    { add: ['Transfer-Encoding: chunked'], body: Buffer.from('5\r\nHello\r\n0\r\n\r\n') },
    noHttp,
  ),
  refused(
    'Sends a request with both Transfer-Encoding and Content-Length.',
    { ...body, section: '9112 §6.1', level: 'SHOULD' },
    { add: ['Content-Length: 5', 'Transfer-Encoding: chunked'], body: Buffer.from('0\r\n\r\n') },
    noHttp,
  ),
  refused(
    'Sends a request with an unknown Transfer-Encoding.',
    { ...body, section: '9112 §6.1', level: 'SHOULD' },
    { add: ['Transfer-Encoding: x-unknown'] },
    ['4xx', 501, 'end'],
  ),
  refused(
    'Sends an invalid request and a valid request in the same segment. The server must not serve the second request.',
    { ...body, section: '6455 §4.2.2', covers: ['S1', 'S12'], level: 'MAY' },
    {
      raw: 'GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\nGET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n',
    },
    ['4xx'],
    { checks: [noSecondAnswer] },
  ),
];

const sizes: readonly Draft[] = [
  refused(
    'Sends 4 MiB of one header field that does not end.',
    size,
    { raw: 'GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Endless: ', body: repeated('a', 4_194_304) },
    noHttp,
  ),
  refused(
    'Sends 4 MiB of header fields that do not end.',
    size,
    { raw: 'GET {target} HTTP/1.1\r\nHost: {host}\r\n', body: repeated('X-Endless: a\r\n', 4_194_304) },
    noHttp,
  ),
  refused(
    'Sends 4 MiB of a request line that does not end.',
    size,
    { raw: 'GET /', body: repeated('a', 4_194_304) },
    noHttp,
  ),
  refused(
    'Sends a request with one header field of 256 KiB.',
    { ...size, level: 'SHOULD' },
    { add: [`X-Long: ${'a'.repeat(262_144)}`] },
    noHttp,
  ),
  refused(
    'Sends a request with 5000 header fields.',
    { ...size, level: 'SHOULD' },
    { add: Array.from({ length: 5000 }, (_, i) => `X-${i}: a`) },
    noHttp,
  ),
  opens(
    'Sends a request with 40 additional header fields.',
    { ...size, covers: ['S8'], section: '6455 §4.2.1' },
    { add: Array.from({ length: 40 }, (_, i) => `X-${i}: a`) },
  ),
  opens(
    'Sends a request with a cookie of 4096 bytes.',
    { ...size, covers: ['S8'], section: '6265 §6.1', level: 'SHOULD' },
    { add: [`Cookie: a=${'b'.repeat(4094)}`] },
  ),
];

/** A masked text frame with the payload "other". */
const hidden = encodeFrame({
  opcode: 1,
  payload: Buffer.from('other'),
  fin: true,
  rsv: 0,
  key: Buffer.from('a1b2c3d4', 'hex'),
});
const cut = either(
  'Sends the header of a frame in the same segment as the request, which a client must not do. Sends the payload after the answer. The payload looks like a frame, but the server must not read it as a frame.',
  { ...delivery, section: '6455 §6.2', covers: ['F24', 'F26'] },
  [
    binary(hidden, { headerOnly: true, mask: { key: '00000000' } }),
    pause(0),
    { do: 'bytes', bytes: hidden, ofFrame: true },
  ],
  [1002, 1008],
  [messageEvent('binary', hidden)],
  { request: { withFrames: true } },
);
const cutFrame: Draft = {
  ...cut,
  expectation: `${cut.expectation} The server may also refuse the request.`,
  expect: { ...cut.expect, mayRefuse: true },
};

const deliveries: readonly Draft[] = [
  opens(
    'Sends a normal request. The answer has to be well-formed.',
    delivery,
    {},
    { checks: [acceptsKey(), wellFormed101] },
  ),
  opens('Sends the request byte by byte.', delivery, { chop: 1 }),
  opens('Sends the request in writes of 7 bytes.', delivery, { chop: 7 }),
  opens(
    'Sends a frame in the same segment as the request, which a client must not do.',
    { ...delivery, section: '6455 §4.1', covers: ['H11'], level: 'MAY' },
    { withFrames: true },
  ),
  opens(
    'Sends a request without Origin, as a client that is not a browser.',
    { ...policy, covers: ['S7'] },
    {},
  ),
  refused(
    'Sends a request with the foreign Origin https://evil.example. A server that allows only certain origins refuses it.',
    policy,
    { add: ['Origin: https://evil.example'] },
    [403],
    { informational: true },
  ),
  refused('Sends a request with the Origin null.', policy, { add: ['Origin: null'] }, [403], {
    informational: true,
  }),
  cutFrame,
];

export const serverOpeningTitles: Titles = {
  '20': 'Opening handshake: servers',
  '20.1': 'The request line',
  '20.2': 'Host',
  '20.3': 'Upgrade and Connection',
  '20.4': 'Sec-WebSocket-Key',
  '20.5': 'Sec-WebSocket-Version',
  '20.6': 'Sec-WebSocket-Protocol',
  '20.7': 'Sec-WebSocket-Extensions',
  '20.8': 'HTTP rules for header fields',
  '20.9': 'Request bodies, and a second request',
  '20.10': 'Large requests',
  '20.11': 'Segments, and Origin',
};

/** The cases of group 20, in order. */
export const serverOpening: readonly Case[] = [
  ...numbered('20.1', requestLine),
  ...numbered('20.2', hosts),
  ...numbered('20.3', [
    ...takenTokens.map(([sentence, set]) => opens(sentence, tokens, { set })),
    ...refusedTokens.map(([sentence, set]) => refused(sentence, tokens, { set }, plainHttp)),
  ]),
  ...numbered('20.4', keys),
  ...numbered('20.5', versions),
  ...numbered('20.6', protocols),
  ...numbered('20.7', extensions),
  ...numbered('20.8', fields),
  ...numbered('20.9', bodies),
  ...numbered('20.10', sizes),
  ...numbered('20.11', deliveries),
];
