/** Tests the server commands of the plugin, version 2: options, statuses, connections in events, and which connections get a message. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connect as connectNative } from '../../../src/api/client.ts';
import { EngineServer } from '../../../src/api/plugin/engine-server.ts';
import { WebSocketServer } from '../../../src/api/server.ts';
import { freePort } from '../../free-port.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';
import { codeOf, frame, Op, RawPeer, requestHead } from '../../transport/wire.ts';
import { clearSurfaces, turn, V2 } from './support.ts';

const peers: RawPeer[] = [];

function peerOf(port: number): RawPeer {
  const peer = RawPeer.to(port);
  peers.push(peer);
  return peer;
}

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await clearSurfaces();
});

describe('Websocket server', () => {
  test('plugin A1.7-11, A1.7-1, C6: `Websocket server` returns `{id}` with a negative id, or {} if its argument is null or not an object', () => {
    const v2 = new V2();
    const options: Record<string, unknown> = { port: 0 };
    expect(v2.server(options)).toEqual({ id: -1 });
    expect(options.id).toBe(-1);
    expect(v2.server(options)).toEqual({ clients: [], connections: [] });
    expect(v2.server(Object.freeze({}))).toEqual({ id: -2 });
    for (const wrong of [null, undefined, 'text', 7]) expect(v2.server(wrong)).toEqual({});
  });

  test('plugin A0-7: servers get the ids -1, -2, …, the ids of clients do not count, and a free id is used again', async () => {
    const v2 = new V2();
    expect([v2.server({}), v2.client({}), v2.server({})]).toEqual([{ id: -1 }, { id: 1 }, { id: -2 }]);
    expect(await v2.serverClear({ id: -1 })).toEqual({ success: true });
    expect(v2.server({})).toEqual({ id: -1 });
  });

  test('plugin C5, A1.8-3: for an unknown id, the server commands return {}, {statuses: []}, or success: false', async () => {
    const v2 = new V2();
    for (const socket of [{ id: 7 }, { id: '-1' }, {}, null, undefined]) {
      expect(await v2.serverStart(socket)).toEqual({
        success: false,
        errorStr: 'unknown id',
        errStr: 'unknown id',
      });
      expect(await v2.serverStop(socket)).toEqual({});
      expect(v2.serverSend(socket)).toEqual({ statuses: [] });
      expect(await v2.serverClear(socket)).toEqual({ success: false });
    }
    expect(v2.server({ id: -9 })).toEqual({});
  });

  test('plugin A1.7-12, C33: the information about a server lists the uri and the number of each connection, and no two connections have the same number', async () => {
    const v2 = new V2();
    const { id, url } = await v2.startedServer();
    for (const target of ['a?window=1', 'a?window=1', 'b']) await v2.startedClient(`${url}${target}`);
    const info = v2.server({ id });
    expect(info.clients).toEqual(['/a?window=1', '/a?window=1', '/b']);
    expect(info.connections).toEqual(
      [1, 2, 3].map((client) => ({
        client,
        uri: client === 3 ? '/b' : '/a?window=1',
        remoteIp: '127.0.0.1',
        remotePort: expect.any(Number),
        bufferedAmount: 0,
      })),
    );
    expect(Object.keys(info).sort()).toEqual(['clients', 'connections']);
  });
});

describe('Websocket server start', () => {
  test('plugin A1.8-1, A1.7-2, C1, C3: `server start` returns success, and the address and port on which the server listens', async () => {
    const v2 = new V2();
    const { id } = v2.server({ port: 0 });
    const status = await v2.serverStart({ id });
    expect(status).toEqual({ success: true, port: expect.any(Number), host: '127.0.0.1' });
    expect(status.port).toBeGreaterThan(0);
    await v2.startedClient(`ws://127.0.0.1:${status.port}/`);
  });

  test('plugin A0.10-1, A1.7-2, A1.7-3, A1.7-4, A1.7-5, A1.7-6, A1.7-7: the options of a server have the same defaults as in the original plugin', async () => {
    const v2 = new V2();
    const settings = async (options: object): Promise<unknown> => {
      let seen: unknown = null;
      const start = vi.spyOn(EngineServer.prototype, 'start');
      start.mockImplementation(function (this: EngineServer) {
        seen = this.settings;
        return Promise.resolve({ success: false, errorStr: '' });
      });
      await v2.serverStart(v2.server(options));
      start.mockRestore();
      return seen;
    };
    expect(await settings({})).toMatchObject({
      port: 8080,
      backlog: 5,
      maxConnections: 128,
      handshakeTimeout: 3,
      addressFamily: 2,
      compresses: true,
      origins: 'any',
    });
    expect(await settings({ port: 1, backlog: 2, maxConnections: 3, handshakeTimeoutSecs: 4 })).toMatchObject(
      {
        port: 1,
        backlog: 2,
        maxConnections: 3,
        handshakeTimeout: 4,
      },
    );
  });

  test('plugin A1.8-2, A0.10-6, C2: if a server cannot start, errorStr and errStr have the text of the original plugin', async () => {
    const v2 = new V2();
    const { port } = await v2.startedServer();
    const { id } = v2.server({ port });
    const errorStr = `SocketServer::listen() error calling bind at address 127.0.0.1:${port} : Address already in use`;
    expect(await v2.serverStart({ id })).toEqual({ success: false, errorStr, errStr: errorStr });
    const { id: wrong } = v2.server({ port: 70_000 });
    expect(await v2.serverStart({ id: wrong })).toMatchObject({ success: false });
  });

  test('plugin A1.8-4, A0.8-6, C19, A1.7-9: the start of a stopped server can change enablePerMessageDeflate, but it cannot change the port', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer({ closeTimeout: 1 });
    const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=15' };
    expect((await peerOf(port).open(offer)).head).toMatch(/^Sec-WebSocket-Extensions: permessage-deflate/m);
    await v2.serverStop({ id });
    const again = await v2.serverStart({ id, enablePerMessageDeflate: false, port: 1 });
    expect(again.success).toBe(true);
    expect((await peerOf(again.port!).open(offer)).head).not.toMatch(/extensions/i);
  });

  test('plugin A1.8-5: after stop, a server can start again on the same port', async () => {
    const v2 = new V2();
    const port = await freePort();
    const { id } = v2.server({ port });
    for (let round = 0; round < 3; round++) {
      expect(await v2.serverStart({ id })).toMatchObject({ success: true, port });
      const client = await v2.startedClient(`ws://127.0.0.1:${port}/`);
      await v2.serverStop({ id });
      await v2.got(2, client.id);
    }
  });

  test('plugin A1.8-6, C9: if a server is already started, a second start fails and does not change the server', async () => {
    const v2 = new V2();
    const { id, url } = await v2.startedServer();
    await v2.startedClient(url);
    expect(await v2.serverStart({ id })).toEqual({
      success: false,
      errorStr: 'already started',
      errStr: 'already started',
    });
    await v2.startedClient(url);
    expect(v2.server({ id }).clients).toHaveLength(2);
    const { id: other } = v2.server({ port: 0 });
    const both = await Promise.all([v2.serverStart({ id: other }), v2.serverStart({ id: other })]);
    expect(both.map(({ success }) => success)).toEqual([true, false]);
  });

  test('plugin A0.10-3, C23, A1.7-3: the option host of a server may be a name or an IP address', async () => {
    const v2 = new V2();
    for (const host of ['localhost', '127.0.0.1', '0.0.0.0']) {
      const { id } = v2.server({ port: 0, host });
      expect(await v2.serverStart({ id })).toMatchObject({ success: true });
    }
    const { id } = v2.server({ port: 0, host: 'no.invalid' });
    expect((await v2.serverStart({ id })).errorStr).toMatch(
      /^SocketServer::listen\(\) error calling inet_pton at address no\.invalid:0 : /,
    );
  });

  test.each([2, 4, 'IPv4'])(
    'plugin A0.10-4, C24, A1.7-7: with addressFamily %j the server listens on IPv4',
    async (addressFamily) => {
      const v2 = new V2();
      const { id } = v2.server({ port: 0, addressFamily });
      expect(await v2.serverStart({ id })).toMatchObject({ success: true, host: '127.0.0.1' });
      const { id: six } = v2.server({ port: 0, addressFamily, host: '::1' });
      expect((await v2.serverStart({ id: six })).errorStr).toMatch(/inet_pton at address ::1:0/);
    },
  );

  test.each([6, 10, 23, 30, 'IPv6'])(
    'plugin A0.10-4, A0.10-5, C24, C25: with addressFamily %j the server listens on IPv6, and remoteIp is an IPv6 address',
    async (addressFamily) => {
      const v2 = new V2();
      const { id = 0 } = v2.server({ port: 0, addressFamily });
      const status = await v2.serverStart({ id });
      expect(status).toMatchObject({ success: true, host: '::1' });
      const client = await connectNative(`ws://[::1]:${status.port}/`);
      const [open] = await v2.got(1, id);
      expect(open).toMatchObject({ remoteIp: '::1', remotePort: expect.any(Number) });
      client.terminate();
    },
  );

  test.each([0, 3, 99, '2', null])(
    'plugin A0.10-4, C24: `server start` fails if addressFamily is %j',
    async (addressFamily) => {
      const v2 = new V2();
      const { id } = v2.server({ port: 0, addressFamily: addressFamily as number });
      expect(await v2.serverStart({ id })).toMatchObject({
        success: false,
        errorStr:
          'SocketServer::listen() AF_INET and AF_INET6 are currently the only supported address families',
      });
    },
  );
});

describe('opening handshakes', () => {
  test('plugin A0.10-2, C26, A1.7-5: if a server has maxConnections connections, the server refuses another client with 503, and `client start` returns this status', async () => {
    const v2 = new V2();
    const { url, port } = await v2.startedServer({ maxConnections: 1 });
    await v2.startedClient(url);
    expect(await peerOf(port).write(requestHead()).answer()).toMatch(/^HTTP\/1\.1 503 /);
    const { id } = v2.client({ URL: url });
    expect(await v2.clientStart({ id })).toMatchObject({ success: false, http_status: 503 });
  });

  test('plugin A0.6-9, A1.7-6: if an opening handshake takes longer than handshakeTimeoutSecs, the server answers with 408', async () => {
    const v2 = new V2();
    const { port } = await v2.startedServer({ handshakeTimeoutSecs: 1 });
    expect(await peerOf(port).write('GET / HTTP/1.1\r\n').answer()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('plugin A0.6-5, C27, A0.1-10: if a server refuses a request, it sends a complete response and emits no event; for an unsupported version the status is 426', async () => {
    const v2 = new V2();
    const { port } = await v2.startedServer();
    const without = await peerOf(port)
      .write(requestHead({ 'Sec-WebSocket-Key': null }))
      .answer();
    expect(without).toMatch(/^HTTP\/1\.1 400 [^\r]+\r\n(?:[^\r]+\r\n)+\r\n/);
    const old = await peerOf(port)
      .write(requestHead({ 'Sec-WebSocket-Version': '8' }))
      .answer();
    expect(old).toMatch(/^HTTP\/1\.1 426 /);
    expect(old).toMatch(/^Sec-WebSocket-Version: 13\r$/m);
    await turn();
    expect(v2.heard).toEqual([]);
  });

  test('plugin A0.6-6: a server never chooses a subprotocol', async () => {
    const v2 = new V2();
    const { port } = await v2.startedServer();
    expect((await peerOf(port).open({ 'Sec-WebSocket-Protocol': 'chat' })).head).not.toMatch(/protocol:/i);
  });

  test('plugin A0.4-5: a server sends no pings, even if a client sends nothing for a long time', async () => {
    useFakeClock();
    try {
      const v2 = new V2();
      const { port } = await v2.startedServer();
      const peer = await peerOf(port).open();
      for (let minute = 0; minute < 5; minute++) {
        vi.advanceTimersByTime(60_000);
        await turn();
      }
      peer.write(frame(Op.Ping, 'answered'));
      await peer.until(() => peer.frames.length > 0);
      expect(peer.frames).toMatchObject([{ opcode: Op.Pong }]);
    } finally {
      useRealClock();
    }
  });

  test('by default, a server accepts web pages of any origin, and the option `origins` restricts the origins', async () => {
    const v2 = new V2();
    const { port } = await v2.startedServer();
    await peerOf(port).open({ Origin: 'https://evil.example' });
    const strict = await v2.startedServer({ origins: 'same-origin' });
    const answer = peerOf(strict.port)
      .write(requestHead({ Origin: 'https://evil.example' }))
      .answer();
    expect(await answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('plugin A0.3-17, C28: if a client sends an unmasked frame, the server closes the connection with 1002', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer();
    const peer = await peerOf(port).open();
    peer.write(frame(Op.Text, 'bare', { mask: false }));
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1002);
    peer.socket.end();
    const [close] = await v2.got(2, id);
    expect(close).toMatchObject({ code: 1002, remote: false });
    expect(v2.of(0, id)).toEqual([]);
  });

  test('plugin A0.4-4, A1.7-8: a server accepts the option enablePong: false, but it still answers pings [C7]', async () => {
    const v2 = new V2();
    const { port } = await v2.startedServer({ enablePong: false });
    const peer = await peerOf(port).open();
    peer.write(frame(Op.Ping, 'ping'));
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]).toMatchObject({ opcode: Op.Pong });
  });

  test('plugin A1.7-4: the server passes the option backlog to `listen`', async () => {
    const v2 = new V2();
    const listen = vi.spyOn(WebSocketServer.prototype, 'listen');
    try {
      await v2.startedServer({ backlog: 1 });
      await v2.startedServer();
      expect(listen.mock.calls.map(([options]) => options?.backlog)).toEqual([1, 5]);
    } finally {
      listen.mockRestore();
    }
  });
});

describe('events of a server', () => {
  test('plugin A1.1-9, A1.1-10, A1.1-11, A0.1-1, A0.1-2, A0.10-5, C25, C33: the Open, Message and Close events of a server identify the connection', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer();
    const peer = await peerOf(port);
    peer.write(requestHead({ 'X-A': ['1', '2'] }, 'GET /a?b=%20c HTTP/1.1'));
    await peer.until(() => peer.head !== '');
    const identity = {
      remoteIp: '127.0.0.1',
      remotePort: peer.socket.localPort,
      uri: '/a?b=%20c',
      client: 1,
    };
    const [open] = await v2.got(1, id);
    expect(open).toMatchObject({ ...identity, headers: { Host: 'localhost', 'X-A': '1, 2' } });
    expect(Object.keys(open!).sort()).toEqual(['client', 'headers', 'remoteIp', 'remotePort', 'uri']);
    peer.write(frame(Op.Text, 'h€'));
    expect(await v2.got(0, id)).toEqual([{ ...identity, binary: false, str: 'h€', wireSize: 4 }]);
    peer.write(frame(Op.Close, Buffer.from([0x0f, 0xa0, 0x78])));
    await peer.until(() => peer.frames.length === 1);
    peer.socket.end();
    expect(await v2.got(2, id)).toEqual([{ ...identity, code: 4000, reason: 'x', remote: true }]);
    expect(v2.heard.map(([type]) => type)).toEqual([1, 0, 2]);
  });

  test('plugin A0.6-8, C46: if the client did not send sec-websocket-extensions, the headers of the Open event do not have this field', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer();
    await peerOf(port).open();
    const [open] = await v2.got(1, id);
    const names = Object.keys(open!.headers as object).map((name) => name.toLowerCase());
    expect(names).not.toContain('sec-websocket-extensions');
  });

  test('plugin A1.1-14, C31: the event of a binary message has the bytes, and a text in which U+FFFD replaces bytes that are not UTF-8', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer();
    const peer = await peerOf(port).open();
    peer.write(frame(Op.Binary, Buffer.from([0x61, 0xff])));
    const [message] = await v2.got(0, id);
    expect(message).toMatchObject({ binary: true, str: 'a\ufffd', wireSize: 2 });
    expect(message!.bytes).toEqual(Buffer.from([0x61, 0xff]));
  });

  test('plugin A1.1-8, A0.1-3, A0.1-4, A0.1-5: the callback of version 2 gets no Ping, Pong or Fragment events', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer();
    const peer = await peerOf(port).open();
    peer.write(
      Buffer.concat([
        frame(Op.Ping, 'a'),
        frame(Op.Pong, 'b'),
        frame(Op.Text, 'one ', { fin: false }),
        frame(Op.Continuation, 'message'),
      ]),
    );
    expect(await v2.got(0, id)).toMatchObject([{ str: 'one message', wireSize: 11 }]);
    expect(v2.heard.map(([type]) => type)).toEqual([1, 0]);
  });

  test('plugin A1.1-12, A0.8-8, C51: a server emits an Error event for corrupt compressed data, and for no other error', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer();
    const peer = await peerOf(port).open({ 'Sec-WebSocket-Extensions': 'permessage-deflate' });
    const bytes = frame(Op.Text, Buffer.from([0xff, 0xff, 0xff]));
    bytes[0]! |= 0x40;
    peer.write(bytes);
    await peer.until(() => peer.frames.length === 1);
    peer.socket.end();
    await v2.got(2, id);
    expect(v2.heard.map(([type]) => type)).toEqual([1, 3, 2]);
    expect(v2.of(3, id)).toMatchObject([{ decompressionError: true, retries: 0 }]);
    expect(v2.of(2, id)).toMatchObject([{ code: 1007, remote: false }]);
  });
});

describe('Websocket server stop', () => {
  test('plugin A1.9-1, A0.3-16, C4: `server stop` closes every connection with 1000 Normal closure, emits a Close event for each connection, and returns the information about the server', async () => {
    const v2 = new V2();
    const { id, url, port } = await v2.startedServer();
    const clients = [await v2.startedClient(url), await v2.startedClient(url)];
    const pending = v2.serverStop({ id });
    expect(pending).toBeInstanceOf(Promise);
    expect(await pending).toEqual({ clients: [], connections: [] });
    for (const client of clients) {
      expect(await v2.got(2, client.id)).toEqual([{ code: 1000, reason: 'Normal closure', remote: true }]);
    }
    expect(await v2.got(2, id, 2)).toMatchObject([
      { code: 1000, reason: 'Normal closure', remote: false },
      { code: 1000, reason: 'Normal closure', remote: false },
    ]);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => resolve());
      socket.on('connect', () => reject(new Error('still listening')));
    });
    expect(await v2.serverStop({ id })).toEqual({ clients: [], connections: [] });
  });

  test('plugin C29: if a client does not answer the Close frame, `server stop` drops the client after `closeTimeout`', async () => {
    const v2 = new V2();
    const { id, port } = await v2.startedServer({ closeTimeout: 20 });
    const peer = await peerOf(port).open();
    await v2.serverStop({ id });
    await peer.answer();
    // A closeTimeout of 0 means the shortest time. It does not disable the limit.
    const { id: other } = await v2.startedServer({ closeTimeout: 0 });
    expect(await v2.serverStop({ id: other })).toMatchObject({ clients: [] });
    expect(await v2.got(2, id)).toMatchObject([{ code: 1000, remote: false }]);
  });
});

describe('Websocket server send', () => {
  async function withClients(): Promise<{ v2: V2; id: number; clients: { id: number }[] }> {
    const v2 = new V2();
    const { id, url } = await v2.startedServer();
    const clients = [];
    for (const target of ['a', 'b', 'a', 'A']) clients.push(await v2.startedClient(`${url}${target}`));
    return { v2, id, clients };
  }

  const uris = (result: { statuses: { uri: string }[] }): string[] => result.statuses.map(({ uri }) => uri);

  test('plugin A1.10-1, A1.10-4: `server send` returns a status for each connection, with the uri of the connection', async () => {
    const { v2, id, clients } = await withClients();
    const result = v2.serverSend({ id, message: 'h€' });
    expect(result).toEqual({
      statuses: ['/a', '/b', '/a', '/A'].map((uri, index) => ({
        uri,
        success: true,
        compressionError: false,
        payloadSize: 4,
        wireSize: 4,
        client: index + 1,
      })),
    });
    for (const client of clients) expect(await v2.got(0, client.id)).toMatchObject([{ str: 'h€' }]);
  });

  test('plugin A1.10-3, A1.1-15, C33, C34: `server send` with `uri` sends to the connections with exactly these uris, or to all connections if `uri` contains no text', async () => {
    const { v2, id } = await withClients();
    const send = (uri: unknown): string[] => uris(v2.serverSend({ id, message: 'x', uri }));
    expect(send('/a')).toEqual(['/a', '/a']);
    expect(send(['/b', '/A', 7, '/none'])).toEqual(['/b', '/A']);
    expect(send('/none')).toEqual([]);
    for (const all of ['', null, [], [7], 7, undefined]) expect(send(all)).toHaveLength(4);
    // Every text in a collection counts as a uri, even the empty text. No connection has the empty text as its uri.
    expect(send([''])).toEqual([]);
    expect(send(['', '/b'])).toEqual(['/b']);
  });

  test('plugin C33: `server send` with `client` sends to the connections with these numbers, and also to the connections that `uri` selects', async () => {
    const { v2, id } = await withClients();
    const send = (target: object): number[] =>
      v2.serverSend({ id, message: 'x', ...target }).statuses.map(({ client }) => client);
    expect(send({ client: 3 })).toEqual([3]);
    expect(send({ client: [1, 4, 9] })).toEqual([1, 4]);
    expect(send({ client: [] })).toEqual([]);
    expect(send({ client: 2, uri: '/A' })).toEqual([2, 4]);
  });

  test('plugin A1.10-2: `server send` without a message sends nothing', async () => {
    const { v2, id } = await withClients();
    for (const message of [undefined, null, 7, {}]) {
      expect(v2.serverSend({ id, message })).toEqual({ statuses: [] });
    }
    expect(v2.serverSend({ id, message: '' }).statuses).toHaveLength(4);
  });

  test('plugin C36: `server send` sends bytes as a binary message', async () => {
    const { v2, id, clients } = await withClients();
    v2.serverSend({ id, uri: '/b', message: Buffer.from([255]) });
    expect(await v2.got(0, clients[1]!.id)).toMatchObject([{ binary: true, bytes: Buffer.from([255]) }]);
  });
});

describe('Websocket server clear', () => {
  test('plugin A1.11-1: `server clear` stops and forgets the server, and returns success: false for an unknown id', async () => {
    const v2 = new V2();
    const { id, url } = await v2.startedServer();
    const client = await v2.startedClient(url);
    expect(await v2.serverClear({ id })).toEqual({ success: true });
    expect(await v2.got(2, client.id)).toMatchObject([{ code: 1000 }]);
    expect(v2.server({ id })).toEqual({});
    expect(await v2.serverClear({ id })).toEqual({ success: false });
  });
});
