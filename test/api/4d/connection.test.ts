/** Tests `WebSocketConnection` of 4D: its members, its callbacks, dataType, send and terminate. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ConnectionHandler,
  type DataType,
  type FourDError,
  fourDErrors,
  type Sendable,
  type TerminateOptions,
  WebSocket,
  WebSocketConnection,
  WebSocketServer,
} from '../../../src/4d.ts';
import { closeFrame, codeOf, frame, Op } from '../../transport/wire.ts';
import { closeAll, defer, Journal, openPeer, serve, startWeb, urlOf, warningsOf } from './harness.ts';

afterEach(closeAll);

/** Opens a connection whose handler does nothing unless the test gives callbacks. @returns the connection and its peer */
async function connected(handler: Partial<ConnectionHandler> = {}) {
  const { web, wss } = await serve({ onMessage() {}, ...handler });
  const peer = await openPeer(web);
  const [ws] = wss.connections;
  if (ws === undefined) throw new Error('there is no connection');
  return { web, wss, peer, ws };
}

describe('members of a connection', () => {
  test('B-ws-handler, B-ws-wss, B-ws-status: the members of a connection have the documented values and are read-only', async () => {
    const { wss, ws, peer } = await connected();
    expect(ws).toBeInstanceOf(WebSocketConnection);
    expect(ws.wss).toBe(wss);
    expect(typeof ws.handler.onMessage).toBe('function');
    expect(ws.status).toBe('Connected');
    for (const name of ['handler', 'id', 'status', 'wss'] as const) {
      const before = ws[name];
      expect(() => Object.assign(ws, { [name]: 'other' }), name).toThrow(TypeError);
      expect(ws[name]).toBe(before);
    }
    ws.terminate();
    expect(ws.status).toBe('Closing');
    peer.write(closeFrame(1000));
    await peer.until(() => peer.ended);
    expect(ws.status).toBe('Closing');
    expect(wss.connections).toEqual([ws]);
  });

  test('B-ws-id, C79: the connections and clients of a process get their ids from one sequence: 1, 2, 3, …', async () => {
    const { web, ws } = await connected();
    const client = WebSocket.new(urlOf(web));
    const other = WebSocket.new(urlOf(web));
    expect(Number.isInteger(ws.id) && ws.id > 0).toBe(true);
    expect([client.id - ws.id, other.id - ws.id]).toEqual([1, 2]);
    client.terminate();
    other.terminate();
  });
});

