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

/** Accepted reactions to a request that is not valid HTTP: a 4xx, or the end of TCP without an answer. */
const noHttp: AnswerExpectation = ['4xx', 'end'];
/** Accepted answers to a valid HTTP request that asks for no WebSocket: any status of HTTP from 200 on. */
const plainHttp: AnswerExpectation = ['2xx', '3xx', '4xx', '5xx'];
const oldHttp: AnswerExpectation = [...plainHttp, 'end'];

const tellsVersion: Check = ({ answer }) =>
  answer !== null && answer.parts[1] !== '101' && !listOf(answer, 'Sec-WebSocket-Version').includes('13')
    ? 'The refusal has no Sec-WebSocket-Version: 13.'
    : null;
/** If the server accepted the request, its Sec-WebSocket-Accept has to belong to this key. */
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
  body.includes('HTTP/1.1 101') ? 'The request after the refused one was served.' : null;

const requestLine: readonly Draft[] = [
  refused('Asks with POST.', line, { line: 'POST {target} HTTP/1.1' }, ['4xx', 501]),
  refused('Asks with "get": methods are case-sensitive.', line, { line: 'get {target} HTTP/1.1' }, [
    '4xx',
    501,
    'end',
  ]),
  refused('Asks with PUT.', line, { line: 'PUT {target} HTTP/1.1' }, ['4xx', 501]),
  refused('Asks in HTTP/1.0.', line, { line: 'GET {target} HTTP/1.0' }, oldHttp),
  refused('Asks without an HTTP version.', line, { line: 'GET {target}' }, ['4xx', 505, 'end']),
  refused('Writes the version as http/1.1.', line, { line: 'GET {target} http/1.1' }, ['4xx', 505, 'end']),
  refused('Writes the version as HTTP/1.', line, { line: 'GET {target} HTTP/1' }, ['4xx', 505, 'end']),
  refused('Writes the version as HTTX/1.1.', line, { line: 'GET {target} HTTX/1.1' }, ['4xx', '5xx', 'end']),
  refused('Writes the version as HTTP/9.9.', { ...line, level: 'MAY' }, { line: 'GET {target} HTTP/9.9' }, [
    '4xx',
    '5xx',
    'end',
  ]),
  refused('Has no target.', line, { line: 'GET  HTTP/1.1' }, noHttp),
  refused('Has a control character in its target.', line, { line: 'GET {target}\x01 HTTP/1.1' }, noHttp),
  refused('Has a space in its target.', line, { line: 'GET {target}/a b HTTP/1.1' }, ['4xx', 505, 'end']),
  refused(
    'Has a fragment in its target.',
    { ...line, level: 'SHOULD' },
    { line: 'GET {target}#top HTTP/1.1' },
    noHttp,
  ),
  refused('Has the target "*", which is for OPTIONS.', line, { line: 'GET * HTTP/1.1' }, noHttp),
  refused('Has a target that does not begin with a slash.', line, { line: 'GET chat HTTP/1.1' }, noHttp),
  opens('Asks with the target in absolute form.', line, { line: 'GET http://{host}{target} HTTP/1.1' }),
  opens(
    'Sends one empty line in front of the request.',
    { ...line, section: '9112 §2.2', level: 'SHOULD' },
    { line: '\r\nGET {target} HTTP/1.1' },
  ),
  opens(
    'Has a target of 6000 bytes.',
    { ...size, section: '9112 §3', level: 'SHOULD' },
    { line: `GET {target}?${'a'.repeat(6000)} HTTP/1.1` },
  ),
  refused(
    'Has a target of 1 MiB.',
    { ...size, level: 'SHOULD' },
    { line: `GET {target}?${'a'.repeat(1_048_576)} HTTP/1.1` },
    noHttp,
  ),
  refused(
    'Asks for a resource that hardly exists.',
    { ...line, covers: ['S14'], level: 'MAY' },
    { line: 'GET /conformance/no/such/resource HTTP/1.1' },
    plainHttp,
    { informational: true },
  ),
];

