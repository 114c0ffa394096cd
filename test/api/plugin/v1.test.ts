/** Tests the commands of the plugin, version 1: refs, BLOBs, all types of events, and the seven arguments of the callback. */
import { afterEach, describe, expect, test } from 'vitest';
import { methods } from '../../../src/api/plugin/methods.ts';
import * as commands from '../../../src/plugin-v1.ts';
import { freePort } from '../../free-port.ts';
import { closeFrame, codeOf, frame, Op, RawPeer } from '../../transport/wire.ts';
import { FakeClock, FakeNetwork, settled } from '../fake-dial.ts';
import { clearSurfaces, RawServer, switching, turn, V1, type V1Heard } from './support.ts';

const peers: RawPeer[] = [];

async function peerOf(port: number, changes: Parameters<RawPeer['open']>[0] = {}): Promise<RawPeer> {
  const peer = RawPeer.to(port);
  peers.push(peer);
  return peer.open(changes);
}

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  methods.clear();
  await clearSurfaces();
});

const unmasked = { mask: false } as const;
const data = (text: string): Buffer => Buffer.from(text);

describe('Websocket server', () => {
  test('plugin A2.1-5, A2.1-6, A0.10-1, A2.1-4, A0-8: `Websocket server` returns the configuration with ref and the defaults, even without options', () => {
    const v1 = new V1();
    const defaults = {
      port: 8080,
      host: '127.0.0.1',
      backlog: 5,
      maxConnections: 32,
      method: '',
      worker: '',
      window: 0,
      process: 0,
    };
    expect(v1.server()).toEqual({ ref: -1, ...defaults });
    expect(v1.server(null)).toEqual({ ref: -2, ...defaults });
    const options = {
      port: 1,
      host: 'localhost',
      backlog: 2,
      maxConnections: 3,
      method: 'CB',
      worker: 'w',
      window: 4,
      process: 5,
    };
    expect(v1.server(options)).toEqual({ ref: -3, ...options });
    expect(v1.server({ port: '1', worker: 7, window: '4' })).toMatchObject({
      port: 1,
      worker: '',
      window: 0,
    });
  });

  test('plugin A2.1-1, A2.1-2, A2.1-3, A2.1-4, A2.3-2, C48: on a running server, start, stop and send can change only method, worker, window and process', async () => {
    const v1 = new V1();
    const { ref, port } = await v1.startedServer({ method: 'old' });
    const other = { port: 1, host: 'x', backlog: 9, maxConnections: 9 };
    v1.serverSend({ ref, worker: 'w', ...other }, data('x'));
    expect(await v1.serverStart({ ref, window: 1, ...other })).toMatchObject({ message: 'already started' });
    const stopped = await v1.serverStop({ ref, process: 2, method: 'new', ...other });
    expect(stopped).toEqual({
      ref,
      port: 0,
      host: '127.0.0.1',
      backlog: 5,
      maxConnections: 32,
      method: 'new',
      worker: 'w',
      window: 1,
      process: 2,
    });
    expect(port).toBeGreaterThan(0);
  });

  test('plugin C48, A2.3-2: the start of a stopped server can change port, host, backlog and maxConnections', async () => {
    const v1 = new V1();
    const port = await freePort();
    const { ref } = v1.server({ port: 1, host: 'nowhere.invalid' });
    const changes = { host: '127.0.0.1', backlog: 7, maxConnections: 1 };
    expect(await v1.serverStart({ ref, port, ...changes })).toMatchObject({ success: true, port });
    const first = RawPeer.to(port);
    const second = RawPeer.to(port);
    peers.push(first, second);
    await first.open();
    await expect(second.open()).rejects.toThrow(/503/);
    expect(await v1.serverStop({ ref })).toMatchObject({ port, ...changes });
    expect(await v1.serverStart({ ref, port: 'x' })).toEqual({
      success: false,
      message: "port is 'x', not a number from 0 to 65535, or the text of one",
    });
    expect(await v1.serverStart({ ref })).toMatchObject({ success: true, port });
  });

  test('plugin A2.3-2, A2.3-4, C5: `server start` returns success and message, `server stop` returns the configuration, and each command fails for an unknown ref', async () => {
    const v1 = new V1();
    const port = await freePort();
    const { ref } = v1.server({ port });
    expect(await v1.serverStart({ ref })).toEqual({ success: true, message: '', port, host: '127.0.0.1' });
    const { ref: other } = v1.server({ port });
    expect(await v1.serverStart({ ref: other })).toEqual({
      success: false,
      message: `SocketServer::listen() error calling bind at address 127.0.0.1:${port} : Address already in use`,
    });
    expect(await v1.serverStop({ ref })).toMatchObject({ ref, port });
    for (const wrong of [{ ref: -9 }, { ref: '-1' }, {}, null, undefined]) {
      expect(await v1.serverStart(wrong)).toEqual({ success: false, message: 'unknown id' });
      expect(await v1.serverStop(wrong)).toEqual({});
      expect(v1.serverSend(wrong, data('x'))).toEqual([]);
      expect(v1.serverClients(wrong)).toEqual([]);
      expect(v1.serverMessages(wrong)).toEqual([]);
      expect(await v1.serverClear(wrong)).toEqual({});
    }
  });

  test('plugin A2.3-8, A2.3-10: a server gives each new connection the smallest free number, and lists the numbers in ascending order', async () => {
    const v1 = new V1();
    const { ref, url } = await v1.startedServer();
    const clients = [];
    for (let count = 0; count < 3; count++) clients.push(await v1.startedClient(url));
    expect(v1.serverClients({ ref })).toEqual([1, 2, 3]);
    await v1.clientStop(clients[1]!);
    await v1.got('close', ref, 2);
    expect(v1.serverClients({ ref })).toEqual([1, 3]);
    await v1.startedClient(url);
    expect(v1.serverClients({ ref })).toEqual([1, 2, 3]);
    await v1.got('open', ref, undefined, 4);
    expect(v1.of('open', ref).map(([, client]) => client)).toEqual([1, 2, 3, 2]);
  });

  test('plugin A2.3-6: `server send` returns a status for each connection; `clients` selects connections by number, and invalid numbers are skipped', async () => {
    const v1 = new V1();
    const { ref, url } = await v1.startedServer();
    for (let count = 0; count < 3; count++) await v1.startedClient(url);
    const status = { success: true, compressionError: false, payloadSize: 4, wireSize: 4 };
    expect(v1.serverSend({ ref }, data('h€'))).toEqual([1, 2, 3].map((client) => ({ ...status, client })));
    const send = (clients: unknown): number[] =>
      v1.serverSend({ ref, clients }, data('x')).map(({ client }) => client);
    expect(send([3, 1, 9, '2', null])).toEqual([3, 1]);
    expect(send([2, 2.9])).toEqual([2, 2]);
    expect(send([])).toEqual([]);
    for (const all of [undefined, null, 'text', {}]) expect(send(all)).toEqual([1, 2, 3]);
    expect(send(2)).toEqual([2]);
    expect(v1.serverSend({ ref }, 7)).toEqual([]);
    expect(v1.serverSend({ ref }, undefined)).toEqual([]);
    await v1.until(() => v1.of('message', 0, 2).length === 8);
    await v1.got('message', 0, 3, 6);
  });

  test('plugin A2.3-6: a closing connection keeps its number, and `server send` to this number returns `success: false`', async () => {
    const v1 = new V1();
    const { ref, port } = await v1.startedServer();
    const peer = await peerOf(port);
    await v1.got('open', ref, 1);
    peer.write(closeFrame(1000));
    await peer.until(() => peer.frames.length === 1);
    const refusal = { success: false, compressionError: false, payloadSize: 0, wireSize: 0 };
    expect(v1.serverSend({ ref, clients: [1] }, data('x'))).toEqual([{ ...refusal, client: 1 }]);
    expect(v1.serverSend({ ref }, data('x'))).toEqual([]);
    peer.socket.end();
    await v1.got('close', ref, 1);
    expect(v1.serverSend({ ref, clients: [1] }, data('x'))).toEqual([]);
  });

  test('plugin A2.3-7: `server clear` always returns {}, and closes the connections with 1000', async () => {
    const v1 = new V1();
    const { ref, url } = await v1.startedServer();
    const client = await v1.startedClient(url);
    expect(await v1.serverClear({ ref })).toEqual({});
    const [close] = await v1.got('close', 0, client.ref);
    expect(close![3]).toEqual({ code: 1000, reason: 'Normal closure', remote: true });
    expect(v1.serverClients({ ref })).toEqual([]);
  });
});

