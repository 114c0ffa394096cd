import { describe, expect, test } from 'vitest';
import { type RefusalCode, refusals, refuse } from '../../src/handshake/error.ts';
import type { ExtensionOffer } from '../../src/handshake/extension.ts';
import { computeAccept } from '../../src/handshake/key.ts';
import { formatRefusal } from '../../src/handshake/refusal.ts';
import {
  type Acceptance,
  acceptRequest,
  maxSubprotocols,
  selectSubprotocol,
  verifyRequest,
} from '../../src/handshake/server.ts';
import type { HandshakeRequest, UpgradeRequest } from '../../src/handshake/upgrade-request.ts';
import { prototypeKeys, readHead, refusalOf, request, sampleAccept, sampleKey, valuesOf } from './samples.ts';

function verify(one: HandshakeRequest): UpgradeRequest {
  return verifyRequest(one, { origins: 'same-origin' });
}

function expectRefused(one: HandshakeRequest, code: RefusalCode): void {
  const { status, stage } = refusals[code];
  expect(refusalOf(() => verify(one))).toMatchObject({ code, status, stage });
}

describe('a valid request', () => {
  test('S2, S3, S4, S5, S6, S7, S8: a verified request has all information of the request in its members', () => {
    const one = request(
      {
        Origin: ['http://server.example.com'],
        'Sec-WebSocket-Protocol': ['chat, superchat'],
        'Sec-WebSocket-Extensions': ['foo; bar=1'],
        Cookie: ['a=b'],
        'X-Twice': ['1', '2'],
      },
      { target: '/chat/room?name=a&b?c' },
    );
    const upgrade = verify(one);
    expect(upgrade).toMatchObject({
      method: 'GET',
      target: '/chat/room?name=a&b?c',
      httpVersion: '1.1',
      path: '/chat/room',
      query: 'name=a&b?c',
      host: 'server.example.com',
      origin: 'http://server.example.com',
      key: sampleKey,
      subprotocols: ['chat', 'superchat'],
      offers: [{ name: 'foo', parameters: [['bar', '1']] }],
      remote: { address: '192.0.2.1', port: 50_000, secure: false },
    });
    expect(upgrade.headers).toBe(one.headers);
    expect(upgrade.header('cookie')).toBe('a=b');
    expect(upgrade.header('x-TWICE')).toBe('1, 2');
    expect(upgrade.header('x-none')).toBeNull();
    expect(upgrade.headerValues('x-twice')).toEqual(['1', '2']);
    expect(upgrade.headerValues('x-none')).toEqual([]);
  });

  test('S8: a server accepts a request without subprotocols and extensions', () => {
    expect(verify(request())).toMatchObject({ origin: null, subprotocols: [], offers: [], query: '' });
  });

  test('S8: a server accepts the fields of a request in any order, and ignores unknown fields', () => {
    const { headers } = request({
      'Sec-WebSocket-Accept': ['x'],
      'Sec-WebSocket-Unknown': ['1'],
      'X-Y': [''],
    });
    const pairs: string[][] = [];
    for (let at = 0; at < headers.length; at += 2) pairs.push(headers.slice(at, at + 2));
    const reversed = { ...request(), headers: pairs.reverse().flat() };
    expect(verify(reversed).key).toBe(sampleKey);
  });

  test('A11: a request may use names of Object.prototype as fields, subprotocols, extensions and query parameters', () => {
    const changes = Object.fromEntries(prototypeKeys.map((key) => [`X-${key}`, ['1']]));
    const one = request(
      {
        ...changes,
        'Sec-WebSocket-Protocol': [prototypeKeys.join()],
        'Sec-WebSocket-Extensions': [prototypeKeys.join()],
      },
      { target: `/__proto__?${prototypeKeys.join('&')}` },
    );
    const upgrade = verify({
      ...one,
      headers: [...one.headers, ...prototypeKeys.flatMap((key) => [key, 'v'])],
    });
    expect(upgrade.subprotocols).toEqual(prototypeKeys);
    expect(upgrade.offers.map(({ name }) => name)).toEqual(prototypeKeys);
    expect(upgrade.path).toBe('/__proto__');
    for (const key of prototypeKeys) expect(upgrade.header(key)).toBe('v');
    for (const key of prototypeKeys) expect(verify(request()).header(key)).toBeNull();
  });
});