describe('callbacks', () => {
  test('B-ws-onOpen, B-ws-onMessage, B-ws-onTerminate, B-ws-order: each callback is called for its event, with the handler as `this`', async () => {
    const journal = new Journal();
    class Handler implements ConnectionHandler {
      readonly name = 'mine';
      onOpen(...[ws, event]: Parameters<NonNullable<ConnectionHandler['onOpen']>>): void {
        journal.note(['open', this.name, ws.handler === this, event, ws.status, ws.send('welcome')]);
      }
      onMessage(...[ws, event]: Parameters<ConnectionHandler['onMessage']>): void {
        journal.note(['message', this.name, ws.handler === this, event]);
      }
      onTerminate(...[ws, event]: Parameters<NonNullable<ConnectionHandler['onTerminate']>>): void {
        journal.note(['terminate', this.name, ws.handler === this, event, ws.status]);
      }
    }
    const { web } = await serve(new Handler());
    const peer = await openPeer(web);
    peer.write(
      Buffer.concat([frame(Op.Text, 'a'), frame(Op.Ping, 'p'), frame(Op.Text, 'b'), closeFrame(3000, 'bye')]),
    );
    await peer.until(() => peer.ended);
    peer.socket.end();
    await journal.length(4);
    expect(journal.entries).toEqual([
      ['open', 'mine', true, { type: 'open' }, 'Connected', true],
      ['message', 'mine', true, { type: 'message', data: 'a' }],
      ['message', 'mine', true, { type: 'message', data: 'b' }],
      ['terminate', 'mine', true, { type: 'terminate', code: 3000, reason: 'bye' }, 'Closed'],
    ]);
    expect(peer.frames.map(({ opcode }) => opcode)).toEqual([Op.Text, Op.Pong, Op.Close]);
  });

  test('B-ws-onMessage: onMessage is called once for a message that arrives in fragments', async () => {
    const { promise, resolve } = defer<string>();
    const { peer } = await connected({ onMessage: (_ws, { data }) => resolve(data) });
    peer.write(frame(Op.Text, 'one ', { fin: false }));
    peer.write(frame(Op.Continuation, 'message'));
    expect(await promise).toBe('one message');
  });

  test('B-ws-onOpen, B-wss-onConnection: in the handler of a connection, only onMessage is required', async () => {
    const { ws, peer, wss } = await connected();
    peer.write(frame(Op.Text, 'x'));
    peer.write(closeFrame(1000));
    await peer.until(() => peer.ended);
    peer.socket.end();
    await wss.terminate();
    expect(ws.status).toBe('Closed');
  });

  test.each([
    ['the code and the reason', closeFrame(3001, 'bye'), { code: 3001, reason: 'bye' }],
    ['the code without a reason', closeFrame(1001), { code: 1001, reason: undefined }],
    ['the code 1005 for the missing code', closeFrame(null), { code: 1005, reason: undefined }],
  ])(
    "B-ws-onTerminate, C76: onTerminate receives %s of the peer's Close frame",
    async (_title, close, expected) => {
      const { promise, resolve } = defer<unknown>();
      const { peer } = await connected({ onTerminate: (_ws, event) => resolve(event) });
      peer.write(close);
      await peer.until(() => peer.ended);
      peer.socket.end();
      expect(await promise).toEqual({ type: 'terminate', ...expected });
    },
  );

  test.each([
    ['end', []],
    ['resetAndDestroy', [fourDErrors.CONNECTION]],
  ] as const)(
    'B-ws-onTerminate, B-ws-onError, C76: if the peer calls %s of its TCP socket, onTerminate receives 1006 and onError receives %j',
    async (leave, expected) => {
      const { promise, resolve } = defer<unknown>();
      const errors: unknown[] = [];
      const { peer } = await connected({
        onTerminate: (_ws, event) => resolve(event),
        onError: (_ws, event) => void errors.push(...event.errors.map(({ errCode }) => errCode)),
      });
      peer.socket[leave]();
      expect(await promise, leave).toEqual({ type: 'terminate', code: 1006, reason: undefined });
      expect(errors).toEqual(expected);
    },
  );

  test('B-ws-onError, C76: if the peer breaks a rule of the protocol, onError is called, and then onTerminate with 1006', async () => {
    const journal = new Journal();
    const handler: ConnectionHandler = {
      onMessage() {},
      onError(_ws, event) {
        journal.note(this === handler, event.type, event.errors.length);
        const [error] = event.errors as [FourDError];
        journal.note(
          error.errCode,
          error.message,
          error.componentSignature,
          (error.cause as { code: string }).code,
        );
      },
      onTerminate: (_ws, { code }) => journal.note(code),
    };
    const { web } = await serve(handler);
    const peer = await openPeer(web);
    peer.write(frame(Op.Text, 'x', { mask: false }));
    await peer.until(() => peer.ended);
    expect(codeOf(peer.frames[0]!)).toBe(1002);
    peer.socket.end();
    await journal.length(8);
    expect(journal.entries).toEqual([
      true,
      'error',
      1,
      fourDErrors.CONNECTION,
      expect.stringContaining('mask'),
      'wsjs',
      'WS_UNMASKED_FRAME',
      1006,
    ]);
  });

  test('C77: when onTerminate is called, the status is already "Closed", and `connections` no longer contains the connection', async () => {
    const goOn = defer();
    const busy = defer();
    const journal = new Journal();
    const { web, wss } = await serve({
      async onMessage(ws) {
        busy.resolve();
        await goOn.promise;
        journal.note(['message', ws.status, ws.wss.connections.length, ws.send('late')]);
      },
      onTerminate: (ws) => journal.note(['terminate', ws.status, ws.wss.connections.length]),
    });
    const peer = await openPeer(web);
    const [ws] = wss.connections;
    peer.write(frame(Op.Text, 'x'));
    await busy.promise;
    ws?.terminate();
    peer.write(closeFrame(1000));
    await peer.until(() => peer.ended);
    peer.socket.end();
    const left = new Journal();
    // The state of a connection changes before the connection calls its callbacks.
    while (wss.connections.length > 0) await new Promise((resolve) => setImmediate(resolve));
    left.note(ws?.status);
    goOn.resolve();
    await journal.length(2);
    expect(left.entries).toEqual(['Closed']);
    expect(journal.entries).toEqual([
      ['message', 'Closed', 0, false],
      ['terminate', 'Closed', 0],
    ]);
  });
});