describe('Websocket client', () => {
  test('plugin A2.2-2, A2.2-3, C17, C18: `Websocket client` always returns a new configuration with ref, the original options and our additional options', () => {
    const v1 = new V1();
    const deflate = {
      enabled: false,
      clientNoContextTakeover: false,
      serverNoContextTakeover: false,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 15,
    };
    const defaults = {
      url: '',
      pingInterval: -1,
      isAutomaticReconnectionEnabled: true,
      perMessageDeflateOptions: deflate,
      enableAutomaticReconnection: true,
      perMessageDeflate: deflate,
      method: '',
      worker: '',
      window: 0,
      process: 0,
    };
    expect(v1.client()).toEqual({ ref: 1, ...defaults });
    expect(v1.client({ ref: 1 })).toEqual({ ref: 2, ...defaults });
    expect(v1.client({ url: 'ws://a/', pingInterval: 7, enableAutomaticReconnection: false })).toMatchObject({
      ref: 3,
      url: 'ws://a/',
      pingInterval: 7,
      isAutomaticReconnectionEnabled: false,
    });
  });

  test('plugin A2.2-2: the configuration of a client has every option that the program passed', () => {
    const v1 = new V1();
    const given = { pingTimeout: 9, enablePong: false, disablePerMessageDeflate: true };
    const client = v1.client(given);
    expect(client).toMatchObject(given);
    const without = v1.client();
    for (const name of Object.keys(given)) expect(without).not.toHaveProperty(name);
    // A program can pass the configuration as options. The options then have the same values.
    expect(v1.client(client)).toEqual({ ...client, ref: 3 });
  });

  test('plugin A2.2-1, A0.8-2, A0.8-3, A0.8-4, C17: the option perMessageDeflate decides what a client offers, with window bits from 8 to 15, and disablePerMessageDeflate has no effect', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const configuration = (options: object): unknown => v1.client(options).perMessageDeflateOptions;
    expect(configuration({ perMessageDeflate: { serverMaxWindowBits: 3, clientMaxWindowBits: 99 } })).toEqual(
      {
        enabled: false,
        clientNoContextTakeover: false,
        serverNoContextTakeover: false,
        serverMaxWindowBits: 8,
        clientMaxWindowBits: 15,
      },
    );
    const on = {
      enabled: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 12,
      clientNoContextTakeover: true,
    };
    expect(configuration({ disablePerMessageDeflate: true, perMessageDeflate: on })).toMatchObject(on);
    await v1.startedClient(raw.url, { perMessageDeflate: on });
    expect((await raw.peer()).head).toMatch(
      /permessage-deflate; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12\r/,
    );
    for (const [index, disablePerMessageDeflate] of [true, false].entries()) {
      await v1.startedClient(raw.url, { disablePerMessageDeflate });
      expect((await raw.peer(index + 1)).head).not.toMatch(/extensions/i);
    }
  });

  test('plugin A2.2-1, C18: a program can pass the result of `Websocket client` to `client start`, and the perMessageDeflate of the result does not override disablePerMessageDeflate', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const options = { url: raw.url, enableAutomaticReconnection: false, closeTimeout: 1 };
    const client = v1.client({ ...options, perMessageDeflate: { enabled: true, clientMaxWindowBits: 10 } });
    const offered = async (index: number, given: object): Promise<string | undefined> => {
      expect(await v1.clientStart(given)).toMatchObject({ success: true });
      await v1.clientStop({ ref: client.ref });
      return /^Sec-WebSocket-Extensions: .*(?=\r$)/m.exec((await raw.peer(index)).head)?.[0];
    };
    expect(await offered(0, client)).toMatch(/client_max_window_bits=10$/);
    // If the program changes the object, the change has an effect.
    client.perMessageDeflate.clientMaxWindowBits = 11;
    expect(await offered(1, { ...client, disablePerMessageDeflate: true })).toMatch(/bits=11$/);
    const again = await v1.clientStop({ ref: client.ref });
    expect(await offered(2, { ...again, disablePerMessageDeflate: true })).toBeUndefined();
    expect(await offered(3, again)).toBeUndefined();
  });

  test('plugin A2.3-1, A2.2-1: `client start` may also change the options that the original plugin does not have', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const { ref } = v1.client({ url: raw.url, method: v1.record, enableAutomaticReconnection: false });
    const changes = { closeTimeout: 1, maxMessageSize: 3, strictUtf8: true };
    expect(await v1.clientStart({ ref, ...changes })).toMatchObject({ success: true });
    const peer = await raw.peer();
    peer.write(frame(Op.Text, 'four', unmasked));
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1009);
    peer.socket.end();
    await v1.got('close', 0, ref);
    await v1.clientStart({ ref });
    expect(v1.clientSend({ ref }, Buffer.from([0xff]))).toMatchObject({ success: false });
    const strict = await raw.peer(1);
    await strict.until(() => strict.frames.length === 1);
    expect(codeOf(strict.frames[0]!)).toBe(1007);
    // The peer does not answer the Close frame, so the stop ends after 1 ms.
    expect(await v1.clientStop({ ref })).toMatchObject({ ref });
  });

  test('plugin A2.3-1, C5: `client start` always returns five properties, errorStr is empty after a success, and each command fails for an unknown ref', async () => {
    const v1 = new V1();
    const raw = await RawServer.start((_request, key) => switching(key, 'X-A: 1'));
    const { ref } = v1.client({ enableAutomaticReconnection: false });
    const status = await v1.clientStart({ ref, url: `${raw.url}x?y`, timeout: 5 });
    expect(status).toMatchObject({ success: true, http_status: 101, errorStr: '', uri: '/x?y' });
    expect(status.headers).toMatchObject({ 'X-A': '1' });
    const { ref: other } = v1.client({ url: 'nonsense' });
    expect(await v1.clientStart({ ref: other })).toEqual({
      success: false,
      http_status: 0,
      errorStr: "Could not parse url: 'nonsense'",
      uri: '',
      headers: {},
    });
    for (const wrong of [{ ref: 9 }, { ref: '1' }, {}, null]) {
      expect(await v1.clientStart(wrong)).toEqual({ success: false, errorStr: 'unknown id' });
      expect(await v1.clientStop(wrong)).toEqual({});
      expect(v1.clientSend(wrong, data('x'))).toEqual({});
      expect(v1.clientMessages(wrong)).toEqual([]);
      expect(await v1.clientClear(wrong)).toEqual({});
    }
  });

  test('plugin A2.3-1: by default an attempt to connect may take 20 s, and `timeout` changes this limit', async () => {
    const network = new FakeNetwork<never>();
    const v1 = new V1({ dial: network.dial as never, clock: new FakeClock() });
    v1.clearAll = () => Promise.resolve();
    for (const [timeout, expected] of [
      [undefined, 20_000],
      [3, 3_000],
    ] as const) {
      const { ref } = v1.client({ url: 'ws://a/' });
      void v1.clientStart({ ref, ...(timeout === undefined ? null : { timeout }) });
      await settled();
      expect(network.attempts.pop()?.options.handshakeTimeout).toBe(expected);
    }
  });

  test('plugin A2.3-3: `client stop` returns the configuration and closes with 1000, and the options of `client stop` apply to the next start', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const { ref } = await v1.startedClient(raw.url, { closeTimeout: 1 });
    expect(
      await v1.clientStop({ ref, url: 'ws://b/', worker: 'w', code: 3_000, reason: 'no' }),
    ).toMatchObject({
      ref,
      url: 'ws://b/',
      worker: 'w',
    });
    const peer = await raw.peer();
    expect(codeOf(peer.frames[0]!)).toBe(1000);
    const [close] = await v1.got('close', 0, ref);
    expect(close![3]).toEqual({ code: 1000, reason: 'Normal closure', remote: false });
    expect(close![4]).toBe('w');
  });

  test('plugin A2.3-5, C36: `client send` sends text, or bytes with `binary: true`, and returns {} if the data cannot be sent', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const { ref } = await v1.startedClient(raw.url);
    const status = { success: true, compressionError: false };
    expect(v1.clientSend({ ref }, data('\ufeffh€'))).toEqual({ ...status, payloadSize: 7, wireSize: 7 });
    const bytes = Buffer.from([255, 0]);
    expect(v1.clientSend({ ref, binary: true }, bytes)).toEqual({ ...status, payloadSize: 2, wireSize: 2 });
    bytes.fill(7);
    for (const wrong of [{}, undefined, null, 7]) expect(v1.clientSend({ ref }, wrong)).toEqual({});
    const peer = await raw.peer();
    await peer.until(() => peer.frames.length === 2);
    expect(peer.frames.map(({ opcode, payload }) => [opcode, [...payload]])).toEqual([
      [Op.Text, [...data('\ufeffh€')]],
      [Op.Binary, [255, 0]],
    ]);
    const { ref: closed } = v1.client({ url: raw.url });
    expect(v1.clientSend({ ref: closed }, data('x'))).toMatchObject({ success: false, payloadSize: 0 });
  });

  test('plugin A0.3-13, C37: text that is not UTF-8 is not sent; by default the connection stays open, and with strictUtf8 the connection closes with 1007', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const invalid = Buffer.from([0xc3, 0x28]);
    const refusal = { success: false, compressionError: false, payloadSize: 0, wireSize: 0 };
    const { ref } = await v1.startedClient(raw.url);
    expect(v1.clientSend({ ref }, invalid)).toEqual(refusal);
    expect(v1.clientSend({ ref }, data('still open'))).toMatchObject({ success: true });
    const strict = await v1.startedClient(raw.url, { strictUtf8: true });
    expect(v1.clientSend(strict, invalid)).toEqual(refusal);
    const peer = await raw.peer(1);
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1007);
    peer.write(closeFrame(1007, '', unmasked)).socket.end();
    const [close] = await v1.got('close', 0, strict.ref);
    expect(close![3]).toEqual({ code: 1007, reason: 'Invalid frame payload data', remote: false });

    for (const strictUtf8 of [false, true]) {
      const server = await v1.startedServer({ strictUtf8 });
      const client = await v1.startedClient(server.url);
      expect(v1.serverSend({ ref: server.ref }, invalid)).toEqual([{ ...refusal, client: 1 }]);
      if (strictUtf8) expect((await v1.got('close', 0, client.ref))[0]![3]).toMatchObject({ code: 1007 });
      else expect(v1.serverSend({ ref: server.ref }, data('x'))).toMatchObject([{ success: true }]);
    }
  });

  test('plugin A0.6-2: a client does not follow a redirect', async () => {
    const v1 = new V1();
    const raw = await RawServer.start(
      () => 'HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n',
    );
    const { ref } = v1.client({ url: raw.url });
    expect(await v1.clientStart({ ref })).toMatchObject({ success: false, http_status: 302 });
    expect(raw.peers).toHaveLength(1);
  });

  test('plugin A0.4-6, C16: a client sends a ping in each pingInterval, and closes with 1011 if no pong arrives within pingTimeout', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const { ref } = await v1.startedClient(raw.url, { pingInterval: 1, pingTimeout: 2 });
    const peer = await raw.peer();
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]!.payload.toString()).toBe('ixwebsocket::heartbeat::1s');
    const [close] = await v1.got('close', 0, ref);
    expect(close![3]).toEqual({ code: 1011, reason: 'Ping timeout', remote: false });
    await peer.until(() => peer.frames.at(-1)?.opcode === Op.Close);
    expect(codeOf(peer.frames.at(-1)!)).toBe(1011);
  });

  test('plugin A0.4-4, A2.2-1: a client accepts the option enablePong: false, but it still answers pings [C7]', async () => {
    const v1 = new V1();
    const raw = await RawServer.start();
    const { ref } = await v1.startedClient(raw.url, { enablePong: false });
    const peer = await raw.peer();
    peer.write(frame(Op.Ping, 'ping', unmasked));
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]).toMatchObject({ opcode: Op.Pong });
    expect((await v1.got('ping', 0, ref))[0]![3]).toEqual({ wireSize: 4, binary: false, data: 'ping' });
  });

  test('plugin A2.3-7: `client clear` always returns {}, and frees the ref', async () => {
    const v1 = new V1();
    const { ref } = v1.client();
    expect(await v1.clientClear({ ref })).toEqual({});
    expect(v1.client().ref).toBe(ref);
  });
});

