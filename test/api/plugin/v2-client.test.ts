/** Tests the client commands of the plugin, version 2: options, statuses, events, and the frames on the wire. */
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DeflateCodec } from '../../../src/deflate/codec.ts';
import { freePort } from '../../free-port.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';
import { closeFrame, codeOf, frame, Op } from '../../transport/wire.ts';
import { clearSurfaces, RawServer, switching, turn, V2 } from './support.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await clearSurfaces();
});

const unmasked = { mask: false } as const;

describe('Websocket client', () => {
  test('plugin A1.2-10, A1.2-1, C6, A0-8: `Websocket client` returns `{id}` and writes the id into the options; a second call with these options returns information', () => {
    const v2 = new V2();
    const options: Record<string, unknown> = { URL: 'ws://a.example/' };
    expect(v2.client(options)).toEqual({ id: 1 });
    expect(options.id).toBe(1);
    expect(v2.client(options)).toMatchObject({ URL: 'ws://a.example/', readyState: 'closed' });
    expect(v2.client(Object.freeze({ URL: 'ws://b.example/' }))).toEqual({ id: 2 });
  });

  test('plugin A1.2-11: if the argument of `Websocket client` is null or not an object, the command creates no client and returns {}', () => {
    const v2 = new V2();
    for (const wrong of [null, undefined, 'text', 7, true]) expect(v2.client(wrong)).toEqual({});
    expect(v2.client({})).toEqual({ id: 1 });
  });

  test('plugin A1.2-12, A1.2-4, A1.2-5, A1.2-6, A1.2-8, A0.4-1, A0.5-1, A0.5-5, A0.8-1: the information about a client has the options that the program passed, and the defaults of all other options', () => {
    const v2 = new V2();
    const info = v2.client({ id: v2.client({}).id });
    expect(info).toEqual({
      readyState: 'closed',
      URL: '',
      perMessageDeflateOptionsEnabled: false,
      pingInterval: -1,
      bufferedAmount: 0,
      automaticReconnectionEnabled: true,
      maxWaitBetweenReconnectionRetries: 10_000,
    });
    const options = {
      URL: 'ws://a.example/',
      enablePerMessageDeflate: true,
      pingInterval: 7,
      enableAutomaticReconnection: false,
      maxWaitBetweenReconnectionRetries: 5,
    };
    expect(v2.client({ id: v2.client(options).id })).toEqual({
      readyState: 'closed',
      URL: 'ws://a.example/',
      perMessageDeflateOptionsEnabled: true,
      pingInterval: 7,
      bufferedAmount: 0,
      automaticReconnectionEnabled: false,
      maxWaitBetweenReconnectionRetries: 5,
    });
  });

  test('plugin A1.2-13, C5: for an unknown or cleared id, `Websocket client` and `client stop` return {}, and the other commands return success: false', async () => {
    const v2 = new V2();
    const { id } = v2.client({});
    await v2.clientClear({ id });
    for (const socket of [{ id }, { id: 99 }, { id: -1 }, { id: 0 }]) {
      expect(v2.client(socket)).toEqual({});
      expect(await v2.clientStop(socket)).toEqual({});
      expect(await v2.clientStart(socket)).toEqual({ success: false, errorStr: 'unknown id' });
      expect(v2.clientSend({ ...socket, message: 'x' })).toEqual({ success: false });
      expect(await v2.clientClear(socket)).toEqual({ success: false });
    }
    for (const wrong of [null, undefined, {}, 'text']) {
      expect(await v2.clientStart(wrong)).toEqual({ success: false, errorStr: 'unknown id' });
      expect(await v2.clientStop(wrong)).toEqual({});
      expect(v2.clientSend(wrong)).toEqual({ success: false });
      expect(await v2.clientClear(wrong)).toEqual({ success: false });
    }
  });

  test('plugin A0-9: an option of a wrong type counts as 0, absent or false, and no command throws', () => {
    const v2 = new V2();
    const { id } = v2.client({
      URL: 7,
      headers: 'text',
      pingInterval: '5',
      enableAutomaticReconnection: 'yes',
      maxWaitBetweenReconnectionRetries: '9',
      enablePerMessageDeflate: 1,
    });
    expect(v2.client({ id })).toMatchObject({
      URL: '',
      pingInterval: 0,
      automaticReconnectionEnabled: false,
      maxWaitBetweenReconnectionRetries: 0,
      perMessageDeflateOptionsEnabled: false,
    });
    expect(v2.client({ id: '1' })).toEqual({});
    expect(v2.client({ id: 1.9 })).toMatchObject({ readyState: 'closed' });
  });

  test('plugin A0-7, A0-5: the ids of clients are 1, 2, …, and the smallest free id is used first', async () => {
    const v2 = new V2();
    expect([v2.client({}), v2.client({}), v2.client({})]).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    await v2.clientClear({ id: 2 });
    expect([v2.client({}), v2.client({})]).toEqual([{ id: 2 }, { id: 4 }]);
  });
});

