/** Tests a client from the call of `connect` to an open connection. The servers and proxies of these tests follow a script. */
import { getEventListeners } from 'node:events';
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { ConnectOptions } from '../../src/api/connect-options.ts';
import type { Connection } from '../../src/api/connection.ts';
import { HandshakeError } from '../../src/handshake/error.ts';
import { unixPath } from '../unix-path.ts';
import { closeScripted, type ScriptedRequest, scripted } from './scripted.ts';
import { ca, certificate, closeServers, startServer, tls } from './servers.ts';
import { acceptOf, frame, framesOf, Op } from './wire.ts';

const connections: Connection<never>[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.terminate();
  vi.unstubAllEnvs();
  await closeScripted();
  await closeServers();
});

async function dialed(url: string, options: ConnectOptions = {}): Promise<Connection> {
  const connection = await connect(url, options);
  connections.push(connection as unknown as Connection<never>);
  return connection;
}

/** Returns the error of an attempt that fails. */
async function failure(url: string | URL, options: ConnectOptions = {}): Promise<HandshakeError> {
  const error = await connect(url, options).then(
    (connection) => {
      connection.terminate();
      throw new Error('it connected');
    },
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HandshakeError);
  expect((error as HandshakeError).message).not.toBe('');
  return error as HandshakeError;
}

function echoAccept({ socket, accept }: ScriptedRequest): void {
  socket.write(accept());
}

async function first(connection: Connection): Promise<string | Buffer | undefined> {
  for await (const message of connection) return message;
  return undefined;
}

