/** Tests `WebServer`: start and stop, TLS, files, a request handler, and an HTTP server that the application has created. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  FourDError,
  fourDErrors,
  WebServer,
  type WebServerSettings,
  WebSocket,
  WebSocketServer,
} from '../../../src/4d.ts';
import { WebSocketServer as NativeServer } from '../../../src/index.ts';
import { certificate } from '../../transport/servers.ts';
import { codeOf } from '../../transport/wire.ts';
import {
  certificateFolder,
  closeAll,
  defer,
  Journal,
  keep,
  openPeer,
  peerOf,
  request,
  startWeb,
  temporaryFolder,
  tlsPeerOf,
  urlOf,
  warningsOf,
} from './harness.ts';

const https: Server[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const server of https.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await closeAll();
});

const silent = { onConnection: () => ({ onMessage() {} }) };

/** Returns an HTTP server that already listens, as an application would create it. */
async function foreign(server: Server = createServer()): Promise<Server> {
  https.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.once('close', resolve));
}

describe('start and stop of a web server', () => {
  test('C69: `isRunning`, `host` and `port` of a web server have the right values before start, after start and after stop', async () => {
    const web = keep(new WebServer({ host: '127.0.0.1', port: 0 }));
    expect([web.isRunning, web.host, web.port]).toEqual([false, '127.0.0.1', 0]);
    await web.start();
    expect([web.isRunning, web.host]).toEqual([true, '127.0.0.1']);
    expect(web.port).toBeGreaterThan(0);
    await web.stop();
    expect([web.isRunning, web.port]).toEqual([false, 0]);
    await web.start({ host: '::1' });
    expect([web.isRunning, web.host]).toEqual([true, '::1']);
  });

  test('C69: by default a web server listens on the loopback address, at port 8080 or with TLS at port 8443', () => {
    const plain = new WebServer();
    expect([plain.host, plain.port]).toEqual(['127.0.0.1', 8080]);
    expect(new WebServer({ certificateFolder: 'somewhere' }).port).toBe(8443);
  });

  test('the members of a web server are read-only', () => {
    const web = new WebServer();
    for (const name of ['host', 'port', 'isRunning', 'scalableSession']) {
      expect(() => Object.assign(web, { [name]: 1 }), name).toThrow(TypeError);
    }
  });

  test('a second call of start has no effect, but a second call with settings rejects with an error', async () => {
    const web = keep(new WebServer({ port: 0 }));
    const [first, second] = [web.start(), web.start()];
    await Promise.all([first, second]);
    const { port } = web;
    await web.start();
    expect(web.port).toBe(port);
    await expect(web.start({ port: 0 })).rejects.toBeInstanceOf(FourDError);
    expect(web.port).toBe(port);
  });

  test('stop has no effect before start, and a second call of stop has no effect', async () => {
    const web = keep(new WebServer({ port: 0 }));
    await web.stop();
    await web.start();
    const stopped = web.stop();
    expect(web.stop()).toBe(stopped);
    await expect(web.start({})).rejects.toBeInstanceOf(FourDError);
    await stopped;
    await web.stop();
    await web.start();
    expect(web.isRunning).toBe(true);
  });

  test('start rejects with EADDRINUSE if the port is in use, and a second call with another port succeeds', async () => {
    const web = await startWeb();
    const other = keep(new WebServer());
    await expect(other.start({ port: web.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(other.isRunning).toBe(false);
    await other.start({ port: 0 });
    expect(other.isRunning).toBe(true);
  });

  test.each([
    [{ rootFolder: '.', onRequest() {} }],
    [{ onRequest: 'answer' as unknown as () => void }],
    [{ cert: 'x' }],
    [{ key: 'x' }],
    [{ certificateFolder: '.', cert: 'x', key: 'x' }],
  ] as [WebServerSettings][])(
    'the constructor and start refuse the invalid settings %j',
    async (settings) => {
      expect(() => new WebServer(settings)).toThrow(TypeError);
      await expect(new WebServer().start(settings)).rejects.toThrow(TypeError);
    },
  );

  // For each of these hosts, Node would listen on every interface. If the port is a text, Node would use it as the path of a socket file.
  test.each<[object, string]>([
    [{ host: '' }, "host is empty: '0.0.0.0' listens on every IPv4 interface, '::' on every one"],
    [{ host: ' ' }, 'host is empty'],
    [{ host: 5 }, 'host is 5, not a string with an IP address or a name'],
    [{ host: false }, 'host is false, not a string'],
    [{ host: {} }, 'host is an object, not a string'],
    [{ host: null }, 'host is null, not a string'],
    [{ port: 'x' }, "port is 'x', not an integer from 0 to 65535"],
    [{ port: '8099' }, "port is '8099', not an integer"],
    [{ port: '' }, "port is '', not an integer"],
    [{ port: null }, 'port is null, not an integer'],
    [{ port: -1 }, 'port is -1, not an integer'],
    [{ port: 65_536 }, 'port is 65536, not an integer'],
    [{ port: 1.5 }, 'port is 1.5, not an integer'],
    [{ port: Number.NaN }, 'port is NaN, not an integer'],
  ])(
    'FAULT-10: the constructor and start refuse a host or port that would make the server listen on another address: %j',
    async (settings, message) => {
      expect(() => new WebServer(settings)).toThrow(message);
      const http = createServer();
      for (const web of [keep(new WebServer({ port: 0 })), WebServer.of(http)]) {
        await expect(web.start(settings as WebServerSettings)).rejects.toThrow(message);
        expect(web.isRunning).toBe(false);
      }
    },
  );

  test('if a setting of start is undefined, start uses the setting of the constructor', async () => {
    const web = keep(new WebServer({ port: 0, host: '127.0.0.1' }));
    await web.start({ host: undefined, port: undefined });
    expect(web.host).toBe('127.0.0.1');
    expect(web.port).not.toBe(8080);
  });

  test('if a setting has the name that 4D uses, the constructor throws an error with the name in this package', () => {
    for (const [name, hint] of [
      ['HTTPPort', 'use port'],
      ['IPAddressToListen', 'use host'],
      ['Port', 'did you mean "port"?'],
    ]) {
      expect(() => new WebServer({ [name as string]: 1 })).toThrow(
        new RegExp(`no option "${name}".*${hint?.replace('?', '.')}`),
      );
    }
  });

  test('B-wss-webserver, C69: stop() of a web server first terminates its WebSocket servers', async () => {
    const journal = new Journal();
    const web = await startWeb();
    const make = (path: string) =>
      new WebSocketServer(
        {
          onConnection: () => ({ onMessage() {}, onTerminate: (_ws, { code }) => journal.note(code) }),
          onTerminate: (wss) => journal.note(path, wss.terminated, web.isRunning),
        },
        { server: web, path },
      );
    const servers = [make('/a'), make('/b')];
    const peer = await openPeer(web, '/a');
    const stopped = web.stop(0);
    await stopped;
    await peer.gone();
    expect(peer.frames).toEqual([]);
    expect(servers.map(({ terminated }) => terminated)).toEqual([true, true]);
    expect(journal.entries.filter((entry) => entry === 1006)).toHaveLength(1);
    expect(journal.entries.filter((entry) => entry === true)).toHaveLength(2);
    expect(journal.entries.slice(-1)).toEqual([false]);
  });

  test('B-wss-webserver: after a restart a web server has no WebSocket server, and its old WebSocket server stays terminated', async () => {
    const journal = new Journal();
    const web = await startWeb();
    const handler = {
      onConnection: () => ({ onMessage() {} }),
      onOpen: () => journal.note('open'),
      onTerminate: () => journal.note('terminate'),
    };
    const first = new WebSocketServer(handler, { server: web, path: '/a' });
    await web.stop();
    await web.start();
    expect(await request(peerOf(web), '/a')).not.toBe(101);
    const second = new WebSocketServer(handler, { server: web, path: '/a' });
    await openPeer(web, '/a');
    expect([first.terminated, second.terminated]).toEqual([true, false]);
    expect([first.connections.length, second.connections.length]).toEqual([0, 1]);
    await first.terminate(0);
    expect(second.connections.map(({ status }) => status)).toEqual(['Connected']);
    expect(journal.entries).toEqual(['open', 'terminate', 'open']);
  });

  test('stop throws a RangeError for an invalid time, and the web server keeps running', async () => {
    const web = await startWeb();
    for (const timeout of [-1, Number.NaN, '1'])
      expect(() => web.stop(timeout as number)).toThrow(RangeError);
    expect(web.isRunning).toBe(true);
  });

  test('a second call of stop with a time shortens the wait of the first call', async () => {
    const web = await startWeb();
    const wss = new WebSocketServer(silent, { server: web });
    const peer = await openPeer(web);
    const stopped = web.stop();
    await peer.until(() => peer.frames.length === 1);
    expect(wss.terminated).toBe(false);
    web.stop(0);
    await stopped;
    expect(wss.terminated).toBe(true);
  });

  test('stop() waits for running requests, but for at most 30 seconds', async () => {
    const asked = defer();
    const web = await startWeb({ onRequest: () => asked.resolve() });
    const peer = peerOf(web).write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await asked.promise;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stopped = web.stop();
    await vi.advanceTimersByTimeAsync(29_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(peer.ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await stopped;
    expect(await peer.answer()).toBe('');
  });

  test('B-wss-onError: each WebSocket server passes an error of the web server to onError; without a WebSocket server, the error becomes a warning', async () => {
    let http: Server | null = null;
    const web = await startWeb({
      onRequest({ socket }, response) {
        ({ server: http } = socket as unknown as { server: Server });
        response.end();
      },
    });
    await fetch(`http://127.0.0.1:${web.port}/`);
    const fail = () => (http as Server | null)?.emit('error', new Error('no more sockets'));
    expect(await warningsOf(() => void fail())).toEqual(['no more sockets']);
    const { promise, resolve } = defer<unknown>();
    new WebSocketServer(
      { ...silent, onError: (_wss, { errors }) => resolve([errors[0]?.errCode, errors[0]?.message]) },
      { server: web },
    );
    fail();
    expect(await promise).toEqual([fourDErrors.WEB_SERVER, 'no more sockets']);
  });
});

describe('TLS of a web server', () => {
  const { cert, key } = certificate('localhost');
  const folder = new URL('../../fixtures/tls/', import.meta.url).pathname;
  const settings: [string, () => WebServerSettings][] = [
    ['a folder with cert.pem and key.pem', () => ({ certificateFolder: certificateFolder() })],
    ['PEM texts', () => ({ cert, key })],
    ['PEM buffers', () => ({ cert: Buffer.from(cert), key: Buffer.from(key) })],
    [
      'PEM files',
      () => ({ cert: join(folder, 'localhost-cert.pem'), key: join(folder, 'localhost-key.pem') }),
    ],
  ];
  test.each(settings)('C69: with %s, the web server serves https and wss', async (_title, make) => {
    const web = await startWeb({
      ...make(),
      onRequest: (_request, response) => void response.end('secret\n'),
    });
    new WebSocketServer(silent, { server: web });
    expect(await request(tlsPeerOf(web))).toBe(101);
    const answer = tlsPeerOf(web).write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(await answer.answer()).toMatch(/secret\n$/);
  });

  test('start rejects if a certificate is missing or invalid', async () => {
    const missing = new WebServer({ port: 0, certificateFolder: temporaryFolder() });
    await expect(missing.start()).rejects.toMatchObject({ code: 'ENOENT' });
    const wrong = new WebServer({ port: 0, cert: '-----BEGIN nothing', key: '-----BEGIN nothing' });
    await expect(wrong.start()).rejects.toThrow();
    expect([missing.isRunning, wrong.isRunning]).toEqual([false, false]);
  });
});

describe('the request handler onRequest', () => {
  test('onRequest receives and answers the requests that are not upgrades', async () => {
    const web = await startWeb({
      onRequest({ url }, response) {
        response.end(`you asked for ${url}\n`);
      },
    });
    new WebSocketServer(silent, { server: web });
    const response = await fetch(`http://127.0.0.1:${web.port}/page`);
    expect(await response.text()).toBe('you asked for /page\n');
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('oops');
      },
    ],
    ['rejects', () => Promise.reject(new Error('oops'))],
  ])(
    'if onRequest %s, the answer is 500 with a warning, and the next request is also answered',
    async (_title, onRequest) => {
      const web = await startWeb({ onRequest });
      const warnings = await warningsOf(async () => {
        for (let count = 0; count < 2; count++) {
          const response = await fetch(`http://127.0.0.1:${web.port}/`);
          expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n']);
        }
      });
      // The second exception has the same text. The server emits one warning a minute for each text.
      expect(warnings).toEqual(['oops']);
    },
  );

  test('if onRequest throws after the first part of an answer, the connection is dropped', async () => {
    const web = await startWeb({
      onRequest(_request, response) {
        response.writeHead(200, { 'Content-Length': 10 }).write('half');
        throw new Error('oops');
      },
    });
    await warningsOf(async () => {
      const peer = peerOf(web).write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await peer.answer();
    });
  });

  test('without onRequest and without a folder of files, every request gets 404', async () => {
    const web = await startWeb();
    expect((await fetch(`http://127.0.0.1:${web.port}/`)).status).toBe(404);
  });
});

describe('a folder of files', () => {
  /** Starts a web server with a few files. @returns a function that sends a request target without changing its path */
  async function files() {
    const outside = temporaryFolder();
    const root = join(outside, 'root');
    mkdirSync(join(root, 'sub'), { recursive: true });
    writeFileSync(join(outside, 'secret.txt'), 'secret');
    writeFileSync(join(root, 'index.html'), '<p>home');
    writeFileSync(join(root, 'sub', 'index.html'), '<p>sub');
    writeFileSync(join(root, 'é 1.TXT'), 'text');
    writeFileSync(join(root, 'empty.css'), '');
    writeFileSync(join(root, '.hidden'), 'hidden');
    mkdirSync(join(root, 'bare'));
    symlinkSync(join(outside, 'secret.txt'), join(root, 'link.txt'));
    symlinkSync(join(root, 'index.html'), join(root, 'inner.html'));
    const web = await startWeb({ rootFolder: root });
    const fetchRaw = (path: string, method = 'GET') =>
      new Promise<{ response: IncomingMessage; body: string }>((resolve, reject) => {
        const outgoing = get({ host: web.host, port: web.port, path, method, agent: false }, (response) => {
          let body = '';
          response.on('data', (chunk) => {
            body += chunk;
          });
          response.on('end', () => resolve({ response, body }));
        });
        outgoing.on('error', reject);
      });
    return { web, fetchRaw };
  }

  test.each([
    ['/', 200, 'text/html; charset=utf-8', '<p>home'],
    ['/index.html?x=1', 200, 'text/html; charset=utf-8', '<p>home'],
    ['//index.html', 200, 'text/html; charset=utf-8', '<p>home'],
    ['/inner.html', 200, 'text/html; charset=utf-8', '<p>home'],
    ['/sub/', 200, 'text/html; charset=utf-8', '<p>sub'],
    ['/sub/?a', 200, 'text/html; charset=utf-8', '<p>sub'],
    ['/%C3%A9%201.TXT', 200, 'text/plain; charset=utf-8', 'text'],
    ['/empty.css', 200, 'text/css; charset=utf-8', ''],
  ])('GET %s returns the file and its media type', async (path, status, type, text) => {
    const { fetchRaw } = await files();
    const { response, body } = await fetchRaw(path);
    expect([response.statusCode, response.headers['content-type'], body]).toEqual([status, type, text]);
    expect(response.headers).toMatchObject({
      'content-length': String(text.length),
      'x-content-type-options': 'nosniff',
    });
  });

  test.each([
    '/nothing',
    '/bare/',
    '/.hidden',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/sub/..%5c..%5csecret.txt',
    '/link.txt',
    '/index.html/',
    '/index.html%00.txt',
    '/%zz',
  ])('GET %s gets 404', async (path) => {
    const { fetchRaw } = await files();
    const { response, body } = await fetchRaw(path);
    expect([response.statusCode, body]).toEqual([404, 'Not Found\n']);
  });

  test('the answer to HEAD has no body, and other methods get 405', async () => {
    const { fetchRaw } = await files();
    const head = await fetchRaw('/', 'HEAD');
    expect([head.response.statusCode, head.response.headers['content-length'], head.body]).toEqual([
      200,
      '7',
      '',
    ]);
    const post = await fetchRaw('/', 'POST');
    expect([post.response.statusCode, post.response.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  test('the server answers a request for a folder without a slash at the end with a redirect that adds the slash', async () => {
    const { fetchRaw } = await files();
    const { response } = await fetchRaw('//sub?x=1');
    expect([response.statusCode, response.headers.location]).toEqual([301, '/sub/?x=1']);
  });

  test('start rejects if the folder is missing', async () => {
    const web = new WebServer({ port: 0, rootFolder: join(temporaryFolder(), 'nothing') });
    await expect(web.start()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('WebServer.of', () => {
  test('C69: WebServer.of returns the same WebServer for the same HTTP server, and `isRunning` is true if the HTTP server listens', async () => {
    const http = createServer();
    const web = WebServer.of(http);
    expect(WebServer.of(http)).toBe(web);
    expect(web.isRunning).toBe(false);
    expect(() => new WebSocketServer(silent, { server: web })).toThrow(FourDError);
    await foreign(http);
    expect([web.isRunning, web.host, web.port]).toEqual([
      true,
      '127.0.0.1',
      (http.address() as AddressInfo).port,
    ]);
    new WebSocketServer(silent, { server: web });
    expect(await request(peerOf(web))).toBe(101);
    web.stop(0);
  });

  test('C69: close() of the HTTP server first terminates the WebSocket servers, and then `close` is the original method again', async () => {
    const http = createServer();
    const { close } = http;
    await foreign(http);
    const web = WebServer.of(http);
    expect(http.close).not.toBe(close);
    const journal = new Journal();
    const wss = new WebSocketServer(
      { ...silent, onTerminate: () => journal.note('terminated') },
      { server: web },
    );
    const ws = new WebSocket(urlOf(web), {
      onOpen: () => journal.note('open'),
      onTerminate: (_ws, { code }) => journal.note(code),
    });
    await journal.length(1);
    expect(http.close(() => journal.note('closed'))).toBe(http);
    expect(http.close).toBe(close);
    expect(Object.hasOwn(http, 'close')).toBe(false);
    await journal.length(4);
    expect(new Set(journal.entries.slice(1))).toEqual(new Set([1001, 'terminated', 'closed']));
    expect(wss.terminated).toBe(true);
    expect(ws.status).toBe('Closed');
    // The HTTP server listens again. The next WebSocket server replaces `close` again.
    await foreign(http);
    new WebSocketServer(silent, { server: web });
    expect(http.close).not.toBe(close);
    const peer = await openPeer(web);
    http.close();
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1001);
    const gone = closed(http);
    peer.destroy();
    await gone;
  });

  test('WebServer.of calls a `close` method that the application has assigned before, and does not replace a method that is assigned later', async () => {
    const http = createServer();
    const calls: string[] = [];
    const before = (callback?: (error?: Error) => void) => {
      calls.push('before');
      return createServer().close.call(http, callback);
    };
    http.close = before;
    await foreign(http);
    const web = WebServer.of(http);
    const ours = http.close;
    const after = (callback?: (error?: Error) => void) => {
      calls.push('after');
      return ours.call(http, callback);
    };
    http.close = after;
    const wss = new WebSocketServer(silent, { server: web });
    await new Promise<void>((resolve) => http.close(() => resolve()));
    await wss.terminate();
    expect(calls).toEqual(['after', 'before']);
    expect(http.close).toBe(after);
  });

  test('start() and stop() of a WebServer call listen() and close() of its HTTP server', async () => {
    const http = createServer();
    https.push(http);
    const web = WebServer.of(http);
    await expect(web.start({ rootFolder: '.' })).rejects.toThrow(TypeError);
    await web.start({ port: 0 });
    expect([web.isRunning, http.listening]).toEqual([true, true]);
    const wss = new WebSocketServer(silent, { server: web });
    await openPeer(web);
    await web.stop(0);
    expect([web.isRunning, http.listening, wss.terminated]).toEqual([false, false, true]);
  });

  test('WebServer.of works with an https server', async () => {
    const http = await foreign(createSecureServer(certificate('localhost')) as unknown as Server);
    const web = WebServer.of(http);
    new WebSocketServer(silent, { server: web });
    expect(await request(tlsPeerOf(web))).toBe(101);
    await web.stop(0);
  });

  test('the constructor throws error -10718 for a path that a native server already uses', async () => {
    const http = await foreign();
    const native = new NativeServer({});
    native.attach(http, { path: '/taken' });
    const web = WebServer.of(http);
    expect(() => new WebSocketServer(silent, { server: web, path: '/taken' })).toThrow(
      expect.objectContaining({ errCode: -10_718 }),
    );
    await native.shutdown();
    await web.stop(0);
  });
});

test('unknown settings and options are refused; otherwise a misspelt certificateFolder would start a server without TLS', async () => {
  const settings = (given: object) => () => new WebServer(given as WebServerSettings);
  expect(settings({ certificateFoldr: 'x' })).toThrow('did you mean "certificateFolder"?');
  expect(settings({ HTTPPort: 80 })).toThrow('WebServer has no option "HTTPPort": use port');
  const web = await startWeb();
  await expect(web.start({ prot: 0 } as WebServerSettings)).rejects.toThrow('did you mean "port"?');
  expect(web.isRunning).toBe(true);
  const options = { server: web, datatype: 'blob' };
  expect(() => new WebSocketServer({ onConnection: () => null }, options)).toThrow(
    'did you mean "dataType"?',
  );
});
