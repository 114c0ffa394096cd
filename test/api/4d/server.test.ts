/** `WebSocketServer` of 4D: its constructor, its members, its callbacks and their order. docs/4d.md explains the ids. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ConnectionHandler,
  FourDError,
  fourDErrors,
  WebServer,
  WebSocket,
  WebSocketServer,
  type WSSHandler,
  webServer,
} from '../../../src/4d.ts';
import { codeOf, frame, Op } from '../../transport/wire.ts';
import {
  closeAll,
  defer,
  Journal,
  keep,
  openPeer,
  peerOf,
  request,
  serve,
  startWeb,
  urlOf,
} from './harness.ts';

afterEach(closeAll);

const echo: ConnectionHandler = {
  onMessage(ws, { data }) {
    ws.send(data);
  },
};

/** Runs a module in a new process, waits until the process ends, and returns its output. */
function outputOf(script: string): Promise<string> {
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => child.on('close', () => resolve(output)));
}

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('new WebSocketServer', () => {
  test('B-new-requires, B-new-stopped, C69: the constructor throws a FourDError if the web server is not started', async () => {
    const web = new WebServer({ port: 0 });
    const error = thrown(() => new WebSocketServer({ onConnection: () => echo }, { server: web }));
    expect(error).toBeInstanceOf(FourDError);
    expect(error).toMatchObject({
      errCode: fourDErrors.WEB_SERVER,
      message: 'the web server is not started',
      componentSignature: 'wsjs',
    });
    await keep(web).start();
    const wss = new WebSocketServer({ onConnection: () => echo }, { server: web });
    expect(wss.terminated).toBe(false);
    await web.stop();
    expect(() => new WebSocketServer({ onConnection: () => echo }, { server: web })).toThrow(FourDError);
  });

  test('C69: without `options.server`, the WebSocket server uses the default web server with its host and port', async () => {
    expect(() => WebSocketServer.new({ onConnection: () => echo })).toThrow(FourDError);
    await keep(webServer).start({ port: 0 });
    WebSocketServer.new({ onConnection: () => echo });
    const peer = await openPeer(webServer);
    peer.write(frame(Op.Text, 'hello'));
    await peer.until(() => peer.frames.length === 1);
    expect(String(peer.frames[0]?.payload)).toBe('hello');
  });

  test('B-new-starts, B-wss-onOpen, C70: a new server accepts connections immediately, and onOpen is called after the running code', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const handler: WSSHandler = {
      onConnection: () => echo,
      onOpen(wss, event) {
        journal.note(this === handler, wss === server, event, wss.terminated);
      },
    };
    const server = WebSocketServer.new(handler, { server: web });
    expect(server).toBeInstanceOf(WebSocketServer);
    journal.note('after new');
    await openPeer(web);
    expect(journal.entries).toEqual(['after new', true, true, { type: 'open' }, false]);
  });

  test('C70: onOpen is called before onTerminate, even if the program terminates the new server immediately', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const wss = new WebSocketServer(
      {
        onConnection: () => echo,
        onOpen: () => journal.note('open'),
        onTerminate: () => journal.note('terminate'),
      },
      { server: web },
    );
    await wss.terminate(0);
    expect(await journal.length(2)).toEqual(['open', 'terminate']);
  });

  test('C66: the constructor throws an error if the handler object has no onConnection', async () => {
    const web = await startWeb();
    for (const handler of [{}, null, undefined, 'handler', { onConnection: 1 }]) {
      const error = thrown(() => new WebSocketServer(handler as unknown as WSSHandler, { server: web }));
      expect(error).toBeInstanceOf(FourDError);
      expect(error).toMatchObject({ errCode: fourDErrors.NO_HANDLER });
    }
    // The constructors that failed have not reserved the path of this server.
    new WebSocketServer({ onConnection: () => echo }, { server: web });
  });

  test('B-new-failure, C68: the constructor throws error -10718 if two servers have the same path, or if both servers have no path', async () => {
    const web = await startWeb();
    const make = (path?: string | RegExp) =>
      new WebSocketServer(
        { onConnection: () => echo },
        { server: web, ...(path === undefined ? null : { path }) },
      );
    const chat = make('/chat');
    make();
    make('/rooms*');
    for (const path of ['/chat', 'chat', undefined, '', 'rooms*']) {
      const error = thrown(() => make(path));
      expect(error, String(path)).toBeInstanceOf(FourDError);
      expect(error).toMatchObject({ errCode: -10_718, componentSignature: 'wsjs' });
    }
    make('/chat/');
    // A server keeps its path until it is terminated, because it can still have connections until then.
    const peer = await openPeer(web, '/chat');
    const over = chat.terminate();
    expect(thrown(() => make('/chat'))).toMatchObject({ errCode: -10_718 });
    peer.destroy();
    await over;
    make('/chat');
  });

  test('the options, `path` and `dataType` may be null, because they may be Null in 4D', async () => {
    await keep(webServer).start({ port: 0 });
    expect(WebSocketServer.new({ onConnection: () => echo }, null)).toMatchObject({ path: undefined });
    const web = await startWeb();
    const options = { server: web, path: null, dataType: null } as object;
    expect(WebSocketServer.new({ onConnection: () => echo }, options)).toMatchObject({
      path: undefined,
      dataType: 'text',
    });
  });

  test('the constructor of WebSocketServer throws a TypeError or RangeError for invalid options', async () => {
    const web = await startWeb();
    const make = (options: object) =>
      thrown(() => new WebSocketServer({ onConnection: () => echo }, { server: web, ...options }));
    expect(make({ dataType: 'json' })).toBeInstanceOf(TypeError);
    expect(make({ path: '/a?b' })).toBeInstanceOf(TypeError);
    expect(make({ path: 1 })).toBeInstanceOf(TypeError);
    expect(make({ cancel: 'later' })).toBeInstanceOf(TypeError);
    expect(make({ server: createServer() })).toBeInstanceOf(TypeError);
    expect(make({ trustedProxies: -1 })).toBeInstanceOf(RangeError);
    expect(make({ serialize: 'no' })).toBeInstanceOf(TypeError);
    expect(make({ closeTimeout: 0 })).toBeInstanceOf(RangeError);
    // A WebSocketConnection has no sendLatest.
    expect(String(make({ maxLatestKeys: 1 }))).toContain('no option "maxLatestKeys"');
    expect(make({ maxMessageSize: 0 })).toBeInstanceOf(RangeError);
  });

  test('the constructor throws a TypeError for an unknown option, and the text suggests the right name', async () => {
    const web = await startWeb();
    const make = (options: object) =>
      thrown(() => new WebSocketServer({ onConnection: () => echo }, { server: web, ...options }));
    for (const [options, hint] of [
      [{ port: 8080 }, '"port": it is a setting of the WebServer'],
      [{ datatype: 'blob' }, '"datatype": did you mean "dataType"?'],
      [{ text: 'bytes' }, '"text"; it has { '],
    ] as const) {
      expect(make(options)).toMatchObject({
        name: 'TypeError',
        message: expect.stringContaining(`WebSocketServer has no option ${hint}`),
      });
    }
    // The servers that failed are not registered, so the path is free.
    new WebSocketServer({ onConnection: () => echo }, { server: web });
  });

  test('the WebSocketServer of 4D accepts the limits of the native server, and by default it accepts pages of any origin', async () => {
    const { web } = await serve(echo, { maxMessageSize: 4 });
    const peer = await openPeer(web, '/', { Origin: 'https://elsewhere.example' });
    peer.write(frame(Op.Text, '12345'));
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1009);
    const closed = await serve(echo, { origins: 'same-origin' });
    expect(await request(peerOf(closed.web), '/', { Origin: 'https://elsewhere.example' })).toBe(403);
  });
});

