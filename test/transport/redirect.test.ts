/** Tests the target of a redirect, and the data that another origin may receive. No test opens a socket. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTarget } from '../../src/handshake/client.ts';
import type { HandshakeError } from '../../src/handshake/error.ts';
import type { HttpResponseHead } from '../../src/handshake/http-head.ts';
import {
  followRedirect,
  headersAcrossOrigins,
  isRedirect,
  isSameOrigin,
  tlsAcrossOrigins,
  toCrossOriginHeaders,
} from '../../src/transport/redirect.ts';

function response(...headers: string[]): HttpResponseHead {
  return { kind: 'response', status: 302, statusText: '', httpVersion: '1.1', headers };
}

describe('A42: the target of a redirect', () => {
  test.each([
    ['ws://a/b/c', 'd', 'ws://a/b/d'],
    ['ws://a/b', '//c/d', 'ws://c/d'],
    ['ws://a/b', 'http://c/d', 'ws://c/d'],
    ['wss://a/b', 'https://c/d', 'wss://c/d'],
    ['ws://a/b', 'wss://c/d', 'wss://c/d'],
    ['ws://a/b?c', '?d', 'ws://a/b?d'],
    ['ws://a/b', '/c#fragment', 'ws://a/c'],
    ['ws://a/b', 'ws://user:pass@c/', 'ws://c/'],
  ])('a redirect from %s with the Location %s leads to %s', (from, location, to) => {
    const target = followRedirect(parseTarget(from), response('Location', location));
    expect([target.href, target.username, target.password]).toEqual([to, '', '']);
  });

  test.each([
    ['ws://a/', [], 'WS_REDIRECT_LOCATION'],
    ['ws://a/', ['Location', 'ftp://a/'], 'WS_REDIRECT_LOCATION'],
    ['ws://a/', ['Location', 'ws://['], 'WS_REDIRECT_LOCATION'],
    ['ws://a/', ['Location', '/b', 'Location', '/c'], 'WS_REDIRECT_LOCATION'],
    ['wss://a/', ['Location', 'ws://a/'], 'WS_REDIRECT_DOWNGRADE'],
    ['wss://a/', ['Location', 'http://a/'], 'WS_REDIRECT_DOWNGRADE'],
  ])('a redirect from %s with the header fields %j is refused with %s', (from, headers, code) => {
    let error: HandshakeError | null = null;
    try {
      followRedirect(parseTarget(from), response(...headers));
    } catch (thrown) {
      error = thrown as HandshakeError;
    }
    expect(error).toMatchObject({ code, stage: 'redirect', status: 302, headers });
  });

  test('only the statuses 301, 302, 303, 307 and 308 are redirects', () => {
    const statuses = Array.from({ length: 900 }, (_, at) => at + 100);
    expect(statuses.filter(isRedirect)).toEqual([301, 302, 303, 307, 308]);
  });

  test('two URLs have the same origin if their scheme, host and port are equal', () => {
    const same = (one: string, other: string): boolean => isSameOrigin(parseTarget(one), parseTarget(other));
    expect(same('ws://a/b', 'http://A:80/c?d')).toBe(true);
    for (const other of ['wss://a/', 'ws://a:81/', 'ws://b/', 'ws://a.b/', 'wss://a:80/']) {
      expect(same('ws://a/', other), other).toBe(false);
    }
  });
});

describe('FAULT-10: data that another origin may receive', () => {
  test('FAULT-10: headersAcrossOrigins returns only the header fields that are named; upper and lower case do not matter', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('Cookie', 'authorization', 'X-A', 'x-b', 'Proxy-Authorization'), {
          maxLength: 8,
        }),
        fc.subarray(['x-A', 'X-B', 'X-C']),
        (names, kept) => {
          const headers = names.flatMap((name) => [name, 'value']);
          const allowed = toCrossOriginHeaders(kept);
          const across = headersAcrossOrigins(headers, allowed);
          const lower = kept.map((name) => name.toLowerCase());
          expect(across.filter((_, at) => at % 2 === 0)).toEqual(
            names.filter((name) => lower.includes(name.toLowerCase())),
          );
        },
      ),
    );
    expect(headersAcrossOrigins(['X-A', '1', 'Cookie', 'c'], toCrossOriginHeaders())).toEqual([]);
  });

  test('FAULT-10: tlsAcrossOrigins removes every TLS option that identifies the client', () => {
    const trust = { ca: 'ca', rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;
    const identity = {
      cert: 'c',
      key: 'k',
      pfx: 'p',
      passphrase: 'p',
      servername: 's',
      session: Buffer.alloc(1),
      secureContext: {} as never,
      pskCallback: () => null,
      clientCertEngine: 'e',
      privateKeyEngine: 'e',
      privateKeyIdentifier: 'i',
    };
    expect(tlsAcrossOrigins({ ...trust, ...identity })).toEqual(trust);
  });

  test.each([[['Cookie']], [['AUTHORIZATION']], [['']], [['a b']], [[5]], ['X-A'], [{}]])(
    'FAULT-10: toCrossOriginHeaders throws for the value %j',
    (names) => {
      expect(() => toCrossOriginHeaders(names as never)).toThrow(TypeError);
    },
  );
});
