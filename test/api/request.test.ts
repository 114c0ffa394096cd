/** The request of a client: `ServerRequest`, `handleUpgrade`, and the parts of the request that a connection keeps. */
import { Buffer } from 'node:buffer';
import { createServer as createHttpServer, IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { Connection } from '../../src/api/connection.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { reject } from '../../src/api/upgrade-answer.ts';
import type { HandshakeError } from '../../src/handshake/error.ts';
import type { ServerRequest } from '../../src/transport/server-request.ts';
import {
  ca,
  certificate,
  closeServers,
  kinds,
  listenHttp,
  plainPeer,
  startServer,
  tls,
} from '../transport/servers.ts';
import { requestHead } from '../transport/wire.ts';
import { until } from './pair.ts';

afterEach(closeServers);

describe.each(kinds)('%s', (kind) => {
  async function requestOf(fields: Parameters<typeof requestHead>[0], target = '/'): Promise<ServerRequest> {
    let seen: ServerRequest | null = null;
    const upgrade = (request: ServerRequest): void => {
      seen = request;
    };
    const { peer } = await startServer({ upgrade }, {}, kind);
    const raw = peer().write(requestHead(fields, `GET ${target} HTTP/1.1`));
    await raw.until(() => raw.status === 101);
    return seen!;
  }

  test('FAULT-7: the values of two Cookie lines are joined with "; ", and two values of a single-value field are not joined', async () => {
    const request = await requestOf({
      Cookie: ['theme=dark', 'session=abc=; theme=light'],
      Authorization: ['Bearer one', 'Bearer two'],
      Accept: ['a', 'b'],
    });
    expect(request.header('cookie')).toBe('theme=dark; session=abc=; theme=light');
    expect(request.header('Authorization')).toBe('Bearer one');
    expect(request.headerValues('authorization')).toEqual(['Bearer one', 'Bearer two']);
    expect(request.header('accept')).toBe('a, b');
    expect([...request.cookies]).toEqual([
      ['theme', 'dark'],
      ['session', 'abc='],
    ]);
    expect(request.cookies).toBe(request.cookies);
  });

  test('the application can read a request if cookies and query parameters are absent, unusual, or named like members of Object.prototype', async () => {
    const none = await requestOf({});
    expect([none.cookies.size, [...none.searchParams]]).toEqual([0, []]);
    const request = await requestOf(
      { Cookie: '__proto__=1;;novalue; ="x" ;a="b c"' },
      '/chat?a=1&a=2&b=%20+x',
    );
    expect([...request.cookies]).toEqual([
      ['__proto__', '1'],
      ['', '"x"'],
      ['a', '"b c"'],
    ]);
    expect([request.path, request.searchParams.getAll('a'), request.searchParams.get('b')]).toEqual([
      '/chat',
      ['1', '2'],
      '  x',
    ]);
  });

  test('`raw` is the IncomingMessage if the server is attached to an HTTP server, and otherwise null; `socket` is the socket of the request', async () => {
    const request = await requestOf({});
    if (kind.startsWith('attach')) expect(request.raw).toBeInstanceOf(IncomingMessage);
    else expect(request.raw).toBeNull();
    expect(request.socket instanceof TLSSocket).toBe(request.remote.secure);
    expect((request.socket as TLSSocket).remotePort).toBe(request.remote.port);
    // The option requestCert of this server is not set.
    expect(request.peerCertificate).toBeNull();
  });

  test('a connection keeps its request only if `upgrade` returns keepRequest: true', async () => {
    const { server, peer } = await startServer(
      { upgrade: ({ query }) => (query === 'keep' ? { keepRequest: true } : {}) },
      {},
      kind,
    );
    for (const query of ['keep', '']) {
      const raw = peer().write(requestHead({ 'X-User': 'ada' }, `GET /?${query} HTTP/1.1`));
      await raw.until(() => raw.status === 101);
    }
    await until(() => server.connections.size === 2);
    const [kept, other] = server.connections;
    expect(kept!.request?.header('x-user')).toBe('ada');
    expect(other!.request).toBeNull();
  });

  test('FAULT-4: a connection keeps only the first 1,024 characters of its request target', async () => {
    const { server, peer } = await startServer({}, {}, kind);
    const target = `/${'x'.repeat(8_000)}?secret`;
    const raw = peer().write(requestHead({}, `GET ${target} HTTP/1.1`));
    await raw.until(() => raw.status === 101);
    await until(() => server.connections.size === 1);
    expect([...server.connections][0]!.url).toBe(target.slice(0, 1_024));
  });
});

test('FAULT-4: a connection does not keep the request line and the header fields of its request in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapFor = async (padding: number): Promise<number> => {
    const { server, peer } = await startServer({ upgrade: () => ({ subprotocol: 'chat' }) });
    collect();
    const before = process.memoryUsage().heapUsed;
    const count = 200;
    const raws = [];
    for (let index = 0; index < count; index++) {
      const raw = peer().write(
        requestHead(
          {
            'Sec-WebSocket-Protocol': `a${'x'.repeat(padding)}, chat`,
            'X-Padding': 'y'.repeat(padding / 10),
          },
          `GET /${'z'.repeat(padding)} HTTP/1.1`,
        ),
      );
      raws.push(raw);
      await raw.until(() => raw.status === 101);
    }
    await until(() => server.connections.size === count);
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
    const used = (process.memoryUsage().heapUsed - before) / count;
    for (const raw of raws) raw.destroy();
    return used;
  };
  await heapFor(6_000);
  const short = await heapFor(10);
  const long = await heapFor(6_000);
  // The two long lines have 6 KB each. The connection keeps only a url of 1,024 characters, and the heap may change for other reasons.
  expect(long - short).toBeLessThan(5_000);
});