const hosts: readonly Draft[] = [
  refused('Has no Host.', host, { set: { Host: null } }),
  refused(
    'Has two fields Host.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: ['{host}', '{host}'] } },
    noHttp,
  ),
  refused(
    'Has two fields Host that differ.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: ['{host}', 'other.example'] } },
    noHttp,
  ),
  refused(
    'Has a Host with a space in it.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: 'a b' } },
    noHttp,
  ),
  refused(
    'Has a Host with a path in it.',
    { ...host, section: '9112 §3.2' },
    { set: { Host: 'example.com/path' } },
    noHttp,
  ),
  opens('Writes Host as HOST, and other names in lower case.', host, {
    set: { HOST: '{host}', upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' },
  }),
];

const takenTokens: readonly (readonly [string, Record<string, string | readonly string[]>])[] = [
  ['Has Upgrade: WebSocket.', { Upgrade: 'WebSocket' }],
  ['Has Upgrade: WEBSOCKET.', { Upgrade: 'WEBSOCKET' }],
  ['Has a list in Upgrade: "h2c, websocket".', { Upgrade: 'h2c, websocket' }],
  ['Has two fields Upgrade, h2c and websocket.', { Upgrade: ['h2c', 'websocket'] }],
  ['Has Connection: upgrade.', { Connection: 'upgrade' }],
  ['Has Connection: UPGRADE.', { Connection: 'UPGRADE' }],
  ['Has Connection: keep-alive, Upgrade.', { Connection: 'keep-alive, Upgrade' }],
  ['Has Connection: Upgrade,keep-alive without a space.', { Connection: 'Upgrade,keep-alive' }],
  ['Has two fields Connection.', { Connection: ['keep-alive', 'Upgrade'] }],
  ['Has empty elements in Connection: ", ,Upgrade,,".', { Connection: ', ,Upgrade,,' }],
  ['Has a tab around the token of Connection.', { Connection: '\tUpgrade\t' }],
  ['Has spaces around the token of Upgrade.', { Upgrade: '   websocket   ' }],
];
const refusedTokens: readonly (readonly [string, Record<string, string | null>])[] = [
  ['Has no Upgrade.', { Upgrade: null }],
  ['Has Upgrade: h2c.', { Upgrade: 'h2c' }],
  ['Has Upgrade: websocket2.', { Upgrade: 'websocket2' }],
  ['Has Upgrade: web socket.', { Upgrade: 'web socket' }],
  ['Has an empty Upgrade.', { Upgrade: '' }],
  ['Has no Connection.', { Connection: null }],
  ['Has Connection: keep-alive.', { Connection: 'keep-alive' }],
  ['Has Connection: Upgraded.', { Connection: 'Upgraded' }],
  ['Has Connection: no-upgrade.', { Connection: 'no-upgrade' }],
  ['Has an empty Connection.', { Connection: '' }],
];

const badKeys: readonly (readonly [string, string | readonly string[] | null])[] = [
  ['Has no Sec-WebSocket-Key.', null],
  ['Has an empty key.', ''],
  ['Has the same key twice.', ['{key}', '{key}']],
  ['Has two keys.', ['{key}', 'dGhlIHNhbXBsZSBub25jZQ==']],
  ['Has two keys in one field.', '{key}, dGhlIHNhbXBsZSBub25jZQ=='],
  ['Has a key of 15 bytes.', Buffer.alloc(15, 1).toString('base64')],
  ['Has a key of 17 bytes.', Buffer.alloc(17, 1).toString('base64')],
  ['Has a key of 32 bytes.', Buffer.alloc(32, 1).toString('base64')],
  ['Has a key without its padding.', 'dGhlIHNhbXBsZSBub25jZQ'],
  ['Has a key with a byte after its padding.', 'dGhlIHNhbXBsZSBub25jZQ==a'],
  ['Has a key of 24 characters that are not base64.', '!!!!!!!!!!!!!!!!!!!!!!=='],
  ['Has a key in the alphabet for addresses.', '--------------------_w=='],
  ['Has a key with a space within.', 'dGhlIHNhbXBs ZSBub25jZQ=='],
  ['Has a key in hex.', '000102030405060708090a0b0c0d0e0f'],
];

const keys: readonly Draft[] = [
  ...badKeys.map(([sentence, value]) => refused(sentence, key, { set: { 'Sec-WebSocket-Key': value } })),
  opens(
    'Has a key whose unused last bits are not zero: it decodes to 16 bytes all the same.',
    key,
    { set: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' } },
    { checks: [acceptsKey('dGhlIHNhbXBsZSBub25jZR==')] },
  ),
  opens(
    'Has the key of RFC 6455 §1.3: the answer is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=.',
    { ...key, covers: ['S5', 'S17'], section: '6455 §4.2.2' },
    { set: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } },
    { checks: [acceptsKey('dGhlIHNhbXBsZSBub25jZQ==')] },
  ),
  opens('Has a key of zeros.', key, { set: { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' } }),
  opens('Has white space around the key.', key, { set: { 'Sec-WebSocket-Key': ' \t{key}\t ' } }),
];

const versions: readonly Draft[] = [
  ...['99', '0', '12', '14', '255'].map((one) =>
    refused(`Asks for version ${one}.`, version, { set: { 'Sec-WebSocket-Version': one } }, ['4xx'], {
      checks: [tellsVersion],
    }),
  ),
  ...['7', '8'].map((one) =>
    refused(
      `Asks for version ${one}, a draft's: it is refused, or known.`,
      version,
      { set: { 'Sec-WebSocket-Version': one } },
      [101, '4xx'],
      { checks: [tellsVersion] },
    ),
  ),
  ...['', '13, 8', '8, 13', '013', '13.0', '+13', '0x0d', '13;q=1', 'thirteen'].map((one) =>
    refused(
      `Writes the version as "${one}".`,
      { ...version, section: '6455 §4.2.1', covers: ['S1', 'S6'] },
      { set: { 'Sec-WebSocket-Version': one } },
    ),
  ),
  refused(
    'Has no Sec-WebSocket-Version.',
    { ...version, section: '6455 §4.2.1' },
    { set: { 'Sec-WebSocket-Version': null } },
  ),
  refused(
    'Has Sec-WebSocket-Version: 13 twice.',
    { ...version, section: '6455 §11.3.5' },
    { set: { 'Sec-WebSocket-Version': ['13', '13'] } },
  ),
  refused(
    'Has two fields Sec-WebSocket-Version, 8 and 13.',
    { ...version, section: '6455 §11.3.5' },
    { set: { 'Sec-WebSocket-Version': ['8', '13'] } },
  ),
  opens('Has spaces around the version.', version, { set: { 'Sec-WebSocket-Version': '  13  ' } }),
];

const one = 'chat-one.conformance';
const two = 'chat-two.conformance';
const protocols: readonly Draft[] = [
  opens('Offers two subprotocols: the answer names one of them, or none.', protocol, {
    add: [`Sec-WebSocket-Protocol: ${one}, ${two}`],
  }),
  opens(
    'Offers two subprotocols in two fields.',
    { ...protocol, section: '6455 §11.3.4', covers: ['S15', 'S20'] },
    { add: [`Sec-WebSocket-Protocol: ${one}`, `Sec-WebSocket-Protocol: ${two}`] },
  ),
  opens('Offers a subprotocol of all characters that tokens have.', protocol, {
    add: ["Sec-WebSocket-Protocol: az09!#$%&'*+-.^_`|~"],
  }),
  ...['a b', 'a/b', 'a;b', '"a"', 'a@b', 'a(b)', 'caf\xe9', 'a, b c'].map((list) =>
    refused(
      `Offers subprotocols that are no tokens: ${list}.`,
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
      `Offers a subprotocol twice: ${list}.`,
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
    refused(`Has Sec-WebSocket-Extensions: ${list}`, extension, {
      add: [`Sec-WebSocket-Extensions: ${list}`],
    }),
  ),
  ...['a; b="1 2"', 'a; b=""', 'a; b="1,2"'].map((list) =>
    refused(
      `Has a quoted value that is no token: ${list}`,
      { ...extension, covers: ['S18', 'S19'] },
      { add: [`Sec-WebSocket-Extensions: ${list}`] },
    ),
  ),
  ...['x-unknown', 'x-unknown; a=1; b="two"; c', 'x-one, x-two; a, x-one', 'x-unknown ; a = 1'].map((list) =>
    opens(
      `Offers unknown extensions: ${list}`,
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
    'Folds Sec-WebSocket-Key onto a second line: refused, or read as one line.',
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
    'Folds an unknown field.',
    { ...field, section: '9112 §5.2', level: 'MAY' },
    { add: ['X-Folded: a\r\n b'] },
    noHttp,
  ),
  refused(
    'Ends its lines with a bare LF.',
    { ...field, section: '9112 §2.2', level: 'MAY' },
    { newline: '\n', body: Buffer.from('\r\n\r\n') },
    noHttp,
  ),
  refused(
    'Has a bare CR in a value.',
    { ...field, section: '9112 §2.2', level: 'SHOULD' },
    { add: ['X-Odd: a\rb'] },
    noHttp,
  ),
  refused(
    'Has a NUL in a value.',
    { ...field, section: '9110 §5.5', level: 'SHOULD' },
    { add: ['X-Odd: a\0b'] },
    noHttp,
  ),
  refused('Has a NUL in a name.', field, { add: ['X-O\0dd: a'] }, noHttp),
  refused(
    'Has a space between a name and its colon.',
    { ...field, section: '9112 §5.1' },
    { add: ['X-Odd : a'] },
    noHttp,
  ),
  refused(
    'Has a space between Upgrade and its colon.',
    { ...field, section: '9112 §5.1' },
    { set: { Upgrade: null }, add: ['Upgrade : websocket'] },
    noHttp,
  ),
  refused('Has a line without a colon.', field, { add: ['X-Odd'] }, noHttp),
  refused('Has a field without a name.', field, { add: [': a'] }, noHttp),
  refused('Has a name that is no token.', field, { add: ['X(Odd): a'] }, noHttp),
  opens(
    'Has bytes beyond ASCII in a value.',
    { ...field, section: '9110 §5.5', level: 'SHOULD' },
    { add: ['X-Odd: caf\xe9'] },
  ),
  opens('Has unknown fields.', { ...tokens, covers: ['S8'] }, { add: ['X-One: 1', 'X-Two:', 'X-One: 2'] }),
  opens(
    'Has the fields in another order.',
    { ...tokens, covers: ['S8'] },
    {
      raw: 'GET {target} HTTP/1.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nHost: {host}\r\n\r\n',
    },
  ),
];

const bodies: readonly Draft[] = [
  refused(
    'Has Content-Length: 5 and a body, which must not be read as frames.',
    { ...body, level: 'SHOULD' },
    { add: ['Content-Length: 5'], body: Buffer.from('Hello') },
    noHttp,
  ),
  opens('Has Content-Length: 0.', { ...body, level: 'SHOULD' }, { add: ['Content-Length: 0'] }),
  refused('Has Content-Length: abc.', body, { add: ['Content-Length: abc'] }, noHttp),
  refused('Has Content-Length: -1.', body, { add: ['Content-Length: -1'] }, noHttp),
  refused(
    'Has two fields Content-Length that differ.',
    body,
    { add: ['Content-Length: 0', 'Content-Length: 5'], body: Buffer.from('Hello') },
    noHttp,
  ),
  refused(
    'Has a body in chunks.',
    { ...body, level: 'SHOULD' },
    { add: ['Transfer-Encoding: chunked'], body: Buffer.from('5\r\nHello\r\n0\r\n\r\n') },
    noHttp,
  ),
  refused(
    'Has both Transfer-Encoding and Content-Length.',
    { ...body, section: '9112 §6.1', level: 'SHOULD' },
    { add: ['Content-Length: 5', 'Transfer-Encoding: chunked'], body: Buffer.from('0\r\n\r\n') },
    noHttp,
  ),
  refused(
    'Has an unknown Transfer-Encoding.',
    { ...body, section: '9112 §6.1', level: 'SHOULD' },
    { add: ['Transfer-Encoding: x-unknown'] },
    ['4xx', 501, 'end'],
  ),
  refused(
    'Is refused with a second, good request after it in the same segment, which must not be served.',
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
    'Sends 4 MiB of one field that does not end.',
    size,
    { raw: 'GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Endless: ', body: repeated('a', 4_194_304) },
    noHttp,
  ),
  refused(
    'Sends 4 MiB of fields, and no end of them.',
    size,
    { raw: 'GET {target} HTTP/1.1\r\nHost: {host}\r\n', body: repeated('X-Endless: a\r\n', 4_194_304) },
    noHttp,
  ),
  refused('Sends 4 MiB of a request line.', size, { raw: 'GET /', body: repeated('a', 4_194_304) }, noHttp),
  refused(
    'Has one field of 256 KiB.',
    { ...size, level: 'SHOULD' },
    { add: [`X-Long: ${'a'.repeat(262_144)}`] },
    noHttp,
  ),
  refused(
    'Has 5000 fields.',
    { ...size, level: 'SHOULD' },
    { add: Array.from({ length: 5000 }, (_, i) => `X-${i}: a`) },
    noHttp,
  ),
  opens(
    'Has 40 more fields.',
    { ...size, covers: ['S8'], section: '6455 §4.2.1' },
    { add: Array.from({ length: 40 }, (_, i) => `X-${i}: a`) },
  ),
  opens(
    'Has a cookie of 4096 bytes.',
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
  'Comes with the header of a frame in the same segment, which a client must not send yet. The payload follows the answer, and looks like a frame: it must not be read as one.',
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
  expectation: `${cut.expectation.slice(0, -1)}, or refuses the request.`,
  expect: { ...cut.expect, mayRefuse: true },
};

const deliveries: readonly Draft[] = [
  opens(
    'Is usual in everything: the answer is well formed.',
    delivery,
    {},
    { checks: [acceptsKey(), wellFormed101] },
  ),
  opens('Comes byte by byte.', delivery, { chop: 1 }),
  opens('Comes in writes of 7 bytes.', delivery, { chop: 7 }),
  opens(
    'Comes with a frame in the same segment, which a client must not send yet.',
    { ...delivery, section: '6455 §4.1', covers: ['H11'], level: 'MAY' },
    { withFrames: true },
  ),
  opens('Has no Origin, as what is no browser.', { ...policy, covers: ['S7'] }, {}),
  refused(
    'Comes from the foreign Origin https://evil.example: refused where only certain sites are meant.',
    policy,
    { add: ['Origin: https://evil.example'] },
    [403],
    { informational: true },
  ),
  refused('Comes from the Origin null.', policy, { add: ['Origin: null'] }, [403], { informational: true }),
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
  '20.8': 'Fields as HTTP has them',
  '20.9': 'Bodies, and what follows',
  '20.10': 'Sizes',
  '20.11': 'Delivery, and Origin',
};

/** Group 20, in order. */
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