describe('the option `path`', () => {
  test('B-new-path, C67: the path of the URL selects the server; `path` needs no leading slash, but a trailing slash has to match', async () => {
    const web = await startWeb();
    for (const path of ['chat', '/a/b/', '/rooms/*', /^\/v\d+$/]) {
      new WebSocketServer({ onConnection: () => echo }, { server: web, path });
    }
    const status = (target: string) => request(peerOf(web), target);
    for (const target of ['/chat', '/chat?room=1', '/a/b/', '/rooms/', '/rooms/a/b?c', '/v12']) {
      expect(await status(target), target).toBe(101);
    }
    for (const target of ['/', '/Chat', '/chat/', '/chatter', '/a/b', '/rooms', '/v', '/v1/', '/x/v1']) {
      expect(await status(target), target).toBe(404);
    }
  });

  test('C67: `path` may contain any characters, and the server compares `path` in the percent-encoded form that browsers send', async () => {
    const web = await startWeb();
    for (const path of ['/größe/日本', '/two words', '/🙂*', '/a%20b']) {
      const wss = new WebSocketServer({ onConnection: () => echo }, { server: web, path });
      expect(wss.path).toBe(path);
    }
    for (const path of ['/größe/日本', '/two words', '/🙂/more', '/a b']) {
      const { pathname } = new URL(path, 'ws://localhost');
      expect(await request(peerOf(web), pathname), pathname).toBe(101);
    }
    expect(
      () => new WebSocketServer({ onConnection: () => echo }, { server: web, path: '/two%20words' }),
    ).toThrow(FourDError);
  });

  test('C67: a literal path has priority over a pattern, and a pattern has priority over a server without a path', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const make = (name: string, path?: string) =>
      new WebSocketServer(
        {
          onConnection() {
            journal.note(name);
            return null;
          },
        },
        { server: web, ...(path === undefined ? null : { path }) },
      );
    make('any');
    make('pattern', '/r*');
    make('exact', '/room');
    for (const target of ['/room', '/rooms', '/else']) await request(peerOf(web), target);
    expect(journal.entries).toEqual(['exact', 'pattern', 'any']);
  });

  test('B-new-pattern, C67: in `path`, a * at the end is a wildcard, and no other character has a special meaning', async () => {
    const web = await startWeb();
    new WebSocketServer({ onConnection: () => echo }, { server: web, path: '/a.b*c' });
    new WebSocketServer({ onConnection: () => echo }, { server: web, path: '/x.(y)*' });
    expect(await request(peerOf(web), '/a.b*c')).toBe(101);
    expect(await request(peerOf(web), '/a.bbc')).toBe(404);
    expect(await request(peerOf(web), '/x.(y)z')).toBe(101);
    expect(await request(peerOf(web), '/x-(y)z')).toBe(404);
  });

  test('B-wss-several: one web server can have several WebSocket servers, each with separate connections', async () => {
    const web = await startWeb();
    const one = new WebSocketServer({ onConnection: () => echo }, { server: web, path: '/one' });
    const two = new WebSocketServer({ onConnection: () => echo }, { server: web, path: '/two' });
    await openPeer(web, '/one');
    await openPeer(web, '/two');
    await openPeer(web, '/two');
    expect([one.connections.length, two.connections.length]).toEqual([1, 2]);
    await one.terminate(0);
    expect(await request(peerOf(web), '/one')).toBe(404);
    expect(await request(peerOf(web), '/two')).toBe(101);
  });
});

