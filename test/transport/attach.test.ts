/** Tests endpoints on an existing HTTP server: their paths, other listeners on the server, and detaching. */
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from '../../src/api/server.ts';
import type { HandshakeError } from '../../src/handshake/error.ts';
import { closeServers, listenHttp, plainPeer, tls, tlsPeer } from './servers.ts';
import { frame, Op, type RawPeer, requestHead } from './wire.ts';

const shutdowns: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(shutdowns.splice(0).map((shutdown) => shutdown()));
  await closeServers();
});

/** Returns a server that greets each client with its name. */
function greeter(name: string, refused: (error: HandshakeError) => void = () => {}): WebSocketServer {
  const server = new WebSocketServer({ open: (connection) => void connection.send(name), refused });
  shutdowns.push(() => server.shutdown({ grace: 50 }));
  return server;
}

async function greeting(port: number, target: string): Promise<string> {
  const peer = plainPeer(port).write(requestHead({}, `GET ${target} HTTP/1.1`));
  await peer.until(() => peer.frames.length > 0 || peer.ended);
  const text = peer.frames[0]?.payload.toString() ?? String(peer.status);
  peer.destroy();
  return text;
}

describe('the paths of attached endpoints', () => {
  test('several endpoints with different paths share an HTTP server, and an endpoint without a path serves all other paths', async () => {
    const http = createHttpServer((_request, response) => response.end('a page'));
    greeter('chat').attach(http, { path: '/chat' });
    greeter('news').attach(http, { path: '/news' });
    const port = await listenHttp(http);
    expect(await greeting(port, '/chat')).toBe('chat');
    expect(await greeting(port, '/news?since=1')).toBe('news');
    // Paths are compared literally. The server neither decodes nor resolves them (A2).
    for (const other of ['/', '/chat/', '/CHAT', '//chat', '/news/../chat', '/%63hat']) {
      expect(await greeting(port, other), other).toBe('404');
    }
    greeter('rest').attach(http);
    expect(await greeting(port, '/anything')).toBe('rest');
    expect(await greeting(port, '/chat')).toBe('chat');
    const page = await fetch(`http://127.0.0.1:${port}/`);
    expect(await page.text()).toBe('a page');
  });

  test('S2: an absolute URI as the request target is accepted for this host, and refused for another host (A2)', async () => {
    const http = createHttpServer();
    greeter('chat').attach(http, { path: '/chat' });
    greeter('root').attach(http, { path: '/' });
    const port = await listenHttp(http);
    expect(await greeting(port, 'http://localhost/chat')).toBe('chat');
    expect(await greeting(port, 'HTTP://LOCALHOST/chat?x')).toBe('chat');
    expect(await greeting(port, 'http://localhost')).toBe('root');
    expect(await greeting(port, 'http://evil.example/chat')).toBe('400');
  });

  test('attach throws if the path has an endpoint already, or if the path is invalid', () => {
    const http = createHttpServer();
    greeter('one').attach(http, { path: '/chat' });
    expect(() => greeter('two').attach(http, { path: '/chat' })).toThrow(TypeError);
    greeter('any').attach(http);
    expect(() => greeter('any too').attach(http)).toThrow(TypeError);
    for (const path of ['chat', '/chat?x', '/a#b', 5 as unknown as string]) {
      expect(() => greeter('bad').attach(http, { path })).toThrow(TypeError);
    }
  });
});