describe('dataType', () => {
  /** Sends the frames to a server with this dataType. @returns what onMessage and onError receive */
  async function received(dataType: DataType, ...frames: Buffer[]): Promise<unknown[]> {
    const journal = new Journal();
    const { web } = await serve<DataType>(
      {
        onMessage: (_ws, { data }) => journal.note(data),
        onError: (_ws, { errors }) => journal.note({ errCode: errors[0]?.errCode }),
      },
      { dataType },
    );
    const peer = await openPeer(web);
    for (const one of frames) peer.write(one);
    return await journal.length(frames.length);
  }
  const json = '{"a":[1,"é"]}';
  const invalid = Buffer.from([0xc3, 0x28]);

  test('B-data-text, C73: with the dataType "text", onMessage receives text and binary messages as strings', async () => {
    expect(
      await received('text', frame(Op.Text, 'é'), frame(Op.Binary, '\ufeffé'), frame(Op.Binary, '')),
    ).toEqual(['é', '\ufeffé', '']);
  });

  test('C73: with the dataType "text", a binary message that is not UTF-8 causes a call of onError, and the next message is delivered', async () => {
    expect(await received('text', frame(Op.Binary, invalid), frame(Op.Text, 'next'))).toEqual([
      { errCode: fourDErrors.BAD_TEXT },
      'next',
    ]);
  });

  test('B-data-blob, C73: with the dataType "blob", onMessage receives text and binary messages as Buffers', async () => {
    const data = await received('blob', frame(Op.Binary, invalid), frame(Op.Text, 'é'));
    expect(data).toEqual([invalid, Buffer.from('é')]);
    expect(data.every((one) => Buffer.isBuffer(one))).toBe(true);
  });

  test('B-data-object, C72, C73: with the dataType "object", onMessage receives the JSON value of a text or binary message', async () => {
    const texts = [json, '[1]', '"text"', '1', 'true', 'null'];
    const frames = texts.flatMap((text) => [frame(Op.Text, text), frame(Op.Binary, text)]);
    expect(await received('object', ...frames)).toEqual(
      texts.flatMap((text) => [JSON.parse(text), JSON.parse(text)]),
    );
  });

  test('B-data-bad, C72: with the dataType "object", a message that is not JSON causes a call of onError, and the next message is delivered', async () => {
    expect(
      await received(
        'object',
        frame(Op.Text, '{'),
        frame(Op.Text, ''),
        frame(Op.Binary, invalid),
        frame(Op.Text, '{}'),
      ),
    ).toEqual([
      { errCode: fourDErrors.BAD_JSON },
      { errCode: fourDErrors.BAD_JSON },
      { errCode: fourDErrors.BAD_TEXT },
      {},
    ]);
  });

  test('C72: if there is no onError, an invalid message of a peer causes no warning', async () => {
    const got = defer();
    const warnings = await warningsOf(async () => {
      const { web } = await serve<'object'>({ onMessage: () => got.resolve() }, { dataType: 'object' });
      const peer = await openPeer(web);
      peer.write(frame(Op.Text, '{')).write(frame(Op.Text, '1'));
      await got.promise;
    });
    expect(warnings).toEqual([]);
  });
});

