import { describe, expect, test } from 'vitest';
import { checkOriginPolicy, isAllowedOrigin, type OriginPolicy } from '../../src/handshake/origin.ts';
import { verifyRequest } from '../../src/handshake/server.ts';
import type { UpgradeRequest } from '../../src/handshake/upgrade-request.ts';
import { prototypeKeys, refusalOf, request } from './samples.ts';

/** Returns true if a request with this Origin and this Host is accepted. */
function passes(origins: OriginPolicy, origin: string | null, host = 'server.example.com'): boolean {
  const changed = request({ Host: [host], Origin: origin === null ? [] : [origin] });
  let upgrade: UpgradeRequest;
  try {
    upgrade = verifyRequest(changed, { origins });
  } catch {
    const error = refusalOf(() => verifyRequest(changed, { origins }));
    expect(error).toMatchObject({
      code: 'WS_HANDSHAKE_ORIGIN',
      status: 403,
      stage: 'request',
      value: origin,
    });
    return false;
  }
  expect(upgrade.origin).toBe(origin);
  expect(isAllowedOrigin(origins, origin, upgrade)).toBe(true);
  return true;
}

describe('the origin policy same-origin', () => {
  test.each<[origin: string | null, host: string, allowed: boolean, why: string]>([
    [null, 'example.com', true, 'no Origin, so no browser'],
    ['http://example.com', 'example.com', true, 'the same host'],
    ['http://example.com:8080', 'example.com:8080', true, 'the same host with a port'],
    ['HTTP://EXAMPLE.COM', 'example.com', true, 'upper case in Origin'],
    ['http://example.com', 'EXAMPLE.com', true, 'upper case in Host'],
    ['https://example.com', 'example.com', true, 'another scheme, because TLS ends at a proxy'],
    ['http://example.com:80', 'example.com', true, 'default port of http in Origin'],
    ['http://example.com', 'example.com:80', true, 'default port of http in Host'],
    ['https://example.com:443', 'example.com', true, 'default port of https in Origin'],
    ['https://example.com', 'example.com:443', true, 'default port of https in Host'],
    ['https://example.com', 'example.com:80', false, 'the default port of another scheme in Host'],
    ['http://example.com', 'example.com:443', false, 'the default port of another scheme in Host'],
    ['http://example.com:443', 'example.com', false, 'the default port of another scheme in Origin'],
    ['http://example.com:8080', 'example.com', false, 'another port'],
    ['http://example.com', 'example.com:8080', false, 'another port'],
    ['http://evil.example', 'example.com', false, 'another host'],
    ['http://sub.example.com', 'example.com', false, 'a subdomain'],
    ['http://example.com', 'sub.example.com', false, 'a parent domain'],
    ['http://example.com.evil.example', 'example.com', false, 'the host as a prefix'],
    ['http://evilexample.com', 'example.com', false, 'the host as a suffix'],
    ['http://example.com.', 'example.com', false, 'a trailing dot in Origin, which is another name'],
    ['http://example.com', 'example.com.', false, 'a trailing dot in Host, which is another name'],
    ['http://example.com.', 'example.com.', true, 'a trailing dot in both'],
    ['http://xn--mnchen-3ya.example', 'xn--mnchen-3ya.example', true, 'punycode'],
    ['http://XN--MNCHEN-3YA.example', 'xn--mnchen-3ya.example', true, 'punycode in upper case'],
    ['http://m\u00fcnchen.example', 'xn--mnchen-3ya.example', false, 'not ASCII'],
    ['http://[::1]:8080', '[::1]:8080', true, 'IPv6'],
    ['http://[0:0:0:0:0:0:0:1]:8080', '[::1]:8080', true, 'IPv6 in another spelling'],
    ['http://127.0.0.1', 'localhost', false, 'another name of the same machine'],
    ['null', 'example.com', false, 'null'],
    ['null', 'null', false, 'null as Origin and as name of the host'],
    ['NULL', 'example.com', false, 'null in upper case'],
    ['', 'example.com', false, 'an empty Origin'],
    ['example.com', 'example.com', false, 'no scheme'],
    ['//example.com', 'example.com', false, 'no scheme'],
    ['http:example.com', 'example.com', false, 'no authority'],
    ['http:/example.com', 'example.com', false, 'no authority'],
    ['http://', 'example.com', false, 'no host'],
    ['http://example.com/', 'example.com', false, 'a path'],
    ['http://example.com/path', 'example.com', false, 'a path'],
    ['http://example.com?', 'example.com', false, 'a query'],
    ['http://example.com#', 'example.com', false, 'a fragment'],
    ['http://evil.example/http://example.com', 'example.com', false, 'the host in a path'],
    ['http://evil.example#@example.com', 'example.com', false, 'a fragment that looks like user information'],
    ['http://evil.example\\@example.com', 'example.com', false, 'a backslash'],
    ['http://user@example.com', 'example.com', false, 'user information'],
    ['http://example.com@evil.example', 'example.com', false, 'the host as user information'],
    ['http://example.com\t', 'example.com', true, 'white space at the end, which is not part of the value'],
    ['http://exam\tple.com', 'example.com', false, 'a tab, which URL would drop'],
    ['http://example.com http://evil.example', 'example.com', false, 'two origins in one field'],
    ['http://evil.example http://example.com', 'example.com', false, 'two origins in one field'],
    ['http://example.com, http://example.com', 'example.com', false, 'two origins with a comma'],
    ['http://example.com`evil.example', 'example.com', false, 'a backtick'],
    ['http://example.com$evil.example', 'example.com', false, 'a dollar sign'],
    ['http://*', 'example.com', false, 'a wildcard'],
    ['http://example.com:80:80', 'example.com', false, 'two ports'],
    ['http://example.com:99999', 'example.com', false, 'no port number'],
    ['ftp://example.com', 'example.com', false, 'a scheme whose pages do not come from a server'],
    ['ws://example.com', 'example.com', true, 'FAULT-0: ws is read as http (IXWebSocket, Starscream)'],
    ['WS://EXAMPLE.com:80', 'example.com', true, 'FAULT-0: ws with its default port'],
    ['wss://example.com:443', 'example.com', true, 'FAULT-0: wss is read as https'],
    ['wss://example.com', 'example.com:443', true, 'FAULT-0: the default port of wss in Host'],
    ['ws://example.com:8080', 'example.com:8080', true, 'FAULT-0: a port'],
    ['ws://example.com:8080', 'example.com', false, 'FAULT-0: another port'],
    ['ws://evil.example', 'example.com', false, 'FAULT-0: another host'],
    ['ws://user@example.com', 'example.com', false, 'FAULT-0: user information'],
    ['wsx://example.com', 'example.com', false, 'a scheme without pages'],
    ['capacitor://example.com', 'example.com', false, 'the scheme of an application'],
    ['file://', 'example.com', false, 'a file'],
  ])('S21, A1: for Origin %j and Host %j, the policy same-origin returns %j: %s', (origin, host, allowed) => {
    const sent = origin === 'http://example.com\t' ? 'http://example.com' : origin;
    expect(passes('same-origin', sent, host)).toBe(allowed);
    if (origin !== sent) {
      const upgrade = verifyRequest(request({ Host: [host], Origin: [origin!] }), { origins: 'same-origin' });
      expect(upgrade.origin).toBe(sent);
    }
  });

  test('S21, A1: a server refuses two Origin fields with 400 under every policy, even if their values are equal', () => {
    const origin = 'http://server.example.com';
    for (const origins of ['same-origin', 'any', [origin], () => true] satisfies OriginPolicy[]) {
      for (const second of [origin, 'http://evil.example', 'null', '']) {
        const error = refusalOf(() => verifyRequest(request({ Origin: [origin, second] }), { origins }));
        expect(error).toMatchObject({ code: 'WS_HANDSHAKE_ORIGIN_REPEATED', status: 400 });
      }
    }
  });
});