describe('attached endpoints and other listeners of the upgrade event', () => {
  test('if the path of an upgrade matches no endpoint, our server leaves the upgrade to the other listeners', async () => {
    const http = createHttpServer();
    greeter('chat').attach(http, { path: '/chat' });
    http.on('upgrade', (request, socket) => {
      if (request.url === '/hmr') socket.end('HTTP/1.1 101 Other\r\n\r\nhot reload');
    });
    const port = await listenHttp(http);
    expect(await plainPeer(port).write(requestHead({}, 'GET /hmr HTTP/1.1')).answer()).toContain(
      'hot reload',
    );
    expect(await greeting(port, '/chat')).toBe('chat');
  });

  test.each(['http', 'https'] as const)(
    'FAULT-7, A7, S14: on a server of node:%s, an upgrade that no listener takes receives 404 at the deadline',
    async (kind) => {
      const http = kind === 'http' ? createHttpServer() : (createHttpsServer(tls) as unknown as Server);
      const refused: HandshakeError[] = [];
      const server = new WebSocketServer(
        { refused: (error) => refused.push(error) },
        { handshakeTimeout: 100 },
      );
      shutdowns.push(() => server.shutdown({ grace: 50 }));
      const claimed: Duplex[] = [];
      server.attach(http, { path: '/chat' });
      http.on('upgrade', (request, socket) => {
        // FAULT-7: Vite adds an 'error' listener to the socket of every upgrade, even if it does not answer the upgrade.
        socket.on('error', () => {});
        // This listener reads from one of the two sockets, and begins to answer on the other socket.
        if (request.url === '/read') socket.on('data', () => {});
        else if (request.url === '/write') socket.write('HTTP/1.1 101 ');
        else return;
        claimed.push(socket);
      });
      const port = await listenHttp(http);
      const open = kind === 'http' ? plainPeer : tlsPeer;
      const theirs: RawPeer[] = [];
      for (const path of ['/read', '/write']) {
        theirs.push(open(port).write(requestHead({}, `GET ${path} HTTP/1.1`)));
        while (claimed.length < theirs.length) await once(http, 'upgrade');
      }
      // This request arrives after the other two requests. When it is answered at its deadline, the earlier deadlines of the other two
      // requests have also passed.
      const peer = await open(port)
        .write(requestHead({}, 'GET /untaken HTTP/1.1'))
        .until(() => refused.length > 0);
      await peer.until(() => peer.ended);
      expect(peer.status).toBe(404);
      expect(refused.map(({ code }) => code)).toEqual(['WS_HANDSHAKE_NOT_FOUND']);
      for (const [index, socket] of claimed.entries()) {
        expect(theirs[index]!.ended).toBe(false);
        socket.end('theirs');
        await theirs[index]!.until(() => theirs[index]!.ended);
        expect(theirs[index]!.text).toMatch(/^(?:HTTP\/1\.1 101 )?theirs$/);
      }
    },
  );

  test('A49, C19: if the peer resets an upgrade that no listener has taken yet, the process does not crash', async () => {
    const http = createHttpServer();
    greeter('chat').attach(http, { path: '/chat' });
    const left = new Promise<Duplex>((resolve) => http.on('upgrade', (_request, socket) => resolve(socket)));
    const peer = plainPeer(await listenHttp(http)).write(requestHead({}, 'GET /untaken HTTP/1.1'));
    const socket = await left;
    const closed = new Promise((resolve) => socket.on('close', resolve));
    peer.socket.resetAndDestroy();
    // Without a listener for 'error', the socket would throw the error, and the test run would fail.
    await closed;
    expect(socket.errored).toMatchObject({ code: 'ECONNRESET' });
  });

  test('if another listener has taken the socket of an upgrade, our server only reports the upgrade to `refused`', async () => {
    const refused: HandshakeError[] = [];
    const http = createHttpServer();
    const first = greeter('first', (error) => refused.push(error));
    first.attach(http);
    const second = greeter('second');
    http.on('upgrade', (request, socket, head) => second.handleUpgrade(request, socket, head));
    const port = await listenHttp(http);
    const peer: RawPeer = plainPeer(port).write(requestHead());
    await peer.until(() => peer.frames.length === 1);
    // The second server answers first, because a listener of the application calls it. An attached server always runs after all other
    // listeners.
    expect(peer.frames[0]!.payload.toString()).toBe('second');
    expect(peer.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(refused.map(({ code }) => code)).toEqual(['WS_HANDSHAKE_TAKEN']);
    expect(first.connections.size).toBe(0);
  });

  test("handleUpgrade serves upgrades that the application's own 'upgrade' listener receives", async () => {
    const http = createHttpServer();
    const server = greeter('by hand');
    http.on('upgrade', (request, socket, head) => server.handleUpgrade(request, socket, head));
    expect(await greeting(await listenHttp(http), '/')).toBe('by hand');
  });

  test("the HTTP server's own timeouts do not end a connection", async () => {
    const http = createHttpServer({ connectionsCheckingInterval: 20 });
    http.timeout = 400;
    http.keepAliveTimeout = 20;
    greeter('stays').attach(http);
    const peer = plainPeer(await listenHttp(http)).write(requestHead());
    await peer.until(() => peer.frames.length === 1);
    // The HTTP server reads these limits at each of its checks. The test sets them only now, so that they do not apply to the request
    // itself.
    http.requestTimeout = 50;
    http.headersTimeout = 40;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect([peer.ended, peer.closed]).toEqual([false, false]);
  });
});

describe('detaching an endpoint', () => {
  function upgradeListeners(http: Server): number {
    return http.listenerCount('upgrade');
  }

  test('detach removes only its own endpoint, and a second call does not remove a new endpoint with the same path', async () => {
    const http = createHttpServer((_request, response) => response.writeHead(418).end());
    const chat = greeter('chat');
    const detach = chat.attach(http, { path: '/chat' });
    const port = await listenHttp(http);
    const peer = plainPeer(port).write(requestHead({}, 'GET /chat HTTP/1.1'));
    await peer.until(() => peer.frames.length === 1);
    detach();
    expect(upgradeListeners(http)).toBe(0);
    greeter('successor').attach(http, { path: '/chat' });
    detach();
    await chat.shutdown({ grace: 20 });
    expect(await greeting(port, '/chat')).toBe('successor');
    // The connection stayed open after detach. Later, the shutdown of the server closed it.
    expect(peer.frames.at(-1)!.opcode).toBe(Op.Close);
  });

  test('connections that are open when detach is called stay open and still work', async () => {
    const http = createHttpServer();
    const server = new WebSocketServer({ message: (connection, message) => void connection.send(message) });
    shutdowns.push(() => server.shutdown({ grace: 50 }));
    const detach = server.attach(http);
    const peer = await plainPeer(await listenHttp(http)).open();
    detach();
    peer.write(frame(Op.Text, 'still here'));
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]!.payload.toString()).toBe('still here');
  });

  test('a server answers upgrades with 503 during its shutdown, and no longer listens for upgrades after its shutdown', async () => {
    const http = createHttpServer((_request, response) => response.writeHead(418).end());
    const server = greeter('chat');
    server.attach(http);
    const port = await listenHttp(http);
    // The client does not answer our Close frame, so the shutdown has to wait.
    const silent = await plainPeer(port).open();
    const done = server.shutdown({ grace: 60_000 });
    expect(await plainPeer(port).write(requestHead()).answer()).toMatch(/^HTTP\/1\.1 503 /);
    await silent.until(() => silent.frames.some(({ opcode }) => opcode === Op.Close));
    silent.destroy();
    await done;
    expect(upgradeListeners(http)).toBe(0);
    expect(() => server.attach(http)).toThrow(TypeError);
  });
});
