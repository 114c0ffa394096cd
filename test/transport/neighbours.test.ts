/**
 * Tests our server on an HTTP server that has other listeners: WebSocket servers of other libraries, and upgrades to other protocols. The
 * tests use every kind of HTTP server.
 */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Duplex } from 'node:stream';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer as WsServer } from 'ws';
import type { HandshakeError } from '../../src/handshake/error.ts';
import { closeServers, kinds, listenHttp, plainPeer, startServer, tls, tlsPeer } from './servers.ts';
import { closeFrame, codeOf, frame, Op, type RawPeer, requestHead } from './wire.ts';

afterEach(closeServers);

describe('another WebSocket library on the same HTTP server', () => {
  test.each(['before', 'after'] as const)(
    'FAULT-7: if the listener of ws was added %s our listener and answers every upgrade, the peer receives one 101',
    async (order) => {
      const http = createHttpServer();
      const refused: HandshakeError[] = [];
      const { server } = await startServer({ refused: (error) => void refused.push(error) });
      if (order === 'after') server.attach(http);
      const theirs = new WsServer({ noServer: true });
      http.on('upgrade', (request, socket, head) => {
        theirs.handleUpgrade(request, socket, head, (ws) => ws.send('theirs'));
      });
      if (order === 'before') server.attach(http);
      const peer = plainPeer(await listenHttp(http)).write(requestHead());
      await peer.until(() => peer.frames.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(peer.text.match(/HTTP\/1\.1 101/g)).toHaveLength(1);
      expect(peer.frames.map(({ payload }) => payload.toString())).toEqual(['theirs']);
      expect(refused.map(({ code }) => code)).toEqual(['WS_HANDSHAKE_TAKEN']);
      expect([server.connections.size, server.addresses.length]).toEqual([0, 1]);
    },
  );

  test('FAULT-7: our server answers the upgrades that the library ws does not answer, also on a connection that was kept alive', async () => {
    const http = createHttpServer((_request, response) => response.end('a page'));
    const { server } = await startServer({ open: (connection) => void connection.send('ours') });
    const theirs = new WsServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/theirs') {
        theirs.handleUpgrade(request, socket, head, (ws) => ws.send('theirs'));
      }
    });
    server.attach(http);
    const port = await listenHttp(http);
    for (const [path, name] of [
      ['/', 'ours'],
      ['/theirs', 'theirs'],
    ] as const) {
      const peer = plainPeer(port).write('GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await peer.until(() => peer.text.endsWith('a page'));
      const { length } = peer.received;
      peer.write(requestHead({}, `GET ${path} HTTP/1.1`));
      await peer.until(() => peer.received.toString('latin1', length).includes(name));
      expect(peer.received.toString('latin1', length)).toMatch(/^HTTP\/1\.1 101 /);
    }
  });

  test('FAULT-7: if another listener ends the socket, our server writes no answer and reports the upgrade as taken', async () => {
    const http = createHttpServer();
    const refused: string[] = [];
    const { server } = await startServer({ refused: ({ code }) => void refused.push(code) });
    server.attach(http);
    http.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 400 Theirs\r\n\r\n'));
    expect(
      await plainPeer(await listenHttp(http))
        .write(requestHead())
        .answer(),
    ).toBe('HTTP/1.1 400 Theirs\r\n\r\n');
    expect(refused).toEqual(['WS_HANDSHAKE_TAKEN']);
  });
});

describe('upgrades to other protocols', () => {
  const hasCallback = 'shouldUpgradeCallback' in createHttpServer();

  async function ask(port: number, path: string, upgrade: string): Promise<number> {
    const peer = plainPeer(port).write(
      requestHead({ Upgrade: upgrade, Connection: 'Upgrade, close' }, `GET ${path} HTTP/1.1`),
    );
    await peer.answer();
    return peer.status;
  }

  test('FAULT-7: a request with `Upgrade: h2c` receives the page if this version of Node has shouldUpgradeCallback; otherwise the server refuses it', async () => {
    const http = createHttpServer((_request, response) => response.end('a page'));
    const { server } = await startServer({ refused: () => {} });
    const detach = server.attach(http, { path: '/chat' });
    const port = await listenHttp(http);
    expect(await ask(port, '/api', 'h2c')).toBe(hasCallback ? 200 : 426);
    // Our server still answers requests for the path of the endpoint, and all WebSocket requests.
    expect(await ask(port, '/chat', 'h2c')).toBe(426);
    expect(await ask(port, '/api', 'websocket')).toBe(404);
    expect(await ask(port, '/api', 'h2c, websocket')).toBe(404);
    detach();
    expect(await ask(port, '/api', 'websocket')).toBe(200);
  });

  test('FAULT-7: if an endpoint serves every path, a request with `Upgrade: h2c` receives the page only if Node has shouldUpgradeCallback; otherwise the server refuses it', async () => {
    const http = createHttpServer((_request, response) => response.end('a page'));
    const { server } = await startServer({ refused: () => {} });
    server.attach(http);
    expect(await ask(await listenHttp(http), '/api', 'h2c')).toBe(hasCallback ? 200 : 426);
  });

  test.runIf(hasCallback)(
    "FAULT-7: the application's own shouldUpgradeCallback is called, and restored by detach",
    async () => {
      const shouldUpgradeCallback = (request: { url?: string }): boolean => request.url !== '/never';
      const http = createHttpServer({ shouldUpgradeCallback } as object, (_request, response) =>
        response.end('a page'),
      ) as Server & { shouldUpgradeCallback: unknown };
      const { server } = await startServer({});
      const detach = server.attach(http);
      const port = await listenHttp(http);
      expect(await ask(port, '/never', 'websocket')).toBe(200);
      const peer = await plainPeer(port).open();
      peer.destroy();
      detach();
      expect(http.shouldUpgradeCallback).toBe(shouldUpgradeCallback);
    },
  );
});

describe('a peer that ends TCP while its answer is compressed', () => {
  const text = Buffer.alloc(60_000, 'compress me. ').toString();
  const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' };

  function compressed(payload: string): Buffer {
    const bytes = frame(Op.Text, deflateRawSync(payload, { finishFlush: 2 }).subarray(0, -4));
    bytes[0]! |= 0x40;
    return bytes;
  }

  async function checkAnswer(peer: RawPeer): Promise<void> {
    peer.write(Buffer.concat([Buffer.from(requestHead(offer)), compressed(text), closeFrame(1000)]));
    peer.socket.end();
    await peer.answer();
    const [answer, close] = peer.frames;
    const whole = Buffer.concat([answer!.payload, Buffer.from([0, 0, 0xff, 0xff])]);
    expect(inflateRawSync(whole, { finishFlush: 2 }).toString()).toBe(text);
    expect(codeOf(close!)).toBe(1000);
  }

  test.each(kinds)(
    'FAULT-7: %s: a request, a message, Close and FIN in one chunk receive the compressed answer to the message',
    async (kind) => {
      const { peer } = await startServer(
        { message: (connection, message) => void connection.send(message) },
        { compression: true },
        kind,
      );
      await checkAnswer(peer());
    },
  );

  test('FAULT-7: on an HTTP/2 server with allowHTTP1, a peer that ends TCP receives the compressed answer to its message', async () => {
    const http = createSecureServer({ ...tls, allowHTTP1: true });
    const { server } = await startServer(
      { message: (connection, message) => void connection.send(message) },
      { compression: true },
    );
    server.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const sockets = new Set<Duplex>();
    http.on('secureConnection', (socket: Duplex) => sockets.add(socket));
    await checkAnswer(tlsPeer((http.address() as { port: number }).port));
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => http.close(resolve));
  });
});