describe('a list of origins as the policy', () => {
  const origins = [
    'https://example.com',
    'http://localhost:8080',
    'https://M\u00fcnchen.example',
    'chrome-extension://abc',
  ];

  test.each<[string | null, boolean]>([
    [null, true],
    ['https://example.com', true],
    ['HTTPS://Example.Com:443', true],
    ['http://example.com', false],
    ['https://example.com:444', false],
    ['https://example.com.', false],
    ['https://example.com/', false],
    ['https://example.com.evil.example', false],
    ['https://evil.example', false],
    ['https://evil.example/https://example.com', false],
    ['https://example.com@evil.example', false],
    ['https://exam\tple.com', false],
    ['http://localhost:8080', true],
    ['http://localhost', false],
    ['http://server.example.com', false],
    ['https://xn--mnchen-3ya.example', true],
    ['https://m\u00fcnchen.example', false],
    ['chrome-extension://abc', true],
    ['chrome-extension://abd', false],
    ['null', false],
    ['', false],
  ])('S21, A1: for Origin %j, a policy that is a list returns %j', (origin, allowed) => {
    expect(passes(origins, origin)).toBe(allowed);
  });

  test("S21, A1: a list accepts the origin `null` only if it contains 'null', and this entry matches no other origin", () => {
    expect(passes(['null'], 'null')).toBe(true);
    expect(passes(['null'], 'NULL')).toBe(false);
    expect(passes(['null'], 'file://')).toBe(false);
    expect(passes(['null'], 'http://server.example.com')).toBe(false);
    expect(passes(['file://'], 'file://')).toBe(true);
    expect(passes(['file://'], 'null')).toBe(false);
  });

  test('S21: an empty list accepts only requests without an Origin', () => {
    expect(passes([], 'http://server.example.com')).toBe(false);
    expect(passes([], null)).toBe(true);
  });

  test('A1: an entry of a list that is not an origin matches nothing', () => {
    for (const entry of [
      '*',
      'https://*',
      'https://*.com',
      'example.com',
      'https://example.com/',
      '.*',
      '',
    ]) {
      expect(passes([entry], 'https://example.com'), entry).toBe(false);
      expect(passes([entry], entry), entry).toBe(false);
    }
  });

  test('A11: a list accepts no origin that is a name of Object.prototype', () => {
    for (const key of prototypeKeys) expect(passes(['null'], key)).toBe(false);
  });
});