describe('onConnection', () => {
  test('B-wss-onConnection: onConnection gets the server and the request, and its result is the handler of the connection', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const connectionHandler: ConnectionHandler = { onMessage() {} };
    const handler: WSSHandler = {
      onConnection(wss, event) {
        journal.note(this === handler, wss === server, event.type, event.request.url, wss.connections.length);
        return connectionHandler;
      },
    };
    const server = new WebSocketServer(handler, { server: web });
    await openPeer(web, '/here?a=1');
    expect(journal.entries).toEqual([true, true, 'connection', '/here?a=1', 0]);
    expect(server.connections).toHaveLength(1);
    expect(server.connections[0]?.handler).toBe(connectionHandler);
  });

  const refusals: readonly (readonly [string, WSSHandler['onConnection']])[] = [
    ['C64: null', () => null],
    ['C64: undefined', () => undefined],
    ['C65: a Promise of null', async () => null],
    ['C65: a Promise of nothing', async () => {}],
  ];
  test.each(refusals)(
    'if onConnection returns %s, the server refuses the request with 403',
    async (_title, onConnection) => {
      const web = await startWeb();
      const journal = new Journal();
      const wss = new WebSocketServer(
        { onConnection, onError: (_wss, { errors }) => journal.note(errors[0]?.message) },
        { server: web },
      );
      const peer = peerOf(web);
      expect(await request(peer)).toBe(403);
      expect(wss.connections).toEqual([]);
      expect(journal.entries).toEqual([]);
    },
  );

  test('C65: if onConnection returns a Promise, the client is connected only after the Promise has resolved', async () => {
    const decision = defer<ConnectionHandler | null>();
    const asked = defer();
    const web = await startWeb();
    const wss = new WebSocketServer(
      {
        onConnection() {
          asked.resolve();
          return decision.promise;
        },
      },
      { server: web },
    );
    const peer = peerOf(web);
    const status = request(peer);
    await asked.promise;
    expect([peer.text, wss.connections.length]).toEqual(['', 0]);
    decision.resolve(echo);
    expect(await status).toBe(101);
    expect(wss.connections).toHaveLength(1);
  });

  test.each([
    ['C66: a handler without onMessage', { onOpen() {} }],
    ['C66: a handler whose onMessage is not a function', { onMessage: true }],
    ['C66: a value that is not an object', 'handler'],
    ['C66: the value true', true],
  ])(
    '%s as the result of onConnection causes a refusal as null does, and onError receives an error',
    async (_title, result) => {
      const web = await startWeb();
      const journal = new Journal();
      new WebSocketServer(
        {
          onConnection: () => result as unknown as ConnectionHandler,
          onError: (_wss, { errors }) => journal.note(errors[0]?.errCode),
        },
        { server: web },
      );
      expect(await request(peerOf(web))).toBe(403);
      expect(journal.entries).toEqual([fourDErrors.NO_HANDLER]);
    },
  );

  test('B-wss-exceptions, C64: if onConnection throws, the answer is 500, and the text of the exception is not in the answer', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const failures: (() => ConnectionHandler | Promise<null>)[] = [
      (): never => {
        throw new Error('the secret');
      },
      async (): Promise<never> => {
        throw new Error('the secret');
      },
      (): ConnectionHandler => ({
        get onMessage(): never {
          throw new Error('the secret');
        },
      }),
    ];
    new WebSocketServer(
      {
        onConnection: () => failures.shift()?.(),
        onError: (_wss, { errors }) => journal.note(errors[0]?.message),
      },
      { server: web },
    );
    for (let left = failures.length; left > 0; left--) {
      const peer = peerOf(web);
      expect(await request(peer)).toBe(500);
      expect(await peer.answer()).not.toContain('secret');
    }
    expect(journal.entries).toEqual(['the secret', 'the secret', 'the secret']);
  });

  test('C64: with cancel "close", onConnection runs after the handshake; null closes the connection with 1008, and an exception with 1011', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const results: (() => ConnectionHandler | null | Promise<null>)[] = [
      () => null,
      async () => null,
      () => {
        throw new Error('no');
      },
      () => echo,
    ];
    const wss = new WebSocketServer(
      {
        onConnection: () => results.shift()?.(),
        onError: (_wss, { errors }) => journal.note(errors[0]?.message),
      },
      { server: web, cancel: 'close' },
    );
    for (const code of [1008, 1008, 1011]) {
      const peer = await openPeer(web);
      await peer.until(() => peer.frames.length === 1);
      expect(codeOf(peer.frames[0]!)).toBe(code);
      expect(wss.connections).toEqual([]);
      peer.destroy();
    }
    expect(journal.entries).toEqual(['no']);
    const peer = await openPeer(web);
    peer.write(frame(Op.Text, 'hello'));
    await peer.until(() => peer.frames.length === 1);
    expect(String(peer.frames[0]?.payload)).toBe('hello');
  });

  test.each([true, false])(
    'C64: with cancel "close", messages of the client wait for the result of onConnection, and no message is lost (serialize: %s)',
    async (serialize) => {
      const decision = defer<ConnectionHandler>();
      const asked = defer();
      const web = await startWeb();
      const wss = new WebSocketServer(
        {
          onConnection() {
            asked.resolve();
            return decision.promise;
          },
        },
        { server: web, cancel: 'close', serialize },
      );
      const peer = await openPeer(web);
      peer.write(Buffer.concat([frame(Op.Text, 'one'), frame(Op.Text, 'two')]));
      await asked.promise;
      expect(wss.connections).toEqual([]);
      decision.resolve(echo);
      await peer.until(() => peer.frames.length === 2);
      expect(peer.frames.map(({ payload }) => String(payload))).toEqual(['one', 'two']);
    },
  );

  test('C64: terminate() also ends requests that wait for onConnection: with cancel "refuse" the answer is 503, and with "close" the connection closes with 1001', async () => {
    for (const cancel of ['refuse', 'close'] as const) {
      const web = await startWeb();
      const asked = defer();
      const decision = defer<ConnectionHandler>();
      const wss = new WebSocketServer(
        {
          onConnection() {
            asked.resolve();
            return decision.promise;
          },
        },
        { server: web, cancel },
      );
      const peer = peerOf(web);
      const status = request(peer);
      await asked.promise;
      const over = wss.terminate();
      expect(await status).toBe(cancel === 'refuse' ? 503 : 101);
      if (cancel === 'close') {
        await peer.until(() => peer.frames.length === 1);
        expect(codeOf(peer.frames[0]!)).toBe(1001);
      }
      peer.destroy();
      decision.resolve(echo);
      await over;
      expect(wss.connections).toEqual([]);
    }
  });
});