/** Checks that the client has left no open connection to a scripted server. */
async function released(server: { open: ReadonlySet<Socket> }): Promise<void> {
  while ([...server.open].some((socket) => !socket.readableEnded && !socket.destroyed)) {
    for (const socket of server.open) socket.resume();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('how a client reaches the server', () => {
  test("O6, V1: if nothing listens, the error has the stage tcp and the system's code and text", async () => {
    const closed = await new Promise<number>((resolve) => {
      const server: Server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
    });
    const refused = await failure(`ws://127.0.0.1:${closed}/`);
    expect([refused.stage, refused.code, refused.status]).toEqual(['tcp', 'ECONNREFUSED', 0]);
    expect(refused.message).toContain(String(closed));
    // If a name has several addresses, Node throws an AggregateError without a text.
    const several = await failure(`ws://localhost:${closed}/`, {
      tcp: {
        autoSelectFamily: true,
        lookup: ((_name: string, _options: unknown, callback: (error: null, addresses: unknown) => void) =>
          callback(null, [
            { address: '127.0.0.1', family: 4 },
            { address: '::1', family: 6 },
          ])) as never,
      },
    });
    expect(several.stage).toBe('tcp');
    expect(several.message).toContain('127.0.0.1');
    expect(several.cause).toBeInstanceOf(Error);
  });

  test('if the host name cannot be resolved, the error has the stage dns', async () => {
    const error = await failure('ws://name.invalid/', {
      tcp: {
        lookup: (name, _options, callback) =>
          callback(
            Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), {
              code: 'ENOTFOUND',
              syscall: 'getaddrinfo',
            }),
            '',
            0,
          ),
      },
    });
    expect([error.stage, error.code]).toEqual(['dns', 'ENOTFOUND']);
    expect(error.message).toContain('name.invalid');
  });

  test('H11, V8: a client delivers frames that arrive together with the response, and sends nothing between its request and the response', async () => {
    let early: Buffer | null = null;
    const { port } = await scripted(({ socket, rest, accept }) => {
      early = rest;
      socket.write(Buffer.concat([Buffer.from(accept()), frame(Op.Text, 'at once', { mask: false })]));
    });
    expect(await first(await dialed(`ws://127.0.0.1:${port}/`))).toBe('at once');
    expect(early).toEqual(Buffer.alloc(0));
  });

  test('a client accepts a response and a frame that arrive byte by byte', async () => {
    const { port } = await scripted(async ({ socket, accept }) => {
      for (const byte of Buffer.concat([Buffer.from(accept()), frame(Op.Text, 'drip', { mask: false })])) {
        socket.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
    });
    expect(await first(await dialed(`ws://127.0.0.1:${port}/`))).toBe('drip');
  });

  test('if the application passes a Duplex as the socket, the client performs the handshake on this Duplex and connects nowhere', async () => {
    const [ours, theirs] = duplexPair();
    let received = '';
    theirs.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      const key = /Sec-WebSocket-Key: (\S+)/.exec(received)?.[1];
      if (key === undefined || !received.endsWith('\r\n\r\n')) return;
      void import('./wire.ts').then(({ acceptOf }) =>
        theirs.write(
          Buffer.concat([
            Buffer.from(
              `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
            ),
            frame(Op.Text, 'in memory', { mask: false }),
          ]),
        ),
      );
    });
    expect(await first(await dialed('ws://anywhere.example/path', { socket: ours }))).toBe('in memory');
    expect(received).toContain('GET /path HTTP/1.1\r\nHost: anywhere.example\r\n');
  });

  test('seam S6: the client calls the function `socket` for each hop, with its host and port, also after a redirect', async () => {
    const { port } = await startServer({ open: (connection) => void connection.send('reached') });
    const redirecting = await scripted(({ socket }) =>
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ws://second.example:${port}/\r\n\r\n`),
    );
    const targets: unknown[] = [];
    const agent = new Agent();
    const connection = await dialed(`ws://first.example:${redirecting.port}/`, {
      redirects: 1,
      socket: async (target) => {
        targets.push(target);
        await null;
        return agent.createConnection({ host: '127.0.0.1', port: target.port })!;
      },
    });
    expect(await first(connection)).toBe('reached');
    expect(connection.url).toBe(`ws://second.example:${port}/`);
    expect(targets).toEqual([
      { host: 'first.example', port: redirecting.port, secure: false },
      { host: 'second.example', port, secure: false },
    ]);
    agent.destroy();
  });

  test('seam S6: for a wss URL, the function `socket` may return a TLS socket, or a plain socket on which the client starts TLS', async () => {
    const { port, url } = await startServer(
      { open: (connection) => void connection.send('given') },
      {},
      'listen over TLS',
    );
    const agent = new HttpsAgent({ ca });
    const where = { host: '127.0.0.1', port };
    const secure = () => agent.createConnection({ ...agent.options, ...where, servername: 'localhost' })!;
    expect(await first(await dialed(url, { socket: secure }))).toBe('given');
    expect(await first(await dialed(url, { tls: { ca }, socket: () => netConnect(where) }))).toBe('given');
    // The client verifies the certificate of the server, and this agent does not trust the test CA.
    const stranger = new HttpsAgent();
    const error = await failure(url, {
      socket: () => stranger.createConnection({ ...where, servername: 'localhost' })!,
    });
    expect(error.cause).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    agent.destroy();
    stranger.destroy();
  });

  test('seam S6: the attempt fails if the function `socket` throws, returns no socket, or needs too long; a socket that arrives late is destroyed', async () => {
    const url = 'ws://127.0.0.1:1/';
    const reason = new Error('no socket today');
    for (const socket of [
      () => Promise.reject(reason),
      () => {
        throw reason;
      },
    ]) {
      expect(await failure(url, { socket })).toMatchObject({ stage: 'tcp', cause: reason });
    }
    await expect(connect(url, { socket: () => null as never })).rejects.toThrow(TypeError);
    let made: (socket: Duplex) => void = () => {};
    const late = (): Promise<Duplex> =>
      new Promise((resolve) => {
        made = resolve;
      });
    expect((await failure(url, { socket: late, handshakeTimeout: 20 })).stage).toBe('timeout');
    const [first] = duplexPair();
    made(first);
    const aborter = new AbortController();
    const aborted = connect(url, { socket: late, signal: aborter.signal });
    await new Promise(setImmediate);
    aborter.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const [second] = duplexPair();
    made(second);
    await new Promise(setImmediate);
    expect([first.destroyed, second.destroyed]).toEqual([true, true]);
    expect(getEventListeners(aborter.signal, 'abort')).toHaveLength(0);
  });

  test("with socketPath, a client connects to a Unix domain socket instead of the URL's host and port", async () => {
    const { server } = await startServer({ open: (connection) => void connection.send('unix') });
    const socketPath = unixPath();
    await server.listen({ socketPath });
    expect(await first(await dialed('ws://localhost/', { socketPath }))).toBe('unix');
    const error = await failure('ws://localhost/', { socketPath: `${socketPath}.not` });
    expect([error.stage, error.code]).toEqual(['tcp', 'ENOENT']);
  });

  test('a client sends the user information in the URL as Basic credentials, unless the application passes Authorization', async () => {
    const { port, requests } = await scripted(echoAccept);
    await dialed(`ws://J%C3%BCrgen:p%40ss@127.0.0.1:${port}/`);
    await dialed(`ws://user:pass@127.0.0.1:${port}/`, { headers: { authorization: 'Bearer token' } });
    expect(requests[0]).toContain(
      `\r\nAuthorization: Basic ${Buffer.from('Jürgen:p@ss').toString('base64')}\r\n`,
    );
    expect(requests[0]).not.toContain('@');
    expect(requests[1]).toContain('\r\nauthorization: Bearer token\r\n');
    expect(requests[1]).not.toContain('Basic');
  });
});

describe('FAULT-8: the place that an error of a client names', () => {
  test('FAULT-8: the error of a client names the URL without the credentials, and without the query, because the query may contain tokens', async () => {
    const { port } = await scripted(
      ({ socket }) => void socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n'),
    );
    const { message } = await failure(`ws://user:secret@127.0.0.1:${port}/chat/room?token=secret`, {
      headers: { Cookie: 'secret' },
    });
    expect(message).toBe(
      `The server did not switch protocols: status 403 (6455 §4.1) [ws://127.0.0.1:${port}/chat/room?…]`,
    );
    const long = await failure(`ws://127.0.0.1:${port}/${'x'.repeat(5_000)}`);
    expect(long.message.length).toBeLessThan(300);
    expect(long.message).toMatch(/x…\]$/);
  });

  test('FAULT-8: the error of a client names the path of the Unix domain socket, or the redirected URL', async () => {
    const socketPath = unixPath();
    const unix = await failure('ws://localhost/', { socketPath });
    expect(unix.message.endsWith(` [ws://localhost/ at ${socketPath}]`)).toBe(true);
    const server = await scripted(({ socket }) =>
      socket.end('HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/there\r\nContent-Length: 0\r\n\r\n'),
    );
    const moved = await failure(`ws://127.0.0.1:${server.port}/`, { redirects: 1 });
    expect(moved.message).toBe('connect ECONNREFUSED 127.0.0.1:1 [ws://127.0.0.1:1/there]');
    expect(moved.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('FAULT-8: if the tunnel cannot be opened, the error names the proxy without credentials; later errors name the URL', async () => {
    const refusing = await scripted(
      ({ socket }) => void socket.write('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n'),
    );
    const silent = await scripted(() => {});
    const proxied = (port: number, options: ConnectOptions = {}) =>
      failure('ws://origin.example/', { proxy: `http://user:secret@127.0.0.1:${port}`, ...options });
    expect((await proxied(1)).message).toBe('connect ECONNREFUSED 127.0.0.1:1 [proxy http://127.0.0.1:1]');
    expect((await proxied(refusing.port)).message).toMatch(
      new RegExp(`status 407 .* \\[proxy http://127\\.0\\.0\\.1:${refusing.port}\\]$`),
    );
    expect((await proxied(silent.port, { handshakeTimeout: 50 })).message).toMatch(
      new RegExp(`no tunnel through the proxy .* \\[proxy http://127\\.0\\.0\\.1:${silent.port}\\]$`),
    );
    const through = await scripted(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.once('data', () => socket.end('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'));
    });
    expect((await proxied(through.port)).message).toMatch(/status 500 .* \[ws:\/\/origin\.example\/\]$/);
  });
});

describe('O1, A9: a client checks its arguments before it sends a byte', () => {
  const attacks = ['\r\nX: y', '\n', '\r', '\0', '\u010d\u010a'];
  test.each<[string, (bad: string) => [string, ConnectOptions]]>([
    ['value of a header field', (bad) => ['/', { headers: { 'X-Name': `a${bad}` } }]],
    ['name of a header field', (bad) => ['/', { headers: [`X${bad}`, 'a'] }]],
    ['field with several values', (bad) => ['/', { headers: { 'X-Name': ['fine', bad] } }]],
    ['subprotocol', (bad) => ['/', { subprotocols: ['fine', `a${bad}`] }]],
    ['origin', (bad) => ['/', { origin: `https://a${bad}` }]],
    ['host', (bad) => [`x${bad}.example/`, {}]],
  ])('a client refuses line ends, NUL and characters above U+00FF in this place: %s', async (name, make) => {
    const server = await scripted(echoAccept);
    for (const bad of attacks) {
      const [rest, options] = make(bad);
      // U4 requires that characters beyond ASCII are encoded in a URL.
      if (name === 'host' && bad === '\u010d\u010a') continue;
      const url = rest === '/' ? `ws://127.0.0.1:${server.port}/` : `ws://${rest}`;
      await expect(connect(url, options), JSON.stringify(bad)).rejects.toSatisfy(
        (error) => error instanceof TypeError || (error as HandshakeError).stage === 'url',
      );
    }
    expect(server.count).toBe(0);
  });

  test('a client refuses a URL with line ends, with a fragment, or with an invalid scheme [U1, U2]', async () => {
    const server = await scripted(echoAccept);
    for (const url of [
      `ws://127.0.0.1:${server.port}/a\r\nX: y`,
      `ws://127.0.0.1:${server.port}/#fragment`,
      `ftp://127.0.0.1:${server.port}/`,
      '/relative',
      'ws://',
      `ws://127.0.0.1:99999/`,
    ]) {
      expect((await failure(url)).stage).toBe('url');
    }
    expect(server.count).toBe(0);
  });

  test('a client refuses invalid numbers and invalid lists in its options', async () => {
    const server = await scripted(echoAccept);
    const url = `ws://127.0.0.1:${server.port}/`;
    for (const options of [
      { redirects: -1 },
      { redirects: 6 },
      { redirects: 1.5 },
      { handshakeTimeout: 0 },
      { handshakeTimeout: Number.NaN },
      { maxMessageSize: -5 },
    ]) {
      await expect(connect(url, options)).rejects.toThrow(RangeError);
    }
    for (const options of [
      { subprotocols: ['a', 'a'] },
      { subprotocols: [''] },
      { headers: ['odd'] },
      { headers: { Host: 'evil' } },
      { headers: { 'sec-websocket-key': 'x' } },
      { headers: { 'Content-Length': '5' } },
      { headers: { Origin: 'a' }, origin: 'b' },
    ]) {
      await expect(connect(url, options)).rejects.toThrow(TypeError);
    }
    expect(server.count).toBe(0);
  });
});

describe('FAULT-10: options that exclude each other', () => {
  test("FAULT-10: a client refuses options that name two ways to the server, but a socket has priority over the environment's proxy", async () => {
    const server = await scripted(echoAccept);
    const url = `ws://127.0.0.1:${server.port}/`;
    const proxy = 'http://127.0.0.1:1';
    for (const [options, names] of [
      [{ socket: duplexPair()[0], socketPath: '/a' }, 'socket and socketPath'],
      [{ socket: duplexPair()[0], proxy }, 'socket and proxy'],
      [{ socketPath: '/a', proxy: new URL(proxy) }, 'socketPath and proxy'],
    ] as const) {
      await expect(connect(url, options)).rejects.toThrow(`${names} exclude each other`);
    }
    for (const options of [
      { socketPath: '' },
      { socketPath: 5 },
      { proxy: 5 },
      { origin: 5 },
      { unref: 1 },
      { requireSubprotocol: 'yes' },
      { tls: [] },
      { signal: {} },
    ]) {
      await expect(connect(url, options as never), JSON.stringify(options)).rejects.toThrow(TypeError);
    }
    expect(server.count).toBe(0);
    await dialed(url, { socket: netConnect(server.port, '127.0.0.1'), proxy: 'env' });
  });
});

describe('the response of the server', () => {
  test.each<[string, (request: ScriptedRequest) => string, string]>([
    [
      'V2: Upgrade is missing',
      ({ accept }) => accept().replace(/Upgrade: websocket\r\n/, ''),
      'WS_RESPONSE_UPGRADE',
    ],
    [
      'V2: Upgrade names another protocol',
      ({ accept }) => accept().replace('websocket', 'h2c'),
      'WS_RESPONSE_UPGRADE',
    ],
    [
      'V3: Connection is missing',
      ({ accept }) => accept().replace(/Connection: Upgrade\r\n/, ''),
      'WS_RESPONSE_CONNECTION',
    ],
    [
      'V4: Accept is missing',
      ({ accept }) => accept().replace(/Sec-WebSocket-Accept.*\r\n/, ''),
      'WS_RESPONSE_ACCEPT',
    ],
    [
      'V4: Accept belongs to another key',
      ({ accept }) => accept().replace(/Accept: ./, 'Accept: _'),
      'WS_RESPONSE_ACCEPT',
    ],
    [
      'V4: Accept appears twice',
      ({ accept }) => accept(/Sec-WebSocket-Accept.*\r\n/.exec(accept())![0]),
      'WS_RESPONSE_ACCEPT',
    ],
    [
      'V5: the extension was not offered (A47)',
      ({ accept }) => accept('Sec-WebSocket-Extensions: permessage-deflate\r\n'),
      'WS_RESPONSE_EXTENSION_NOT_OFFERED',
    ],
    [
      'V5: the extensions are malformed',
      ({ accept }) => accept('Sec-WebSocket-Extensions: ;\r\n'),
      'WS_RESPONSE_EXTENSIONS',
    ],
    [
      'V6: the subprotocol was not offered (A47)',
      ({ accept }) => accept('Sec-WebSocket-Protocol: soap\r\n'),
      'WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED',
    ],
    [
      'V6: there are two subprotocol fields',
      ({ accept }) => accept('Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n'),
      'WS_RESPONSE_SUBPROTOCOL_REPEATED',
    ],
    ['V7: the 101 has a length (A45)', ({ accept }) => accept('Content-Length: 5\r\n'), 'WS_RESPONSE_BODY'],
    [
      'V7: the 101 has chunks (A45)',
      ({ accept }) => accept('Transfer-Encoding: chunked\r\n'),
      'WS_RESPONSE_BODY',
    ],
    [
      'V7: the version is HTTP/1.0',
      ({ accept }) => accept().replace('HTTP/1.1', 'HTTP/1.0'),
      'WS_RESPONSE_HTTP_VERSION',
    ],
    ['V7: the answer is not HTTP', () => 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'WS_HANDSHAKE_START_LINE'],
    [
      'V7: the lines end with a bare LF',
      ({ accept }) => accept().replaceAll('\r\n', '\n'),
      'WS_HANDSHAKE_LINE_ENDING',
    ],
    [
      'V7: the head is larger than 16 KiB',
      ({ accept }) => accept(`X: ${'x'.repeat(17_000)}\r\n`),
      'WS_HANDSHAKE_HEAD_SIZE',
    ],
  ])(
    '%s: a client refuses the response, and delivers no frame after the response (A46)',
    async (_name, make, code) => {
      const messages: unknown[] = [];
      const server = await scripted((request) => {
        request.socket.write(
          Buffer.concat([
            Buffer.from(make(request), 'latin1'),
            frame(Op.Text, 'not for anybody', { mask: false }),
          ]),
        );
      });
      const error = await failure(`ws://127.0.0.1:${server.port}/`, {
        subprotocols: ['a'],
        handlers: { message: (_, message) => void messages.push(message) },
      });
      expect(error.code).toBe(code);
      await released(server);
      expect(messages).toEqual([]);
    },
  );

  test('a client ignores a few 1xx responses before the 101, and fails if too many arrive', async () => {
    const { port } = await scripted(({ socket, accept }) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      socket.write(accept());
    });
    await dialed(`ws://127.0.0.1:${port}/`);
    const many = await scripted(({ socket }) => {
      socket.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(20));
    });
    expect(await failure(`ws://127.0.0.1:${many.port}/`)).toMatchObject({
      code: 'WS_DIAL_INFORMATIONAL',
      stage: 'http',
    });
  });

  test('a client fails if TCP ends before the response is complete', async () => {
    const ended = await scripted(({ socket }) => void socket.end('HTTP/1.1 101 Swi'));
    expect(await failure(`ws://127.0.0.1:${ended.port}/`)).toMatchObject({
      code: 'WS_DIAL_CLOSED',
      stage: 'http',
    });
    const reset = await scripted(({ socket }) => socket.resetAndDestroy());
    expect(await failure(`ws://127.0.0.1:${reset.port}/`)).toMatchObject({ stage: 'http' });
    const silent = await scripted(() => {}, { connected: (socket) => void socket.end() });
    expect(await failure(`ws://127.0.0.1:${silent.port}/`)).toMatchObject({ stage: 'http' });
  });

  test.each<[string, string[], string | number]>([
    [
      'a body with a length',
      ['HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nnoway!!'],
      'noway',
    ],
    [
      'a body in chunks',
      ['HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nno', 'w\r\n2\r', '\nay\r\n0\r\n\r\n'],
      'noway',
    ],
    ['a body until the end of TCP', ['HTTP/1.1 401 No\r\n\r\nno', 'way', 'END'], 'noway'],
    ['empty', ['HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n'], ''],
    ['a body that is cut off', ['HTTP/1.1 401 No\r\nContent-Length: 50\r\n\r\nnoway', 'END'], 'noway'],
    [
      'a body of more than 64 KiB',
      ['HTTP/1.1 401 No\r\nContent-Length: 1000000\r\n\r\n', 'x'.repeat(200_000)],
      65_536,
    ],
    [
      'a body of more than 64 KiB in chunks',
      [
        'HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n',
        '8000\r\n'.concat('x'.repeat(0x8000), '\r\n').repeat(5),
      ],
      65_536,
    ],
    [
      'a body of invalid chunks',
      ['HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\nzzz\r\n'],
      'no',
    ],
  ])(
    'V1: if the status is not 101, the error has the status, the header fields and the body (%s)',
    async (_name, pieces, body) => {
      const server = await scripted(async ({ socket }) => {
        for (const piece of pieces) {
          if (piece === 'END') socket.end();
          else socket.write(piece);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      });
      const error = await failure(`ws://127.0.0.1:${server.port}/`);
      expect([error.status, error.code, error.stage]).toEqual([401, 'WS_RESPONSE_STATUS', 'http']);
      expect(error.message).toBe(
        `The server did not switch protocols: status 401 (6455 §4.1) [ws://127.0.0.1:${server.port}/]`,
      );
      if (typeof body === 'number') expect(error.body.length).toBe(body);
      else expect(error.body.toString()).toBe(body);
      await released(server);
    },
  );

  test('V1: if the body of a refusal never ends, the attempt fails at the deadline with the part that has arrived', async () => {
    const server = await scripted(({ socket }) => void socket.write('HTTP/1.1 403 No\r\n\r\nno rea'));
    const error = await failure(`ws://127.0.0.1:${server.port}/`, { handshakeTimeout: 500 });
    expect([error.status, error.body.toString()]).toEqual([403, 'no rea']);
    await released(server);
  });
});

describe('FAULT-0: responses that real servers send, and responses that are refused', () => {
  /** Returns a 101 response that a real server might write. `accept` is the value of Sec-WebSocket-Accept. */
  type Head = (accept: string) => string;
  const usual = 'Upgrade: websocket\r\nConnection: Upgrade\r\n';
  const withAccept =
    (fields: string): Head =>
    (accept) =>
      `HTTP/1.1 101 Switching Protocols\r\n${fields}Sec-WebSocket-Accept: ${accept}\r\n\r\n`;

  async function answering(
    head: Head,
    write = (socket: Socket, bytes: Buffer): unknown => socket.write(bytes),
  ) {
    return scripted(({ socket, key }) => {
      const bytes = Buffer.from(head(acceptOf(key)), 'latin1');
      write(socket, Buffer.concat([bytes, frame(Op.Text, 'hello', { mask: false })]));
    });
  }

  const accepted: Record<string, Head> = {
    'Upgrade: WebSocket': withAccept('Upgrade: WebSocket\r\nConnection: Upgrade\r\n'),
    'Connection: upgrade': withAccept('Upgrade: websocket\r\nConnection: upgrade\r\n'),
    'Connection: keep-alive, Upgrade': withAccept(
      'Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n',
    ),
    'Connection with empty elements': withAccept('Upgrade: websocket\r\nConnection: , Upgrade ,\r\n'),
    'Connection twice, one with Upgrade': withAccept(`${usual}Connection: keep-alive\r\n`),
    'Connection with Upgrade twice': withAccept('Upgrade: websocket\r\nConnection: Upgrade, upgrade\r\n'),
    'names in lower case': (accept) =>
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    'names in upper case': (accept) =>
      `HTTP/1.1 101 Switching Protocols\r\nUPGRADE: websocket\r\nCONNECTION: Upgrade\r\nSEC-WEBSOCKET-ACCEPT: ${accept}\r\n\r\n`,
    'several spaces, tabs, and white space at the end of values': (accept) =>
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade:  \t websocket \t\r\nConnection:   Upgrade  \r\nSec-WebSocket-Accept:\t${accept} \r\n\r\n`,
    'no space after the colon': (accept) =>
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade:websocket\r\nConnection:Upgrade\r\nSec-WebSocket-Accept:${accept}\r\n\r\n`,
    'no reason phrase': (accept) => `HTTP/1.1 101\r\n${usual}Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    'an empty reason phrase': (accept) => `HTTP/1.1 101 \r\n${usual}Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    'another reason phrase, beyond ASCII': (accept) =>
      `HTTP/1.1 101 Web Socket Protocol Handshake \xe9\r\n${usual}Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    'Content-Length: 0': withAccept(`${usual}Content-Length: 0\r\n`),
    'an empty Sec-WebSocket-Extensions': withAccept(`${usual}Sec-WebSocket-Extensions:\r\n`),
    'fields of older drafts, and a version': withAccept(
      `${usual}Sec-WebSocket-Origin: http://a\r\nSec-WebSocket-Location: ws://a/\r\nSec-WebSocket-Version: 13\r\n`,
    ),
    'fields that repeat, are empty, or hold bytes beyond ASCII': withAccept(
      `${usual}Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nX-Empty:\r\nServer: caf\xe9\r\nDate: Sat, 28 Nov 2026 18:00:00 GMT\r\nKeep-Alive: timeout=5\r\n`,
    ),
    '90 more fields': withAccept(
      `${usual}${Array.from({ length: 90 }, (_, at) => `X-${at}: y\r\n`).join('')}`,
    ),
    'the fields in another order': (accept) =>
      `HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ${accept}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  };

  test.each(Object.entries(accepted))('FAULT-0: the client accepts %s', async (_name, head) => {
    const server = await answering(head);
    expect(await first(await dialed(`ws://127.0.0.1:${server.port}/`))).toBe('hello');
  });

  test('FAULT-0: a client accepts a response that arrives in two pieces, wherever it is cut', async () => {
    const head = accepted['several spaces, tabs, and white space at the end of values']!;
    let cut = 1;
    const server = await answering(head, (socket, bytes) => {
      socket.write(bytes.subarray(0, cut));
      setImmediate(() => socket.write(bytes.subarray(cut)));
    });
    for (; cut < head('x'.repeat(28)).length + 7; cut++) {
      const connection = await dialed(`ws://127.0.0.1:${server.port}/`);
      expect(await first(connection), `cut at ${cut}`).toBe('hello');
    }
  });

  const answered: Record<string, string> = {
    'permessage-deflate': 'permessage-deflate',
    'both parameters of context takeover':
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    'no spaces': 'permessage-deflate;server_no_context_takeover;server_max_window_bits=15',
    'a window that the client did not request': 'permessage-deflate; server_max_window_bits=12',
    'a quoted value': 'permessage-deflate; client_max_window_bits="12"',
    'empty elements': ', permessage-deflate,',
    'white space everywhere': 'permessage-deflate ;  server_max_window_bits = 12',
  };

  test.each(Object.entries(answered))(
    'FAULT-0: the client accepts an extension field with this form or content: %s',
    async (_name, value) => {
      const server = await answering(withAccept(`${usual}Sec-WebSocket-Extensions: ${value}\r\n`));
      const connection = await dialed(`ws://127.0.0.1:${server.port}/`, { compression: true });
      expect(connection.extensions.map(({ name }) => name)).toEqual(['permessage-deflate']);
      expect(await first(connection)).toBe('hello');
    },
  );

  // Each refusal has its reason. The table above tests the other rules.
  const refused: Record<string, [Head, string]> = {
    // 9112 §5.2: a sender must not fold fields. All parsers have to read the same fields from one head.
    'a folded field': [withAccept(`${usual}X: a\r\n b\r\n`), 'WS_HANDSHAKE_HEADER_FOLDED'],
    // 9112 §5.1: if a space comes before the colon, some parsers read another field name.
    'a space before a colon': [
      withAccept('Upgrade : websocket\r\nConnection: Upgrade\r\n'),
      'WS_HANDSHAKE_HEADER_LINE',
    ],
    // §4.1 (2): the value must be "websocket". A list of protocols is not allowed.
    'a list in Upgrade': [
      withAccept('Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n'),
      'WS_RESPONSE_UPGRADE',
    ],
    'Upgrade twice': [withAccept(`${usual}Upgrade: websocket\r\n`), 'WS_RESPONSE_UPGRADE'],
    // §4.1 (6): the client did not offer this subprotocol. Browsers and the package ws also refuse the response.
    'an empty Sec-WebSocket-Protocol': [
      withAccept(`${usual}Sec-WebSocket-Protocol:\r\n`),
      'WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED',
    ],
    // 9112 §6.1: a parser that obeys this field would read the first frames as chunks.
    'Transfer-Encoding': [withAccept(`${usual}Transfer-Encoding: chunked\r\n`), 'WS_RESPONSE_BODY'],
  };

  test.each(Object.entries(refused))('FAULT-0: the client refuses %s', async (_name, [head, code]) => {
    const server = await answering(head);
    expect((await failure(`ws://127.0.0.1:${server.port}/`)).code).toBe(code);
  });
});

test('O7: if the server does not speak TLS, the error says this in one line and asks whether ws: is meant', async () => {
  const plain = await scripted(() => {}, {
    connected: (socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  });
  const { stage, message, cause } = await failure(`wss://127.0.0.1:${plain.port}/`);
  expect(stage).toBe('tls');
  // The message is one line. It does not contain a line number in the source code of OpenSSL.
  expect(message).toMatch(
    /^[\w -]+; the other end does not speak TLS here; is it ws: in place of wss:\? \[wss:\S+\]$/,
  );
  expect(cause).toBeInstanceOf(Error);
  await released(plain);
});

describe('the deadline and the signal of an attempt', () => {
  test("design: an attempt fails at handshakeTimeout if the server's answer or TLS handshake is absent or slow", async () => {
    const silent = await scripted(() => {});
    expect(await failure(`ws://127.0.0.1:${silent.port}/`, { handshakeTimeout: 100 })).toMatchObject({
      code: 'WS_DIAL_TIMEOUT',
      stage: 'timeout',
      message: `The opening handshake was not complete in time: no response (6455 §4.1) [ws://127.0.0.1:${silent.port}/]`,
    });
    await released(silent);
    let stop = false;
    const drips = await scripted(async ({ socket }) => {
      while (!stop && !socket.destroyed) {
        socket.write('HTTP/1.1 102 Processing\r\n'.charAt(0));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    const error = await failure(`ws://127.0.0.1:${drips.port}/`, { handshakeTimeout: 150 });
    expect(['WS_DIAL_TIMEOUT', 'WS_HANDSHAKE_START_LINE']).toContain(error.code);
    stop = true;
    // This server never answers in the TLS handshake.
    const notTls = await scripted(() => {});
    expect(await failure(`wss://127.0.0.1:${notTls.port}/`, { handshakeTimeout: 100 })).toMatchObject({
      stage: 'timeout',
      message: `The opening handshake was not complete in time: no TLS session (6455 §4.1) [wss://127.0.0.1:${notTls.port}/]`,
    });
    await released(notTls);
  });

  test('if the signal is aborted before connect is called, the client looks up no name and opens no connection', async () => {
    const server = await scripted(echoAccept);
    const lookup = vi.fn();
    const reason = new Error('changed my mind');
    const error = await connect(`ws://localhost:${server.port}/`, {
      signal: AbortSignal.abort(reason),
      tcp: { lookup },
    }).catch((thrown: unknown) => thrown);
    expect(error).toBe(reason);
    expect([server.count, lookup.mock.calls.length]).toEqual([0, 0]);
  });

  test("if the signal aborts at any stage, connect rejects with the signal's reason, and all sockets are closed", async () => {
    const never = await scripted(() => {});
    const plain = `ws://127.0.0.1:${never.port}/`;
    const body = await scripted(
      ({ socket }) => void socket.write('HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n'),
    );
    const stages: Record<string, [string, ConnectOptions]> = {
      dns: ['ws://name.invalid/', { tcp: { lookup: () => {} } }],
      tls: [`wss://127.0.0.1:${never.port}/`, {}],
      http: [plain, {}],
      proxy: ['ws://name.invalid/', { proxy: `http://127.0.0.1:${never.port}` }],
      body: [`ws://127.0.0.1:${body.port}/`, {}],
    };
    for (const [stage, [url, options]] of Object.entries(stages)) {
      const controller = new AbortController();
      const { signal } = controller;
      const reason = { stage };
      setTimeout(() => controller.abort(reason), 60);
      const thrown = await connect(url, { ...options, signal }).catch((error: unknown) => error);
      expect(thrown, stage).toBe(reason);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    }
    await released(never);
    await released(body);
  });

  test('an abort of the signal has no effect on a connection that is open', async () => {
    const server = await scripted(echoAccept);
    const controller = new AbortController();
    const connection = await dialed(`ws://127.0.0.1:${server.port}/`, { signal: controller.signal });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    controller.abort();
    expect(connection.state).toBe('open');
  });
});

describe('TLS to the server', () => {
  test('O7, O9, A41: a client accepts a certificate that a trusted CA issued for the name of the host', async () => {
    const { url } = await startServer(
      { open: (connection) => void connection.send('secure') },
      {},
      'listen over TLS',
    );
    expect(await first(await dialed(url, { tls: { ca } }))).toBe('secure');
  });

  test.each<[string, string, string]>([
    ['wrong-host', 'localhost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['wrong-host', '127.0.0.1', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['expired', 'localhost', 'CERT_HAS_EXPIRED'],
    ['self-signed', 'localhost', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])(
    'O7, A41: by default, a client refuses the certificate "%s" for %s with the stage tls and the code %s',
    async (name, host, code) => {
      const server = await scripted(echoAccept, { tls: certificate(name) });
      const error = await failure(`wss://${host}:${server.port}/`, { tls: { ca }, tcp: { family: 4 } });
      expect([error.stage, error.code]).toEqual(['tls', code]);
      expect(server.requests).toEqual([]);
    },
  );

  test('O7: a client refuses a certificate if it does not trust the CA of the certificate, and sends no request', async () => {
    const server = await scripted(echoAccept, { tls });
    const error = await failure(`wss://localhost:${server.port}/`, { tcp: { family: 4 } });
    expect(error.stage).toBe('tls');
    expect(server.requests).toEqual([]);
  });

  test('O8: a client sends a host name as SNI, but never an IP address, and requests http/1.1 by ALPN', async () => {
    const seen: unknown[] = [];
    const server = await scripted(echoAccept, {
      tls: { ...tls, ALPNProtocols: ['h2', 'http/1.1'] },
      connected: (socket) =>
        seen.push([
          (socket as TLSSocket & { servername: unknown }).servername,
          (socket as TLSSocket).alpnProtocol,
        ]),
    });
    await dialed(`wss://localhost:${server.port}/`, { tls: { ca }, tcp: { family: 4 } });
    await dialed(`wss://127.0.0.1:${server.port}/`, { tls: { ca } });
    expect(seen).toEqual([
      ['localhost', 'http/1.1'],
      [false, 'http/1.1'],
    ]);
  });

  test('for a wss URL, a client starts TLS on a plain socket, but not on a TLS socket', async () => {
    const { port, url } = await startServer(
      { open: (connection) => void connection.send('given') },
      {},
      'listen over TLS',
    );
    const plain = netConnect({ port, host: '127.0.0.1', allowHalfOpen: true });
    expect(await first(await dialed(url, { socket: plain, tls: { ca } }))).toBe('given');
    const { connect: tlsConnect } = await import('node:tls');
    const secure = tlsConnect({ port, host: '127.0.0.1', ca, servername: 'localhost' });
    expect(await first(await dialed(url, { socket: secure }))).toBe('given');
  });
});

describe('redirects', () => {
  /** Starts a server that redirects the paths in `locations`, and answers all other paths with 101. */
  function redirecting(
    locations: Record<string, string | null>,
    options: Parameters<typeof scripted>[1] = {},
  ) {
    return scripted(({ socket, head, accept }) => {
      const path = /^GET (\S+)/.exec(head)![1]!;
      const location = locations[path];
      if (location === undefined) socket.write(accept());
      else
        socket.end(
          `HTTP/1.1 302 Found\r\n${location === null ? '' : `Location: ${location}\r\n`}Content-Length: 0\r\n\r\n`,
        );
    }, options);
  }

  test('A42, design: by default, a client does not follow a redirect: the attempt fails with the status', async () => {
    const server = await redirecting({ '/': '/other' });
    const error = await failure(`ws://127.0.0.1:${server.port}/`);
    expect([error.code, error.status, error.stage]).toEqual(['WS_REDIRECT_LIMIT', 302, 'redirect']);
    expect(error.headers).toContain('/other');
    expect(server.requests).toHaveLength(1);
  });

  test('A42: a client follows relative, //host and absolute redirects, replaces http: by ws:, and drops a fragment', async () => {
    const target = await redirecting({});
    for (const location of [
      `//127.0.0.1:${target.port}/there`,
      `ws://127.0.0.1:${target.port}/there`,
      `http://127.0.0.1:${target.port}/there#fragment`,
    ]) {
      const server = await redirecting({ '/': location });
      const connection = await dialed(`ws://127.0.0.1:${server.port}/`, { redirects: 1 });
      expect(connection.url).toBe(`ws://127.0.0.1:${target.port}/there`);
    }
    const server = await redirecting({ '/a/b': '../c?d', '/c?d': '?e', '/c?e': 'f' });
    expect((await dialed(`ws://127.0.0.1:${server.port}/a/b`, { redirects: 3 })).url).toBe(
      `ws://127.0.0.1:${server.port}/f`,
    );
  });

  test('A42: a client that is redirected in a loop fails after the maximum number of redirects', async () => {
    const loop = await redirecting({ '/': '/' });
    expect((await failure(`ws://127.0.0.1:${loop.port}/`, { redirects: 5 })).code).toBe('WS_REDIRECT_LIMIT');
    expect(loop.requests).toHaveLength(6);
  });

  test('A42: a client refuses a redirect without a valid Location', async () => {
    for (const location of [null, 'http://', 'ftp://127.0.0.1/', 'javascript:alert(1)', 'ws://[', '']) {
      const server = await redirecting({ '/': location });
      const error = await failure(`ws://127.0.0.1:${server.port}/`, { redirects: location === '' ? 1 : 5 });
      // An empty Location is a valid relative URL, which leads to the same URL.
      expect(error.code, String(location)).toBe(
        location === '' ? 'WS_REDIRECT_LIMIT' : 'WS_REDIRECT_LOCATION',
      );
    }
  });

  test('A42: a client never follows a redirect from wss to ws', async () => {
    const target = await redirecting({});
    for (const scheme of ['ws', 'http']) {
      const server = await redirecting({ '/': `${scheme}://127.0.0.1:${target.port}/` }, { tls });
      const error = await failure(`wss://127.0.0.1:${server.port}/`, { redirects: 5, tls: { ca } });
      expect(error.code).toBe('WS_REDIRECT_DOWNGRADE');
    }
    expect(target.count).toBe(0);
  });

  const secrets = { Authorization: 'Bearer secret', Cookie: 'session=secret', 'X-Plain': 'public' };

  test('A42: after a redirect to the same host and port, a client sends the credentials again', async () => {
    const server = await redirecting({ '/': '/other' });
    await dialed(`ws://127.0.0.1:${server.port}/`, { redirects: 1, headers: secrets });
    expect(server.requests[1]).toContain('Authorization: Bearer secret');
    expect(server.requests[1]).toContain('Cookie: session=secret');
  });

  test('A42: after a redirect to another host or port, a client sends no credentials, even if a second redirect leads back', async () => {
    const back = await scripted(echoAccept);
    const other = await redirecting({
      '/': `ws://127.0.0.1:${back.port}/back`,
      '/name': `ws://127.0.0.1:${back.port}/back`,
    });
    const start = await redirecting({ '/': `ws://127.0.0.1:${other.port}/` });
    await dialed(`ws://user:secret@127.0.0.1:${start.port}/`, {
      redirects: 2,
      headers: { Cookie: 'session=secret', 'X-Plain': 'public' },
    });
    expect(start.requests[0]).toMatch(/Basic/);
    for (const request of [other.requests[0]!, back.requests[0]!]) {
      expect(request).not.toMatch(/secret|Basic|Authorization|Cookie/i);
      expect(request).not.toContain('X-Plain');
    }
    const named = await redirecting({ '/': `ws://localhost:${back.port}/` });
    await dialed(`ws://127.0.0.1:${named.port}/`, { redirects: 1, headers: secrets, tcp: { family: 4 } });
    expect(back.requests.at(-1)).not.toMatch(/secret/);
    // User information in Location does not come from the application, so the client does not send it.
    const forged = await redirecting({ '/': `ws://user:forged@127.0.0.1:${back.port}/` });
    await dialed(`ws://127.0.0.1:${forged.port}/`, { redirects: 1 });
    expect(back.requests.at(-1)).not.toMatch(/Authorization/);
  });

  test('FAULT-10: a client sends no subprotocol and no header field of the application to another origin', async () => {
    const target = await redirecting({});
    const server = await redirecting({ '/': `ws://127.0.0.1:${target.port}/` });
    const connection = await dialed(`ws://127.0.0.1:${server.port}/`, {
      redirects: 1,
      subprotocols: ['chat', 'bearer.secret'],
      headers: [...Object.entries(secrets).flat(), 'X-Api-Key', 'secret', 'User-Agent', 'secret/1'],
      origin: 'https://page.example',
    });
    expect(server.requests[0]).toContain('Sec-WebSocket-Protocol: chat, bearer.secret');
    expect(target.requests[0]).not.toMatch(/secret|public|Sec-WebSocket-Protocol/i);
    // The Origin names the page that uses the client. It is not secret, and the server needs it for its decision.
    expect(target.requests[0]).toContain('Origin: https://page.example');
    expect(connection.subprotocol).toBe('');
  });

  test('FAULT-10: after a redirect to another origin and back, a client sends the first origin no subprotocol and no header field', async () => {
    const sent: string[] = [];
    const first: { port: number } = await scripted(({ socket, head, accept }) => {
      sent.push(head);
      if (head.startsWith('GET /back')) socket.write(accept());
      else socket.end(`HTTP/1.1 307 No\r\nLocation: ws://127.0.0.1:${other.port}/\r\n\r\n`);
    });
    const other = await redirecting({ '/': `ws://127.0.0.1:${first.port}/back` });
    await dialed(`ws://127.0.0.1:${first.port}/`, {
      redirects: 2,
      subprotocols: ['token'],
      headers: secrets,
    });
    expect(sent).toHaveLength(2);
    expect(sent[1]).not.toMatch(/secret|public|token/);
  });

  test('FAULT-10: a client sends the header fields that crossOriginHeaders names to another origin; upper and lower case do not matter', async () => {
    const target = await scripted(({ socket, accept }) =>
      socket.write(accept('Sec-WebSocket-Protocol: chat\r\n')),
    );
    const server = await redirecting({ '/': `ws://127.0.0.1:${target.port}/` });
    const connection = await dialed(`ws://127.0.0.1:${server.port}/`, {
      redirects: 1,
      subprotocols: ['chat'],
      requireSubprotocol: true,
      headers: secrets,
      crossOriginHeaders: ['x-plain', 'SEC-WebSocket-Protocol'],
    });
    expect(target.requests[0]).toContain('X-Plain: public');
    expect(target.requests[0]).not.toContain('secret');
    expect(connection.subprotocol).toBe('chat');
  });

  test('FAULT-10: if a required subprotocol may not be sent to another origin, the attempt fails, and this origin receives no request', async () => {
    const target = await redirecting({});
    const server = await redirecting({ '/': `ws://127.0.0.1:${target.port}/` });
    const error = await failure(`ws://127.0.0.1:${server.port}/`, {
      redirects: 1,
      subprotocols: ['chat'],
      requireSubprotocol: true,
    });
    expect(error).toMatchObject({ code: 'WS_REDIRECT_SUBPROTOCOL', stage: 'redirect', status: 302 });
    expect(error.message).toContain('crossOriginHeaders');
    expect(target.count).toBe(0);
  });

  test.each([['Authorization'], ['cookie'], ['Proxy-Authorization'], [''], ['a b'], [7]])(
    'FAULT-10: a client refuses the value %j in crossOriginHeaders before it connects',
    async (name) => {
      const server = await redirecting({});
      const options = { crossOriginHeaders: [name as string] };
      await expect(connect(`ws://127.0.0.1:${server.port}/`, options)).rejects.toThrow(TypeError);
      expect(server.count).toBe(0);
    },
  );

  test('A42: a client sends its certificate to the first origin, and not to another origin', async () => {
    const presented: boolean[] = [];
    const asks = { ...tls, requestCert: true, rejectUnauthorized: false };
    const connected = (socket: Socket) =>
      presented.push(Object.keys((socket as TLSSocket).getPeerCertificate()).length > 0);
    const target = await scripted(echoAccept, { tls: asks, connected });
    const server = await redirecting({ '/': `wss://127.0.0.1:${target.port}/` }, { tls: asks, connected });
    const url = `wss://127.0.0.1:${server.port}/`;
    await dialed(url, { redirects: 1, tls: { ca, ...certificate('self-signed') } });
    expect(presented.splice(0)).toEqual([true, false]);
    // If the application passes a secure context with a certificate, the client removes the whole context, including its CA.
    const secureContext = createSecureContext({ ca, ...certificate('self-signed') });
    const error = await failure(url, { redirects: 1, tls: { secureContext } });
    expect(error.stage).toBe('tls');
    await dialed(url, { redirects: 1, tls: { ca, secureContext } });
    expect(presented).toEqual([true, true, false]);
  });

  test('A42: a 101 with a Location is not a redirect; a redirect fails if the application passed a socket', async () => {
    const elsewhere = await redirecting({});
    const server = await scripted(({ socket, accept }) =>
      socket.write(accept(`Location: ws://127.0.0.1:${elsewhere.port}/\r\n`)),
    );
    const connection = await dialed(`ws://127.0.0.1:${server.port}/`, { redirects: 5 });
    expect(connection.url).toBe(`ws://127.0.0.1:${server.port}/`);
    expect(elsewhere.count).toBe(0);
    const given = await redirecting({ '/': '/other' });
    const socket = netConnect(given.port, '127.0.0.1');
    const error = await failure(`ws://127.0.0.1:${given.port}/`, { redirects: 5, socket });
    expect(error.code).toBe('WS_REDIRECT_SOCKET');
    expect(socket.destroyed).toBe(true);
  });
});

describe('proxies of a client', () => {
  type Answer = (request: ScriptedRequest, upstream: () => Socket) => void;

  /** Starts an HTTP proxy. It connects each tunnel to `port`, and ignores the requested host. `answer` can replace this behaviour. */
  function proxying(port: number, answer?: Answer, options: Parameters<typeof scripted>[1] = {}) {
    return scripted((request) => {
      const { socket, rest } = request;
      const upstream = (): Socket => {
        const to = netConnect(port, '127.0.0.1');
        to.on('error', () => socket.destroy());
        socket.on('close', () => to.destroy());
        if (rest.length > 0) to.write(rest);
        socket.pipe(to);
        to.pipe(socket);
        return to;
      };
      if (answer !== undefined) answer(request, upstream);
      else {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream();
      }
    }, options);
  }

  test('O4, O5: a client sends CONNECT with the host and the port to the proxy, and performs the handshake through the tunnel', async () => {
    const origin = await scripted(({ socket, accept }) =>
      socket.write(Buffer.concat([Buffer.from(accept()), frame(Op.Text, 'through', { mask: false })])),
    );
    const proxy = await proxying(origin.port);
    const connection = await dialed('ws://origin.example/path', { proxy: `http://127.0.0.1:${proxy.port}` });
    expect(await first(connection)).toBe('through');
    expect(proxy.requests[0]).toBe('CONNECT origin.example:80 HTTP/1.1\r\nHost: origin.example:80\r\n\r\n');
    expect(origin.requests[0]).toContain('GET /path HTTP/1.1\r\nHost: origin.example\r\n');
  });

  test('A43: the origin never receives the credentials of the proxy, and the proxy never receives the credentials of the origin', async () => {
    const origin = await scripted(echoAccept);
    const proxy = await proxying(origin.port);
    await dialed('ws://user:theirs@origin.example/', {
      proxy: new URL(`http://me:p%40ss@127.0.0.1:${proxy.port}`),
      headers: { Cookie: 'theirs' },
    });
    expect(proxy.requests[0]).toContain(
      `\r\nProxy-Authorization: Basic ${Buffer.from('me:p@ss').toString('base64')}\r\n`,
    );
    expect(proxy.requests[0]).not.toMatch(/Cookie|\r\nAuthorization/);
    expect(origin.requests[0]).not.toMatch(/Proxy/);
  });

  test('A43: bytes that arrive together with the 200 of a proxy are not lost, with and without TLS to the server', async () => {
    // This proxy sends the first bytes of the origin in the same segment as its own answer.
    const speaksFirst = await proxying(0, ({ socket, rest }) => {
      let request = rest.toString('latin1');
      socket.on('data', (chunk) => (request += chunk.toString('latin1')));
      // The 103 of the origin and the first half of its response arrive together with the answer of the proxy.
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 40');
      setTimeout(() => socket.end('3 No\r\nContent-Length: 0\r\n\r\n'), 20);
    });
    const error = await failure('ws://origin.example/', { proxy: `http://127.0.0.1:${speaksFirst.port}` });
    expect([error.status, error.stage]).toEqual([403, 'http']);
    // Here a TLS alert arrives in the same segment as the 200. The client passes the alert on to TLS.
    const alert = await proxying(0, ({ socket }) => {
      socket.write(
        Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), Buffer.from([21, 3, 3, 0, 2, 2, 40])]),
      );
    });
    const tlsError = await failure('wss://origin.example/', { proxy: `http://127.0.0.1:${alert.port}` });
    expect(tlsError.stage).toBe('tls');
    expect(tlsError.code).toMatch(/SSL|ERR_SSL|ECONN/);
  });

  test('A43: a client accepts a 1xx before the 200 answer to CONNECT, any 2xx answer, and an answer with Transfer-Encoding: chunked', async () => {
    const origin = await scripted(echoAccept);
    for (const head of [
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.0 200 Connection established\r\n\r\n',
    ]) {
      const proxy = await proxying(origin.port, ({ socket }, upstream) => {
        socket.write(head);
        upstream();
      });
      await dialed('ws://origin.example/', { proxy: `http://127.0.0.1:${proxy.port}` });
    }
  });

  test.each<[string, string, string, number]>([
    [
      '407',
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n',
      'WS_PROXY_STATUS',
      407,
    ],
    ['502', 'HTTP/1.1 502 Bad Gateway\r\n\r\n', 'WS_PROXY_STATUS', 502],
    ['302', 'HTTP/1.1 302 Found\r\nLocation: ws://evil.example/\r\n\r\n', 'WS_PROXY_STATUS', 302],
    ['101', 'HTTP/1.1 101 Switching\r\n\r\n', 'WS_PROXY_STATUS', 101],
    [
      'endless header fields',
      `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(5_000)}`,
      'WS_HANDSHAKE_HEADER_COUNT',
      0,
    ],
    ['an endless line', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(50_000)}`, 'WS_HANDSHAKE_HEAD_SIZE', 0],
    ['no HTTP', '\x16\x03\x01', 'WS_HANDSHAKE_CONTROL_CHARACTER', 0],
  ])(
    'A43: if a proxy answers CONNECT with "%s", the attempt fails with the stage proxy, and the origin receives nothing',
    async (_name, answer, code, status) => {
      const origin = await scripted(echoAccept);
      const proxy = await proxying(origin.port, ({ socket }) => void socket.write(answer));
      const error = await failure('ws://origin.example/', {
        proxy: `http://127.0.0.1:${proxy.port}`,
        redirects: 5,
      });
      expect([error.code, error.status]).toEqual([code, status]);
      expect(error.stage).toBe('proxy');
      if (status === 407) expect(error.headers).toContain('Proxy-Authenticate');
      expect(origin.count).toBe(0);
    },
  );

  test('A43: if the proxy never answers, the attempt fails at the deadline; if no proxy listens, the error has the stage proxy', async () => {
    const proxy = await proxying(0, () => {});
    expect(
      (
        await failure('ws://origin.example/', {
          proxy: `http://127.0.0.1:${proxy.port}`,
          handshakeTimeout: 100,
        })
      ).stage,
    ).toBe('timeout');
    const gone = await failure('ws://origin.example/', { proxy: 'http://127.0.0.1:1' });
    expect([gone.stage, gone.code]).toEqual(['proxy', 'ECONNREFUSED']);
    for (const bad of ['socks4://127.0.0.1:1', 'nonsense', 'http://']) {
      expect((await failure('ws://origin.example/', { proxy: bad })).code).toBe('WS_PROXY_URL');
    }
  });

  test('FAULT-10: if the credentials of a proxy contain an unencoded %, the error says that "%" is written "%25"', async () => {
    for (const proxy of [
      'http://user:100%@127.0.0.1:1',
      'http://%zz:p@127.0.0.1:1',
      'https://u:%e9@127.0.0.1:1',
    ]) {
      const error = await failure('ws://origin.example/', { proxy });
      expect(error).toMatchObject({ code: 'WS_PROXY_CREDENTIALS', stage: 'proxy' });
      expect(error.message).toMatch(
        /user name or the password in the URL of the proxy .*\(a "%" is written "%25"\)/,
      );
      expect(error.message).not.toMatch(/100|zz|e9/);
    }
  });

  test('A43: a client can use TLS through the tunnel, both with an http proxy and with an https proxy', async () => {
    const { port } = await startServer(
      { open: (connection) => void connection.send('tunnel') },
      {},
      'listen over TLS',
    );
    const plain = await proxying(port);
    const secure = await proxying(port, undefined, { tls });
    for (const proxy of [`http://127.0.0.1:${plain.port}`, `https://localhost:${secure.port}`]) {
      const connection = await dialed('wss://localhost/', { proxy, tls: { ca }, tcp: { family: 4 } });
      expect(await first(connection)).toBe('tunnel');
    }
    // The client verifies the certificate of the proxy. By default, it does not trust the test CA.
    const unknown = await failure('wss://localhost/', {
      proxy: `https://localhost:${secure.port}`,
      tcp: { family: 4 },
    });
    expect(unknown.stage).toBe('proxy');
    // The TLS options for the origin do not apply to the proxy.
    const insecure = await failure('wss://localhost/', {
      proxy: `https://localhost:${secure.port}`,
      tls: { rejectUnauthorized: false },
      tcp: { family: 4 },
    });
    expect(insecure.stage).toBe('proxy');
    // Inside the tunnel, the client checks the certificate for the name of the origin.
    const wrong = await failure('wss://origin.example/', {
      proxy: `http://127.0.0.1:${plain.port}`,
      tls: { ca },
    });
    expect([wrong.stage, wrong.code]).toEqual(['tls', 'ERR_TLS_CERT_ALTNAME_INVALID']);
  });

  test('if the tunnel fails after the handshake, the connection closes with 1006, and no error is thrown', async () => {
    const { port } = await startServer({}, {}, 'listen over TLS');
    const proxy = await proxying(port, undefined, { tls });
    const connection = await dialed('wss://localhost/', {
      proxy: `https://localhost:${proxy.port}`,
      tls: { ca },
      tcp: { family: 4 },
    });
    for (const socket of proxy.open) socket.destroy();
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false });
  });

  describe('the proxy that the environment names', () => {
    beforeEach(() => {
      for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']) {
        vi.stubEnv(name, undefined);
        vi.stubEnv(name.toUpperCase(), undefined);
      }
      vi.stubEnv('REQUEST_METHOD', undefined);
    });

    async function via(environment: Record<string, string>, url = 'ws://origin.example/'): Promise<boolean> {
      const origin = await scripted(echoAccept, {
        // The origin has no TLS, and answers in plain HTTP. So a wss attempt through the proxy fails immediately.
        connected: (socket) =>
          void (url.startsWith('wss:') && socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      });
      const proxy = await proxying(origin.port);
      for (const [name, value] of Object.entries(environment)) {
        vi.stubEnv(name, value.replaceAll('PROXY', `127.0.0.1:${proxy.port}`));
      }
      const direct = new Error('direct');
      const result = await connect(url, {
        proxy: 'env',
        tcp: { lookup: (_name, _options, callback) => callback(direct, '', 0) },
      }).then(
        (connection) => connection.terminate(),
        (error: HandshakeError) => error,
      );
      if (result !== undefined && proxy.requests.length === 0) expect(result.cause).toBe(direct);
      return proxy.requests.length > 0;
    }

    test.each<[boolean, Record<string, string>, string]>([
      [false, {}, 'ws://origin.example/'],
      [true, { http_proxy: 'http://PROXY' }, 'ws://origin.example/'],
      [true, { HTTP_PROXY: 'http://PROXY' }, 'ws://origin.example/'],
      [true, { http_proxy: 'PROXY' }, 'ws://origin.example/'],
      [true, { all_proxy: 'http://PROXY' }, 'ws://origin.example/'],
      [false, { http_proxy: '', HTTP_PROXY: 'http://PROXY' }, 'ws://origin.example/'],
      [false, { https_proxy: 'http://PROXY' }, 'ws://origin.example/'],
      [true, { https_proxy: 'http://PROXY' }, 'wss://origin.example/'],
      [false, { http_proxy: 'http://PROXY' }, 'wss://origin.example/'],
      // In a CGI program, this variable contains a header field that a client has sent ("httpoxy").
      [false, { HTTP_PROXY: 'http://PROXY', REQUEST_METHOD: 'GET' }, 'ws://origin.example/'],
      [true, { http_proxy: 'http://PROXY', REQUEST_METHOD: 'GET' }, 'ws://origin.example/'],
      [false, { http_proxy: 'http://PROXY', no_proxy: '*' }, 'ws://origin.example/'],
      [false, { http_proxy: 'http://PROXY', no_proxy: 'other, origin.example' }, 'ws://origin.example/'],
      [false, { http_proxy: 'http://PROXY', NO_PROXY: '.example' }, 'ws://origin.example/'],
      [false, { http_proxy: 'http://PROXY', no_proxy: 'ORIGIN.example:80' }, 'ws://origin.example/'],
      [true, { http_proxy: 'http://PROXY', no_proxy: 'origin.example:81' }, 'ws://origin.example/'],
      [true, { http_proxy: 'http://PROXY', no_proxy: 'gin.example' }, 'ws://origin.example/'],
      [true, { http_proxy: 'http://PROXY', no_proxy: '' }, 'ws://origin.example/'],
    ])(
      'the client uses a proxy: %s, with the environment %j and the URL %s',
      async (proxied, environment, url) => {
        expect(await via(environment, url)).toBe(proxied);
      },
    );
  });
});

test('F1, F12: the connection of a client masks each frame with a new masking key', async () => {
  const received: Buffer[] = [];
  const server = await scripted(({ socket, accept }) => {
    socket.on('data', (chunk) => received.push(chunk));
    socket.write(accept());
  });
  const connection = await dialed(`ws://127.0.0.1:${server.port}/`);
  for (let index = 0; index < 50; index++) connection.send('same');
  while (framesOf(Buffer.concat(received)).length < 50)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const bytes = Buffer.concat(received);
  const keys = new Set(Array.from({ length: 50 }, (_, index) => bytes.readUInt32BE(index * 10 + 2)));
  expect(framesOf(bytes).every(({ masked, payload }) => masked && payload.toString() === 'same')).toBe(true);
  expect(keys.size).toBeGreaterThan(45);
});
