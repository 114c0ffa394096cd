/**
 * Group 21: the opening handshake of clients. The cases test the request of a client, and which answers the client accepts or refuses.
 * RFC 6455 §4.1, §9.1.
 */

import type { Case, Check, HeadSpec, Titles } from '../case/model.ts';
import { repeated } from '../case/payload.ts';
import { messageEvent, ping, pongEvent, text } from '../case/steps.ts';
import { type Head, listOf, valuesOf } from '../wire/head.ts';
import { type About, echoed, either, notOpened, numbered, opens, rejected, sendsNothing } from './build.ts';

const client = { against: 'client' } as const;
const request: About = { ...client, section: '6455 §4.1', covers: ['H1'] };
const answer: About = { ...client, section: '6455 §4.1', covers: ['V2', 'V3', 'V4', 'V7'] };
const delivery: About = { ...client, section: '6455 §4.1', covers: ['V8'] };
const accept: About = { ...client, section: '6455 §4.1', covers: ['V4'] };
const upgrade: About = { ...client, section: '6455 §4.1', covers: ['V2'] };
const connection: About = { ...client, section: '6455 §4.1', covers: ['V3'] };
const status: About = { ...client, section: '6455 §4.1', covers: ['V1'] };
const protocol: About = { ...client, section: '6455 §4.1', covers: ['V6'] };
const extension: About = { ...client, section: '6455 §4.1', covers: ['V5', 'S19', 'F22'] };
const http: About = { ...client, section: '9112 §5', covers: ['V7'] };
const size: About = { ...client, section: '6455 §10.4', covers: ['F25'], level: 'SHOULD' };

/** Makes a check of the header fields of the request. */
function asks(look: (head: Head, text: string) => string | null): readonly Check[] {
  return [
    ({ request: head, requestText }) => (head === null ? 'There is no request.' : look(head, requestText)),
  ];
}
const one = (head: Head, name: string): string | null => {
  const values = valuesOf(head, name);
  return values.length === 1 ? values[0]! : null;
};
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Maps each Sec-WebSocket-Key to the first request with this key. If another request has the same key, the key is not new. */
const seenKeys = new Map<string, Head>();
const fresh = asks((head) => {
  const key = one(head, 'Sec-WebSocket-Key') ?? '';
  const first = seenKeys.get(key);
  seenKeys.set(key, first ?? head);
  return first === undefined || first === head ? null : `The key ${key} was in an earlier request.`;
});