describe('send', () => {
  /** Sends the messages once with each dataType, and checks that the frames are always the same. @returns these frames */
  async function sent(...messages: Sendable[]): Promise<(readonly [number, string])[]> {
    const results: (readonly [number, string])[][] = [];
    for (const dataType of ['text', 'blob', 'object'] as const) {
      const { web, wss } = await serve<DataType>({ onMessage() {} }, { dataType });
      const peer = await openPeer(web);
      for (const message of messages) expect(wss.connections[0]?.send(message)).toBe(true);
      await peer.until(() => peer.frames.length === messages.length);
      results.push(peer.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')] as const));
    }
    const [first = [], ...others] = results;
    for (const other of others) expect(other).toEqual(first);
    return first;
  }

  test('B-ws-send, C74: with every dataType, send sends a string as text, bytes as binary, and an object as JSON', async () => {
    const bytes = Uint8Array.of(1, 2, 255);
    expect(
      await sent(
        'text',
        bytes,
        Buffer.from(bytes),
        bytes.buffer as ArrayBuffer,
        new DataView(bytes.buffer as ArrayBuffer, 1, 1),
        { a: 1, b: undefined },
        [1, null],
        new Date(0),
        null,
      ),
    ).toEqual([
      [Op.Text, 'text'],
      [Op.Binary, '\u0001\u0002ÿ'],
      [Op.Binary, '\u0001\u0002ÿ'],
      [Op.Binary, '\u0001\u0002ÿ'],
      [Op.Binary, '\u0002'],
      [Op.Text, '{"a":1}'],
      [Op.Text, '[1,null]'],
      [Op.Text, '"1970-01-01T00:00:00.000Z"'],
      [Op.Text, 'null'],
    ]);
  });

  test('C74: send converts a value of any other type to a string, and sends the string as text', async () => {
    expect(await sent(1.5, true, 10n, undefined)).toEqual([
      [Op.Text, '1.5'],
      [Op.Text, 'true'],
      [Op.Text, '10'],
      [Op.Text, 'undefined'],
    ]);
  });

  test('B-ws-send: send sends a Blob as binary, and later messages follow the Blob', async () => {
    const { ws, peer } = await connected();
    const bytes = Buffer.from('before');
    ws.send('first');
    ws.send(new Blob(['a', Uint8Array.of(255)]));
    ws.send(bytes);
    bytes.fill(0);
    ws.send(new Blob([]));
    ws.send('last');
    ws.terminate(3001, 'done');
    expect(ws.status).toBe('Closing');
    expect(ws.send('too late')).toBe(false);
    await peer.until(() => peer.frames.length === 6);
    expect(peer.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [Op.Text, 'first'],
      [Op.Binary, 'aÿ'],
      [Op.Binary, 'before'],
      [Op.Binary, ''],
      [Op.Text, 'last'],
      [Op.Close, '\x0b\xb9done'],
    ]);
  });

  test('B-ws-send: if send cannot read a Blob, onError is called, and the next message is still sent', async () => {
    class Unreadable extends Blob {
      override arrayBuffer(): Promise<ArrayBuffer> {
        return Promise.reject(new Error('gone'));
      }
    }
    const journal = new Journal();
    const { ws, peer } = await connected({
      onError: (_ws, { errors }) => journal.note(errors[0]?.errCode, errors[0]?.message),
    });
    ws.send(new Unreadable([]));
    ws.send('next');
    await peer.until(() => peer.frames.length === 1);
    expect(String(peer.frames[0]?.payload)).toBe('next');
    expect(journal.entries).toEqual([fourDErrors.UNREADABLE_BLOB, 'gone']);
  });

  test('C74: send throws a TypeError for an object that JSON cannot represent', async () => {
    const { ws, peer } = await connected();
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const message of [cycle, () => {}, { big: 1n }, { toJSON: () => undefined }]) {
      expect(() => ws.send(message)).toThrow(TypeError);
    }
    ws.send('next');
    await peer.until(() => peer.frames.length === 1);
    expect(String(peer.frames[0]?.payload)).toBe('next');
  });

  test('B-ws-unstated, C75: if the status is not "Connected", send returns false and sends nothing', async () => {
    const journal = new Journal();
    const { ws, peer } = await connected({
      onError: () => journal.note('error'),
      onTerminate: (connection) =>
        journal.note(connection.send('late'), connection.send({}), connection.status),
    });
    ws.terminate();
    expect([ws.send('late'), ws.send(new Blob([]))]).toEqual([false, false]);
    peer.write(closeFrame(1000));
    await peer.until(() => peer.ended);
    peer.socket.end();
    expect(await journal.length(3)).toEqual([false, false, 'Closed']);
    expect(peer.frames.map(({ opcode }) => opcode)).toEqual([Op.Close]);
  });
});

describe('a message that exceeds the option sendCap', () => {
  test.each([true, false])(
    'C75, C87: if a message exceeds sendCap, send returns false, and later onError and onTerminate are called (serialize: %s)',
    async (serialize) => {
      const journal = new Journal();
      const { web, wss } = await serve(
        {
          onMessage() {},
          onError: (_ws, { errors }) => journal.note(errors[0]?.errCode),
          onTerminate: (_ws, { code }) => journal.note(code),
        },
        { sendCap: 1_000_000, serialize },
      );
      const peer = await openPeer(web);
      peer.socket.pause();
      const [ws] = wss.connections;
      const message = Buffer.alloc(900_000);
      // The kernel accepts some of these bytes. The connection is dropped when more bytes than sendCap wait in the process.
      while (ws?.send(message)) await new Promise((resolve) => setImmediate(resolve));
      expect([ws?.status, ws?.send(message)]).toEqual(['Closing', false]);
      journal.note('code at hand');
      await journal.length(3);
      expect(journal.entries).toEqual(['code at hand', fourDErrors.CONNECTION, 1006]);
    },
  );
});

