import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildRequest,
  type ExpectedResponse,
  parseTarget,
  type RequestOptions,
  verifyResponse,
  type WebSocketTarget,
} from '../../src/handshake/client.ts';
import { type RefusalCode, refusals, refuse } from '../../src/handshake/error.ts';
import type { ExtensionOffer } from '../../src/handshake/extension.ts';
import { HttpHeadParser, type HttpResponseHead } from '../../src/handshake/http-head.ts';
import { isKey } from '../../src/handshake/key.ts';
import { acceptRequest, selectSubprotocol, verifyRequest } from '../../src/handshake/server.ts';
import {
  type Field,
  prototypeKeys,
  readHead,
  refusalOf,
  response,
  sampleAccept,
  sampleKey,
  valuesOf,
} from './samples.ts';

const target = parseTarget('ws://server.example.com/chat');

describe('the URL of a client', () => {
  test.each<[string, Partial<WebSocketTarget>]>([
    [
      'ws://example.com',
      { secure: false, hostname: 'example.com', port: 80, host: 'example.com', resource: '/' },
    ],
    ['wss://example.com', { secure: true, port: 443, host: 'example.com', resource: '/' }],
    ['WS://EXAMPLE.com/Path', { secure: false, hostname: 'example.com', resource: '/Path' }],
    ['ws://example.com:80/', { port: 80, host: 'example.com', href: 'ws://example.com/' }],
    ['wss://example.com:443/', { port: 443, host: 'example.com', href: 'wss://example.com/' }],
    ['ws://example.com:443/', { secure: false, port: 443, host: 'example.com:443' }],
    ['wss://example.com:80/', { secure: true, port: 80, host: 'example.com:80' }],
    ['ws://example.com:9001/a', { port: 9001, host: 'example.com:9001' }],
    ['http://example.com/a', { secure: false, port: 80, host: 'example.com', href: 'ws://example.com/a' }],
    ['https://example.com/a', { secure: true, port: 443, host: 'example.com', href: 'wss://example.com/a' }],
    ['http://example.com:443/a', { secure: false, port: 443, host: 'example.com:443' }],
    ['https://example.com:80/a', { secure: true, port: 80, host: 'example.com:80' }],
    ['https://example.com:443/a', { port: 443, host: 'example.com' }],
    ['ws://127.0.0.1:8080/', { hostname: '127.0.0.1', host: '127.0.0.1:8080' }],
    ['ws://[::1]:8080/', { hostname: '::1', host: '[::1]:8080' }],
    ['ws://[2001:DB8::0:1]/', { hostname: '2001:db8::1', host: '[2001:db8::1]', port: 80 }],
  ])('U1, U3: parseTarget reads the host and the port of %s', (url, expected) => {
    expect(parseTarget(url)).toMatchObject(expected);
    expect(parseTarget(new URL(url))).toEqual(parseTarget(url));
  });

  test.each<[string, string]>([
    ['ws://h', '/'],
    ['ws://h/', '/'],
    ['ws://h?', '/'],
    ['ws://h?q', '/?q'],
    ['ws://h/a/b?c=d&e?f', '/a/b?c=d&e?f'],
    ['ws://h//a', '//a'],
    ['ws://h/a b?c d', '/a%20b?c%20d'],
    ['ws://h/%23', '/%23'],
    ['ws://h/ü?ö', '/%C3%BC?%C3%B6'],
    ['ws://h/\u010d\u010a', '/%C4%8D%C4%8A'],
    ['ws://h/\u007f', '/%7F'],
    ['ws://h/%0d%0aX:%20y', '/%0d%0aX:%20y'],
    ['ws://h/a/../b', '/b'],
    ['ws:\\\\h\\a', '/a'],
  ])('U3, U4, A9: parseTarget reads the resource name of the URL %j as %j', (url, resource) => {
    expect(parseTarget(url).resource).toBe(resource);
    expect(readHead(buildRequest(parseTarget(url)).head).startLine).toBe(`GET ${resource} HTTP/1.1`);
  });

  test.each<[string, string]>([
    ['ws://münchen.example/', 'xn--mnchen-3ya.example'],
    ['ws://MÜNCHEN.example/', 'xn--mnchen-3ya.example'],
    ['ws://例え.テスト/', 'xn--r8jz45g.xn--zckzah'],
    ['ws://ex%41mple.com/', 'example.com'],
    ['ws://\uff45xample.com/', 'example.com'],
  ])('U4, A44: parseTarget reads the host of the URL %j as %s', (url, hostname) => {
    expect(parseTarget(url)).toMatchObject({ hostname, host: hostname });
  });

  test.each([
    'ftp://example.com',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:,x',
    'wsss://example.com',
    'mailto:a@b',
    'blob:ws://example.com/',
    'constructor://x',
    '__proto__://x',
    'toString:x',
  ])('U1, O1, A44, A11: parseTarget refuses %s, because its scheme is neither ws nor wss', (url) => {
    expect(refusalOf(() => parseTarget(url))).toMatchObject({
      code: expect.stringMatching(/^WS_URL_S(CHEME|YNTAX)$/),
      stage: 'url',
      status: 0,
    });
  });

  test('U1: the error about the scheme of a URL contains the scheme', () => {
    expect(refusalOf(() => parseTarget('ftp://h'))).toMatchObject({ code: 'WS_URL_SCHEME', value: 'ftp:' });
  });

  test.each(['ws://h/#', 'ws://h#', 'ws://h/a#b', 'ws://h/?a#b', 'wss://h/a#', 'https://h/#x'])(
    'U2, O1, A44: parseTarget refuses %s, because it has a fragment',
    (url) => {
      expect(refusalOf(() => parseTarget(url)).code).toBe('WS_URL_FRAGMENT');
      expect(refusalOf(() => parseTarget(new URL(url)))).toMatchObject({ stage: 'url', status: 0 });
    },
  );

  test.each([
    '',
    'example.com',
    '/chat',
    '//example.com/',
    'ws:',
    'ws://',
    'ws:///',
    'ws://:80/',
    'ws://a b/',
    'ws://a<b/',
    'ws://a%00b/',
    'ws://a:65536/',
    'ws://a:b/',
    'ws://[::1/',
    'ws://[::1%25eth0]/',
    'ws://1.2.3.256/',
    'ws://\u00ad/',
    'ws://h/a\r\nX: y',
    'ws://h\r\n/',
    'ws://h/\0',
    'ws://h/\t',
    'ws://h/a\n',
    '\nws://h/',
  ])('O1, A9, A44: parseTarget refuses the URL %j, before any network activity', (url) => {
    expect(refusalOf(() => parseTarget(url))).toMatchObject({
      code: 'WS_URL_SYNTAX',
      stage: 'url',
      status: 0,
    });
  });

  test('A44: parseTarget decodes user information into separate members, and the request does not contain the user information', () => {
    const parsed = parseTarget('wss://us%40er:pa%3Ass%20w%C3%B6rd@example.com:8443/chat');
    expect(parsed).toEqual({
      secure: true,
      hostname: 'example.com',
      port: 8443,
      host: 'example.com:8443',
      resource: '/chat',
      username: 'us@er',
      password: 'pa:ss wörd',
      href: 'wss://example.com:8443/chat',
    });
    const { head, key } = buildRequest(parsed);
    expect(head.replace(key, '')).not.toMatch(/us|pa:?ss|authorization/i);
    expect(parseTarget('ws://example.com/')).toMatchObject({ username: '', password: '' });
    expect(parseTarget('ws://user@example.com/')).toMatchObject({ username: 'user', password: '' });
  });

  test('A44: parseTarget refuses user information that is not UTF-8, and its errors contain no password', () => {
    for (const [url, code] of [
      ['ws://user:secret%ff@h/', 'WS_URL_CREDENTIALS'],
      ['ws://secret%zz:p@h/', 'WS_URL_CREDENTIALS'],
      ['ws://user:secret@[h/', 'WS_URL_SYNTAX'],
      ['ws://u:secret@h:x/', 'WS_URL_SYNTAX'],
    ] as const) {
      const error = refusalOf(() => parseTarget(url));
      expect(error.code).toBe(code);
      expect(`${error.stack} ${error.value} ${String(error.cause)}`).not.toContain('secret');
    }
    expect(refusalOf(() => parseTarget('ws://h:x/')).value).toBe('ws://h:x/');
  });

  test('FAULT-10: if user information contains a stray "%", the error says how to write this character', () => {
    for (const url of [
      'ws://user:100%@h/',
      'ws://100%:pass@h/',
      'wss://u:%zz@h/',
      'ws://u:%e9@h/',
      'ws://%@h/',
    ]) {
      expect(refusalOf(() => parseTarget(url))).toMatchObject({
        code: 'WS_URL_CREDENTIALS',
        stage: 'url',
        message: expect.stringMatching(/user name or the password in the URL .*; a "%" is written "%25"/),
      });
    }
    expect(parseTarget('ws://user:100%25@h/').password).toBe('100%');
    // In other places of the URL, the server decides what "%" means.
    expect(parseTarget('ws://h/100%?%').resource).toBe('/100%?%');
  });

  test('A44: parseTarget does not change the URL object of the caller', () => {
    const url = new URL('https://user:pass@example.com/');
    parseTarget(url);
    expect(url.href).toBe('https://user:pass@example.com/');
  });
});