describe('Websocket client start', () => {
  test('plugin A1.3-1, A1.3-4, A0.1-1, A0.6-11, C40: `client start` resolves with success, 101, the uri and the headers, after the Open event has been queued', async () => {
    const v2 = new V2();
    const raw = await RawServer.start((_request, key) => switching(key, 'X-One: 1', 'x-one: 2'));
    const { id } = v2.client({ URL: `${raw.url}api?window=7`, enableAutomaticReconnection: false });
    const pending = v2.clientStart({ id });
    expect(pending).toBeInstanceOf(Promise);
    const status = await pending;
    expect(Object.keys(status).sort()).toEqual(['headers', 'http_status', 'success', 'uri']);
    expect(status).toMatchObject({ success: true, http_status: 101, uri: '/api?window=7' });
    expect(status.headers).toMatchObject({ Upgrade: 'websocket', 'X-One': '1, 2' });
    expect(v2.events.waiting + v2.heard.length).toBe(1);
    const [open] = await v2.got(1, id ?? 0);
    expect(open).toEqual({ headers: status.headers, uri: '/api?window=7' });
    expect(v2.client({ id })).toMatchObject({ readyState: 'open' });
  });

  test('plugin A1.3-5, A0.1-9, C14: if the first start of a client fails, the client emits no event and makes no other attempt', async () => {
    const v2 = new V2();
    const port = await freePort();
    const { id } = v2.client({ URL: `ws://127.0.0.1:${port}/` });
    const status = await v2.clientStart({ id });
    expect(status).toEqual({
      success: false,
      http_status: 0,
      uri: '',
      headers: {},
      errorStr: `Unable to connect to 127.0.0.1 on port ${port}, error: Connect error: Connection refused`,
    });
    const raw = await RawServer.start(undefined, { port });
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(raw.peers).toEqual([]);
    expect(v2.heard).toEqual([]);
  });

  test('plugin A1.3-5, A0.6-11: if the server refuses the handshake, `client start` returns the HTTP status, the uri and the headers', async () => {
    const v2 = new V2();
    const raw = await RawServer.start(
      () => 'HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 0\r\n\r\n',
    );
    const URL = `${raw.url}there?now`;
    const { id } = v2.client({ URL });
    expect(await v2.clientStart({ id })).toEqual({
      success: false,
      http_status: 403,
      uri: '/there?now',
      headers: { 'X-Why': 'because', 'Content-Length': '0' },
      errorStr: `Expecting status 101 (Switching Protocol), got 403 status connecting to ${URL}, HTTP Status line: HTTP/1.1 403`,
    });
  });

  test('plugin A0.6-11: if the answer of the server is not HTTP, `client start` returns the status 0', async () => {
    const v2 = new V2();
    const raw = await RawServer.start(() => 'SSH-2.0-OpenSSH\r\n\r\n');
    const { id } = v2.client({ URL: raw.url });
    expect(await v2.clientStart({ id })).toMatchObject({ success: false, http_status: 0, uri: '' });
  });

  test('plugin A0.6-1: `client start` accepts URLs with the scheme ws, wss, http or https, uses the default port of the scheme, and fails for other schemes', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    for (const scheme of ['ws', 'http']) await v2.startedClient(raw.url.replace('ws:', `${scheme}:`));
    for (const [URL, port] of [
      ['ws://no.invalid/', 80],
      ['wss://no.invalid/', 443],
      ['https://no.invalid/', 443],
    ] as const) {
      const { id } = v2.client({ URL });
      expect((await v2.clientStart({ id, timeout: 5 })).errorStr).toMatch(
        new RegExp(`^Unable to connect to no\\.invalid on port ${port}, error: `),
      );
    }
    for (const URL of ['ftp://a.example/', 'nonsense', '']) {
      const { id } = v2.client({ URL });
      expect((await v2.clientStart({ id })).errorStr).toBe(`Could not parse url: '${URL}'`);
    }
  });

  test('plugin A1.3-2, A0.6-9: `timeout` is the limit in seconds for the whole opening handshake', async () => {
    const v2 = new V2();
    const raw = await RawServer.start(() => '');
    const { id } = v2.client({ URL: raw.url });
    const status = await v2.clientStart({ id, timeout: 1 });
    expect(status).toMatchObject({ success: false, http_status: 0 });
    expect(status.errorStr).toMatch(/error: Cancelled$/);
  });

  test('plugin A1.3-2, C13: without `timeout`, the attempt of `client start` may take 30 s, and each later attempt may take 60 s', async () => {
    for (const [timeout, expected] of [
      [undefined, [30_000, 60_000]],
      [0, [30_000, 60_000]],
      [7, [7_000, 7_000]],
    ] as const) {
      const times: (number | undefined)[] = [];
      const v2 = new V2({
        dial: async (_url, options) => {
          times.push(options.handshakeTimeout);
          if (times.length > 1) return new Promise(() => {});
          const connection = {
            state: 'open',
            url: 'ws://a/',
            headers: [],
            data: options.data,
            close() {},
          } as never;
          void options.handlers?.open?.(connection);
          const lost = { code: 1006, reason: '', wasClean: false, byPeer: false };
          const info = { ...lost, sentCode: null, sentReason: '', error: null };
          void options.handlers?.close?.(connection, 1006, '', false, info);
          return connection;
        },
        clock: { setTimeout: (callback) => setImmediate(callback), clearTimeout: () => {} },
      });
      const { id } = v2.client({ URL: 'ws://a/' });
      await v2.clientStart({ id, ...(timeout === undefined ? null : { timeout }) });
      while (times.length < 2) await turn();
      expect(times).toEqual(expected);
      // The attempt never ends. The real clearAll would wait for this attempt, so the test replaces clearAll.
      (v2 as unknown as { clearAll(): Promise<void> }).clearAll = () => Promise.resolve();
    }
  });

  test('plugin A1.3-3, A1.3-9, A1.2-2, A1.2-3: `client start` applies its options before the client connects, and all other options keep their values', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = v2.client({
      URL: 'ws://127.0.0.1:1/',
      headers: { 'X-A': 'old', 'X-B': 'old' },
      enableAutomaticReconnection: false,
      pingInterval: 3,
    });
    await v2.clientStart({ id, URL: raw.url, headers: { 'x-c': 'new' } });
    const { head } = await raw.peer();
    expect(head).toMatch(/^x-c: new\r$/m);
    expect(head).not.toMatch(/X-A|X-B/);
    expect(v2.client({ id })).toMatchObject({
      URL: raw.url,
      automaticReconnectionEnabled: false,
      pingInterval: 3,
    });
  });

  test('plugin A1.3-9: if `client start` gets another URL while the client runs, the next connection uses this URL', async () => {
    const v2 = new V2();
    const [one, two] = [await RawServer.start(), await RawServer.start()];
    const { id } = await v2.startedClient(one.url, { enableAutomaticReconnection: true });
    expect(await v2.clientStart({ id, URL: two.url })).toMatchObject({ errorStr: 'already started' });
    (await one.peer()).destroy();
    await two.peer();
    await v2.got(1, id, 2);
    expect(one.peers).toHaveLength(1);
  });

  test('plugin A1.3-7, C7: while the client runs, a second start fails and changes nothing', async () => {
    const v2 = new V2();
    let answers = false;
    const raw = await RawServer.start(() => (answers ? null : ''), { port: await freePort() });
    const { id = 0 } = v2.client({ URL: raw.url, maxWaitBetweenReconnectionRetries: 60_000 });
    const refusal = {
      success: false,
      http_status: 0,
      uri: '',
      headers: {},
      errorStr: 'already started',
    };
    const pending = v2.clientStart({ id });
    expect(v2.client({ id })).toMatchObject({ readyState: 'connecting' });
    expect(await v2.clientStart({ id })).toEqual(refusal);
    const peer = await raw.peer();
    answers = true;
    peer.write(switching(/key: *(\S+)/i.exec(peer.head)![1]!));
    expect(await pending).toMatchObject({ success: true });
    expect(await v2.clientStart({ id })).toEqual(refusal);
    peer.write(frame(Op.Text, 'still here', unmasked));
    await v2.got(0, id);
    await raw.close();
    await v2.got(3, id, 3);
    expect(v2.client({ id })).toMatchObject({ readyState: 'closed' });
    expect(await v2.clientStart({ id })).toEqual(refusal);
    expect(peer.closed).toBe(true);
  });

  test('plugin A1.3-8, A0.5-13, C8: without reconnection, a client that has lost its connection can be started again without stop, and the client gets events', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    (await raw.peer()).write(closeFrame(1000, '', unmasked)).destroy();
    await v2.got(2, id);
    await turn();
    expect(await v2.clientStart({ id })).toMatchObject({ success: true });
    (await raw.peer(1)).write(frame(Op.Text, 'heard', unmasked));
    expect(await v2.got(0, id)).toEqual([{ binary: false, str: 'heard', wireSize: 5 }]);
  });

  test('plugin A0.6-3: the request of a client has a User-Agent, which `headers` can replace, and a Host field with the port', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    await v2.startedClient(raw.url);
    await v2.startedClient(raw.url, { headers: { 'user-agent': 'mine' } });
    expect((await raw.peer()).head).toMatch(/^User-Agent: rfc6455\r$/m);
    expect((await raw.peer()).head).toMatch(new RegExp(`^Host: 127\\.0\\.0\\.1:${raw.port}\\r$`, 'm'));
    expect((await raw.peer(1)).head.match(/^user-agent: .*$/gim)).toEqual(['user-agent: mine']);
  });

  test('plugin A1.2-3, A0.6-6: the field Sec-WebSocket-Protocol in `headers` offers subprotocols, and the status has the subprotocol that the server chose', async () => {
    const v2 = new V2();
    const raw = await RawServer.start((_request, key) => switching(key, 'Sec-WebSocket-Protocol: b'));
    const { id } = v2.client({
      URL: raw.url,
      headers: { 'X-A': '1', 'sec-websocket-protocol': 'a, b' },
      enableAutomaticReconnection: false,
    });
    const status = await v2.clientStart({ id });
    expect(status).toMatchObject({ success: true, headers: { 'Sec-WebSocket-Protocol': 'b' } });
    const { head } = await raw.peer();
    expect(head).toMatch(/^X-A: 1\r$/m);
    expect(head.match(/^sec-websocket-protocol: .*$/gim)).toEqual(['Sec-WebSocket-Protocol: a, b']);
  });

  test('plugin A1.2-3, A0-9: without `headers`, `client start` keeps the earlier headers; an empty object removes these headers; a value that is not an object makes the start fail', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const options = { closeTimeout: 1, enableAutomaticReconnection: false };
    const { id } = v2.client({ URL: raw.url, headers: { 'X-A': 'kept' }, ...options });
    for (const [headers, what] of [
      ['text', "'text'"],
      [7, '7'],
      [['X-B', 'b'], 'an array'],
    ] as const) {
      expect(await v2.clientStart({ id, headers })).toMatchObject({
        success: false,
        errorStr: `headers is ${what}, not an object of texts`,
      });
    }
    const absent: unknown[] = [undefined, null];
    for (const [index, headers] of [...absent, {}].entries()) {
      expect(await v2.clientStart({ id, headers })).toMatchObject({ success: true });
      const { head } = await raw.peer(index);
      expect(head.match(/^X-.*(?=\r$)/gm)).toEqual(index < absent.length ? ['X-A: kept'] : null);
      await v2.clientStop({ id });
    }
  });

  test('plugin A1.2-3: `client start` fails if `headers` has another field of the opening handshake, and the error names this field', async () => {
    const v2 = new V2();
    const { id } = v2.client({ URL: 'ws://127.0.0.1:1/' });
    for (const name of ['Host', 'Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Content-Length']) {
      expect(await v2.clientStart({ id, headers: { [name]: 'x' } })).toMatchObject({
        success: false,
        http_status: 0,
        errorStr: `The header field "${name.toLowerCase()}" belongs to the handshake and cannot be set`,
      });
    }
  });

  test('plugin A0.6-2: `client start` follows up to five redirects', async () => {
    const v2 = new V2();
    let left = 5;
    const raw = await RawServer.start((_request) =>
      left-- > 0 ? 'HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n' : null,
    );
    const { id } = v2.client({ URL: raw.url, enableAutomaticReconnection: false, closeTimeout: 1 });
    expect(await v2.clientStart({ id })).toMatchObject({ success: true, uri: '/next' });
    expect(raw.peers).toHaveLength(6);
    await v2.clientStop({ id });
    left = 6;
    expect(await v2.clientStart({ id })).toMatchObject({ success: false, http_status: 302 });
  });

  test('plugin A0.8-1, A0.8-2, A0.8-5, A1.2-8: a client offers permessage-deflate only if enablePerMessageDeflate is true', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    await v2.startedClient(raw.url);
    await v2.startedClient(raw.url, { enablePerMessageDeflate: true });
    expect((await raw.peer()).head).not.toMatch(/extensions/i);
    expect((await raw.peer(1)).head).toMatch(
      /^Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r$/m,
    );
  });
});