describe('terminate', () => {
  /** Calls terminate. @returns the code and the reason in the Close frame */
  async function closing(...call: [(number | TerminateOptions)?, string?]): Promise<[number, string]> {
    const { ws, peer } = await connected();
    ws.terminate(...call);
    await peer.until(() => peer.frames.length === 1);
    const [close] = peer.frames;
    if (close?.opcode !== Op.Close) throw new Error('that is no Close frame');
    return [codeOf(close), String(close.payload.subarray(2))];
  }

  test.each([
    [[3001, 'bye'], 3001, 'bye'],
    [[3001], 3001, ''],
    [[4999, 'é'], 4999, 'é'],
    [[], 1000, ''],
    [[3000, 'bye'], 1000, ''],
    [[999, 'bye'], 1000, ''],
    [[1001, 'bye'], 1000, ''],
    [[5000, 'bye'], 1000, ''],
    [[65_536 + 3001, 'bye'], 1000, ''],
    [[3001.5, 'bye'], 1000, ''],
    [[Number.NaN, 'bye'], 1000, ''],
    [[undefined, 'bye'], 1000, ''],
  ] as [[number?, string?], number, string][])(
    'B-ws-terminate, C61: terminate with the arguments %j sends a Close frame with the code %i and the reason %j',
    async (call, code, reason) => {
      expect(await closing(...call)).toEqual([code, reason]);
    },
  );

  test.each([
    [{ code: 3001, message: 'bye' }, 3001, 'bye'],
    [{ code: 3001, reason: 'bye' }, 3001, 'bye'],
    [{ code: 3001 }, 3001, ''],
    [{ code: 3000, message: 'bye' }, 1000, ''],
    [{ message: 'bye' }, 1000, ''],
    [{}, 1000, ''],
  ] as [TerminateOptions, number, string][])(
    'C60: terminate with the object %j sends a Close frame with the code %i and the reason %j',
    async (call, code, reason) => {
      expect(await closing(call)).toEqual([code, reason]);
    },
  );

  test.each([
    ['123 bytes', 'x'.repeat(123), 'x'.repeat(123)],
    ['124 bytes', 'x'.repeat(124), 'x'.repeat(123)],
    ['a character of two bytes at the end', `${'x'.repeat(122)}é`, 'x'.repeat(122)],
    ['a character of four bytes at the end', `${'x'.repeat(120)}🙂`, 'x'.repeat(120)],
    ['a character that just fits', `${'x'.repeat(119)}🙂!`, `${'x'.repeat(119)}🙂`],
  ])(
    'C63: terminate cuts a reason of more than 123 bytes between two characters: %s',
    async (_title, reason, expected) => {
      expect(await closing(3001, reason)).toEqual([3001, expected]);
    },
  );

  test("B-ws-terminate: a second call of terminate has no effect, and onTerminate receives the code of the peer's answer", async () => {
    const { promise, resolve } = defer<unknown>();
    const { ws, peer } = await connected({ onTerminate: (_ws, event) => resolve(event) });
    ws.terminate(3001, 'first');
    ws.terminate(3002, 'second');
    await peer.until(() => peer.frames.length === 1);
    peer.write(closeFrame(3001, 'first'));
    await peer.until(() => peer.ended);
    peer.socket.end();
    expect(await promise).toEqual({ type: 'terminate', code: 3001, reason: 'first' });
    expect(peer.frames).toHaveLength(1);
    ws.terminate();
  });

  test('C78: if the peer never answers, the connection is dropped after closeTimeout with 1006 and without an error', async () => {
    const journal = new Journal();
    const { web, wss } = await serve(
      {
        onMessage() {},
        onError: () => journal.note('error'),
        onTerminate: (_ws, { code }) => journal.note(code),
      },
      { closeTimeout: 1 },
    );
    await openPeer(web);
    wss.connections[0]?.terminate();
    expect(await journal.length(1)).toEqual([1006]);
  });

  test('B-ws-terminate: messages that arrive after our Close frame are not delivered', async () => {
    const journal = new Journal();
    const { ws, peer } = await connected({
      onMessage: () => journal.note('message'),
      onTerminate: () => journal.note('terminate'),
    });
    ws.terminate();
    peer.write(Buffer.concat([frame(Op.Text, 'late'), closeFrame(1000)]));
    await peer.until(() => peer.ended);
    peer.socket.end();
    expect(await journal.length(1)).toEqual(['terminate']);
  });
});

test("B-wss-connections: onTerminate can send a message to the other connections in `connections`, as in the chat of 4D's documentation", async () => {
  const web = await startWeb();
  const handler: ConnectionHandler = {
    onMessage() {},
    onTerminate(ws) {
      for (const client of ws.wss.connections) if (client.id !== ws.id) client.send('Client disconnected');
    },
  };
  new WebSocketServer({ onConnection: () => handler }, { server: web });
  const [first, second] = [await openPeer(web), await openPeer(web)];
  first.destroy();
  await second.until(() => second.frames.length === 1);
  expect(String(second.frames[0]?.payload)).toBe('Client disconnected');
});