describe('the callback', () => {
  test('plugin A2.4-1, A2.4-2, A2.4-3, A2.4-5, A2.4-6, A2.4-7, A2.4-9, A2.4-10, C15, C47, A0.1-3, A0.1-4, A0.1-5: the callback of a server or client gets seven arguments for every type of event', async () => {
    const v1 = new V1();
    const server = await v1.startedServer({ worker: 'ws', window: 1, process: 2 });
    const peer = await peerOf(server.port, { 'X-A': 'a', uri: 'overwritten' });
    peer.write(
      Buffer.concat([
        frame(Op.Ping, 'pi'),
        frame(Op.Pong, 'po'),
        frame(Op.Text, 'one ', { fin: false }),
        frame(Op.Continuation, 'message'),
        frame(Op.Binary, Buffer.from([0xff])),
        closeFrame(3_000, 'bye'),
      ]),
    );
    await peer.until(() => peer.frames.some(({ opcode }) => opcode === Op.Close));
    peer.socket.end();
    await v1.got('close', server.ref);
    const tail = ['ws', 1, 2];
    const at = (type: string, context: unknown): unknown[] => [server.ref, 1, type, context, ...tail];
    expect(v1.heard).toEqual([
      at('open', expect.objectContaining({ uri: '/', 'X-A': 'a', Host: 'localhost' })),
      at('ping', { wireSize: 2, binary: false, data: 'pi' }),
      at('pong', { wireSize: 2, binary: false, data: 'po' }),
      at('fragment', { wireSize: 0, binary: false, data: '' }),
      at('message', { wireSize: 11, binary: false, data: 'one message' }),
      at('message', { wireSize: 1, binary: true, data: '\ufffd', bytes: Buffer.from([0xff]) }),
      at('close', { code: 3_000, reason: 'bye', remote: true }),
    ]);
    v1.heard.length = 0;

    const raw = await RawServer.start((_request, key) => switching(key, 'X-B: b'));
    const { ref } = await v1.startedClient(`${raw.url}there?x`, { worker: 'wc', window: 3, process: 4 });
    (await raw.peer())
      .write(frame(Op.Ping, 'pi', unmasked))
      .write(frame(Op.Text, 'te', { ...unmasked, fin: false }))
      .write(frame(Op.Continuation, 'xt', unmasked))
      .write(closeFrame(1000, '', unmasked))
      .socket.end();
    await v1.got('close', 0, ref);
    expect(v1.heard.map(([, , type]) => type)).toEqual(['open', 'ping', 'fragment', 'message', 'close']);
    const [open] = v1.of('open', 0, ref);
    expect(open).toEqual([0, ref, 'open', expect.objectContaining({ 'X-B': 'b' }), 'wc', 3, 4]);
    expect((open![3] as { uri: string }).uri).toBe('/there?x');
  });

  test('plugin A2.4-8, A0.1-7: if a client cannot connect again, the callback gets an error event', async () => {
    const clock = new FakeClock();
    const network = new FakeNetwork<never>();
    const v1 = new V1({ clock, dial: network.dial as never });
    v1.clearAll = () => Promise.resolve();
    const { ref } = v1.client({ url: 'ws://fake.example/', method: v1.record });
    const started = v1.clientStart({ ref });
    await settled();
    network.settle();
    await started;
    network.kill();
    clock.next();
    await settled();
    network.settle();
    await v1.got('error', 0, ref);
    expect(v1.heard.map(([, , type]) => type)).toEqual(['open', 'close', 'error']);
    expect(v1.of('error', 0, ref)[0]![3]).toEqual({
      decompressionError: false,
      reason: 'Unable to connect to fake.example on port 80, error: Connect error: Connection refused',
      http_status: 0,
      wait_time: 100,
      retries: 1,
    });
  });

  test("plugin A2.4-4, C32: with { contextAs: 'json' } the callback gets the same text as in the original plugin, with tabs and without our additions", async () => {
    const v1 = new V1();
    const heard: string[] = [];
    const method = (_server: number, _client: number, _type: string, context: string): void =>
      void heard.push(context);
    const server = await v1.startedServer({ method, contextAs: 'json' });
    const peer = await peerOf(server.port);
    peer.write(frame(Op.Binary, Buffer.from([0xff])));
    while (heard.length < 2) await turn();
    expect(heard[0]).toMatch(
      /^\{\n\t"Connection" : "Upgrade",\n\t"Host" : "localhost",\n[\s\S]*\n\t"uri" : "\/"\n\}$/,
    );
    expect(heard[1]).toBe('{\n\t"binary" : true,\n\t"data" : "\\ufffd",\n\t"wireSize" : 1\n}');
  });

  test('plugin A2.4-11, C44: an event keeps the method, worker, window and process that were set when the event occurred', async () => {
    const v1 = new V1();
    const heard: string[] = [];
    let goOn: () => void = () => {};
    methods.set('first', (async (_server: number, _client: number, type: string, ...rest: unknown[]) => {
      heard.push(`first ${type} ${rest.slice(1).join(' ')}`);
      await new Promise<void>((resolve) => (goOn = resolve));
    }) as never);
    methods.set('second', ((_server: number, _client: number, type: string, ...rest: unknown[]) =>
      heard.push(`second ${type} ${rest.slice(1).join(' ')}`)) as never);
    const server = await v1.startedServer({ method: 'first', worker: 'a' });
    const peer = await peerOf(server.port);
    peer.write(frame(Op.Text, 'made before'));
    while (heard.length < 1 || v1.events.waiting < 1) await turn();
    v1.serverSend(
      { ref: server.ref, method: 'second', worker: 'b', window: 1, process: 2, clients: [] },
      data(''),
    );
    peer.write(frame(Op.Text, 'made behind'));
    while (v1.events.waiting < 2) await turn();
    goOn();
    while (heard.length < 2) await turn();
    goOn();
    while (heard.length < 3) await turn();
    expect(heard).toEqual(['first open a 0 0', 'first message a 0 0', 'second message b 1 2']);
  });

  test('plugin A2.4-11, C44: an event is dropped if the name of its method is empty or unknown', async () => {
    const v1 = new V1();
    for (const method of ['', 'unknown']) {
      const server = await v1.startedServer({ method });
      await peerOf(server.port);
      await turn();
      await v1.events.idle();
      expect(v1.events.waiting).toBe(0);
    }
    expect(v1.heard).toEqual([]);
  });

  test('plugin A2.3-9, C49, C45: `messages` lists the waiting events of one client or server, even inside a callback, and the events stay in the queue', async () => {
    const v1 = new V1();
    let goOn: () => void = () => {};
    const seen: unknown[] = [];
    const server = await v1.startedServer({
      method: async (...parameters: V1Heard) => {
        seen.push(parameters[2]);
        await new Promise<void>((resolve) => (goOn = resolve));
      },
    });
    const peer = await peerOf(server.port);
    peer.write(Buffer.concat([frame(Op.Ping, 'a'), frame(Op.Text, 'b')]));
    while (v1.events.waiting < 2) await turn();
    const waiting = [
      { type: 'ping', context: { wireSize: 1, binary: false, data: 'a' } },
      { type: 'message', context: { wireSize: 1, binary: false, data: 'b' } },
    ];
    expect(v1.serverMessages({ ref: server.ref })).toEqual(waiting);
    expect(v1.serverMessages({ ref: server.ref })).toEqual(waiting);
    const { ref } = v1.client();
    expect(v1.clientMessages({ ref })).toEqual([]);
    for (let count = 0; count < 3; count++) {
      goOn();
      await turn();
    }
    expect(seen).toEqual(['open', 'ping', 'message']);
    expect(v1.serverMessages({ ref: server.ref })).toEqual([]);
  });

  test('plugin A2.4-12, C50: clearAll clears all clients and servers, and then the program can create new ones', async () => {
    const v1 = new V1();
    const { ref, url } = await v1.startedServer();
    const client = await v1.startedClient(url);
    await v1.clearAll();
    expect(v1.serverClients({ ref })).toEqual([]);
    expect(await v1.clientStart(client)).toMatchObject({ errorStr: 'unknown id' });
    expect(v1.server().ref).toBe(-1);
    // A new server and a new client work after clearAll.
    const again = await v1.startedServer();
    await v1.startedClient(again.url);
    await v1.got('open', again.ref);
  });
});