describe('Websocket client stop', () => {
  test('plugin A1.4-1, A0.1-8: messages that arrive after the call of stop are delivered before the Close event', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    const peer = await raw.peer();
    const stopping = v2.clientStop({ id });
    await peer.until(() => peer.frames.length === 1);
    peer.write(Buffer.concat([frame(Op.Text, 'late', unmasked), closeFrame(1000, '', unmasked)]));
    peer.socket.end();
    await stopping;
    await v2.got(2, id);
    expect(v2.heard.map(([type, , { str }]) => [type, str])).toEqual([
      [1, undefined],
      [0, 'late'],
      [2, undefined],
    ]);
  });

  test('plugin A1.4-1, A1.4-3, A0.3-1: by default, `client stop` closes with 1000 Normal closure, and returns information after the connection is closed', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url, { enableAutomaticReconnection: true });
    const peer = await raw.peer();
    const stopping = v2.clientStop({ id });
    await peer.until(() => peer.frames.length === 1);
    expect(v2.client({ id })).toMatchObject({ readyState: 'closing' });
    expect(peer.frames[0]!.payload.subarray(2).toString()).toBe('Normal closure');
    expect(codeOf(peer.frames[0]!)).toBe(1000);
    peer.write(closeFrame(1000, 'Normal closure', unmasked));
    peer.socket.end();
    expect(await stopping).toMatchObject({ readyState: 'closed', URL: raw.url, bufferedAmount: 0 });
    expect(await v2.got(2, id)).toEqual([{ code: 1000, reason: 'Normal closure', remote: false }]);
  });

  test('plugin A1.4-2: `client stop` ignores all options except code and reason', async () => {
    const v2 = new V2();
    const { id } = v2.client({ URL: 'ws://a.example/' });
    const stop: object = { id, URL: 'ws://b.example/', pingInterval: 9 };
    expect(await v2.clientStop(stop)).toMatchObject({ URL: 'ws://a.example/', pingInterval: -1 });
  });

  test('plugin A0.3-2, C30: after `client stop`, the Close event has the code and reason that the program passed, whatever the peer answers', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    const peer = await raw.peer();
    const stopping = v2.clientStop({ id, code: 3_001, reason: 'enough' });
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(3_001);
    peer.write(closeFrame(4_000, 'other', unmasked));
    peer.socket.end();
    await stopping;
    expect(await v2.got(2, id)).toEqual([{ code: 3_001, reason: 'enough', remote: false }]);
  });

  test('plugin C29, A0.3-2: if the peer does not answer, `client stop` drops the connection after `closeTimeout`, and the Close event still has the code and reason that the program passed', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url, { closeTimeout: 50 });
    await v2.clientStop({ id, code: 1_001, reason: 'going' });
    expect(await v2.got(2, id)).toEqual([{ code: 1_001, reason: 'going', remote: false }]);
    await (await raw.peer()).answer();
  });

  test.each([999, 1004, 1005, 1006, 1015, 2999, 5000, 66_536, -1, 1000.5, 'text', null])(
    'plugin A0.3-3, A0.3-4, C28: `client stop` with the invalid code %j closes with 1000, and the returned information has an errorStr',
    async (code) => {
      const v2 = new V2();
      const raw = await RawServer.start();
      const { id } = await v2.startedClient(raw.url, { closeTimeout: 1 });
      const info = await v2.clientStop({ id, code: code as number, reason: 'why' });
      expect(info).toMatchObject({ readyState: 'closed', errorStr: 'invalid close code' });
      const peer = await raw.peer();
      expect(codeOf(peer.frames[0]!)).toBe(1000);
      expect(await v2.got(2, id)).toEqual([{ code: 1000, reason: 'why', remote: false }]);
    },
  );

  test('plugin A0.3-5, C28: `client stop` cuts a reason of more than 123 bytes between two characters', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url, { closeTimeout: 1 });
    expect(await v2.clientStop({ id, reason: '€'.repeat(50) })).not.toHaveProperty('errorStr');
    const peer = await raw.peer();
    expect(peer.frames[0]!.payload.subarray(2).toString()).toBe('€'.repeat(41));
  });

  test('plugin A1.4-4, A1.4-5, A0.5-11: if a client is not open, stop sends no frame and cancels the next attempt to connect; after that, the client can start again', async () => {
    const v2 = new V2();
    const { id = 0 } = v2.client({ URL: 'ws://127.0.0.1:1/' });
    expect(await v2.clientStop({ id })).toMatchObject({ readyState: 'closed' });
    const raw = await RawServer.start(undefined, { port: await freePort() });
    const options = { id, URL: raw.url, maxWaitBetweenReconnectionRetries: 60_000 };
    expect(await v2.clientStart(options)).toMatchObject({ success: true });
    const { port } = raw;
    await raw.close();
    await v2.got(3, id, 4);
    await v2.clientStop({ id });
    const { length } = v2.heard;
    const again = await RawServer.start(undefined, { port });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await v2.events.idle();
    expect([v2.heard.length, again.peers.length]).toEqual([length, 0]);
    expect(await v2.clientStart({ id })).toMatchObject({ success: true });
  });

  test('plugin A0.5-12, C10: if stop is called during the opening handshake, start fails, no event is emitted, and no socket is left open', async () => {
    const v2 = new V2();
    const raw = await RawServer.start(() => '');
    const { id } = v2.client({ URL: raw.url });
    const starting = v2.clientStart({ id });
    const peer = await raw.peer();
    await v2.clientStop({ id });
    expect(await starting).toMatchObject({ success: false, errorStr: 'Cancelled' });
    await peer.answer();
    expect(v2.heard).toEqual([]);
    expect(v2.client({ id })).toMatchObject({ readyState: 'closed' });
  });
});