const requests: readonly (readonly [string, readonly string[], readonly Check[]])[] = [
  [
    'Checks the request line: it has to be a GET with HTTP/1.1.',
    ['H1'],
    asks(({ line }) => (/^GET \S+ HTTP\/1\.1$/.test(line) ? null : `The request line is "${line}".`)),
  ],
  [
    'Checks the target: a path and a query, or an http address. It must have no fragment, and no byte that has to be escaped.',
    ['H2'],
    asks(({ parts }) =>
      /^(?:\/|https?:\/\/)[!$&-;=?-Z[\]_a-z~%]*$/.test(parts[1]) ? null : `The target is "${parts[1]}".`,
    ),
  ],
  [
    'Checks that the request has exactly one Host, and that it is well-formed.',
    ['H3'],
    asks((head) =>
      /^[^\s/@,]+$/.test(one(head, 'Host') ?? '') ? null : 'There is no single, well-formed Host.',
    ),
  ],
  [
    'Checks that Upgrade contains websocket.',
    ['H4'],
    asks((head) => (listOf(head, 'Upgrade').includes('websocket') ? null : 'Upgrade lacks websocket.')),
  ],
  [
    'Checks that Connection contains Upgrade.',
    ['H4'],
    asks((head) => (listOf(head, 'Connection').includes('upgrade') ? null : 'Connection lacks Upgrade.')),
  ],
  [
    'Checks that the request has exactly one Sec-WebSocket-Version: 13.',
    ['H7'],
    asks((head) =>
      one(head, 'Sec-WebSocket-Version') === '13' ? null : 'There is no single Sec-WebSocket-Version: 13.',
    ),
  ],
  [
    'Checks that the request has exactly one Sec-WebSocket-Key: 16 bytes in base64, with padding, and with unused bits of zero.',
    ['H5'],
    asks((head) =>
      /^[A-Za-z0-9+/]{21}[AQgw]==$/.test(one(head, 'Sec-WebSocket-Key') ?? '')
        ? null
        : 'There is no single key of 16 bytes in base64.',
    ),
  ],
  ['Records the key. No other request may have this key.', ['H5'], fresh],
  ['Records the key of a second request.', ['H5'], fresh],
  ['Records the key of a third request.', ['H5'], fresh],
  [
    'Checks that the request does not announce a body.',
    ['H1', 'H11'],
    asks((head) =>
      valuesOf(head, 'Transfer-Encoding').length +
        valuesOf(head, 'Content-Length').filter((v) => v !== '0').length ===
      0
        ? null
        : 'The request announces a body.',
    ),
  ],
  [
    'Checks all lines of the head. Every line has to end with CR LF, and has to be a name, a colon and a value.',
    ['H1', 'H10'],
    asks((_, whole) => {
      const [, ...lines] = whole.slice(0, -4).split('\r\n');
      const odd = lines.find((line) => !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/.test(line));
      return odd === undefined ? null : `This line is no field: ${JSON.stringify(odd)}.`;
    }),
  ],
  [
    'Checks the offered subprotocols. Each has to be a token, and must occur only once.',
    ['H8'],
    asks((head) => {
      const fields = valuesOf(head, 'Sec-WebSocket-Protocol');
      const names = fields.flatMap((value) => value.split(',').map((name) => name.trim()));
      if (names.some((name) => !token.test(name))) return 'A subprotocol is not a token.';
      return new Set(names).size === names.length ? null : 'A subprotocol is offered twice.';
    }),
  ],
  [
    'Checks the offered extensions. They need the form of §9.1, and permessage-deflate may only have its known parameters.',
    ['H9', 'P1', 'P17', 'P18', 'P21'],
    asks((head) => {
      const t = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
      const element = `${t}(?:[ \\t]*;[ \\t]*${t}(?:[ \\t]*=[ \\t]*(?:${t}|"${t}"))?)*`;
      const form = new RegExp(`^${element}(?:[ \\t]*,[ \\t]*${element})*$`);
      const deflate =
        /^permessage-deflate(?:\s*;\s*(?:(?:server|client)_no_context_takeover|server_max_window_bits="?(?:[89]|1[0-5])"?|client_max_window_bits(?:="?(?:[89]|1[0-5])"?)?))*$/;
      for (const value of valuesOf(head, 'Sec-WebSocket-Extensions')) {
        if (!form.test(value)) return `The offer is malformed: ${value}`;
        for (const offer of value.split(',').map((part) => part.trim()))
          if (offer.startsWith('permessage-deflate') && !deflate.test(offer))
            return `This offer is illegal: ${offer}`;
      }
      return null;
    }),
  ],
];

const early: Check = ({ earlyBytes }) =>
  earlyBytes === 0 ? null : `${earlyBytes} bytes came before the answer.`;
const twoHellos = [messageEvent('text', 'Hello'), messageEvent('text', 'world')];