describe('rfc6455/plugin-v1', () => {
  test('plugin A0-2, A0-4: the thirteen commands of the module work over real sockets', async () => {
    const heard: string[] = [];
    const method = ((server: number, client: number, type: string) =>
      heard.push(`${server} ${client} ${type}`)) as never;
    const { ref } = commands.websocketServer({ port: 0, method });
    const { port } = await commands.websocketServerStart({ ref });
    const client = commands.websocketClient({ url: `ws://127.0.0.1:${port}/`, method });
    expect(await commands.websocketClientStart(client)).toMatchObject({ success: true });
    expect(commands.websocketClientSend(client, data('up'))).toMatchObject({ success: true });
    while (commands.websocketServerClients({ ref }).length === 0) await turn();
    expect(commands.websocketServerSend({ ref }, data('down'))).toHaveLength(1);
    while (heard.length < 4) await turn();
    expect(commands.websocketServerMessages({ ref })).toEqual([]);
    expect(commands.websocketClientMessages(client)).toEqual([]);
    expect(await commands.websocketClientStop(client)).toMatchObject({ ref: 1 });
    expect(await commands.websocketServerStop({ ref })).toMatchObject({ ref: -1 });
    expect(await commands.websocketClientClear(client)).toEqual({});
    expect(await commands.websocketServerClear({ ref })).toEqual({});
    await commands.events.idle();
    expect(heard.sort()).toEqual([
      '-1 1 close',
      '-1 1 message',
      '-1 1 open',
      '0 1 close',
      '0 1 message',
      '0 1 open',
    ]);
    await commands.clearAll();
  });
});