test("with mutual TLS, peerCertificate is the client's certificate if it was verified, and otherwise null", async () => {
  const seen: (string | null)[] = [];
  const server = new WebSocketServer({
    upgrade: (request) => void seen.push(request.peerCertificate?.subject.CN?.toString() ?? null),
  });
  const { port } = await server.listen({
    tls: { ...tls, requestCert: true, rejectUnauthorized: false, ca: certificate('self-signed').cert },
  });
  const open = async (own: { cert: string; key: string } | null): Promise<void> => {
    const connection = await connect(`wss://localhost:${port}/`, { tls: { ca, ...own } });
    await connection.close();
  };
  await open(certificate('self-signed'));
  // The server does not trust the authority that issued this certificate.
  await open(certificate('localhost'));
  await open(null);
  expect(seen).toEqual(['rfc6455 test self-signed', null, null]);
  await server.shutdown();
});

describe('handleUpgrade', () => {
  async function handled(
    server: WebSocketServer<unknown>,
    options?: { context?: unknown },
  ): Promise<{ port: number; outcome: Promise<Connection<unknown>> }> {
    const http = createHttpServer();
    let settle: (outcome: Promise<Connection<unknown>>) => void = () => {};
    const outcome = new Promise<Connection<unknown>>((resolve) => (settle = resolve));
    outcome.catch(() => {});
    http.on('upgrade', (request, socket, head) =>
      settle(server.handleUpgrade(request, socket, head, options)),
    );
    return { port: await listenHttp(http), outcome };
  }

  test('handleUpgrade passes its context to `upgrade`, and resolves with the connection', async () => {
    const context = { user: 'ada' };
    const server = new WebSocketServer<unknown>({
      upgrade: (_request, pending) => ({ data: pending.context }),
    });
    const { port, outcome } = await handled(server, { context });
    await plainPeer(port).open();
    const connection = await outcome;
    expect(connection.data).toBe(context);
    expect([...server.connections]).toEqual([connection]);
    connection.terminate();
  });

  test('handleUpgrade rejects with the error that the `refused` handler receives', async () => {
    const answers: [string, () => unknown, number][] = [
      ['WS_HANDSHAKE_REJECTED', () => reject(401), 401],
      ['WS_HANDSHAKE_REJECTED', async () => reject(401), 401],
      ['WS_HANDSHAKE_HOOK_FAILED', () => false, 500],
      ['WS_HANDSHAKE_TIMEOUT', () => new Promise(() => {}), 408],
    ];
    for (const [code, upgrade, status] of answers) {
      const refused: HandshakeError[] = [];
      const server = new WebSocketServer<unknown>(
        { upgrade: upgrade as () => undefined, refused: (error) => void refused.push(error) },
        { handshakeTimeout: 100 },
      );
      const { port, outcome } = await handled(server);
      await plainPeer(port).write(requestHead()).answer();
      await expect(outcome).rejects.toMatchObject({ code, status });
      expect(refused.map((error) => error.code)).toEqual([code]);
    }
  });

  test('handleUpgrade rejects if the client leaves, if the server is full, and if the server has been shut down', async () => {
    const refused: string[] = [];
    const server = new WebSocketServer<unknown>(
      {
        upgrade: () => new Promise<undefined>(() => {}),
        refused: ({ code }) => void refused.push(code),
      },
      { maxConnections: 1 },
    );
    const first = await handled(server);
    const leaving = plainPeer(first.port).write(requestHead());
    await until(() => server.connections.size === 0 && leaving.socket.bytesWritten > 0);
    const second = await handled(server);
    expect(await plainPeer(second.port).write(requestHead()).answer()).toMatch(/^HTTP\/1\.1 503 /);
    leaving.destroy();
    await expect(first.outcome).rejects.toMatchObject({ code: 'WS_HANDSHAKE_ABANDONED' });
    await expect(second.outcome).rejects.toMatchObject({ code: 'WS_HANDSHAKE_UNAVAILABLE' });
    await server.shutdown();
    const third = await handled(server);
    await plainPeer(third.port).write(requestHead()).answer();
    await expect(third.outcome).rejects.toMatchObject({ code: 'WS_HANDSHAKE_UNAVAILABLE' });
    expect(refused).toEqual([
      'WS_HANDSHAKE_UNAVAILABLE',
      'WS_HANDSHAKE_ABANDONED',
      'WS_HANDSHAKE_UNAVAILABLE',
    ]);
  });

  test('if the application does not await handleUpgrade, a refusal causes no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    const http = createHttpServer();
    const server = new WebSocketServer({ upgrade: () => reject(403), refused: () => {} });
    http.on('upgrade', (request, socket, head) => void server.handleUpgrade(request, socket, head));
    await plainPeer(await listenHttp(http))
      .write(requestHead())
      .answer();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });

  test('FAULT-7: handleUpgrade accepts a request without `socket` and `rawHeaders`, which test frameworks pass', async () => {
    let seen: ServerRequest | null = null;
    const server = new WebSocketServer({
      upgrade: (request) => {
        seen = request;
      },
    });
    const [ours, theirs] = duplexPair();
    const headers = {
      host: 'localhost',
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      'x-list': ['a', 'b'],
      'x-absent': undefined,
    };
    const connection = await server.handleUpgrade(
      { method: 'GET', url: '/inject', headers },
      ours,
      Buffer.alloc(0),
    );
    expect(seen!.header('X-List')).toBe('a, b');
    expect([connection.url, connection.remoteAddress]).toEqual(['/inject', undefined]);
    const answer = await new Promise<Buffer>((resolve) => theirs.once('data', resolve));
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
    connection.terminate();
  });

  test.each([
    ['no Host', {}, 'localhost'],
    ['a Host with its capital letter', { Host: 'example.org' }, 'example.org'],
  ])(
    'FAULT-7: handleUpgrade accepts a request of a test framework that has the version as a number and %s',
    async (_name, host, expected) => {
      let seen: string | null = null;
      const server = new WebSocketServer({
        upgrade: (request) => {
          seen = request.header('Host');
        },
      });
      const [ours, theirs] = duplexPair();
      const headers = {
        ...host,
        upgrade: 'websocket',
        connection: 'upgrade',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': 13 as never,
      };
      const request = { method: 'GET', url: '/inject', headers };
      const connection = await server.handleUpgrade(request, ours, Buffer.alloc(0));
      const answer = await new Promise<Buffer>((resolve) => theirs.once('data', resolve));
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
      expect(seen).toBe(expected);
      connection.terminate();
    },
  );

  test('handleUpgrade throws immediately for invalid arguments', () => {
    const server = new WebSocketServer();
    const [socket] = duplexPair();
    const call =
      (...values: unknown[]) =>
      () =>
        server.handleUpgrade(...(values as Parameters<typeof server.handleUpgrade>));
    expect(call(null, socket, Buffer.alloc(0))).toThrow('the request is null, not an IncomingMessage');
    expect(call({}, null, Buffer.alloc(0))).toThrow('the socket is null, not a Duplex');
    expect(call({}, socket, 'head')).toThrow('the head is a string, not a Buffer');
    expect(call({}, socket, Buffer.alloc(0), { contxt: 1 })).toThrow('did you mean "context"');
  });
});

