/** Tests the opening handshake of a server over real sockets, with every kind of listener. */
import { Buffer } from 'node:buffer';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { ServerHandlers } from '../../src/api/server-handlers.ts';
import { type Rejection, reject } from '../../src/api/upgrade-answer.ts';
import type { HandshakeError } from '../../src/handshake/error.ts';
import { answerUnavailable } from '../../src/transport/lingering.ts';
import { warningsOf } from '../api/pair.ts';
import { useFakeClock, useRealClock } from './fake-clock.ts';
import { FakeSocket, turn } from './fake-socket.ts';
import { certificate, closeServers, kinds, plainPeer, startServer, tlsPeer } from './servers.ts';
import { acceptOf, closeFrame, frame, Op, type RawPeer, requestHead, sampleKey } from './wire.ts';

afterEach(closeServers);

const echo: ServerHandlers = {
  message: (connection, message) => void connection.send(message),
};

/** Waits for a value that a callback sets. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function answerTo(peer: RawPeer, request: string): Promise<string> {
  return peer.write(request).answer();
}

describe.each(kinds)('the opening handshake, %s', (kind) => {
  const attached = kind.startsWith('attach');

  test('S17: a valid request is answered with 101 and the correct Sec-WebSocket-Accept, and the connection opens', async () => {
    const { peer } = await startServer(echo, {}, kind);
    const raw = await peer().open();
    expect(raw.head).toBe(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(sampleKey)}\r\n\r\n`,
    );
    raw.write(frame(Op.Text, 'hello'));
    await raw.until(() => raw.frames.length === 1);
    expect(raw.frames[0]).toEqual({
      fin: true,
      opcode: Op.Text,
      masked: false,
      payload: Buffer.from('hello'),
    });
  });

  test('seam S5: the handler `accepting` receives the contents of the 101 response, and may add header fields to this response', async () => {
    const answers: unknown[] = [];
    const { peer } = await startServer(
      {
        upgrade: () => ({ headers: { 'X-First': '1' } }),
        accepting: (request, answer) => {
          answers.push([request.path, answer]);
          if (request.query === 'none') return undefined;
          if (request.query === 'throw') throw new Error('in accepting');
          if (request.query === 'own') return { 'Sec-WebSocket-Accept': 'mine' };
          if (request.query === 'later') return Promise.resolve({}) as never;
          return { 'Set-Cookie': ['a=1', 'b=2'] };
        },
        refused() {},
      },
      { subprotocols: ['chat'] },
      kind,
    );
    const fields = { 'Sec-WebSocket-Protocol': 'other, chat' };
    const raw = await peer().open(fields);
    expect(raw.head).toMatch(/\r\nX-First: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n$/);
    expect(answers).toEqual([['/', { subprotocol: 'chat', extensions: [], headers: ['X-First', '1'] }]]);
    for (const [query, status] of [
      ['none', 101],
      ['throw', 500],
      ['own', 500],
      ['later', 500],
    ] as const) {
      const one = peer().write(requestHead(fields, `GET /?${query} HTTP/1.1`));
      await one.until(() => one.status !== 0);
      expect([query, one.status]).toEqual([query, status]);
    }
  });

  test('seam S5: the handler `refusing` receives each refusal, and may replace the answer', async () => {
    const seen: [string, number][] = [];
    const reported: [string, number][] = [];
    const { peer } = await startServer(
      {
        upgrade: ({ query }) => {
          if (query === 'throw') throw new Error('in upgrade');
          return query === 'reject' ? reject(401, 'log in', { 'WWW-Authenticate': 'Basic' }) : undefined;
        },
        refusing: (error, request) => {
          seen.push([error.code, error.status]);
          if (request?.headers.includes('broken')) throw new Error('in refusing');
          if (request?.headers.includes('strange')) return {} as never;
          return request?.headers.includes('own') ? reject(418, 'a teapot', { 'X-Own': '1' }) : undefined;
        },
        refused: (error) => void reported.push([error.code, error.status]),
      },
      { path: '/' },
      kind,
    );
    const answer = async (field: string, target: string, more = {}): Promise<string> =>
      answerTo(peer(), requestHead({ 'X-Test': field, ...more }, `GET ${target} HTTP/1.1`));
    const warnings = await warningsOf(async () => {
      expect(await answer('none', '/?reject')).toMatch(
        /^HTTP\/1\.1 401 [\s\S]*WWW-Authenticate: Basic[\s\S]*log in$/,
      );
      const own = await answer('own', '/?reject');
      expect(own).toMatch(/^HTTP\/1\.1 418 [\s\S]*X-Own: 1[\s\S]*a teapot$/);
      expect(own).not.toContain('WWW-Authenticate');
      // §4.4: the answer still contains the supported version.
      const version = await answer('own', '/', { 'Sec-WebSocket-Version': '12' });
      expect(version).toMatch(/^HTTP\/1\.1 418 [\s\S]*Sec-WebSocket-Version: 13/);
      expect(await answer('own', '/?throw')).toMatch(/^HTTP\/1\.1 418 /);
      if (!attached) expect(await answer('own', '/elsewhere')).toMatch(/^HTTP\/1\.1 418 /);
      expect(await answer('broken', '/?reject')).toMatch(/^HTTP\/1\.1 401 /);
      expect(await answer('strange', '/?reject')).toMatch(/^HTTP\/1\.1 401 /);
    });
    expect(warnings.map(String)).toEqual([
      'Error: in refusing',
      'TypeError: refusing returns reject(…) or nothing',
    ]);
    expect(seen.map(([code]) => code)).toEqual(reported.map(([code]) => code));
    expect(seen[1]).toEqual(['WS_HANDSHAKE_REJECTED', 401]);
    expect(reported[1]).toEqual(['WS_HANDSHAKE_REJECTED', 418]);
  });

  test('seam S5: if `accepting` or `refusing` shuts the server down, the peer still receives only one answer', async () => {
    for (const name of ['accepting', 'refusing'] as const) {
      let ended: Promise<void> = Promise.resolve();
      const { server, peer } = await startServer(
        {
          upgrade: () => (name === 'refusing' ? reject(403) : undefined),
          [name]: () => {
            ended = server.shutdown({ grace: 100 });
          },
          refused() {},
        },
        {},
        kind,
      );
      const text = await answerTo(peer(), requestHead());
      expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${name === 'refusing' ? 403 : 503}`]);
      await ended;
    }
  });

  test('S1, S22: a server answers each invalid request with the status for its fault', async () => {
    const { peer } = await startServer(
      {
        upgrade: (request) => {
          if (request.query === 'throw') throw new Error('in the hook');
        },
        refused: () => {},
      },
      { path: '/' },
      kind,
    );
    const requests: [status: number, request: string][] = [
      [400, requestHead({ 'Sec-WebSocket-Key': 'short' })],
      [400, requestHead({ 'Sec-WebSocket-Key': null })],
      [400, requestHead({ Host: null })],
      [400, requestHead({ 'Content-Length': '5' })],
      [403, requestHead({ Origin: 'https://elsewhere.example' })],
      [404, requestHead({}, 'GET /nowhere HTTP/1.1')],
      [405, requestHead({}, 'POST / HTTP/1.1')],
      [426, requestHead({ Upgrade: 'h2c' })],
      [426, requestHead({ 'Sec-WebSocket-Version': '8' })],
      [431, requestHead({ 'Sec-WebSocket-Extensions': 'x'.repeat(9_000) })],
      [500, requestHead({}, 'GET /?throw HTTP/1.1')],
      [505, requestHead({}, 'GET / HTTP/1.0')],
    ];
    if (!attached) {
      // If node:http reads the head, node:http also gives these answers.
      requests.push(
        [400, requestHead({}, 'GET  / HTTP/1.1')],
        [414, requestHead({}, `GET /${'x'.repeat(9_000)} HTTP/1.1`)],
        [431, requestHead({ Cookie: 'x'.repeat(17_000) })],
        [431, requestHead(Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`x-${at}`, '1'])))],
        [505, requestHead({}, 'GET / HTTP/2.0')],
        [426, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      );
    }
    for (const [status, request] of requests) {
      const answer = await answerTo(peer(), request);
      expect(answer, request.slice(0, 200)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toMatch(/\r\nConnection: close\r\n/);
    }
  });

  test('S13, A5: an answer of 426 has Sec-WebSocket-Version: 13, and an answer of 405 has Allow: GET', async () => {
    const { peer } = await startServer({}, {}, kind);
    const version = await answerTo(peer(), requestHead({ 'Sec-WebSocket-Version': '99' }));
    expect(version).toMatch(/\r\nSec-WebSocket-Version: 13\r\n/);
    expect(version).toMatch(/\r\nUpgrade: websocket\r\n/);
    expect(await answerTo(peer(), requestHead({}, 'PUT / HTTP/1.1'))).toMatch(/\r\nAllow: GET\r\n/);
  });

  test('A4: a server does not serve a request that follows a refused request on the same connection', async () => {
    const seen: string[] = [];
    const { peer } = await startServer({ upgrade: ({ target }) => void seen.push(target) }, {}, kind);
    const answer = await answerTo(
      peer(),
      requestHead({ 'Sec-WebSocket-Version': '7' }) + requestHead({}, 'GET /smuggled HTTP/1.1'),
    );
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  test('A3: a server refuses a request with a body, and does not serve the body as a request', async () => {
    const seen: string[] = [];
    const { peer } = await startServer({ upgrade: ({ target }) => void seen.push(target) }, {}, kind);
    const inner = requestHead({}, 'GET /smuggled HTTP/1.1');
    for (const fields of [
      { 'Content-Length': String(inner.length) },
      { 'Transfer-Encoding': 'chunked' },
      { Expect: '100-continue' },
    ]) {
      const answer = await answerTo(peer(), requestHead(fields) + inner);
      expect(answer).not.toContain('101');
    }
    expect(seen).toEqual([]);
  });

  test('V8, S17: a server delivers frames that arrive together with the request', async () => {
    for (const upgrade of [undefined, async () => {}] as const) {
      const { peer } = await startServer(
        { ...echo, ...(upgrade === undefined ? null : { upgrade }) },
        {},
        kind,
      );
      const raw = peer();
      raw.write(
        Buffer.concat([
          Buffer.from(requestHead()),
          frame(Op.Text, 'early'),
          frame(Op.Text, 'bird').subarray(0, 3),
        ]),
      );
      await raw.until(() => raw.head !== '');
      raw.write(frame(Op.Text, 'bird').subarray(3));
      await raw.until(() => raw.frames.length === 2);
      expect(raw.frames.map(({ payload }) => payload.toString())).toEqual(['early', 'bird']);
    }
  });

  test('A25: a server accepts a request and frames that arrive byte by byte', async () => {
    const { peer } = await startServer(echo, {}, kind);
    const raw = peer();
    await new Promise((resolve) =>
      raw.socket.once(kind.includes('TLS') || kind.includes('https') ? 'secureConnect' : 'connect', resolve),
    );
    for (const byte of Buffer.concat([
      Buffer.from(requestHead()),
      frame(Op.Text, 'drop by drop'),
      closeFrame(1000),
    ])) {
      raw.socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    await raw.until(() => raw.frames.length === 2);
    expect(raw.frames[0]!.payload.toString()).toBe('drop by drop');
    expect(raw.frames[1]!.opcode).toBe(Op.Close);
  });

  test('A13: a server answers a connection beyond maxConnections with 503 and Retry-After, and accepts connections again when one has closed', async () => {
    const { server, peer } = await startServer(echo, { maxConnections: 2 }, kind);
    const first = await peer().open();
    await peer().open();
    const third = peer();
    const answer = await answerTo(third, requestHead());
    expect(answer).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(answer).toMatch(/\r\nRetry-After: \d+\r\n/);
    first.write(closeFrame(1000));
    await first.answer();
    first.destroy();
    await until(() => server.connections.size === 1);
    await peer().open();
  });

  test('A13: an unfinished handshake counts for maxConnections, so a further peer receives 503', async () => {
    let settle: () => void = () => {};
    const { peer } = await startServer(
      { upgrade: () => new Promise<void>((resolve) => (settle = resolve)) },
      { maxConnections: 1 },
      kind,
    );
    const first = peer().write(requestHead());
    const served = async (): Promise<number> => {
      const raw = peer();
      await answerTo(raw, requestHead());
      return raw.status;
    };
    await new Promise<void>((resolve) => first.socket.once('ready', resolve));
    while ((await served()) !== 503) first.socket.resume();
    settle();
    await first.until(() => first.status === 101);
  });

  test('A7: if the upgrade hook never settles, the server answers 408 at the deadline', async () => {
    const refused: string[] = [];
    const { peer } = await startServer(
      { upgrade: () => new Promise<void>(() => {}), refused: (error) => void refused.push(error.code) },
      // Over TLS, the deadline also covers the TLS handshake. A client with an unfinished TLS handshake receives no answer.
      { handshakeTimeout: kind === 'listen over TLS' ? 500 : 100 },
      kind,
    );
    expect(await answerTo(peer(), requestHead())).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(refused).toEqual(['WS_HANDSHAKE_TIMEOUT']);
  });

  test("A48: if the upgrade hook throws or rejects, the server answers 500 without the error's text, and reports the error once", async () => {
    const refused: HandshakeError[] = [];
    const { peer } = await startServer(
      {
        upgrade: ({ path }) => {
          if (path === '/throw') throw new Error('secret');
          return Promise.reject(new Error('secret'));
        },
        refused: (error) => void refused.push(error),
      },
      {},
      kind,
    );
    for (const path of ['/throw', '/reject']) {
      const answer = await answerTo(peer(), requestHead({}, `GET ${path} HTTP/1.1`));
      expect(answer).toMatch(/^HTTP\/1\.1 500 /);
      expect(answer).not.toContain('secret');
    }
    expect(refused.map(({ code, cause }) => [code, (cause as Error).message])).toEqual([
      ['WS_HANDSHAKE_HOOK_FAILED', 'secret'],
      ['WS_HANDSHAKE_HOOK_FAILED', 'secret'],
    ]);
  });

  test('S10, S11: if the upgrade hook returns reject(), the answer has the status, header fields and body of reject()', async () => {
    const { peer } = await startServer(
      {
        upgrade: ({ path }) =>
          path === '/move'
            ? reject(307, '', ['Location', '/other'])
            : Promise.resolve(reject(401, 'who are you?', { 'WWW-Authenticate': 'Basic realm="chat"' })),
      },
      {},
      kind,
    );
    const answer = await answerTo(peer(), requestHead());
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(answer).toMatch(/\r\nWWW-Authenticate: Basic realm="chat"\r\n/);
    expect(answer).toMatch(/\r\nContent-Length: 12\r\n/);
    expect(answer).toMatch(/\r\n\r\nwho are you\?$/);
    expect(await answerTo(peer(), requestHead({}, 'GET /move HTTP/1.1'))).toMatch(
      /\r\nLocation: \/other\r\n/,
    );
  });

  test('S12: if the upgrade hook returns an invalid value, the server answers 500 and opens no connection', async () => {
    const answers: unknown[] = [
      false,
      null,
      0,
      '',
      'no',
      new Error('returned, not thrown'),
      { status: 401 },
      new Response('no', { status: 401 }),
    ];
    for (const wrong of answers) {
      for (const answer of [wrong, Promise.resolve(wrong)]) {
        const { peer } = await startServer(
          { upgrade: () => answer as Rejection, refused: () => {} },
          {},
          kind,
        );
        const raw = peer();
        await answerTo(raw, requestHead());
        expect(raw.status, String(wrong)).toBe(500);
      }
    }
  });

  test('S12: if the upgrade hook returns a thenable that is not a Promise, the server awaits it like a Promise', async () => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: this object must be a thenable.
      then: (resolve: (value: Rejection) => void) => setTimeout(() => resolve(reject(403)), 10),
    };
    const { peer } = await startServer(
      { upgrade: () => thenable as unknown as Promise<Rejection> },
      {},
      kind,
    );
    const raw = peer();
    await answerTo(raw, requestHead());
    expect(raw.status).toBe(403);
  });

  test('A9: if the upgrade hook returns an invalid header field or a forbidden one, the server answers 500 without this field', async () => {
    for (const answer of [
      { headers: ['X-Name', 'a\r\nSet-Cookie: b'] },
      { headers: { 'Bad\r\nName': 'x' } },
      { headers: { 'X-Wide': '\u010d\u010a' } },
      { subprotocol: 'not\r\noffered' },
      { headers: { 'Sec-WebSocket-Accept': 'forged' } },
      reject(401, '', ['X-Name', 'a\r\nSet-Cookie: b']),
      reject(401, '', { 'Content-Length': '0' }),
    ]) {
      const { peer } = await startServer({ upgrade: () => answer, refused: () => {} }, {}, kind);
      const got = await answerTo(peer(), requestHead());
      expect(got).toMatch(/^HTTP\/1\.1 500 /);
      expect(got).not.toMatch(/Set-Cookie|forged/);
    }
  });

  test("S15: the options or the upgrade hook choose a subprotocol from the client's list", async () => {
    const byOptions = await startServer({}, { subprotocols: ['b', 'a'] }, kind);
    const offer = { 'Sec-WebSocket-Protocol': 'x, a, b' };
    expect((await byOptions.peer().open(offer)).head).toMatch(/\r\nSec-WebSocket-Protocol: a\r\n/);
    expect((await byOptions.peer().open({ 'Sec-WebSocket-Protocol': 'x' })).head).not.toMatch(/Protocol:/i);
    const byHook = await startServer(
      { upgrade: () => ({ subprotocol: 'x' }) },
      { subprotocols: ['a'] },
      kind,
    );
    expect((await byHook.peer().open(offer)).head).toMatch(/\r\nSec-WebSocket-Protocol: x\r\n/);
    const none = await startServer({ upgrade: () => ({ subprotocol: '' }) }, { subprotocols: ['a'] }, kind);
    expect((await none.peer().open(offer)).head).not.toMatch(/Protocol:/i);
  });

  test('a peer that leaves while the upgrade hook works no longer counts for maxConnections', async () => {
    let settle: () => void = () => {};
    let asked = 0;
    const events: string[] = [];
    const { server, peer } = await startServer(
      {
        upgrade: () => {
          asked++;
          return asked > 1 ? undefined : new Promise<void>((resolve) => (settle = resolve));
        },
        open: () => void events.push('open'),
        close: (_, code) => void events.push(`close ${code}`),
      },
      { maxConnections: 1 },
      kind,
    );
    const leaving = peer().write(requestHead());
    await until(() => asked === 1);
    if (kind === 'listen' || kind === 'attach') leaving.socket.resetAndDestroy();
    leaving.destroy();
    await leaving.gone();
    settle();
    // The server may notice late that the peer has left. Then the connection opens and closes with 1006. It never stays open.
    await until(() => events.length !== 1 && server.connections.size === 0);
    expect(events.length === 0 || events.join() === 'open,close 1006').toBe(true);
    await peer().open();
  });

  test('S21, A1: by default, a server refuses a request from another origin before it calls the upgrade hook', async () => {
    let asked = 0;
    const { peer, port } = await startServer({ upgrade: () => void asked++ }, {}, kind);
    const statuses: number[] = [];
    const scheme = kind === 'listen over TLS' || kind === 'attach to https' ? 'https' : 'http';
    for (const origin of [
      'https://evil.example',
      'null',
      `${scheme}://localhost:1`,
      `${scheme}://localhost:${port}.evil`,
    ]) {
      const raw = peer();
      await answerTo(raw, requestHead({ Origin: origin, Host: `localhost:${port}` }));
      statuses.push(raw.status);
    }
    expect(statuses).toEqual([403, 403, 403, 403]);
    expect(asked).toBe(0);
    await peer().open({ Origin: `${scheme}://localhost:${port}`, Host: `localhost:${port}` });
    expect(asked).toBe(1);
  });

  test('when a server shuts down, it answers the handshakes that are not finished with 503', async () => {
    let asked = 0;
    const { server, peer } = await startServer(
      {
        upgrade: () => {
          asked++;
          return new Promise<void>(() => {});
        },
      },
      { handshakeTimeout: Number.POSITIVE_INFINITY },
      kind,
    );
    const silent = peer();
    const waiting = peer().write(requestHead());
    await until(() => asked === 1);
    const done = server.shutdown();
    await waiting.answer();
    expect(waiting.status).toBe(503);
    waiting.destroy();
    silent.destroy();
    await done;
  });
});

describe("slow peers of the server's own listener", () => {
  test('A7, design: if the request is not complete at the deadline because it arrives slowly, the server answers 408', async () => {
    const { peer } = await startServer({}, { handshakeTimeout: 200 });
    const raw = peer();
    const request = requestHead();
    let at = 0;
    const drip = setInterval(() => {
      if (!raw.ended && !raw.closed) raw.socket.write(request[at++] ?? 'x');
    }, 20);
    const answer = await raw.answer();
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('A7: at the deadline, a server answers a silent peer with 408, but drops a peer with an unfinished TLS handshake', async () => {
    const plain = await startServer({}, { handshakeTimeout: 150 });
    expect(await plain.peer().answer()).toMatch(/^HTTP\/1\.1 408 /);
    const secure = await startServer({}, { handshakeTimeout: 500 }, 'listen over TLS');
    expect(await tlsPeer(secure.port).answer()).toMatch(/^HTTP\/1\.1 408 /);
    // Our deadline applies, even if node:tls has another deadline.
    const { port } = await secure.server.listen({
      tls: { ...certificate('localhost'), handshakeTimeout: 60_000 },
    });
    const held = plainPeer(port);
    await held.answer();
    expect(held.received.length).toBe(0);
  });

  test('A6: if the head of a request is longer than 16 KiB, the server answers 431', async () => {
    const { peer } = await startServer();
    const raw = peer();
    raw.write('GET / HTTP/1.1\r\nHost: localhost\r\nX: ');
    let sent = 0;
    while (raw.status === 0) {
      raw.socket.write('x'.repeat(97));
      sent += 97;
      await new Promise(setImmediate);
      if (sent > 1_000_000) break;
    }
    await raw.answer();
    expect(raw.status).toBe(431);
  });

  test('a server drops a refused peer that continues to send and never closes its socket', async () => {
    const { peer } = await startServer();
    const raw = peer();
    raw.write(requestHead({ 'Sec-WebSocket-Version': '1' }));
    await raw.answer();
    const flood = setInterval(() => {
      if (!raw.closed) raw.socket.write('x'.repeat(1_000));
    }, 50);
    await raw.gone();
    clearInterval(flood);
    expect(raw.status).toBe(426);
  });
});

describe("TLS of the server's own listener", () => {
  test('S9: if a TLS handshake fails, the server closes the connection, and it no longer counts for maxConnections', async () => {
    const { peer, port } = await startServer({}, { maxConnections: 1 }, 'listen over TLS');
    const garbage = plainPeer(port);
    garbage.write('GET / HTTP/1.1\r\n\r\n');
    await garbage.answer();
    await peer().open();
  });

  test('S9: when many TLS connections open at the same time, each peer receives the answers to its own messages', async () => {
    const { peer, server } = await startServer(echo, {}, 'listen over TLS');
    const peers = await Promise.all(Array.from({ length: 20 }, () => peer().open()));
    expect(server.connections.size).toBe(20);
    for (const [index, raw] of peers.entries()) raw.write(frame(Op.Text, String(index)));
    await Promise.all(peers.map((raw) => raw.until(() => raw.frames.length === 1)));
    expect(peers.map(({ frames }) => frames[0]!.payload.toString())).toEqual(
      peers.map((_, index) => String(index)),
    );
  });

  test('a TLS client without ALPN opens a connection, and no protocol is negotiated', async () => {
    const { peer } = await startServer({}, {}, 'listen over TLS');
    const raw = peer();
    await raw.open();
    expect((raw.socket as unknown as { alpnProtocol: unknown }).alpnProtocol).toBe(false);
  });

  test('listen() rejects if the certificate is invalid', async () => {
    const { server } = await startServer();
    await expect(server.listen({ tls: { ...certificate('localhost'), key: 'none' } })).rejects.toThrow();
  });
});

test('A13: at most a thousand refused peers may read their answers slowly, and the socket of any further peer is destroyed immediately', async () => {
  // On a slow machine, the time of the first peers would end before all peers are refused. Therefore the test uses a fake clock.
  useFakeClock();
  onTestFinished(useRealClock);
  const refused = (): FakeSocket => {
    const socket = new FakeSocket();
    answerUnavailable(socket);
    return socket;
  };
  const staying = Array.from({ length: 1_000 }, refused);
  const further = [refused(), refused()];
  await turn();
  for (const socket of [...staying, ...further]) {
    expect(socket.bytes.toString('latin1')).toMatch(/^HTTP\/1\.1 503 /);
    expect(socket.finished).toBe(true);
  }
  expect(staying.some(({ destroyed }) => destroyed)).toBe(false);
  expect(further.every(({ destroyed }) => destroyed)).toBe(true);
  // When one of the thousand peers leaves, one further peer may stay.
  staying[0]!.push(null);
  await turn();
  expect(staying[0]!.destroyed).toBe(true);
  const [next, last] = [refused(), refused()];
  await turn();
  expect([next.destroyed, last.destroyed]).toEqual([false, true]);
  for (const socket of [...staying, next]) socket.destroy();
  await turn();
});