describe('the request of a client', () => {
  test('H1, H2, H3, H4, H5, H7, H11: a request has the request line, each field of §4.1 once, and nothing after the fields', () => {
    const { head, key } = buildRequest(target);
    expect(head).toBe(
      'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    expect(isKey(key)).toBe(true);
  });

  test('H5: each request has a new Sec-WebSocket-Key', () => {
    expect(new Set(Array.from({ length: 100 }, () => buildRequest(target).key)).size).toBe(100);
  });

  test.each([
    ['ws://h/', 'h'],
    ['ws://h:80/', 'h'],
    ['wss://h:443/', 'h'],
    ['wss://h:80/', 'h:80'],
    ['ws://h:9001/', 'h:9001'],
    ['ws://[::1]/', '[::1]'],
  ])('H3: a request to %s has the Host field %s', (url, host) => {
    expect(valuesOf(readHead(buildRequest(parseTarget(url)).head).fields, 'Host')).toEqual([host]);
  });

  test('H6, H8, H9, H10: a request has the origin, the subprotocols, the extensions and the fields that the application passed', () => {
    const { fields } = readHead(
      buildRequest(target, {
        origin: 'http://example.com',
        subprotocols: ['chat', 'superchat'],
        offers: [
          { name: 'foo', parameters: [['a', null]] },
          { name: 'foo', parameters: [['b', '1']] },
        ],
        headers: ['Cookie', 'a=b', 'X', '1', 'X', '2'],
      }).head,
    );
    expect(valuesOf(fields, 'Origin')).toEqual(['http://example.com']);
    expect(valuesOf(fields, 'Sec-WebSocket-Protocol')).toEqual(['chat, superchat']);
    expect(valuesOf(fields, 'Sec-WebSocket-Extensions')).toEqual(['foo; a, foo; b=1']);
    expect(valuesOf(fields, 'Cookie')).toEqual(['a=b']);
    expect(valuesOf(fields, 'X')).toEqual(['1', '2']);
  });

  test('H6, H8, H9: without origin, subprotocols and extensions, a request has no field for them', () => {
    const { fields } = readHead(buildRequest(target, { subprotocols: [], offers: [], headers: [] }).head);
    expect(fields).toHaveLength(5);
  });

  test('H10: if the application passes fields as an object, a field may have one value or several', () => {
    const headers = { Authorization: 'Basic YTpi', 'X-List': ['1', '2'], 'X-None': [] };
    const { fields } = readHead(buildRequest(target, { headers }).head);
    expect(fields.slice(5)).toEqual<Field[]>([
      ['Authorization', 'Basic YTpi'],
      ['X-List', '1'],
      ['X-List', '2'],
    ]);
    expect(readHead(buildRequest(target, { headers: {} }).head).fields).toHaveLength(5);
  });

  test('A11: a field or a subprotocol of a request may have the same name as a property of Object.prototype', () => {
    const headers = Object.fromEntries(prototypeKeys.map((key) => [key, 'v']));
    const { fields } = readHead(buildRequest(target, { headers, subprotocols: prototypeKeys }).head);
    for (const key of prototypeKeys) expect(valuesOf(fields, key)).toEqual(['v']);
    expect(valuesOf(fields, 'Sec-WebSocket-Protocol')).toEqual([prototypeKeys.join(', ')]);
  });

  const reserved = [
    ...['Host', 'Upgrade', 'Connection', 'Content-Length', 'Transfer-Encoding', 'Trailer', 'Expect'],
    ...['Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions'],
    ...['Sec-WebSocket-Accept', 'Sec-WebSocket-Anything'],
  ];

  test.each(reserved)(
    'H3, H4, H5, H7, H11: the application cannot set the field %s of a request, in any case, in a list or in an object',
    (name) => {
      for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
        expect(() => buildRequest(target, { headers: ['X', 'y', spelling, '1'] })).toThrow(TypeError);
        expect(() => buildRequest(target, { headers: { [spelling]: '1' } })).toThrow(TypeError);
      }
    },
  );

  test('H6: a request has at most one Origin field, whichever option sets it', () => {
    const origin = 'http://a.example';
    const { fields } = readHead(buildRequest(target, { headers: ['origin', origin] }).head);
    expect(valuesOf(fields, 'Origin')).toEqual([origin]);
    expect(() => buildRequest(target, { origin, headers: ['ORIGIN', origin] })).toThrow(TypeError);
    expect(() => buildRequest(target, { headers: ['Origin', origin, 'origin', origin] })).toThrow(TypeError);
  });

  test.each([
    '',
    ' ',
    'a b',
    'a,b',
    'a;b',
    '(a)',
    '"a"',
    'a/b',
    'ä',
    '\x7f',
    'a\r\nX: y',
    'a\0',
    '\u010d\u010a',
    1,
    null,
  ])('H8, A9: buildRequest refuses the subprotocol %j, because it is not a token', (subprotocol) => {
    const subprotocols = ['chat', subprotocol as string];
    expect(() => buildRequest(target, { subprotocols })).toThrow(TypeError);
  });

  test('H8: buildRequest refuses repeated subprotocols, but accepts names that differ in case', () => {
    expect(() => buildRequest(target, { subprotocols: ['a', 'b', 'a'] })).toThrow(TypeError);
    expect(buildRequest(target, { subprotocols: ['a', 'A'] }).head).toContain('a, A');
  });

  const injections = ['\r', '\n', '\0', 'a\r\nX: y', '\u010d\u010a', '\x7f', '\u2028'];

  test.each(injections)('A9: buildRequest refuses the text %j in every option', (text) => {
    const options: RequestOptions[] = [
      { headers: ['X', `a${text}`] },
      { headers: ['X', `${text}a`] },
      { headers: [`X${text}`, 'a'] },
      { headers: { X: `a${text}` } },
      { headers: { X: ['b', `a${text}`] } },
      { headers: { [`X${text}`]: 'a' } },
      { headers: [`Host${text}`, 'a'] },
      { origin: `http://a${text}` },
      { subprotocols: [`a${text}`] },
      { offers: [{ name: `a${text}`, parameters: [] }] },
      { offers: [{ name: 'a', parameters: [[`a${text}`, null]] }] },
      { offers: [{ name: 'a', parameters: [['a', `a${text}`]] }] },
    ];
    for (const option of options)
      expect(() => buildRequest(target, option), JSON.stringify(option)).toThrow(TypeError);
    for (const changed of [{ resource: `/a${text}` }, { host: `a${text}` }]) {
      expect(() => buildRequest({ ...target, ...changed })).toThrow(TypeError);
    }
  });

  test.each(['', 'chat', '?a', '*', '/a b', '/a#b', '/ä', 'http://h/', '/a HTTP/1.1'])(
    'H2: buildRequest refuses the resource name %j, because no URL can contain this name',
    (resource) => {
      expect(() => buildRequest({ ...target, resource })).toThrow(TypeError);
    },
  );

  test.each(['', 'a b', 'a/b', 'user@a', 'a, b', 'ä', '::1', 'a:b', 'a?', 'a\\'])(
    'H3: buildRequest refuses the host %j, because no URL can contain this host',
    (host) => {
      expect(() => buildRequest({ ...target, host })).toThrow(TypeError);
    },
  );

  test('H10: buildRequest refuses invalid header options', () => {
    for (const headers of [
      ['X'],
      ['X', 1],
      ['X', undefined],
      { X: 1 },
      { X: null },
      { X: [1] },
      { 'X Y': 'a' },
      { '': 'a' },
    ]) {
      expect(() => buildRequest(target, { headers: headers as string[] }), JSON.stringify(headers)).toThrow(
        TypeError,
      );
    }
  });
});

