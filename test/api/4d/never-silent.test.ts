/** Tests that onError or a warning reports each lost message and each lost callback. */
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { WebServer, WebSocket, WebSocketServer } from '../../../src/4d.ts';
import { WaitingMessages } from '../../../src/api/4d/waiting.ts';
import { frame, Op } from '../../transport/wire.ts';
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
  warningsOf,
} from './harness.ts';

afterEach(closeAll);

const never = new Promise<never>(() => {});

/** Starts a server that records the messages that it receives. */
async function echo(): Promise<{ readonly web: WebServer; readonly heard: Journal }> {
  const heard = new Journal();
  const { web } = await serve({ onMessage: (_ws, { data }) => heard.note(data) });
  return { web, heard };
}

describe('sending while the status is "Connecting"', () => {
  test('C88, B-client-send: messages that are sent while the status is "Connecting" wait in order, and leave after the call of onOpen', async () => {
    const { web, heard } = await echo();
    const client = WebSocket.new(urlOf(web), {
      async onOpen(ws) {
        ws.send('in onOpen');
        await Promise.resolve();
        ws.send('later');
      },
    });
    expect(client.status).toBe('Connecting');
    const bytes = Buffer.from('bytes');
    expect(['one', new Blob(['blob']), bytes, { a: 1 }, 7].map((message) => client.send(message))).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    bytes.fill(0);
    expect(() => client.send(() => {})).toThrow(TypeError);
    expect(await heard.length(7)).toEqual(['in onOpen', 'one', 'blob', 'bytes', '{"a":1}', '7', 'later']);
    client.terminate();
  });

  test('C88: messages that are sent while the status is "Connecting" also wait if the client has no callbacks', async () => {
    const { web, heard } = await echo();
    const webSocket = WebSocket.new(urlOf(web), null);
    webSocket.send('Hello world');
    expect(await heard.length(1)).toEqual(['Hello world']);
    webSocket.terminate();
  });

  test('C88, B-client-failure: if the client cannot connect, onError also receives the number of lost messages', async () => {
    const journal = new Journal();
    const client = WebSocket.new('ws://127.0.0.1:1/', {
      onError: (_ws, { errors }) => journal.note(errors.map(({ errCode, message }) => [errCode, message])),
      onTerminate: (_ws, { code }) => journal.note(code),
    });
    client.send('one');
    client.send('two');
    const [errors, code] = (await journal.length(2)) as [[number, string][], number];
    expect(errors.map(([errCode]) => errCode)).toEqual([7, 9]);
    expect(errors[1]?.[1]).toBe('2 messages waited to be sent when the connection ended');
    expect(code).toBe(1006);
    expect(client.send('late')).toBe(false);
  });

  test.each(['while connecting', 'in onOpen'])(
    'C88: after terminate %s, waiting messages are lost, and onError is called once for all of them',
    async (when) => {
      const { web, heard } = await echo();
      const journal = new Journal();
      const client = WebSocket.new(urlOf(web), {
        onOpen: (ws) => ws.terminate(),
        onError: (_ws, { errors }) => journal.note(errors.map(({ message }) => message).join()),
        onTerminate: () => journal.note('end'),
      });
      client.send('lost');
      if (when === 'while connecting') client.terminate();
      expect(await journal.length(2)).toEqual([
        'a message waited to be sent when the connection ended',
        'end',
      ]);
      expect(heard.entries).toEqual([]);
    },
  );

  test('C88: without onError, lost messages cause a process warning', async () => {
    const { web } = await echo();
    const warnings = await warningsOf(async () => {
      const end = defer();
      const client = WebSocket.new(urlOf(web), { onTerminate: () => end.resolve() });
      client.send('lost');
      client.terminate();
      await end.promise;
    });
    expect(warnings).toEqual(['a message waited to be sent when the connection ended']);
  });

  test('C88: while the status is "Connecting", messages wait; if more than sendCap bytes or more than 64 MiB would wait, send returns false', async () => {
    const { web, heard } = await echo();
    const client = new WebSocket(urlOf(web), {}, { sendCap: 300 });
    expect([client.send('a'), client.send('b'), client.send('c')]).toEqual([true, true, false]);
    expect(await heard.length(2)).toEqual(['a', 'b']);
    client.terminate();
    const waiting = new WaitingMessages(1_000);
    expect([waiting.push('€'.repeat(100)), waiting.push(new Uint8Array(445)), waiting.count]).toEqual([
      true,
      false,
      1,
    ]);
    expect(waiting.push(new Blob([new Uint8Array(444)]))).toBe(true);
    expect(waiting.take()).toHaveLength(2);
    expect([waiting.count, waiting.push(new ArrayBuffer(872))]).toEqual([0, true]);
  });

  test('C88: if the connection ends while send still reads a Blob, onError is called for this Blob before onTerminate', async () => {
    const journal = new Journal();
    const reading = defer<ArrayBuffer>();
    const blob = new Blob(['x']);
    blob.arrayBuffer = () => reading.promise;
    const { web } = await serve({
      onMessage() {},
      onOpen: (ws) => void ws.send(blob),
      onError: (_ws, { errors }) => journal.note(errors[0]?.message),
      onTerminate: () => journal.note('end'),
    });
    (await openPeer(web)).destroy();
    expect(await journal.length(2)).toEqual(['a message waited to be sent when the connection ended', 'end']);
    reading.reject(new Error('too late to be reported again'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(journal.entries).toHaveLength(2);
  });
});

describe('a callback that never ends', () => {
  test('C89, C87: FAULT-11: if a callback does not end, onError receives the name of the callback, its connection and the number of waiting callbacks', async () => {
    const journal = new Journal();
    const { web, wss } = await serve(
      {
        onMessage: () => never,
        onError: (_ws, { errors }) => journal.note(errors[0]?.errCode, errors[0]?.message),
      },
      { warnAfter: 1, closeTimeout: 1 },
    );
    const peer = await openPeer(web);
    const [connection] = wss.connections;
    peer.write(frame(Op.Text, 'x'));
    const other = peerOf(web);
    other.write('');
    const [code, text] = await journal.length(2);
    expect(code).toBe(10);
    expect(text).toMatch(
      new RegExp(
        `^onMessage of connection ${connection?.id} has not ended: \\d+ callbacks wait for it, and new connections are refused with 408$`,
      ),
    );
  });

  test('C89: FAULT-11: if a callback does not end and there is no onError, a process warning contains the path of the server', async () => {
    const asked = defer();
    const warnings = await warningsOf(async () => {
      const web = await startWeb();
      new WebSocketServer(
        {
          onConnection() {
            asked.resolve();
            return never;
          },
        },
        { server: web, path: '/slow', warnAfter: 1, closeTimeout: 1 },
      );
      void request(peerOf(web), '/slow').catch(() => {});
      await asked.promise;
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    expect(warnings).toEqual([
      'onConnection of the WebSocketServer at /slow has not ended: 0 callbacks wait for it, and new connections are refused with 408',
    ]);
  });

  test('C89: onError is not called if a callback ends in time', async () => {
    const journal = new Journal();
    const { web } = await serve(
      {
        async onMessage(_ws, { data }) {
          await new Promise((resolve) => setImmediate(resolve));
          journal.note(data);
        },
        onError: () => journal.note('error'),
      },
      { warnAfter: Number.POSITIVE_INFINITY },
    );
    const peer = await openPeer(web);
    for (const text of ['a', 'b']) peer.write(frame(Op.Text, text));
    expect(await journal.length(2)).toEqual(['a', 'b']);
  });
});

describe('shutdown waits for callbacks', () => {
  /** Starts a server whose callbacks are slow, and opens one connection. */
  async function slow(): Promise<{ web: WebServer; wss: WebSocketServer; journal: Journal }> {
    const journal = new Journal();
    const pause = () => new Promise((resolve) => setImmediate(resolve));
    const { web, wss } = await serve(
      {
        async onMessage(_ws, { data }) {
          journal.note('message');
          await pause();
          journal.note(data);
        },
        async onTerminate() {
          await pause();
          journal.note('connection ended');
        },
      },
      {},
      {
        async onTerminate() {
          await pause();
          await pause();
          journal.note('server ended');
        },
      },
    );
    const peer = await openPeer(web);
    peer.write(frame(Op.Text, 'x'));
    await journal.has('message');
    return { web, wss, journal };
  }

  const all = ['message', 'x', 'connection ended', 'server ended'];

  test('C90, B-wss-terminate: FAULT-11: terminate() of a server resolves after the last onTerminate, even if another callback still runs', async () => {
    const { wss, journal } = await slow();
    await wss.terminate(0);
    expect(journal.entries).toEqual(all);
    await wss.terminate(null);
  });

  test('C90, B-wss-webserver: FAULT-11: stop() of a web server resolves after the last onTerminate', async () => {
    const { web, journal } = await slow();
    await web.stop(0);
    expect(journal.entries).toEqual(all);
    await web.stop(null);
  });

  test('C90: if a WebSocket server is already terminated, stop() of the web server waits for the last callback of the WebSocket server', async () => {
    const { web, wss, journal } = await slow();
    void wss.terminate(0);
    while (!wss.terminated) await new Promise((resolve) => setImmediate(resolve));
    await web.stop(0);
    expect(journal.entries).toEqual(all);
  });

  test('C90, C69: FAULT-11: http.close(callback) calls `callback` after the last onTerminate, and a second close fails as in Node', async () => {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const web = keep(WebServer.of(http));
    const journal = new Journal();
    new WebSocketServer(
      {
        onConnection: () => ({ onMessage() {} }),
        async onTerminate() {
          await new Promise((resolve) => setTimeout(resolve, 1));
          journal.note('ended');
        },
      },
      { server: web },
    );
    (await openPeer(web)).socket.end();
    http.close((error) => journal.note(error));
    http.close((error) => journal.note((error as NodeJS.ErrnoException | undefined)?.code));
    expect(await journal.length(3)).toEqual(['ERR_SERVER_NOT_RUNNING', 'ended', undefined]);
  });

  test('C90, B-terminate-again: if a callback never ends, onError receives the name of this callback after closeTimeout, and the other callbacks are called', async () => {
    const journal = new Journal();
    const { web, wss } = await serve(
      {
        onMessage: () => {
          journal.note('message');
          return never;
        },
        onError: (_ws, { errors }) => journal.note(errors[0]?.message),
        onTerminate: () => journal.note('connection ended'),
      },
      { closeTimeout: 5 },
      { onTerminate: () => journal.note('server ended') },
    );
    const peer = await openPeer(web);
    const id = wss.connections[0]?.id;
    peer.write(frame(Op.Text, 'x'));
    await journal.has('message');
    await wss.terminate();
    expect(journal.entries).toEqual([
      'message',
      `onMessage of connection ${id} has not ended: the server no longer waits for it, because the server is terminated`,
      'connection ended',
      'server ended',
    ]);
  });

  test.each([true, false])(
    'C90: terminate() inside a callback does not wait for the end of this callback (serialize: %s)',
    async (serialize) => {
      const journal = new Journal();
      const { web, wss } = await serve(
        {
          async onMessage(ws) {
            await ws.wss.terminate(0);
            journal.note(ws.wss.terminated);
          },
        },
        { serialize },
        { onTerminate: () => journal.note('server ended') },
      );
      const peer = await openPeer(web);
      peer.write(frame(Op.Text, 'x'));
      await journal.has(true);
      await wss.terminate();
      expect(new Set(journal.entries)).toEqual(new Set([true, 'server ended']));
    },
  );

  test.each([true, false])(
    'C91: idle() resolves when no callback runs and none waits (serialize: %s)',
    async (serialize) => {
      const goOn = defer();
      const journal = new Journal();
      const { web, wss } = await serve(
        {
          async onMessage(_ws, { data }) {
            journal.note('began');
            await goOn.promise;
            journal.note(data);
          },
        },
        { serialize },
      );
      await Promise.all([wss.idle(), web.idle()]);
      const peer = await openPeer(web);
      peer.write(frame(Op.Text, 'x'));
      await journal.has('began');
      const idle = Promise.all([wss.idle(), web.idle()]).then(() => journal.note('idle'));
      await new Promise((resolve) => setImmediate(resolve));
      expect(journal.entries).toEqual(['began']);
      goOn.resolve();
      await idle;
      expect(journal.entries).toEqual(['began', 'x', 'idle']);
      await new WebServer().idle();
    },
  );
});

describe('overlapping paths', () => {
  test('C92, C67: FAULT-10: if two patterns with * match, the server with the longer pattern gets the connection', async () => {
    const web = await startWeb();
    const make = (path: string | RegExp) =>
      new WebSocketServer(
        { onConnection: () => ({ onMessage() {}, onOpen: (ws) => void ws.send(String(ws.wss.path)) }) },
        { server: web, path },
      );
    for (const path of ['/a/*', '/a/b/*', '*', '/r*', '/a/b/c']) make(path);
    for (const [target, path] of [
      ['/a/x', '/a/*'],
      ['/a/b/x', '/a/b/*'],
      ['/a/b/c', '/a/b/c'],
      ['/z', '*'],
      ['/r1', '/r*'],
    ] as const) {
      const peer = await openPeer(web, target);
      await peer.until(() => peer.frames.length === 1);
      expect(peer.frames[0]?.payload.toString(), target).toBe(path);
    }
  });

  test('C67: FAULT-10: a request matches a path even if the hex digits of percent-encoding are in another case', async () => {
    const web = await startWeb();
    const make = (path: string | RegExp) =>
      new WebSocketServer({ onConnection: () => ({ onMessage() {} }) }, { server: web, path });
    make('/größe');
    make('/caf%c3%a9/*');
    make(/^\/%e6%97%a5/);
    for (const target of [
      '/gr%c3%b6%c3%9fe',
      '/gr%C3%B6%C3%9Fe',
      '/caf%C3%A9/x',
      '/caf%c3%a9/x',
      '/%E6%97%A5',
    ]) {
      await openPeer(web, target);
    }
  });
});