describe('members of a server', () => {
  test('B-wss-connections, C77: `connections` is a read-only copy of the list of open connections', async () => {
    const journal = new Journal();
    const { web, wss } = await serve({ onMessage() {}, onTerminate: (ws) => journal.note(ws.id) });
    const first = await openPeer(web);
    const before = wss.connections;
    await openPeer(web);
    expect(before).toHaveLength(1);
    expect(wss.connections).toHaveLength(2);
    expect(wss.connections).toBe(wss.connections);
    expect(() => (wss.connections as unknown[]).pop()).toThrow(TypeError);
    first.destroy();
    await journal.length(1);
    expect(journal.entries).toEqual([before[0]?.id]);
    expect(wss.connections.map(({ id }) => id)).not.toContain(before[0]?.id);
  });

  test('B-wss-dataType, B-wss-handler, B-wss-path, B-new-dataType: the members of a server have the given values, and `dataType` is "text" by default', async () => {
    const web = await startWeb();
    const handler: WSSHandler = { onConnection: () => echo };
    const plain = new WebSocketServer(handler, { server: web });
    expect([plain.dataType, plain.path]).toEqual(['text', undefined]);
    expect(plain.handler).toBe(handler);
    const other = new WebSocketServer<'object'>(
      { onConnection: () => null },
      { server: web, path: 'chat', dataType: 'object' },
    );
    expect([other.dataType, other.path]).toEqual(['object', 'chat']);
  });

  test('B-wss-scalableSession, C86: `scalableSession` is always false, on the WebSocket server and on the web server', async () => {
    const { web, wss } = await serve(echo);
    expect([wss.scalableSession, web.scalableSession]).toEqual([false, false]);
  });

  test('all members of a server are read-only', async () => {
    const { wss } = await serve(echo);
    for (const name of [
      'connections',
      'dataType',
      'handler',
      'path',
      'terminated',
      'scalableSession',
    ] as const) {
      const before = wss[name];
      expect(() => Object.assign(wss, { [name]: 'other' }), name).toThrow(TypeError);
      expect(wss[name]).toBe(before);
    }
  });
});