describe('Websocket client send', () => {
  test('plugin A1.5-1, A1.5-2, C38, C39: `client send` sends any text during the call, even an empty text, and the status has the sizes in bytes', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    const status = { success: true, compressionError: false };
    expect(v2.clientSend({ id, message: 'a\u0000€' })).toEqual({ ...status, payloadSize: 5, wireSize: 5 });
    expect(v2.clientSend({ id, message: '' })).toEqual({ ...status, payloadSize: 0, wireSize: 0 });
    const peer = await raw.peer();
    await peer.until(() => peer.frames.length === 2);
    expect(peer.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [Op.Text, 'a\u0000€'],
      [Op.Text, ''],
    ]);
  });

  test('plugin A1.5-3: if the client is not open, `client send` sends nothing, and all sizes in the status are 0', async () => {
    const v2 = new V2();
    const { id } = v2.client({ URL: 'ws://127.0.0.1:1/' });
    expect(v2.clientSend({ id, message: 'x' })).toEqual({
      success: false,
      compressionError: false,
      payloadSize: 0,
      wireSize: 0,
    });
  });

  test('plugin A1.5-6: if the message is neither a text nor bytes, `client send` returns only success: false', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    for (const message of [undefined, null, 7, {}, ['x']]) {
      expect(v2.clientSend({ id, message })).toEqual({ success: false });
    }
  });

  test('plugin C36: `client send` sends bytes as a binary message, and the program may change the bytes immediately after the call', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    const message = Buffer.from([1, 2, 255]);
    expect(v2.clientSend({ id, message })).toMatchObject({ success: true, payloadSize: 3, wireSize: 3 });
    message.fill(0);
    const peer = await raw.peer();
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]).toMatchObject({ opcode: Op.Binary, payload: Buffer.from([1, 2, 255]) });
  });

  test('plugin A0.3-13, C37: `client send` replaces a lone surrogate by U+FFFD, and the connection stays open', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    expect(v2.clientSend({ id, message: 'a\ud800' })).toMatchObject({ success: true, payloadSize: 4 });
    const peer = await raw.peer();
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]!.payload.toString()).toBe('a\ufffd');
  });

  test('plugin A1.5-4: if a message exceeds the limit of waiting bytes, `server send` drops the connection and returns success: false', async () => {
    const v2 = new V2();
    const server = await v2.startedServer();
    await v2.startedClient(server.url);
    // This peer does not read. So the second message exceeds the limit.
    const raw = (await import('node:net')).connect(server.port, '127.0.0.1');
    const { requestHead } = await import('../../transport/wire.ts');
    raw.on('error', () => {});
    raw.pause();
    raw.write(requestHead({}, 'GET /slow HTTP/1.1'));
    await v2.until(() => v2.of(1, server.id).some(({ uri }) => uri === '/slow'));
    const message = 'x'.repeat(40 * 1_048_576);
    const statuses = Array.from({ length: 3 }, () =>
      v2.serverSend({ id: server.id, uri: '/slow', message }),
    ).flatMap((one) => one.statuses);
    raw.destroy();
    const failed = statuses.find(({ success }) => !success);
    expect(statuses[0]).toMatchObject({ success: true, payloadSize: message.length });
    expect(failed).toMatchObject({
      compressionError: false,
      payloadSize: message.length,
      wireSize: message.length,
    });
  });

  test('plugin A1.5-5: if the compressor fails, compressionError is true, the sizes are 0, and the connection closes with 1011 Internal error', async () => {
    const v2 = new V2();
    const raw = await RawServer.start((_request, key) =>
      switching(key, 'Sec-WebSocket-Extensions: permessage-deflate'),
    );
    const { id } = await v2.startedClient(raw.url, { enablePerMessageDeflate: true });
    vi.spyOn(DeflateCodec.prototype, 'compress').mockImplementation(() => {
      throw new Error('broken');
    });
    expect(v2.clientSend({ id, message: 'text' })).toEqual({
      success: false,
      compressionError: true,
      payloadSize: 0,
      wireSize: 0,
    });
    const peer = await raw.peer();
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]!.payload.subarray(2).toString()).toBe('Internal error');
    expect(await v2.got(2, id)).toEqual([{ code: 1011, reason: 'Internal error', remote: false }]);
  });

  test('plugin A1.5-7, C39: success: true means that the message was queued, and the queue of a client has no limit', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    (await raw.peer()).socket.pause();
    const message = 'x'.repeat(8 * 1_048_576);
    for (let count = 0; count < 10; count++) {
      expect(v2.clientSend({ id, message })).toMatchObject({ success: true });
    }
    expect(v2.client({ id }).bufferedAmount).toBeGreaterThan(message.length);
  });

  test('plugin A0.9-1: a client sends a message of 64 KiB or more in frames of 32 KiB, and the last frame may be longer', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    const sizes = [65_535, 65_536, 98_303, 98_304, 100_000, 1_000_000];
    for (const size of sizes) v2.clientSend({ id, message: 'x'.repeat(size) });
    const peer = await raw.peer();
    await peer.until(() => peer.frames.filter(({ fin }) => fin).length === sizes.length);
    const messages: number[][] = [[]];
    for (const { fin, payload } of peer.frames) {
      messages.at(-1)!.push(payload.length);
      if (fin) messages.push([]);
    }
    expect(messages.slice(0, -1)).toEqual([
      [65_535],
      [32_768, 32_768],
      [32_768, 65_535],
      [32_768, 32_768, 32_768],
      [32_768, 32_768, 34_464],
      [...Array.from({ length: 29 }, () => 32_768), 49_728],
    ]);
  });
});