describe('S2: method, version and target of a request', () => {
  test.each(['POST', 'HEAD', 'CONNECT', 'OPTIONS', 'get', 'GETT', ''])(
    'S2: a server refuses the method %j with 405',
    (method) => {
      expectRefused(request({}, { method }), 'WS_HANDSHAKE_METHOD');
    },
  );

  test.each(['1.0', '0.9', '2.0', '1', '', '1.10'])(
    'S2: a server refuses HTTP/%s with 505',
    (httpVersion) => {
      expectRefused(request({}, { httpVersion }), 'WS_HANDSHAKE_HTTP_VERSION');
    },
  );

  test.each(['1.1', '1.2', '1.9'])('S2: a server accepts HTTP/%s', (httpVersion) => {
    expect(verify(request({}, { httpVersion })).httpVersion).toBe(httpVersion);
  });

  test.each<[target: string, path: string, query: string]>([
    ['/', '/', ''],
    ['/?', '/', ''],
    ['/a?b', '/a', 'b'],
    ['/a?b?c=/d', '/a', 'b?c=/d'],
    ['//evil.example/x', '//evil.example/x', ''],
    ['//e/', '//e/', ''],
    ['///', '///', ''],
    ['/\\e', '/\\e', ''],
    ['/http://evil.example/', '/http://evil.example/', ''],
    ['/../a/./b', '/../a/./b', ''],
    ['/%2e%2e/%00%zz', '/%2e%2e/%00%zz', ''],
    ['/@evil.example', '/@evil.example', ''],
    ['/a%3Fb%23c', '/a%3Fb%23c', ''],
    ['/"{}|^`<>', '/"{}|^`<>', ''],
    ['http://server.example.com', '/', ''],
    ['http://server.example.com/', '/', ''],
    ['http://server.example.com?a', '/', 'a'],
    ['http://server.example.com/chat?a=b', '/chat', 'a=b'],
    ['https://server.example.com//x', '//x', ''],
    ['HTTP://SERVER.example.COM/Chat', '/Chat', ''],
  ])(
    'S2, A2: for the target %j, the request has the path %j and the query %j, unchanged',
    (target, path, query) => {
      expect(verify(request({}, { target }))).toMatchObject({ target, path, query });
    },
  );

  test.each([
    '',
    '*',
    'chat',
    '?a',
    'server.example.com',
    'server.example.com:80',
    'http://evil.example/',
    'http://server.example.com.evil.example/',
    'http://server.example.comx/',
    'http://server.example.com:80/',
    'http://server.example.com:8080/',
    'http://server.example.com.',
    'http://server.example.co/',
    'http://user@server.example.com/',
    'http://server.example.com@evil.example/',
    'http://server.example.com\\@evil.example/',
    'http://server.example.com\\',
    'http:///chat',
    'http://h/',
    'http:/server.example.com/',
    'http:server.example.com/',
    'http://',
    '\\\\server.example.com/',
    'ws://server.example.com/',
    'wss://server.example.com/',
    'ftp://server.example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '/a#b',
    '/#',
    '/a?b#c',
    'http://server.example.com/#',
    'http://server.example.com#/',
    '/a b',
    '/a\tb',
    '/a\r\nb',
    '/a\0',
    '/\u00e4',
    '/\u2603',
    ' /',
  ])('S2, A2: a server refuses the target %j with 400', (target) => {
    expectRefused(request({}, { target }), 'WS_HANDSHAKE_TARGET');
  });

  test('S2, A2: the port in an absolute target must be the port in the Host field', () => {
    const changes = { Host: ['[::1]:8080'] };
    expect(verify(request(changes, { target: 'http://[::1]:8080/a' })).path).toBe('/a');
    expectRefused(request(changes, { target: 'http://[::1]/a' }), 'WS_HANDSHAKE_TARGET');
    expectRefused(request(changes, { target: 'http://[::1]:808/a' }), 'WS_HANDSHAKE_TARGET');
  });
});

describe('S3: the Host field of a request', () => {
  test.each([
    [[]],
    [['']],
    [['a', 'a']],
    [['server.example.com', 'evil.example']],
    [['a, b']],
    [['http://a']],
    [['a/b']],
    [['user@a']],
    [['a:b']],
    [['a b']],
    [['a:65536']],
    [['\u00e4']],
  ])('S3, A8: a server refuses the Host fields %j with 400', (Host) => {
    expectRefused(request({ Host }), 'WS_HANDSHAKE_HOST');
  });

  test.each(['a', 'a:80', '127.0.0.1:9001', '[::1]', 'EXAMPLE.com.'])(
    'S3: a server accepts the Host field %j',
    (host) => {
      expect(verify(request({ Host: [host] })).host).toBe(host);
    },
  );
});