describe('a server without a `refused` handler', () => {
  let printed: MockInstance<typeof console.error>;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    printed = vi.spyOn(console, 'error').mockImplementation(() => {});
    vi.stubEnv('NODE_NO_WARNINGS', undefined);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
    printed.mockRestore();
  });
  const lines = (): string[] => printed.mock.calls.map(([line]) => String(line));

  test('FAULT-0: the server prints one line a minute on stderr about refused origins, with Origin, Host and the remedy', async () => {
    // Another test of this process may already have printed a line. Now the minute after that line is over.
    vi.setSystemTime(0);
    vi.advanceTimersByTime(3_600_000);
    const { peer } = await startServer();
    for (let count = 0; count < 3; count++) {
      const raw = peer().write(requestHead({ Origin: 'https://page.example' }));
      expect(await raw.answer()).not.toContain('page.example');
    }
    const about = lines().filter((line) => line.includes('Origin'));
    expect(about).toHaveLength(1);
    expect(about[0]).toMatch(/^rfc6455: refused 127\.0\.0\.1 with 403: /);
    expect(about[0]).toContain('Origin "https://page.example", Host "localhost"');
    expect(about[0]).toContain('proxy_set_header Host $host');
  });

  test('FAULT-8: if the application refuses a request or shuts the server down, the server logs nothing', async () => {
    const { server, peer } = await startServer({ upgrade: () => reject(401) });
    await peer().write(requestHead()).answer();
    await server.shutdown();
    expect(lines()).toEqual([]);
  });
});

test('FAULT-8: the response of reject(304) has no body, and reject(304) throws if there is a body', async () => {
  expect(() => reject(304, 'body')).toThrow('a response with status 304 has no body');
  for (const kind of kinds) {
    const { peer } = await startServer({ upgrade: () => reject(304, '', { ETag: '"a"' }) }, {}, kind);
    expect(await peer().write(requestHead()).answer()).toBe(
      'HTTP/1.1 304 Not Modified\r\nConnection: close\r\nETag: "a"\r\n\r\n',
    );
  }
});