describe('the policy any, and functions as policies', () => {
  test.each([null, 'http://evil.example', 'null', '', 'no origin at all'])(
    'S21, S7: the policy `any` accepts %j',
    (origin) => {
      expect(passes('any', origin)).toBe(true);
    },
  );

  test('S21: if a request has an Origin, a policy function is called with the origin and the request', () => {
    const asked: [string, string][] = [];
    const policy: OriginPolicy = (origin, { path }) => {
      asked.push([origin, path]);
      return origin === 'null';
    };
    expect(passes(policy, null)).toBe(true);
    expect(asked).toEqual([]);
    expect(passes(policy, 'http://server.example.com')).toBe(false);
    expect(asked[0]).toEqual(['http://server.example.com', '/chat']);
    expect(passes(policy, 'null')).toBe(true);
  });

  test('S21: a policy function accepts an origin only if it returns `true`, not if it returns a promise or another value', () => {
    for (const answer of [Promise.resolve(true), 1, 'true', {}, null, undefined, false]) {
      expect(passes((() => answer) as unknown as OriginPolicy, 'http://server.example.com')).toBe(false);
    }
  });

  test('S7: every policy accepts a request without an Origin', () => {
    for (const origins of ['same-origin', 'any', [], () => false] satisfies OriginPolicy[]) {
      expect(verifyRequest(request(), { origins }).origin).toBeNull();
    }
  });
});

describe('checking a policy when the server starts', () => {
  test('checkOriginPolicy accepts policies that can match an origin', () => {
    const good: OriginPolicy[] = [
      'same-origin',
      'any',
      () => true,
      [],
      [
        'null',
        'https://example.com',
        'http://localhost:8080',
        'https://m\u00fcnchen.example',
        'http://[::1]',
        'file://',
      ],
    ];
    for (const policy of good) expect(() => checkOriginPolicy(policy)).not.toThrow();
  });

  test.each([
    '*',
    'https://example.com',
    'sameorigin',
    '',
    undefined,
    null,
    true,
    /example/,
    ['*'],
    ['https://*'],
    ['https://*.example.com'],
    ['example.com'],
    ['https://example.com/'],
    ['https://example.com/path'],
    ['https://user@example.com'],
    ['https://exam ple.com'],
    ['https://exam\nple.com'],
    ['https://'],
    [''],
    [1],
    [/example/],
  ])('A1: checkOriginPolicy refuses the policy %j when the server starts', (policy) => {
    expect(() => checkOriginPolicy(policy as OriginPolicy)).toThrow(TypeError);
  });
});