const taken: readonly (readonly [string, HeadSpec, About?])[] = [
  ['Sends a normal answer.', {}],
  ['Answers byte by byte.', { chop: 1 }, delivery],
  ['Answers in writes of 11 bytes.', { chop: 11 }, delivery],
  ['Answers with Upgrade: WebSocket.', { set: { Upgrade: 'WebSocket' } }, upgrade],
  ['Answers with Connection: upgrade.', { set: { Connection: 'upgrade' } }, connection],
  [
    'Answers with Connection: keep-alive, Upgrade.',
    { set: { Connection: 'keep-alive, Upgrade' } },
    connection,
  ],
  ['Answers with two Connection fields.', { set: { Connection: ['keep-alive', 'Upgrade'] } }, connection],
  [
    'Answers with field names in lower case.',
    {
      raw: 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n',
    },
  ],
  [
    'Answers with the header fields in another order.',
    {
      raw: 'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    },
  ],
  ['Answers without a reason phrase.', { line: 'HTTP/1.1 101 ' }],
  ['Answers with another reason phrase.', { line: 'HTTP/1.1 101 Here we go!' }],
  [
    'Answers with white space around Sec-WebSocket-Accept.',
    { set: { 'Sec-WebSocket-Accept': '  {accept} \t' } },
    accept,
  ],
  ['Answers with unknown header fields.', { add: ['X-One: 1', 'X-Two:', 'X-One: 2'] }],
  [
    'Answers with an additional field Sec-WebSocket-Version: 13.',
    { add: ['Sec-WebSocket-Version: 13'] },
    { ...answer, level: 'SHOULD' },
  ],
  [
    'Answers with a header field of 4096 bytes.',
    { add: [`X-Long: ${'a'.repeat(4096)}`] },
    { ...answer, level: 'SHOULD' },
  ],
  [
    'Sends 103 Early Hints before the answer.',
    { line: 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 Switching Protocols' },
    { ...answer, section: '9110 §15.2', level: 'SHOULD' },
  ],
];

const refusedAnswers: readonly (readonly [string, HeadSpec, About])[] = [
  ['It has no Sec-WebSocket-Accept.', { set: { 'Sec-WebSocket-Accept': null } }, accept],
  ['It has an empty Sec-WebSocket-Accept.', { set: { 'Sec-WebSocket-Accept': '' } }, accept],
  [
    'It has the Sec-WebSocket-Accept of another key.',
    { set: { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' } },
    accept,
  ],
  ['Its Sec-WebSocket-Accept is the unchanged key.', { set: { 'Sec-WebSocket-Accept': '{key}' } }, accept],
  [
    'Its Sec-WebSocket-Accept ends with an additional character.',
    { set: { 'Sec-WebSocket-Accept': '{accept}=' } },
    accept,
  ],
  ['Its Sec-WebSocket-Accept is in quotes.', { set: { 'Sec-WebSocket-Accept': '"{accept}"' } }, accept],
  [
    'It has the correct Sec-WebSocket-Accept twice.',
    { set: { 'Sec-WebSocket-Accept': ['{accept}', '{accept}'] } },
    { ...accept, section: '6455 §11.3.3' },
  ],
  [
    'It has two Sec-WebSocket-Accept fields, and only the first field is correct.',
    { set: { 'Sec-WebSocket-Accept': ['{accept}', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='] } },
    { ...accept, section: '6455 §11.3.3' },
  ],
  [
    'It has two Sec-WebSocket-Accept fields, and only the second field is correct.',
    { set: { 'Sec-WebSocket-Accept': ['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', '{accept}'] } },
    { ...accept, section: '6455 §11.3.3' },
  ],
  ['It has no Upgrade.', { set: { Upgrade: null } }, upgrade],
  ['It has an empty Upgrade.', { set: { Upgrade: '' } }, upgrade],
  ['It has Upgrade: h2c.', { set: { Upgrade: 'h2c' } }, upgrade],
  ['It has Upgrade: websocket2.', { set: { Upgrade: 'websocket2' } }, upgrade],
  ['It has Upgrade: websocket, h2c.', { set: { Upgrade: 'websocket, h2c' } }, upgrade],
  ['It has no Connection.', { set: { Connection: null } }, connection],
  ['It has Connection: close.', { set: { Connection: 'close' } }, connection],
  ['It has Connection: Upgraded.', { set: { Connection: 'Upgraded' } }, connection],
  ['It has Connection: keep-alive.', { set: { Connection: 'keep-alive' } }, connection],
  [
    'Its version is HTTP/1.0.',
    { line: 'HTTP/1.0 101 Switching Protocols' },
    { ...answer, section: '6455 §4.2.2', covers: ['V7'] },
  ],
  ['Its version is HTTP/0.9.', { line: 'HTTP/0.9 101 Switching Protocols' }, { ...answer, covers: ['V7'] }],
  ['Its version is HTTX/1.1.', { line: 'HTTX/1.1 101 Switching Protocols' }, { ...answer, covers: ['V7'] }],
  ['Its status is 1010.', { line: 'HTTP/1.1 1010 Switching Protocols' }, { ...answer, covers: ['V1', 'V7'] }],
  ['Its status is 0101.', { line: 'HTTP/1.1 0101 Switching Protocols' }, { ...answer, covers: ['V1', 'V7'] }],
  [
    'It names a subprotocol that the client did not offer.',
    { add: ['Sec-WebSocket-Protocol: unasked.conformance'] },
    protocol,
  ],
  [
    'It has two Sec-WebSocket-Protocol fields.',
    { add: ['Sec-WebSocket-Protocol: a', 'Sec-WebSocket-Protocol: b'] },
    { ...protocol, section: '6455 §11.3.4' },
  ],
  ['It names two subprotocols in one field.', { add: ['Sec-WebSocket-Protocol: a, b'] }, protocol],
  ['It names an empty subprotocol.', { add: ['Sec-WebSocket-Protocol:'] }, protocol],
  [
    'It names an extension that the client did not offer.',
    { add: ['Sec-WebSocket-Extensions: x-unasked'] },
    extension,
  ],
  [
    'It names two extensions that the client did not offer.',
    { add: ['Sec-WebSocket-Extensions: x-one', 'Sec-WebSocket-Extensions: x-two'] },
    { ...extension, covers: ['V5', 'S20'] },
  ],
  [
    'It has a malformed Sec-WebSocket-Extensions field: ";".',
    { add: ['Sec-WebSocket-Extensions: ;'] },
    { ...extension, section: '6455 §9.1' },
  ],
  [
    'It has a malformed Sec-WebSocket-Extensions field: "a b".',
    { add: ['Sec-WebSocket-Extensions: a b'] },
    { ...extension, section: '6455 §9.1' },
  ],
  [
    "It has a malformed Sec-WebSocket-Extensions field: 'a; b=\"'.",
    { add: ['Sec-WebSocket-Extensions: a; b="'] },
    { ...extension, section: '6455 §9.1' },
  ],
  ['It has a line without a colon.', { add: ['X-Odd'] }, http],
  ['It has a field name that is not a token.', { add: ['X(Odd): a'] }, http],
  ['It has a field without a name.', { add: [': a'] }, http],
  [
    'It has a NUL in a field value.',
    { add: ['X-Odd: a\0b'] },
    { ...http, section: '9110 §5.5', level: 'SHOULD' },
  ],
  [
    'It has a bare CR in a field value.',
    { add: ['X-Odd: a\rb'] },
    { ...http, section: '9112 §2.2', level: 'SHOULD' },
  ],
  [
    'It has a space between a field name and the colon.',
    { add: ['X-Odd : a'] },
    { ...http, section: '9112 §5.1', level: 'SHOULD' },
  ],
  [
    'It has a header field that is folded onto a second line.',
    { add: ['X-Odd: a\r\n b'] },
    { ...http, section: '9112 §5.2', level: 'MAY' },
  ],
  ['Its lines end with a bare LF.', { newline: '\n' }, { ...http, section: '9112 §2.2', level: 'MAY' }],
  [
    'The judge sends a frame before it.',
    { line: '\x81\x05HelloHTTP/1.1 101 Switching Protocols' },
    { ...answer, covers: ['V7', 'F5'] },
  ],
  [
    'It has a header field of 4 MiB that does not end.',
    { raw: 'HTTP/1.1 101 Switching Protocols\r\nX-Endless: ', body: repeated('a', 4_194_304) },
    size,
  ],
  [
    'It has 4 MiB of header fields that do not end.',
    { raw: 'HTTP/1.1 101 Switching Protocols\r\n', body: repeated('X-Endless: a\r\n', 4_194_304) },
    size,
  ],
  [
    'It has a status line of 4 MiB that does not end.',
    { raw: 'HTTP/1.1 101 ', body: repeated('a', 4_194_304) },
    size,
  ],
];

const none = { Upgrade: null, Connection: 'close', 'Sec-WebSocket-Accept': null, 'Content-Length': '0' };
/** Each row has a status. It may also have header fields that belong to an answer with this status. */
const statuses: readonly (readonly [string, Record<string, string | null>?])[] = [
  ['200 OK'],
  ['204 No Content'],
  ['301 Moved Permanently', { Location: 'http://127.0.0.1:1/' }],
  ['302 Found', { Location: 'http://127.0.0.1:1/' }],
  ['307 Temporary Redirect', { Location: 'ws://127.0.0.1:1/' }],
  ['302 Found'],
  ['400 Bad Request'],
  ['401 Unauthorized', { 'WWW-Authenticate': 'Basic realm="conformance"' }],
  ['403 Forbidden'],
  ['404 Not Found'],
  ['407 Proxy Authentication Required', { 'Proxy-Authenticate': 'Basic realm="conformance"' }],
  ['426 Upgrade Required', { 'Sec-WebSocket-Version': '13' }],
  ['500 Internal Server Error'],
  ['503 Service Unavailable', { 'Retry-After': '1' }],
];

const sixteen = Array.from({ length: 16 }, (_, i) => `message ${i}`);

export const clientOpeningTitles: Titles = {
  '21': 'Opening handshake: clients',
  '21.1': 'The request',
  '21.2': 'Valid answers',
  '21.3': 'Invalid answers',
  '21.4': 'Other statuses than 101',
  '21.5': 'Answers with a body, and incomplete answers',
};

/** The cases of group 21, in order. */
export const clientOpening: readonly Case[] = [
  ...numbered('21.1', [
    ...requests.map(([sentence, covers, checks]) => opens(sentence, { ...request, covers }, {}, { checks })),
    opens(
      'Waits for half a second before the answer. The client must not send anything before the answer.',
      { ...request, covers: ['H11'] },
      { delay: 0.5 },
      { checks: [early] },
    ),
  ]),
  ...numbered('21.2', [
    ...taken.map(([sentence, head, about = answer]) => opens(sentence, about, head)),
    echoed(
      'Sends two messages in the same segment as the answer.',
      delivery,
      [text('Hello'), text('world')],
      twoHellos,
      {
        response: { withFrames: true },
      },
    ),
    echoed(
      'Sends a fragmented message in the same segment as the answer. A ping is between the fragments.',
      delivery,
      [text('Hel', { fin: false }), ping('?'), { do: 'frame', opcode: 0, payload: Buffer.from('lo') }],
      [pongEvent('?'), messageEvent('text', 'Hello')],
      { response: { withFrames: true } },
    ),
    echoed(
      'Sends 16 messages in the same segment as the answer.',
      delivery,
      sixteen.map((one) => text(one)),
      sixteen.map((one) => messageEvent('text', one)),
      { response: { withFrames: true } },
    ),
    echoed(
      'Sends the header of a frame in the same segment as the answer, and the payload later.',
      delivery,
      [
        text('Hello', { headerOnly: true }),
        { do: 'pause', seconds: 0.2 },
        { do: 'bytes', bytes: Buffer.from('Hello'), ofFrame: true },
      ],
      [messageEvent('text', 'Hello')],
      { response: { withFrames: true } },
    ),
  ]),
  ...numbered(
    '21.3',
    refusedAnswers.map(([sentence, head, about]) =>
      rejected(`Answers with an invalid 101 response. ${sentence}`, about, head, { checks: [sendsNothing] }),
    ),
  ),
  ...numbered('21.4', [
    ...statuses.map(([line, set = {}]) =>
      notOpened(
        `Answers with ${line}${'Location' in set ? ' and a Location' : ''}. Sends a frame after the answer.`,
        status,
        {
          line: `HTTP/1.1 ${line}`,
          set: { ...none, ...set },
        },
      ),
    ),
    ...['200 OK', '100 Continue', '400 Bad Request'].map((line) =>
      notOpened(
        `Answers with ${line} and all header fields of a 101. Sends a frame after the answer.`,
        status,
        {
          line: `HTTP/1.1 ${line}`,
        },
      ),
    ),
  ]),
  ...numbered('21.5', [
    either(
      'Sends a 101 with Content-Length: 5. The client may refuse it, or ignore the field and read the next bytes as frames.',
      { ...answer, section: '9112 §6.3', covers: ['V7', 'V8'] },
      [text('Hello')],
      [1002],
      undefined,
      { response: { add: ['Content-Length: 5'] } },
    ),
    either(
      'Sends a 101 with Transfer-Encoding: chunked. The client may refuse it, or ignore the field and read the next bytes as frames.',
      { ...answer, section: '9112 §6.3', covers: ['V7', 'V8'] },
      [text('Hello')],
      [1002],
      undefined,
      { response: { add: ['Transfer-Encoding: chunked'] } },
    ),
    either(
      'Folds Sec-WebSocket-Accept onto a second line. The client may refuse this, or read both lines as one line.',
      { ...answer, section: '9112 §5.2', covers: ['V4', 'V7'] },
      [text('Hello')],
      [1002],
      undefined,
      { response: { set: { 'Sec-WebSocket-Accept': '\r\n {accept}' } } },
    ),
    notOpened(
      'Ends TCP in the middle of the answer.',
      { ...answer, covers: ['V7', 'C19'] },
      {
        raw: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n',
      },
    ),
    notOpened(
      'Ends TCP after a 101 that lacks only the empty line at the end.',
      { ...answer, covers: ['V7', 'C19'] },
      {
        raw: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n',
      },
    ),
    notOpened(
      'Answers with bytes that are not HTTP.',
      { ...answer, covers: ['V7'] },
      { raw: 'SSH-2.0-conformance\r\n' },
    ),
  ]),
];
