/** Tests `WebSocket` of 4D, which is a client: how it connects, the order of its callbacks, its members, and terminate. */

import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ConnectionRequest,
  type DataType,
  FourDError,
  fourDErrors,
  type Status,
  WebSocket,
  type WebSocketHandler,
  WebSocketServer,
} from '../../../src/4d.ts';
import { HandshakeError } from '../../../src/handshake/error.ts';
import { acceptOf, closeFrame, codeOf, frame, Op, RawPeer } from '../../transport/wire.ts';
import { certificateFolder, closeAll, defer, Journal, serve, startWeb, urlOf } from './harness.ts';

const tcp: Server[] = [];
const rawPeers: RawPeer[] = [];

afterEach(async () => {
  for (const peer of rawPeers.splice(0)) peer.destroy();
  for (const server of tcp.splice(0)) server.close();
  await closeAll();
});

/** Starts a plain TCP server. @returns the URL of the server, and a Promise of the first socket that connects */
async function rawServer(): Promise<{ url: string; peer: Promise<RawPeer> }> {
  const { promise: peer, resolve } = defer<RawPeer>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const raw = new RawPeer(socket);
    rawPeers.push(raw);
    resolve(raw);
  });
  tcp.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, peer };
}

/** Opens a client. @returns the client, and the server's end of the connection */
async function connected(handler: WebSocketHandler = {}, options: object = {}) {
  const { url, peer } = await rawServer();
  const opened = defer();
  const client = new WebSocket(
    url,
    {
      ...handler,
      onOpen(ws, event) {
        handler.onOpen?.(ws, event);
        opened.resolve();
      },
    },
    options,
  );
  const raw = await peer;
  await raw.until(() => raw.text.includes('\r\n\r\n'));
  const [, key = ''] = /^Sec-WebSocket-Key: (.+)\r$/m.exec(raw.text) ?? [];
  raw.received = Buffer.alloc(0);
  raw.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
  );
  await opened.promise;
  return { client, raw };
}