describe('A3: a request with a body', () => {
  test.each<[string, string]>([
    ['Content-Length', '5'],
    ['Content-Length', '00'],
    ['Content-Length', '-0'],
    ['Content-Length', '0x0'],
    ['content-length', '+0'],
    ['Content-Length', ''],
    ['Content-Length', '0, 0'],
    ['Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'identity'],
    ['TRANSFER-ENCODING', 'xchunked'],
    ['Transfer-Encoding', ''],
    ['Expect', '100-continue'],
    ['expect', ''],
  ])('S1, A3: a server refuses a request with the field %s: %j with 400', (name, value) => {
    expectRefused(request({ [name]: [value] }), 'WS_HANDSHAKE_BODY');
  });

  test('S1, A3: a server accepts a single Content-Length of 0, because it announces no body', () => {
    expect(verify(request({ 'content-length': ['0'] })).method).toBe('GET');
    expectRefused(request({ 'Content-Length': ['0', '0'] }), 'WS_HANDSHAKE_BODY');
    expectRefused(
      request({ 'Content-Length': ['0'], 'Transfer-Encoding': ['chunked'] }),
      'WS_HANDSHAKE_BODY',
    );
    expectRefused(request({ 'Content-Length': ['0'], Expect: ['100-continue'] }), 'WS_HANDSHAKE_BODY');
  });

  test('S1, A3: a server answers 400 to a request that has both Content-Length and Transfer-Encoding', () => {
    expectRefused(
      request({ 'Content-Length': ['4', '0'], 'Transfer-Encoding': ['chunked'] }),
      'WS_HANDSHAKE_BODY',
    );
  });
});

describe('S4: the fields Upgrade and Connection of a request', () => {
  test.each([
    [['websocket']],
    [['WebSocket']],
    [['WEBSOCKET']],
    [['h2c, websocket']],
    [['websocket, h2c/2.0']],
    [['h2c', 'websocket']],
    [['', 'websocket']],
    [[',\twebsocket ,']],
  ])('S4: a server accepts the Upgrade fields %j, because they list websocket', (Upgrade) => {
    expect(verify(request({ Upgrade })).key).toBe(sampleKey);
  });

  test.each([
    [[]],
    [['']],
    [['h2c']],
    [['websockets']],
    [['websocket/13']],
    [['web, socket']],
    [['h2c', 'TLS/1.0']],
  ])(
    'S4, S13: a server answers 426 and the version 13 to the Upgrade fields %j, which do not list websocket',
    (Upgrade) => {
      const error = refusalOf(() => verify(request({ Upgrade })));
      expect(error).toMatchObject({ code: 'WS_HANDSHAKE_UPGRADE', status: 426 });
      expect(error.headers).toEqual(['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13']);
    },
  );

  test.each(['websocket; a', '"websocket"', 'web socket', 'websocket=1', 'websocket/', 'websoc\u212aet'])(
    'S4, S1: a server refuses the malformed Upgrade field %j with 400',
    (value) => {
      expectRefused(request({ Upgrade: [value] }), 'WS_HANDSHAKE_UPGRADE_SYNTAX');
    },
  );

  test.each([
    [['Upgrade']],
    [['upgrade']],
    [['UPGRADE']],
    [['keep-alive, Upgrade']],
    [['keep-alive', 'Upgrade']],
    [['Upgrade', 'keep-alive']],
    [[' ,keep-alive ,,\tUpgrade,']],
  ])('S4: a server accepts the Connection fields %j, because they list Upgrade', (Connection) => {
    expect(verify(request({ Connection })).key).toBe(sampleKey);
  });

  test.each([
    [[]],
    [['']],
    [['keep-alive']],
    [['close']],
    [['Upgrades']],
    [['Upgrade; a']],
    [['Up grade']],
    [['"Upgrade"']],
  ])('S4: a server answers 400 to the Connection fields %j, which do not list Upgrade', (Connection) => {
    expectRefused(request({ Connection }), 'WS_HANDSHAKE_CONNECTION');
  });

  test.each(['Upgrade', 'Connection', 'Sec-WebSocket-Protocol'])(
    'A10: a server refuses a %s field of more than 8 KiB with 431',
    (name) => {
      const last = name === 'Upgrade' ? 'websocket' : 'upgrade';
      const value = (size: number) => `${'a'.repeat(size - last.length - 1)},${last}`;
      expect(verify(request({ [name]: [value(8_192)] })).key).toBe(sampleKey);
      expectRefused(request({ [name]: [value(8_193)] }), 'WS_HANDSHAKE_FIELD_SIZE');
      expectRefused(request({ [name]: ['a'.repeat(5_000), value(5_000)] }), 'WS_HANDSHAKE_FIELD_SIZE');
    },
  );
});

describe('S5: the key of a request', () => {
  test.each([
    [[]],
    [['']],
    [[sampleKey, sampleKey]],
    [[sampleKey, 'AAAAAAAAAAAAAAAAAAAAAA==']],
    [[`${sampleKey}, ${sampleKey}`]],
    [['dGhlIHNhbXBsZSBub25jZQ']],
    [['dGhlIHNhbXBsZSBub25j']],
    [['dGhlIHNhbXBsZSBub25jZSE=']],
    [['not base64 at all!!!!!==']],
  ])('S5: a server refuses the key fields %j with 400', (values) => {
    expectRefused(request({ 'Sec-WebSocket-Key': values }), 'WS_HANDSHAKE_KEY');
  });

  test('FAULT-0, S5, S17: a server accepts a key with extra bits in the last character, and uses the text of this key for Sec-WebSocket-Accept', () => {
    const key = 'AAAAAAAAAAAAAAAAAAAAAB==';
    const upgrade = verify(request({ 'Sec-WebSocket-Key': [key] }));
    expect(upgrade.key).toBe(key);
    expect(acceptRequest(upgrade).head).toContain(`\r\nSec-WebSocket-Accept: ${computeAccept(key)}\r\n`);
  });

  test('S5: a server ignores white space around the key', () => {
    expect(verify(request({ 'Sec-WebSocket-Key': [` \t${sampleKey} `] })).key).toBe(sampleKey);
  });
});

describe('S6, S13: the version of a request', () => {
  test.each([
    '0',
    '7',
    '8',
    '12',
    '14',
    '99',
    '255',
    '013',
    '13,8',
    '13, 8',
    '8, 13',
    '13,',
    '+13',
    '1 3',
    '13.0',
    '0xd',
    '13a',
    '\u0661\u0663',
    '',
  ])('S6, S13, A5: a server answers 426 and the version 13 to a request with version %j', (version) => {
    const error = refusalOf(() => verify(request({ 'Sec-WebSocket-Version': [version] })));
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_VERSION', status: 426, value: version });
    expect(error.headers).toEqual(['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13']);
  });

  test('S6, S13: a server answers 426 to a request without Sec-WebSocket-Version, even if the request follows an old draft and has no Sec-WebSocket-Key', () => {
    expectRefused(request({ 'Sec-WebSocket-Version': [] }), 'WS_HANDSHAKE_VERSION');
    const hybi00 = {
      'Sec-WebSocket-Version': [],
      'Sec-WebSocket-Key': [],
      'Sec-WebSocket-Key1': ['4 @1  46546xW%0l 1 5'],
    };
    expectRefused(request(hybi00), 'WS_HANDSHAKE_VERSION');
  });

  test.each([[['13', '13']], [['13', '8']], [['8', '13']], [['13', '']]])(
    'S6: a server refuses the two version fields %j with 400',
    (values) => {
      expectRefused(request({ 'Sec-WebSocket-Version': values }), 'WS_HANDSHAKE_VERSION_REPEATED');
    },
  );

  test.each([' 13', '13\t', '\t 13 '])(
    'S6, A5: a server accepts the version field %j, because white space around 13 is allowed',
    (version) => {
      expect(verify(request({ 'Sec-WebSocket-Version': [version] })).key).toBe(sampleKey);
    },
  );
});

describe('S8: the subprotocols of a request', () => {
  test.each<[string[], string[]]>([
    [['chat'], ['chat']],
    [['chat, superchat'], ['chat', 'superchat']],
    [
      ['b', 'a, c'],
      ['b', 'a', 'c'],
    ],
    [
      [', b,,', 'a'],
      ['b', 'a'],
    ],
    [['Chat, chat'], ['Chat', 'chat']],
  ])('S8, S20: the subprotocol fields %j offer the subprotocols %j', (values, expected) => {
    expect(verify(request({ 'Sec-WebSocket-Protocol': values })).subprotocols).toEqual(expected);
  });

  test.each([
    [['']],
    [[',']],
    [['', '']],
    [['a b']],
    [['a;b']],
    [['"a"']],
    [['a/b']],
    [['\u00e4']],
    [['a, a']],
    [['a', 'b', 'a']],
    [['a,', '(b)']],
  ])('S8, S1: a server refuses the subprotocol fields %j with 400', (values) => {
    expectRefused(request({ 'Sec-WebSocket-Protocol': values }), 'WS_HANDSHAKE_SUBPROTOCOLS');
  });

  test('A12: a server accepts 64 subprotocols, and refuses 65 with 400', () => {
    const names = (count: number) => Array.from({ length: count }, (_, at) => `p${at}`);
    expect(maxSubprotocols).toBe(64);
    expect(verify(request({ 'Sec-WebSocket-Protocol': names(64) })).subprotocols).toHaveLength(64);
    expectRefused(request({ 'Sec-WebSocket-Protocol': names(65) }), 'WS_HANDSHAKE_SUBPROTOCOL_COUNT');
    expectRefused(
      request({ 'Sec-WebSocket-Protocol': [names(65).join()] }),
      'WS_HANDSHAKE_SUBPROTOCOL_COUNT',
    );
  });
});

describe('S8, S19, S20: the extensions of a request', () => {
  test('S20: if a request has several extension fields, the offers keep their order', () => {
    const { offers } = verify(request({ 'Sec-WebSocket-Extensions': ['a; x', 'b, c; y=1'] }));
    expect(offers).toEqual([
      { name: 'a', parameters: [['x', null]] },
      { name: 'b', parameters: [] },
      { name: 'c', parameters: [['y', '1']] },
    ]);
  });

  test.each(['', ' ', ',', ', ,'])(
    'FAULT-0, S8: a server reads the empty extension field %j as no offer',
    (value) => {
      expect(verify(request({ 'Sec-WebSocket-Extensions': [value] })).offers).toEqual([]);
      expect(verify(request({ 'Sec-WebSocket-Extensions': [value, 'a', value] })).offers).toEqual([
        { name: 'a', parameters: [] },
      ]);
    },
  );

  test.each(['a;', 'a b', 'a; b="c d"'])(
    'S19, S18: a server refuses the extension field %j with 400',
    (value) => {
      expectRefused(request({ 'Sec-WebSocket-Extensions': [value] }), 'WS_HANDSHAKE_EXTENSIONS');
    },
  );
});

test('S12, S21: if an origin is not allowed, a server refuses the request with 403, and the error names the option "origins"', () => {
  const error = refusalOf(() => verify(request({ Origin: ['http://evil.example'] })));
  expect(error).toMatchObject({ code: 'WS_HANDSHAKE_ORIGIN', status: 403, value: 'http://evil.example' });
  expect(error.message).toContain('"origins"');
  // The response to the peer does not contain the origin.
  expect(formatRefusal(error)).not.toContain('evil');
});

test('FAULT-0: the error about a refused origin contains the escaped Origin and Host, and says what to do', () => {
  const origin = `http://page.example${String.fromCharCode(0x9b)}31m"`;
  const error = refusalOf(() => verify(request({ Origin: [origin], Host: ['127.0.0.1:8080'] })));
  expect(error.message).toContain('Origin "http://page.example\\u009b31m\\u0022", Host "127.0.0.1:8080"');
  expect(error.message).toContain('proxy_set_header Host $host');
  expect(error.message).toMatch(/^[ -~§]+$/);
  const long = refusalOf(() => verify(request({ Origin: [`http://${'x'.repeat(5_000)}`] })));
  expect(long.message.length).toBeLessThan(700);
});

describe('accepting a request', () => {
  const offered = () =>
    verify(
      request({
        'Sec-WebSocket-Protocol': ['chat, superchat'],
        'Sec-WebSocket-Extensions': ['foo; bar=1, baz, foo'],
      }),
    );
  const foo: ExtensionOffer = { name: 'foo', parameters: [['bar', '2']] };
  const baz: ExtensionOffer = { name: 'baz', parameters: [] };

  test('S17: a 101 response has only Upgrade, Connection and the Sec-WebSocket-Accept of RFC 6455 §1.3', () => {
    expect(acceptRequest(verify(request()))).toEqual({
      head:
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${sampleAccept}\r\n\r\n`,
      subprotocol: '',
      extensions: [],
    });
  });

  test('S15, S16, S17: a 101 response has one line for the subprotocol, one for the extensions, and one for each further field', () => {
    const accepted = acceptRequest(offered(), {
      subprotocol: 'superchat',
      negotiate: (offers) => {
        expect(offers.map(({ name }) => name)).toEqual(['foo', 'baz', 'foo']);
        return [foo, baz];
      },
      headers: ['Set-Cookie', 'a=b', 'Set-Cookie', 'c=d'],
    });
    expect(accepted).toMatchObject({ subprotocol: 'superchat', extensions: [foo, baz] });
    const { startLine, fields, body } = readHead(accepted.head);
    expect(startLine).toBe('HTTP/1.1 101 Switching Protocols');
    expect(valuesOf(fields, 'Sec-WebSocket-Protocol')).toEqual(['superchat']);
    expect(valuesOf(fields, 'Sec-WebSocket-Extensions')).toEqual(['foo; bar=2, baz']);
    expect(valuesOf(fields, 'Set-Cookie')).toEqual(['a=b', 'c=d']);
    expect(body).toBe('');
  });

  test('S15: without an agreed subprotocol, a 101 response has no subprotocol field', () => {
    for (const acceptance of [{}, { subprotocol: '' }] satisfies Acceptance[]) {
      expect(acceptRequest(offered(), acceptance).head).not.toMatch(/protocol:/i);
    }
  });

  test('S15: acceptRequest refuses a subprotocol that the client did not offer in exactly this spelling', () => {
    for (const subprotocol of ['other', 'Chat', 'chat, superchat', ' chat', ...prototypeKeys]) {
      expect(() => acceptRequest(offered(), { subprotocol }), subprotocol).toThrow(TypeError);
    }
    expect(() => acceptRequest(verify(request()), { subprotocol: 'chat' })).toThrow(TypeError);
  });

  test('S16: acceptRequest refuses an extension that the client did not offer, or that the response names more often than the client offered it', () => {
    const answers: ExtensionOffer[][] = [
      [{ name: 'other', parameters: [] }],
      [{ name: 'Foo', parameters: [] }],
      [baz, baz],
      [foo, foo, foo],
      [foo, { name: '__proto__', parameters: [] }],
    ];
    for (const extensions of answers) {
      expect(() => acceptRequest(offered(), { negotiate: () => extensions })).toThrow(TypeError);
    }
    expect(() => acceptRequest(verify(request()), { negotiate: () => [foo] })).toThrow(TypeError);
    expect(acceptRequest(offered(), { negotiate: () => [] }).head).not.toMatch(/extensions:/i);
    expect(acceptRequest(offered(), { negotiate: () => [foo, foo] }).extensions).toHaveLength(2);
  });

  test('S16: an exception of the `negotiate` function reaches the caller of acceptRequest', () => {
    const error = refuse('WS_HANDSHAKE_EXTENSIONS');
    const negotiate = () => {
      throw error;
    };
    expect(refusalOf(() => acceptRequest(offered(), { negotiate }))).toBe(error);
  });

  test.each([
    'Upgrade',
    'connection',
    'Content-Length',
    'TRANSFER-ENCODING',
    'Sec-WebSocket-Accept',
    'sec-websocket-protocol',
    'Sec-WebSocket-Extensions',
    'SEC-WEBSOCKET-VERSION',
    'Sec-WebSocket-Anything',
  ])('S17: the application cannot set the field %s of a 101 response', (name) => {
    expect(() => acceptRequest(offered(), { headers: ['X', 'y', name, '1'] })).toThrow(TypeError);
  });

  test.each(['\r', '\n', '\0', 'a\r\nX: y', '\u010d\u010a'])(
    'A9: acceptRequest refuses the text %j in a field of the response',
    (text) => {
      expect(() => acceptRequest(offered(), { headers: ['X', `a${text}`] })).toThrow(TypeError);
      expect(() => acceptRequest(offered(), { headers: [`X${text}`, 'a'] })).toThrow(TypeError);
      const negotiate = () => [{ name: 'baz', parameters: [[`a${text}`, null] as const] }];
      expect(() => acceptRequest(offered(), { negotiate })).toThrow(TypeError);
    },
  );
});

describe('S15: choosing a subprotocol of the client', () => {
  test.each<[string[], string[], string]>([
    [['a', 'b'], ['b', 'a'], 'a'],
    [['a', 'b'], ['b'], 'b'],
    [['a'], ['b'], ''],
    [['a'], ['A'], ''],
    [[], ['a'], ''],
    [['a'], [], ''],
    [['toString', 'a'], ['a'], 'a'],
  ])(
    'S15: if the client offers %j and the server supports %j, the server chooses %j',
    (offered, supported, expected) => {
      expect(selectSubprotocol(offered, supported)).toBe(expected);
    },
  );
});