describe('the end of a server', () => {
  test('B-wss-onTerminate, B-wss-terminated, B-terminate-after: onTerminate of a server is called after all callbacks of its connections, and after terminate() has returned', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const handler: WSSHandler = {
      onConnection: () => ({ onMessage() {}, onTerminate: () => journal.note('connection') }),
      onTerminate(wss, event) {
        journal.note(this === handler, wss === server, event, wss.terminated, wss.connections.length);
      },
    };
    const server = new WebSocketServer(handler, { server: web });
    const client = WebSocket.new(urlOf(web), { onOpen: () => journal.note('client') });
    await journal.length(1);
    const over = server.terminate();
    expect(server.terminated).toBe(false);
    expect(journal.entries).toEqual(['client']);
    await over;
    expect(server.terminated).toBe(true);
    expect(journal.entries).toEqual(['client', 'connection', true, true, { type: 'terminate' }, true, 0]);
    expect(client.status).not.toBe('Connected');
  });

  test('B-wss-webserver: stop() of the web server terminates its WebSocket server, and meanwhile `connections` and `status` are always correct', async () => {
    const journal = new Journal();
    const ids: number[] = [];
    const handler: ConnectionHandler = {
      onMessage() {},
      onOpen: (ws) => void ids.push(ws.id),
      onTerminate(ws, { code }) {
        const { connections, terminated } = ws.wss;
        journal.note([ws.id, ws.status, code, connections.includes(ws), connections.length, terminated]);
      },
    };
    const { web, wss } = await serve(
      handler,
      {},
      {
        onTerminate: (server) => journal.note(['server', server.terminated, server.connections.length]),
      },
    );
    const closed = new Journal();
    const clients = ['a', 'b'].map(() =>
      WebSocket.new(urlOf(web), {
        onOpen: () => closed.note('open'),
        onTerminate: (_ws, { code }) => closed.note(code),
      }),
    );
    await closed.length(2);
    expect(wss.connections.map(({ id }) => id)).toEqual(ids);
    const stopped = web.stop();
    expect(web.isRunning).toBe(false);
    expect(wss.connections.map(({ status }) => status)).toEqual(['Closing', 'Closing']);
    await stopped;
    expect(wss.terminated).toBe(true);
    const [first, second, last] = journal.entries as unknown[][];
    expect([first?.[0], second?.[0]].sort()).toEqual([...ids].sort());
    expect([first?.slice(1, 4), second?.slice(1, 4)]).toEqual([
      ['Closed', 1001, false],
      ['Closed', 1001, false],
    ]);
    expect([first?.[5], second?.[5]]).toEqual([false, false]);
    expect(last).toEqual(['server', true, 0]);
    expect(journal.entries).toHaveLength(3);
    await closed.length(4);
    expect(closed.entries.slice(2)).toEqual([1001, 1001]);
    expect(clients.map(({ status }) => status)).toEqual(['Closed', 'Closed']);
  });

  test('B-new-where, B-client-lifetime, C79: a server or a client keeps the process alive without a worker, even if no variable refers to the object', async () => {
    const { web } = await serve({
      onMessage(ws) {
        setTimeout(() => ws.send('later'), 50);
      },
    });
    // Each process has only a client or only a server, and no variable refers to the object.
    const library = new URL('../../../dist/4d.js', import.meta.url).href;
    const client = await outputOf(`
      import { WebSocket } from '${library}';
      WebSocket.new('${urlOf(web)}', {
        onOpen(ws) { gc(); console.log(ws.id); ws.send('ready'); },
        onMessage(ws, { data }) { gc(); console.log(data); ws.terminate(); },
        onTerminate(_ws, { code }) { console.log(code); },
      });
    `);
    expect(client).toBe('1\nlater\n1000\n');
    const server = await outputOf(`
      import { WebSocket, WebSocketServer, webServer } from '${library}';
      await webServer.start({ port: 0 });
      WebSocketServer.new({
        onConnection: () => ({
          async onMessage(ws, { data }) { gc(); console.log(data); webServer.stop(); },
        }),
        onTerminate() { console.log('over'); },
      });
      WebSocket.new('ws://127.0.0.1:' + webServer.port, { onOpen: (ws) => { gc(); ws.send('hello'); } });
    `);
    expect(server).toBe('hello\nover\n');
  });
});