describe('new WebSocket', () => {
  test('B-client-url, B-client-onOpen, C83: `new` returns before the status changes and before any callback is called', async () => {
    const { web } = await serve({
      onMessage(ws, { data }) {
        ws.send(data);
      },
    });
    const statuses: Status[] = [];
    const journal = new Journal();
    const handler: WebSocketHandler = {
      onOpen(ws, event) {
        journal.note(this === handler, ws === client, event);
        statuses.push(ws.status);
        ws.send('hello');
      },
      onMessage(ws, event) {
        journal.note(this === handler, ws === client, event);
        ws.terminate();
        statuses.push(ws.status);
      },
      onError: () => journal.note('error'),
      onTerminate(ws, event) {
        journal.note(this === handler, ws === client, event);
        statuses.push(ws.status);
      },
    };
    const client: WebSocket = WebSocket.new(urlOf(web, '/path?query=1'), handler);
    expect(client).toBeInstanceOf(WebSocket);
    statuses.push(client.status);
    await journal.length(9);
    expect(journal.entries).toEqual([
      ...[true, true, { type: 'open' }],
      ...[true, true, { type: 'message', data: 'hello' }],
      ...[true, true, { type: 'terminate', code: 1000, reason: undefined, wasClean: true }],
    ]);
    expect(statuses).toEqual(['Connecting', 'Connected', 'Closing', 'Closed']);
  });

  test('B-client-order, B-client-context: the client calls onOpen, onMessage and onTerminate in this order, one at a time', async () => {
    const { web } = await serve({
      onMessage() {},
      onOpen(ws) {
        for (const message of ['a', 'b', 'c']) ws.send(message);
        ws.terminate(3001, 'bye');
      },
    });
    const journal = new Journal();
    const slowly = (entry: unknown) => async (): Promise<void> => {
      journal.note(`${entry} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      journal.note(`${entry} ends`);
    };
    new WebSocket(urlOf(web), {
      onOpen: slowly('open'),
      onMessage: (_ws, { data }) => slowly(data)(),
      onTerminate: slowly('terminate'),
    });
    await journal.length(10);
    expect(journal.entries).toEqual(
      ['open', 'a', 'b', 'c', 'terminate'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  });

  test.each([
    ['no server listens', 'ws://127.0.0.1:1/'],
    ['the scheme is not valid', 'ftp://127.0.0.1/'],
    ['the text is not a URL', 'nothing'],
  ])(
    'B-client-failure, C83: if %s, onError is called, and then onTerminate with 1006',
    async (_title, url) => {
      const journal = new Journal();
      const client = new WebSocket(url, {
        onOpen: () => journal.note('open'),
        onError: (ws, { errors }) =>
          journal.note(
            ws.status,
            errors.map(({ errCode }) => errCode),
          ),
        onTerminate: (ws, event) => journal.note(ws.status, event),
      });
      expect(client.status).toBe('Connecting');
      await journal.length(4);
      expect(journal.entries).toEqual([
        'Closed',
        [fourDErrors.CANNOT_CONNECT],
        'Closed',
        { type: 'terminate', code: 1006, reason: undefined, wasClean: false },
      ]);
      expect(client.url).toBe(url);
    },
  );

  test('B-client-failure: if the server refuses the handshake, onError receives an error, and the `cause` of the error is the refusal', async () => {
    const web = await startWeb();
    new WebSocketServer({ onConnection: () => null }, { server: web });
    const { promise, resolve } = defer<FourDError>();
    new WebSocket(urlOf(web), { onError: (_ws, { errors }) => resolve(errors[0] as FourDError) });
    const error = await promise;
    expect(error).toBeInstanceOf(FourDError);
    expect(error.cause).toMatchObject({ status: 403 });
  });

  test.each([
    ['401', 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n', 401],
    ['302', 'HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n', 302],
    ['bytes that are not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 0],
  ])(
    'B-client-failure: if the server answers the handshake with %s, onError receives the cause, and then onTerminate receives 1006',
    async (_title, answer, status) => {
      const { url, peer } = await rawServer();
      const journal = new Journal();
      new WebSocket(url, {
        onOpen: () => journal.note('open'),
        onError(_ws, { errors }) {
          const cause = errors[0]?.cause;
          journal.note(cause instanceof HandshakeError && cause.status);
        },
        onTerminate: (_ws, { code }) => journal.note(code),
      });
      const raw = await peer;
      await raw.until(() => raw.text.includes('\r\n\r\n'));
      raw.write(answer);
      expect(await journal.length(2)).toEqual([status, 1006]);
    },
  );

  test('the constructor of WebSocket throws for an invalid handler and for invalid options', () => {
    expect(() => new WebSocket('ws://127.0.0.1/', 'handler' as unknown as object)).toThrow(FourDError);
    expect(() => new WebSocket('ws://127.0.0.1/', { dataType: 'json' as DataType })).toThrow(TypeError);
    const make = (options: object) => () => new WebSocket('ws://127.0.0.1/', {}, options);
    expect(make({ headers: {} })).toThrow(
      new TypeError('WebSocket has no option "headers": put it into the handler, the second argument'),
    );
    expect(make({ serialise: false })).toThrow(/did you mean "serialize"\?$/);
    expect(make({ handlers: {} })).toThrow(TypeError);
    expect(make({ serialize: 'no' })).toThrow("serialize is 'no', not true or false");
  });

  test('C83: if the value of an option is invalid, onError is called, and then onTerminate with 1006', async () => {
    const journal = new Journal();
    new WebSocket(
      'ws://127.0.0.1:1/',
      {
        onError: (_ws, { errors }) => journal.note((errors[0]?.cause as Error | undefined)?.name),
        onTerminate: (_ws, { code }) => journal.note(code),
      },
      { maxMessageSize: 0 },
    );
    expect(await journal.length(2)).toEqual(['RangeError', 1006]);
  });

  test('B-client-headers: the client sends header fields and cookies unchanged, even if a field has several values', async () => {
    const web = await startWeb();
    const { promise, resolve } = defer<ConnectionRequest>();
    new WebSocketServer(
      {
        onConnection(_wss, { request }) {
          resolve(request);
        },
      },
      { server: web },
    );
    const client = new WebSocket(urlOf(web), {
      headers: { 'x-authorization': 'token', 'X-Tag': ['a', 'b'], Cookie: 'yummy=choco; tasty=strawberry' },
    });
    const { headers } = await promise;
    expect(headers).toMatchObject({
      'x-authorization': 'token',
      'X-Tag': ['a', 'b'],
      Cookie: 'yummy=choco; tasty=strawberry',
    });
    expect(client.handler.headers?.Cookie).toBe('yummy=choco; tasty=strawberry');
  });

  test('B-client-headers: the client sends a number in `headers` as text, and omits a field whose value is null', async () => {
    const { url, peer } = await rawServer();
    const headers = { 'X-Count': 5, 'X-All': [1, 'two', null], 'X-None': null, 'X-Nothing': undefined };
    const client = new WebSocket(url, { headers: headers as unknown as Record<string, string> });
    const raw = await peer;
    await raw.until(() => raw.text.includes('\r\n\r\n'));
    expect(raw.text.match(/^X-.*(?=\r$)/gm)).toEqual(['X-Count: 5', 'X-All: 1', 'X-All: two']);
    client.terminate();
  });

  test('B-client-headers, B-client-absent: the client offers the subprotocols of its option `subprotocols` and of its header field Sec-WebSocket-Protocol', async () => {
    const { url, peer } = await rawServer();
    const client = new WebSocket(
      url,
      { headers: { 'Sec-WebSocket-Protocol': ['b, c', 'd'], 'X-Tag': 'x' } },
      { subprotocols: ['a'] },
    );
    const raw = await peer;
    await raw.until(() => raw.text.includes('\r\n\r\n'));
    expect(raw.text.match(/^Sec-WebSocket-Protocol: .*(?=\r$)/gm)).toEqual([
      'Sec-WebSocket-Protocol: a, b, c, d',
    ]);
    expect(raw.text).toMatch(/^X-Tag: x\r$/m);
    client.terminate();
  });

  test('B-client-url: null as the handler or as the options counts as absent', async () => {
    const client = new WebSocket('ws://127.0.0.1:1/', null, null);
    expect(client.handler).toEqual({});
    await client.idle();
    while (client.status !== 'Closed') await new Promise((resolve) => setImmediate(resolve));
  });

  test.each<[unknown, string]>([
    ['text', "headers is 'text', not an object of texts"],
    [['X-A', 'b'], 'headers is an array, not an object of texts'],
    [() => {}, 'headers is a function, not an object of texts'],
    [{ 'X-A': { b: 1 } }, 'headers: "X-A" is an object, not a text'],
    [{ 'X-A': ['b', [] as string[], ['c']] }, 'headers: "X-A" is an array, not a text'],
  ])('B-client-headers: FAULT-10: the client refuses invalid `headers`: %j', async (headers, text) => {
    const journal = new Journal();
    new WebSocket('ws://127.0.0.1:1/', {
      headers: headers as Record<string, string>,
      onError: (_ws, { errors }) => journal.note(errors[0]?.message),
      onTerminate: (_ws, { code }) => journal.note(code),
    });
    expect(await journal.length(2)).toEqual([text, 1006]);
  });

  test('C83: onError is called if `headers` is invalid', async () => {
    const journal = new Journal();
    const getter = {
      get headers(): never {
        throw new Error('no headers');
      },
      onError: (_ws: unknown, { errors }: { errors: readonly FourDError[] }) =>
        journal.note(errors[0]?.message),
    };
    new WebSocket('ws://127.0.0.1:1/', { ...getterless, onError: getter.onError, headers: { 'a b': 'c' } });
    await journal.length(1);
    new WebSocket('ws://127.0.0.1:1/', getter);
    await journal.length(2);
    expect(journal.entries[1]).toBe('no headers');
  });

  test('the client accepts the options of the native function connect, for example `tls` and `signal`', async () => {
    const web = await startWeb({ host: 'localhost', certificateFolder: certificateFolder() });
    new WebSocketServer({ onConnection: () => ({ onMessage() {} }) }, { server: web });
    const ca = readFileSync(new URL('../../fixtures/tls/ca-cert.pem', import.meta.url));
    const url = `wss://localhost:${web.port}/`;
    const opened = defer();
    const client = new WebSocket(url, { onOpen: () => opened.resolve() }, { tls: { ca } });
    await opened.promise;
    client.terminate();
    const failed = defer<unknown>();
    const signal = AbortSignal.abort(new Error('not today'));
    new WebSocket(url, { onError: (_ws, { errors }) => failed.resolve(errors[0]?.message) }, { signal });
    expect(await failed.promise).toBe('not today');
    const later = new AbortController();
    const aborted = defer<unknown>();
    new WebSocket(
      (await rawServer()).url,
      { onError: (_ws, { errors }) => aborted.resolve(errors[0]?.message) },
      { signal: later.signal },
    );
    later.abort(new Error('enough'));
    expect(await aborted.promise).toBe('enough');
  });
});

const getterless: WebSocketHandler = {};

describe('members of a client', () => {
  test('B-client-members, B-client-status: the members of a client have the given values and are read-only', async () => {
    const { url } = await rawServer();
    const handler: WebSocketHandler<'blob'> = { dataType: 'blob' };
    const client = new WebSocket(new URL(url), handler);
    expect([client.dataType, client.handler === handler, client.url]).toEqual(['blob', true, url]);
    expect(Number.isInteger(client.id)).toBe(true);
    for (const name of ['dataType', 'handler', 'id', 'url', 'status'] as const) {
      const before = client[name];
      expect(() => Object.assign(client, { [name]: 'other' }), name).toThrow(TypeError);
      expect(client[name]).toBe(before);
    }
    client.terminate();
    expect(new WebSocket(url).dataType).toBe('text');
    expect(WebSocket.new(url, {}, null).dataType).toBe('text');
  });

  test('B-client-absent: the client has no members that other WebSocket classes have, for example the members of browsers', async () => {
    const { client } = await connected();
    for (const name of [
      'readyState',
      'binaryType',
      'pingInterval',
      'wait',
      'shutdown',
      'protocol',
      'close',
    ]) {
      expect(name in client, name).toBe(false);
    }
  });
});

describe('messages of a client', () => {
  test.each([
    ['text', 'é', 'é'],
    ['blob', Buffer.from('é'), Buffer.from('é')],
    ['object', { a: 1 }, 'bad JSON'],
  ] as const)(
    'B-client-onMessage, B-client-dataType, C73: onMessage receives the data in the form that the dataType %s selects',
    async (dataType, binary, text) => {
      const { web } = await serve({
        onMessage() {},
        onOpen(ws) {
          ws.send(dataType === 'object' ? Buffer.from('{"a":1}') : Buffer.from('é'));
          ws.send(dataType === 'object' ? '{' : 'é');
        },
      });
      const journal = new Journal();
      const client = new WebSocket<DataType>(urlOf(web), {
        dataType,
        onMessage: (_ws, { type, data }) => journal.note(type, data),
        onError: (_ws, { errors }) =>
          journal.note('message', errors[0]?.errCode === fourDErrors.BAD_JSON && 'bad JSON'),
      });
      expect(await journal.length(4)).toEqual(['message', binary, 'message', text]);
      client.terminate();
    },
  );

  test('B-client-send: the client can send text, bytes, a Blob and JSON', async () => {
    const { client, raw } = await connected();
    for (const message of ['a', Uint8Array.of(255), new Blob(['b']), { c: 1 }]) {
      expect(client.send(message)).toBe(true);
    }
    await raw.until(() => raw.frames.length === 4);
    expect(raw.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [Op.Text, 'a'],
      [Op.Binary, 'ÿ'],
      [Op.Binary, 'b'],
      [Op.Text, '{"c":1}'],
    ]);
  });

  test('B-client-afterForm: onMessage is called for each message until the program calls terminate', async () => {
    const journal = new Journal();
    const { client, raw } = await connected({ onMessage: (_ws, { data }) => journal.note(data) });
    raw.write(frame(Op.Text, 'one', { mask: false }));
    await journal.has('one');
    client.terminate();
    raw.write(frame(Op.Text, 'two', { mask: false }));
    raw.write(closeFrame(1000, '', { mask: false }));
    raw.socket.end();
    await raw.until(() => raw.ended);
    expect(journal.entries).toEqual(['one']);
  });
});

describe('the end of a client', () => {
  test.each([
    ['with a code and a reason', closeFrame(3001, 'bye', { mask: false }), 3001, 'bye', true],
    ['without a code', closeFrame(null, '', { mask: false }), 1005, undefined, true],
    ['without a Close frame', null, 1006, undefined, false],
  ] as const)(
    'B-client-onTerminate, C76, C84: onTerminate receives the code and the reason if the connection ends %s',
    async (_title, close, code, reason, wasClean) => {
      const { promise, resolve } = defer<unknown>();
      const { raw } = await connected({ onTerminate: (_ws, event) => resolve(event) });
      if (close !== null) raw.write(close);
      raw.socket.end();
      expect(await promise).toEqual({ type: 'terminate', code, reason, wasClean });
    },
  );

  test('B-client-onError, C85: if the server breaks a rule, onError is called once, then onTerminate with 1006, and then no other callback', async () => {
    const journal = new Journal();
    const { raw } = await connected({
      onMessage: (_ws, { data }) => journal.note(data),
      onError: (_ws, { type, errors }) => journal.note(type, errors[0]?.errCode),
      onTerminate: (_ws, { code }) => journal.note(code),
    });
    raw.write(Buffer.concat([frame(Op.Text, 'masked'), frame(Op.Text, 'next', { mask: false })]));
    await raw.until(() => raw.ended);
    raw.socket.end();
    expect(await journal.length(3)).toEqual(['error', fourDErrors.CONNECTION, 1006]);
    expect(raw.frames.map(codeOf)).toEqual([1002]);
  });

  test.each([
    [[], 1000, ''],
    [[1000], 1000, ''],
    [[1000, 'bye'], 1000, 'bye'],
    [[3000, 'bye'], 3000, 'bye'],
    [[4999], 4999, ''],
    [[3001, `${'x'.repeat(122)}é`], 3001, 'x'.repeat(122)],
    [[{ code: 3000, reason: 'bye' }], 3000, 'bye'],
    [[{ code: 3000, message: 'bye' }], 3000, 'bye'],
    [[{}], 1000, ''],
    [[{ code: null, reason: 'bye' }], 1000, 'bye'],
    [[null, null], 1000, ''],
  ] as [[number?, string?], number, string][])(
    'B-client-terminate, C60, C62, C63: terminate(...%j) sends a Close frame with the code %i and the reason %j',
    async (call, code, reason) => {
      const { client, raw } = await connected();
      client.terminate(...call);
      expect(client.status).toBe('Closing');
      await raw.until(() => raw.frames.length === 1);
      const [close] = raw.frames;
      expect([close?.opcode, codeOf(close!), String(close?.payload.subarray(2))]).toEqual([
        Op.Close,
        code,
        reason,
      ]);
    },
  );

  test('C62: terminate throws a RangeError for a code that must not be sent, and the connection stays open', async () => {
    const { client, raw } = await connected();
    for (const code of [0, 999, 1001, 1005, 2999, 5000, 3000.5, Number.NaN, '3000' as unknown as number]) {
      expect(() => client.terminate(code, 'bye'), String(code)).toThrow(RangeError);
    }
    expect(client.status).toBe('Connected');
    client.send('still here');
    await raw.until(() => raw.frames.length === 1);
    expect(raw.frames[0]?.opcode).toBe(Op.Text);
  });

  test('B-client-terminate: if terminate is called while the status is "Connecting", the attempt ends, and onTerminate receives 1006 without an error', async () => {
    const journal = new Journal();
    const { url, peer } = await rawServer();
    const client = new WebSocket(url, {
      onOpen: () => journal.note('open'),
      onError: () => journal.note('error'),
      onTerminate: (_ws, event) => journal.note(event),
    });
    await peer;
    client.terminate();
    expect(client.status).toBe('Closing');
    client.terminate();
    await journal.length(1);
    expect(client.status).toBe('Closed');
    client.terminate();
    expect(client.send('late')).toBe(false);
    expect(journal.entries).toEqual([{ type: 'terminate', code: 1006, reason: undefined, wasClean: false }]);
  });
});