describe('the response that a client checks', () => {
  const foo: ExtensionOffer = { name: 'foo', parameters: [['a', '1']] };
  const bar: ExtensionOffer = { name: 'bar', parameters: [] };
  const plain: ExpectedResponse = { key: sampleKey };

  function expectFailure(
    head: HttpResponseHead,
    code: RefusalCode,
    expected: ExpectedResponse = plain,
  ): void {
    const error = refusalOf(() => verifyResponse(head, expected));
    expect(error).toMatchObject({ code, stage: refusals[code].stage, status: head.status });
    expect(error.headers).toEqual(head.headers);
    expect(error.message).not.toBe('');
  }

  test('V1, V2, V3, V4, V5, V6, V7: a client accepts the response of RFC 6455 §1.3', () => {
    expect(verifyResponse(response(), plain)).toEqual({ subprotocol: '', extensions: [] });
    const chat = response({ 'Sec-WebSocket-Protocol': ['chat'] });
    expect(verifyResponse(chat, { ...plain, subprotocols: ['superchat', 'chat'] }).subprotocol).toBe('chat');
  });

  test.each([100, 103, 200, 204, 301, 302, 307, 400, 401, 403, 404, 426, 500, 503, 999])(
    'V1: a client refuses a response with the status %d, although its fields are correct, and the error contains the fields',
    (status) => {
      const headers = { 'WWW-Authenticate': ['Basic'], Location: ['/'] };
      expectFailure(response(headers, { status }), 'WS_RESPONSE_STATUS');
    },
  );

  test.each(['1.0', '0.9', '2.0'])('V7: a client refuses a 101 response in HTTP/%s', (httpVersion) => {
    expectFailure(response({}, { httpVersion }), 'WS_RESPONSE_HTTP_VERSION');
  });

  test.each([
    ['Content-Length', '00'],
    ['Content-Length', '+0'],
    ['Content-Length', ''],
    ['content-length', '5'],
    ['Transfer-Encoding', 'chunked'],
    ['transfer-encoding', ''],
  ])('V7, A45: a client refuses a 101 response with the field %s: %j', (name, value) => {
    expectFailure(response({ [name]: [value] }), 'WS_RESPONSE_BODY');
  });

  test('FAULT-0, V7: a client accepts a 101 response with one Content-Length of 0 (from ws4py), and refuses two such fields', () => {
    expect(verifyResponse(response({ 'Content-Length': ['0'] }), plain).subprotocol).toBe('');
    expectFailure(response({ 'Content-Length': ['0', '0'] }), 'WS_RESPONSE_BODY');
    expectFailure(
      response({ 'Content-Length': ['0'], 'Transfer-Encoding': ['identity'] }),
      'WS_RESPONSE_BODY',
    );
  });

  test.each([
    [[]],
    [['']],
    [['h2c']],
    [['websockets']],
    [['websocket, h2c']],
    [['websocket', 'websocket']],
    [['websocket', 'h2c']],
    [['websocket/13']],
    [['"websocket"']],
    [['websoc\u212aet']],
  ])('V2, A46: a client refuses a response with the Upgrade fields %j', (Upgrade) => {
    expectFailure(response({ Upgrade }), 'WS_RESPONSE_UPGRADE');
  });

  test.each(['websocket', 'WebSocket', 'WEBSOCKET', '\twebsocket '])(
    'V2: a client accepts a response with the Upgrade field %j',
    (value) => {
      expect(verifyResponse(response({ Upgrade: [value] }), plain).subprotocol).toBe('');
    },
  );

  test.each([
    [[]],
    [['']],
    [['close']],
    [['keep-alive']],
    [['Upgrades']],
    [['"Upgrade"']],
    [['Upgrade;']],
    [['Up grade']],
  ])('V3, A46: a client refuses a response with the Connection fields %j', (Connection) => {
    expectFailure(response({ Connection }), 'WS_RESPONSE_CONNECTION');
  });

  test.each([
    [['upgrade']],
    [['UPGRADE']],
    [['keep-alive, Upgrade']],
    [['keep-alive', 'Upgrade']],
    [[',Upgrade ,']],
    [['Upgrade', 'Upgrade']],
    [['Upgrade, upgrade']],
    [['Upgrade', 'keep-alive']],
  ])('V3: a client accepts a response with the Connection fields %j', (Connection) => {
    expect(verifyResponse(response({ Connection }), plain).subprotocol).toBe('');
  });

  test.each([
    [[]],
    [['']],
    [[sampleAccept, sampleAccept]],
    [[`${sampleAccept}, ${sampleAccept}`]],
    [[sampleAccept.toLowerCase()]],
    [[sampleAccept.slice(0, -1)]],
    [[`${sampleAccept}=`]],
    [[`"${sampleAccept}"`]],
    [[sampleKey]],
    [['AAAAAAAAAAAAAAAAAAAAAAAAAAA=']],
  ])('V4, A46: a client refuses a response with the Sec-WebSocket-Accept fields %j', (values) => {
    expectFailure(response({ 'Sec-WebSocket-Accept': values }), 'WS_RESPONSE_ACCEPT');
  });

  test('V4: a client refuses the Sec-WebSocket-Accept of another key', () => {
    expectFailure(response(), 'WS_RESPONSE_ACCEPT', { key: 'AAAAAAAAAAAAAAAAAAAAAA==' });
  });

  test('V4: a client ignores white space around the value of Sec-WebSocket-Accept', () => {
    const padded = response({ 'Sec-WebSocket-Accept': [` \t${sampleAccept}\t `] });
    expect(verifyResponse(padded, plain).extensions).toEqual([]);
  });

  test.each([[['chat']], [['']], [['Superchat']], [['superchat, chat2']], [['superchat2']], [['__proto__']]])(
    'V6, A47: a client refuses the subprotocol fields %j of a response, because it did not offer these subprotocols',
    (values) => {
      const subprotocols = ['superchat', 'chat2'];
      const head = response({ 'Sec-WebSocket-Protocol': values });
      expectFailure(head, 'WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED', { ...plain, subprotocols });
      expectFailure(head, 'WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED');
    },
  );

  test('V6: a client refuses a response with two subprotocol fields, even if their values are equal', () => {
    const expected = { ...plain, subprotocols: ['a', 'b'] };
    for (const values of [
      ['a', 'a'],
      ['a', 'b'],
      ['a', ''],
    ]) {
      expectFailure(
        response({ 'Sec-WebSocket-Protocol': values }),
        'WS_RESPONSE_SUBPROTOCOL_REPEATED',
        expected,
      );
    }
  });

  test('V6: a client accepts a response without a subprotocol if the application does not require one', () => {
    const expected = { ...plain, subprotocols: ['a', 'b'] };
    expect(verifyResponse(response(), expected).subprotocol).toBe('');
    expectFailure(response(), 'WS_RESPONSE_SUBPROTOCOL_MISSING', { ...expected, requireSubprotocol: true });
    expect(verifyResponse(response(), { ...plain, requireSubprotocol: true }).subprotocol).toBe('');
    const chosen = response({ 'Sec-WebSocket-Protocol': ['b'] });
    expect(verifyResponse(chosen, { ...expected, requireSubprotocol: true }).subprotocol).toBe('b');
  });

  test('V5, S20: a client merges the extension fields of a response in order, and calls `confirm` once', () => {
    const confirmed: (readonly ExtensionOffer[])[] = [];
    const head = response({ 'Sec-WebSocket-Extensions': ['bar', 'foo; a=2'] });
    const expected = {
      ...plain,
      offers: [foo, bar],
      confirm: (answers: readonly ExtensionOffer[]) => confirmed.push(answers),
    };
    const answers = [bar, { name: 'foo', parameters: [['a', '2']] }];
    expect(verifyResponse(head, expected).extensions).toEqual(answers);
    expect(confirmed).toEqual([answers]);
    expect(verifyResponse(response(), expected).extensions).toEqual([]);
    expect(confirmed).toHaveLength(1);
    expect(verifyResponse(head, { ...plain, offers: [foo, bar] }).extensions).toEqual(answers);
  });

  test.each([[['baz']], [['foo, baz']], [['foo', 'baz']], [['Foo']], [['foo, foo']], [['__proto__']]])(
    'V5, A47: a client refuses the extension fields %j of a response, because it did not offer these extensions',
    (values) => {
      const head = response({ 'Sec-WebSocket-Extensions': values });
      expectFailure(head, 'WS_RESPONSE_EXTENSION_NOT_OFFERED', { ...plain, offers: [foo] });
      expectFailure(head, 'WS_RESPONSE_EXTENSION_NOT_OFFERED');
    },
  );

  test.each(['', ' ', ','])(
    'FAULT-0, V5: a client reads the empty extension field %j of a response as no extension',
    (value) => {
      const head = response({ 'Sec-WebSocket-Extensions': [value] });
      const confirm = () => expect.unreachable();
      expect(verifyResponse(head, { ...plain, offers: [foo], confirm }).extensions).toEqual([]);
      expect(verifyResponse(head, plain).extensions).toEqual([]);
    },
  );

  test.each([
    'foo;',
    'foo bar',
    'foo; a="b c"',
    'foo; a=',
    'foo\u00a0',
    `${'foo,'.repeat(17)}`,
    'a'.repeat(8_193),
  ])('V5, S19: a client refuses the extension field %j of a response, because it is malformed', (value) => {
    const head = response({ 'Sec-WebSocket-Extensions': [value] });
    const offers = Array.from({ length: 20 }, () => foo);
    expectFailure(head, 'WS_RESPONSE_EXTENSIONS', { ...plain, offers });
    expect(refusalOf(() => verifyResponse(head, plain)).cause).toBeInstanceOf(Error);
  });

  test('V5, A47: if `confirm` throws for the parameters of an extension, the handshake fails with this error', () => {
    const head = response({ 'Sec-WebSocket-Extensions': ['foo; illegal'] });
    const error = refuse('WS_RESPONSE_EXTENSIONS');
    const confirm = () => {
      throw error;
    };
    expect(refusalOf(() => verifyResponse(head, { ...plain, offers: [foo], confirm }))).toBe(error);
  });

  test('A11: fields of a response that have names of Object.prototype have no effect', () => {
    const head = response();
    const headers = [...prototypeKeys.flatMap((key) => [key, '1']), ...head.headers, '__proto__', 'x'];
    expect(verifyResponse({ ...head, headers }, plain).extensions).toEqual([]);
  });

  test('V8, A46: if the Sec-WebSocket-Accept is wrong, a client refuses the response even if frames follow in the same chunk', () => {
    const parser = new HttpHeadParser('response');
    const head = parser.push(
      Buffer.from(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n\x81\x05Hello',
        'latin1',
      ),
    );
    expectFailure(head!, 'WS_RESPONSE_ACCEPT');
    expect(parser.rest()).toEqual(Buffer.from('\x81\x05Hello', 'latin1'));
  });

  test('V1: withBody adds the body of the response to the error of a refusal', () => {
    const error = refusalOf(() => verifyResponse(response({}, { status: 403 }), plain));
    expect(error.withBody(Buffer.from('why'))).toMatchObject({
      code: 'WS_RESPONSE_STATUS',
      status: 403,
      headers: error.headers,
    });
    expect(error.withBody(Buffer.from('why')).body.toString()).toBe('why');
  });
});

