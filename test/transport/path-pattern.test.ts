/** Tests how the path in an option is compared with the path of a request. Both paths are in percent-encoded form. */
import { createServer } from 'node:http';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import type { HandshakeError } from '../../src/handshake/error.ts';
import { normalizePath, pathOf, servesPath, toPathPattern } from '../../src/transport/path-pattern.ts';
import { closeServers, listenHttp } from './servers.ts';

afterEach(closeServers);

describe('paths in options (toPathPattern)', () => {
  test('FAULT-10: a path in an option may be percent-encoded or not, and is compared in its percent-encoded form', () => {
    for (const [path, sent] of [
      ['/日本', '/%E6%97%A5%E6%9C%AC'],
      ['/日本', '/%e6%97%a5%e6%9c%ac'],
      ['/%e6%97%a5%e6%9c%ac', '/%E6%97%A5%E6%9C%AC'],
      ['/a b', '/a%20b'],
      ['/a%20b', '/a%20b'],
      ['/café', '/caf%C3%A9'],
      ['/😀', '/%F0%9F%98%80'],
      ['/"x"', '/%22x%22'],
      ['/a|b', '/a|b'],
      ['/a|b', '/a%7Cb'],
      ['/100%', '/100%'],
    ] as const) {
      expect(servesPath(toPathPattern(path), sent), `${path} ${sent}`).toBe(true);
    }
  });

  test('FAULT-10: a RegExp serves a path if the RegExp matches the path as sent, or the normal form of the path', () => {
    for (const pattern of [/^\/caf%C3%A9$/, /^\/caf%c3%a9$/, /^\/caf%C3%A9$/g]) {
      expect(servesPath(pattern, '/caf%c3%a9'), String(pattern)).toBe(true);
    }
    expect(servesPath(/^\/caf%C3%A9$/, '/caf%C3%A9')).toBe(true);
    expect(servesPath(/^\/caf%C3%A9$/, '/cafe')).toBe(false);
  });

  test('A2: servesPath neither decodes percent-encoded characters of a path nor resolves dot segments', () => {
    for (const [path, sent] of [
      ['/chat', '/%63hat'],
      ['/chat', '/x/../chat'],
      ['/chat', '//chat'],
      ['/chat', '/chat/'],
      ['/chat', '/CHAT'],
      ['/a/b', '/a%2Fb'],
      ['/a/b', '/a%2fb'],
    ] as const) {
      expect(servesPath(toPathPattern(path), sent), `${path} ${sent}`).toBe(false);
    }
  });

  test('FAULT-10: toPathPattern throws for a path or RegExp that no request can match', () => {
    for (const path of [
      'chat',
      '/a?b',
      '/a#b',
      '/a\nb',
      '/a\tb',
      '/\0',
      '/\u007f',
      '/\ud800',
      5,
      null,
      {},
      [],
    ]) {
      expect(() => toPathPattern(path), JSON.stringify(path)).toThrow(TypeError);
    }
    for (const pattern of [/^\/日本/, /caf[é]/]) {
      expect(() => toPathPattern(pattern)).toThrow('paths arrive percent-encoded');
    }
    const pattern = /^\/rooms\//g;
    expect(toPathPattern(pattern)).toBe(pattern);
  });

  test('FAULT-10: a path in an option matches the path that the URL class returns for the same text', () => {
    fc.assert(
      fc.property(
        // The class URL treats these characters as the end of the path or as "/", or drops them.
        fc.string({ unit: 'binary' }).filter((text) => !/[?#\\\p{Cc}\p{Surrogate}]/u.test(text)),
        (text) => {
          const path = `/x${text}`;
          const { pathname } = new URL(`ws://localhost${path}`);
          // Only the class URL resolves dot segments, so these paths are excluded.
          fc.pre(!/(?:^|\/)(?:\.|%2e)+(?:\/|$)/i.test(path) && !/\s$/.test(path));
          expect(servesPath(toPathPattern(path), pathname)).toBe(true);
        },
      ),
    );
  });

  test('normalizePath returns ASCII, and returns a path in normal form unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!/\p{Surrogate}/u.test(text));
        const once = normalizePath(text);
        expect(once).toMatch(/^[!-~]*$/);
        expect(normalizePath(once)).toBe(once);
      }),
    );
  });

  test('S2: pathOf returns the path of a request target, both for a path and for an absolute http URI', () => {
    expect(
      ['/a?b', 'http://h/a?b', 'HTTPS://h', 'http://h?x', '*', 'ftp://h/a'].map((target) => pathOf(target)),
    ).toEqual(['/a', '/a', '/', '/', '*', 'ftp://h/a']);
  });
});

test('FAULT-10: a server serves a path with characters beyond ASCII, both on its own listener and on an HTTP server', async () => {
  const named = (name: string): WebSocketServer =>
    new WebSocketServer({ open: (connection) => void connection.close(1000, name), refused: () => {} });
  const at = async (port: number, path: string): Promise<string | number> => {
    try {
      return (await (await connect(`ws://127.0.0.1:${port}${path}`)).closed).reason;
    } catch (error) {
      return (error as HandshakeError).status;
    }
  };
  const own = named('own');
  const { port } = await own.listen({ path: '/日本' });
  const http = createServer();
  named('attached').attach(http, { path: '/a b' });
  expect(() => named('twice').attach(http, { path: '/a%20b' })).toThrow('already has');
  const httpPort = await listenHttp(http);
  expect(await at(port, '/日本')).toBe('own');
  expect(await at(port, '/%e6%97%a5%e6%9c%ac')).toBe('own');
  expect(await at(port, '/')).toBe(404);
  expect(await at(httpPort, '/a b')).toBe('attached');
  expect(await at(httpPort, '/a%20b?x')).toBe('attached');
  await own.shutdown();
});