describe('Websocket client clear', () => {
  test('plugin A1.6-1, C35: `client clear` stops and forgets the client, and the id is free after the Close event was delivered', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url, { closeTimeout: 1 });
    await v2.events.idle();
    // While the callback runs, the Close event waits.
    let goOn: () => void = () => {};
    v2.setMethod((...parameters: [number, number, never]) => {
      v2.record(...parameters);
      return new Promise<void>((resolve) => (goOn = resolve));
    });
    (await raw.peer()).write(frame(Op.Text, 'busy', unmasked));
    await v2.got(0, id);
    const clearing = v2.clientClear({ id });
    expect(v2.client({ id })).toEqual({});
    expect(await clearing).toEqual({ success: true });
    expect(v2.client({})).toEqual({ id: 2 });
    goOn();
    expect(await v2.got(2, id)).toEqual([{ code: 1000, reason: 'Normal closure', remote: false }]);
    expect(v2.client({})).toEqual({ id: 3 });
    goOn();
    await v2.events.idle();
    expect(v2.client({})).toEqual({ id: 1 });
  });
});

describe('how a connection ends', () => {
  async function pair(options: object = {}): Promise<{ v2: V2; id: number; raw: RawServer }> {
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url, options);
    return { v2, id, raw };
  }

  test('plugin A0.3-6, A0.1-6, A1.1-11: if the peer closes, the client answers with the same code and reason, and the Close event has remote: true', async () => {
    const { v2, id, raw } = await pair();
    const peer = await raw.peer();
    peer.write(closeFrame(3_500, 'bye', unmasked));
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]!.payload.subarray(2).toString()).toBe('bye');
    expect(codeOf(peer.frames[0]!)).toBe(3_500);
    peer.socket.end();
    expect(await v2.got(2, id)).toEqual([{ code: 3_500, reason: 'bye', remote: true }]);
  });

  test('plugin A0.3-7: if the peer sends an empty Close frame, the Close event has 1005, and the client answers with an empty Close frame', async () => {
    const { v2, id, raw } = await pair();
    const peer = await raw.peer();
    peer.write(closeFrame(null, '', unmasked));
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]!.payload).toHaveLength(0);
    peer.socket.end();
    expect(await v2.got(2, id)).toEqual([{ code: 1005, reason: 'No status code', remote: true }]);
  });

  test.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000])(
    'plugin A0.3-8, C28: if the peer closes with the code %i, the client closes and reports 1002 Invalid close code',
    async (code) => {
      const { v2, id, raw } = await pair();
      const peer = await raw.peer();
      peer.write(closeFrame(code, 'why', unmasked));
      const reason = `Invalid close code: ${code}`;
      expect(await v2.got(2, id)).toEqual([{ code: 1002, reason, remote: true }]);
      await peer.until(() => peer.frames.length === 1);
      expect(codeOf(peer.frames[0]!)).toBe(1002);
      expect(peer.frames[0]!.payload.subarray(2).toString()).toBe(reason);
    },
  );

  test('plugin A0.3-9: if the reason of the peer is not UTF-8, the Close event has 1007 Invalid frame payload data', async () => {
    const { v2, id, raw } = await pair();
    (await raw.peer()).write(frame(Op.Close, Buffer.from([3, 232, 0xff]), unmasked));
    expect(await v2.got(2, id)).toEqual([{ code: 1007, reason: 'Invalid frame payload data', remote: true }]);
  });

  test('plugin A0.3-10, A0.3-11: if the TCP connection is lost, the Close event has 1006 Abnormal closure', async () => {
    for (const lose of ['end', 'resetAndDestroy'] as const) {
      const { v2, id, raw } = await pair();
      (await raw.peer()).socket[lose]();
      expect(await v2.got(2, id)).toEqual([{ code: 1006, reason: 'Abnormal closure', remote: false }]);
    }
  });

  test('plugin A0.3-12: if the peer sends a text that is not UTF-8, the client closes with 1007 and does not deliver the text', async () => {
    const { v2, id, raw } = await pair();
    const peer = await raw.peer();
    peer.write(frame(Op.Text, Buffer.from([0xc3, 0x28]), unmasked));
    expect(await v2.got(2, id)).toEqual([
      { code: 1007, reason: 'Invalid frame payload data', remote: false },
    ]);
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1007);
    expect(v2.of(0, id)).toEqual([]);
  });

  test.each<[string, Buffer, string]>([
    ['RSV1', Buffer.from([0xc1, 0]), 'Reserved bit used'],
    ['a ping in fragments', Buffer.from([0x09, 0]), 'Control message fragmented'],
    [
      'a new message inside a fragmented message',
      Buffer.from([0x01, 0, 0x81, 0]),
      'Fragmentation: data message out of sequence',
    ],
    [
      'a continuation frame without a message',
      Buffer.from([0x80, 0]),
      'Fragmentation: continuation opcode out of sequence',
    ],
    [
      'a ping of more than 125 bytes',
      Buffer.from([0x89, 126, 0, 126]),
      'Ping reason control frame with payload length > 125 octets',
    ],
    ['an unknown opcode', Buffer.from([0x83, 0]), 'Protocol error'],
  ])(
    'plugin A0.3-14: %s closes the connection with 1002, and the reason has the text of the original plugin',
    async (_name, bytes, reason) => {
      const { v2, id, raw } = await pair();
      const peer = await raw.peer();
      peer.write(bytes);
      expect(await v2.got(2, id)).toEqual([{ code: 1002, reason, remote: false }]);
      await peer.until(() => peer.frames.length === 1);
      expect(codeOf(peer.frames[0]!)).toBe(1002);
      expect(peer.frames[0]!.payload.subarray(2).toString()).toBe(reason);
    },
  );

  test('plugin A0.8-8, C51: if the peer sends corrupt compressed data, the client emits an Error event, and then a Close event with 1007', async () => {
    const v2 = new V2();
    const raw = await RawServer.start((_request, key) =>
      switching(key, 'Sec-WebSocket-Extensions: permessage-deflate'),
    );
    const { id } = await v2.startedClient(raw.url, { enablePerMessageDeflate: true });
    (await raw.peer()).write(Buffer.from([0xc1, 3, 0xff, 0xff, 0xff]));
    await v2.got(2, id);
    expect(v2.heard.slice(1)).toEqual([
      [
        3,
        id,
        {
          retries: 0,
          wait_time: 0,
          http_status: 0,
          reason: 'a compressed message is corrupt or cut off',
          decompressionError: true,
        },
      ],
      [2, id, expect.objectContaining({ code: 1007, remote: false })],
    ]);
  });

  test('plugin A0.2-1, A0.2-2, A0.2-3, A0.2-4, A0.2-5, C41: the readyState of a client changes from closed to connecting, open, closing and again closed', async () => {
    const v2 = new V2();
    const raw = await RawServer.start(() => '');
    const { id } = v2.client({ URL: raw.url, closeTimeout: 10_000 });
    const states: unknown[] = [];
    const look = (): void => void states.push(v2.client({ id }).readyState);
    look();
    const starting = v2.clientStart({ id });
    look();
    const peer = await raw.peer();
    peer.write(switching(/key: *(\S+)/i.exec(peer.head)![1]!));
    await starting;
    look();
    const stopping = v2.clientStop({ id });
    look();
    await peer.until(() => peer.frames.length === 1);
    peer.destroy();
    await stopping;
    look();
    expect(states).toEqual(['closed', 'connecting', 'open', 'closing', 'closed']);
  });
});