describe('a client and a server together', () => {
  const token = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"), minLength: 1, maxLength: 8 });
  const offer = fc.record({
    name: token,
    parameters: fc.array(fc.tuple(token, fc.option(token)), { maxLength: 3 }),
  });

  test('H1, H2, H3, H4, H5, H6, H7, H8, H9, H10, S15, S16, S17: a server accepts any request of the client, and the client accepts the response', () => {
    fc.assert(
      fc.property(
        fc.record({
          secure: fc.boolean(),
          port: fc.integer({ min: 1, max: 65_535 }),
          host: fc.constantFrom('example.com', 'münchen.example', '[::1]', '127.0.0.1', 'a_b'),
          path: fc.webPath(),
          query: fc.option(fc.webQueryParameters()),
          subprotocols: fc.uniqueArray(token, { maxLength: 6 }),
          supported: fc.array(token, { maxLength: 6 }),
          offers: fc.array(offer, { maxLength: 5 }),
          take: fc.nat(5),
        }),
        ({ secure, port, host, path, query, subprotocols, supported, offers, take }) => {
          const scheme = secure ? 'wss' : 'ws';
          const url = parseTarget(`${scheme}://${host}:${port}${path}${query === null ? '' : `?${query}`}`);
          const origin = `${secure ? 'https' : 'http'}://${url.host}`;
          const { head, key } = buildRequest(url, { subprotocols, offers, origin });

          const read = new HttpHeadParser('request').push(Buffer.from(head, 'latin1'));
          const remote = { address: '::1', port: 1, secure };
          const upgrade = verifyRequest({ ...read!, remote }, { origins: 'same-origin' });
          expect(upgrade).toMatchObject({
            target: url.resource,
            host: url.host,
            origin,
            key,
            subprotocols,
            offers,
          });
          const wanted = [...supported, ...subprotocols.slice(1)];
          const subprotocol = selectSubprotocol(upgrade.subprotocols, wanted);
          const accepted = acceptRequest(upgrade, { subprotocol, negotiate: (all) => all.slice(0, take) });

          const answer = new HttpHeadParser('response').push(Buffer.from(accepted.head, 'latin1'));
          expect(verifyResponse(answer!, { key, subprotocols, offers })).toEqual({
            subprotocol,
            extensions: offers.slice(0, take),
          });
        },
      ),
    );
  });
});