describe('heartbeat', () => {
  test('plugin A0.4-2, A0.4-3, A0.3-15, A1.2-4: a client sends a ping in each pingInterval, and closes with 1011 Ping timeout if no pong arrives', async () => {
    useFakeClock();
    onTestFinished(() => void useRealClock());
    const v2 = new V2();
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url, { pingInterval: 1 });
    const peer = await raw.peer();
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]).toMatchObject({ opcode: Op.Ping });
    expect(peer.frames[0]!.payload.toString()).toBe('ixwebsocket::heartbeat::1s::0');
    peer.write(frame(Op.Pong, 'ixwebsocket::heartbeat::1s::0', unmasked));
    peer.write(frame(Op.Text, 'after the pong', unmasked));
    await v2.got(0, id);
    vi.advanceTimersByTime(1_020);
    await peer.until(() => peer.frames.length === 2);
    expect(peer.frames[1]!.payload.toString()).toBe('ixwebsocket::heartbeat::1s::1');
    // Another message does not replace the missing pong.
    peer.write(frame(Op.Text, 'alive', unmasked));
    await v2.got(0, id, 2);
    vi.advanceTimersByTime(1_020);
    await peer.until(() => peer.frames.length === 3);
    expect(codeOf(peer.frames[2]!)).toBe(1011);
    expect(peer.frames[2]!.payload.subarray(2).toString()).toBe('Ping timeout');
    peer.socket.end();
    expect(await v2.got(2, id)).toEqual([{ code: 1011, reason: 'Ping timeout', remote: false }]);
  });

  test('plugin A0.4-2: after a reconnection, the counter in the pings of a client continues', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    await v2.startedClient(raw.url, { pingInterval: 60, enableAutomaticReconnection: true });
    const first = await raw.peer();
    await first.until(() => first.frames.length === 1);
    first.destroy();
    const second = await raw.peer(1);
    await second.until(() => second.frames.length === 1);
    expect(second.frames[0]!.payload.toString()).toBe('ixwebsocket::heartbeat::60s::1');
  });

  test('plugin A0.4-2: after stop, the counter in the pings of a client continues if start gets the same object again', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    const client = { URL: raw.url, pingInterval: 60, closeTimeout: 1, enableAutomaticReconnection: false };
    v2.client(client);
    for (const round of [0, 1, 2]) {
      expect(await v2.clientStart(client)).toMatchObject({ success: true });
      const peer = await raw.peer(round);
      await peer.until(() => peer.frames.length === 1);
      expect(peer.frames[0]!.payload.toString()).toBe(`ixwebsocket::heartbeat::60s::${round}`);
      await v2.clientStop(client);
    }
  });

  test('plugin A0.4-1, A1.2-12: if pingInterval is 0 or negative, a client sends no pings, and the information about the client has this pingInterval', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    for (const pingInterval of [0, -5]) {
      const { id } = await v2.startedClient(raw.url, { pingInterval });
      expect(v2.client({ id })).toMatchObject({ pingInterval });
    }
    for (const index of [0, 1]) {
      const peer = await raw.peer(index);
      peer.write(frame(Op.Ping, 'you?', unmasked));
      await peer.until(() => peer.frames.length === 1);
      expect(peer.frames[0]!.opcode).toBe(Op.Pong);
    }
  });

  test('plugin A0.4-4, A1.2-7: a client accepts the option enablePong: false, but it still answers pings [C7]', async () => {
    const v2 = new V2();
    const raw = await RawServer.start();
    await v2.startedClient(raw.url, { enablePong: false });
    const peer = await raw.peer();
    peer.write(frame(Op.Ping, 'ping', unmasked));
    await peer.until(() => peer.frames.length === 1);
    expect(peer.frames[0]).toMatchObject({ opcode: Op.Pong, payload: Buffer.from('ping') });
  });
});
