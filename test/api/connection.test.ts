/** Tests what an application sends and receives over a `Connection`, and the errors that it gets. */
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { Connection } from '../../src/api/connection.ts';
import type { ConnectionHandlers } from '../../src/api/handlers.ts';
import type { Message } from '../../src/api/message.ts';
import { ConnectionError } from '../../src/frame/connection-error.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { printed } from '../../src/transport/log.ts';
import { useFakeClock, useRealClock } from '../transport/fake-clock.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { closeFrame, frame, Op } from '../transport/wire.ts';
import { pair, until, warningsOf } from './pair.ts';

afterEach(closeServers);

describe('send', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => index + 1);
  const { buffer } = bytes;
  const shared = new SharedArrayBuffer(8);
  new Uint8Array(shared).set([1, 2, 3, 4, 5, 6, 7, 8]);

  const payloads: [name: string, message: Message, expected: Uint8Array][] = [
    ['Buffer', Buffer.from('abc'), Buffer.from('abc')],
    ['Uint8Array with an offset', bytes.subarray(3, 9), bytes.slice(3, 9)],
    ['ArrayBuffer', bytes.slice(0, 5).buffer, bytes.slice(0, 5)],
    ['SharedArrayBuffer', shared, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
    ['DataView', new DataView(buffer, 7, 5), bytes.slice(7, 12)],
    [
      'ArrayBuffer of another realm',
      runInNewContext('Uint8Array.of(7, 8, 9).buffer') as ArrayBuffer,
      Uint8Array.of(7, 8, 9),
    ],
    [
      'Uint16Array of another realm',
      runInNewContext('Uint16Array.of(0x0807, 9)') as Uint16Array,
      Uint8Array.of(7, 8, 9, 0),
    ],
    ...[
      Int8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ].map((View): [string, Message, Uint8Array] => {
      const size = View.BYTES_PER_ELEMENT;
      return [`${View.name} with an offset`, new View(buffer, 8, 2), bytes.slice(8, 8 + 2 * size)];
    }),
    ['nothing', new Uint8Array(0), new Uint8Array(0)],
  ];

  test.each(payloads)(
    'A40, F13: a message of type %s arrives with exactly its bytes, and send does not modify the value',
    async (_name, message, expected) => {
      const before = Buffer.from(bytes);
      for (const side of ['left', 'right'] as const) {
        const both = await pair();
        const other = side === 'left' ? both.right : both.left;
        both[side].send(message);
        both[side].send(message, { fragmentSize: 3 });
        both[side].ping(message);
        const received: unknown[] = [];
        for await (const one of other) {
          received.push(one);
          if (received.length === 2) break;
        }
        expect(received).toEqual([Buffer.from(expected), Buffer.from(expected)]);
      }
      expect(Buffer.from(bytes)).toEqual(before);
    },
  );

  test('A40: the library does not copy a large view of a buffer, and the bytes of the view arrive unchanged', async () => {
    const large = new Uint16Array(50_000).fill(0x4241);
    const view = large.subarray(1_000, 49_000);
    const viewShared = new Uint8Array(new SharedArrayBuffer(70_000)).fill(7).subarray(100);
    for (const side of ['left', 'right'] as const) {
      const both = await pair();
      const other = side === 'left' ? both.right : both.left;
      both[side].send(view);
      both[side].send(viewShared);
      const received: Buffer[] = [];
      for await (const one of other) {
        received.push(one as Buffer);
        if (received.length === 2) break;
      }
      expect(received[0]!.equals(Buffer.from(view.buffer, view.byteOffset, view.byteLength))).toBe(true);
      expect(received[1]!.equals(Buffer.from(viewShared))).toBe(true);
    }
    expect(large.every((value) => value === 0x4241)).toBe(true);
  });

  test.each<[string, unknown]>([
    ['number', 5],
    ['null', null],
    ['undefined', undefined],
    ['true', true],
    ['object', { length: 5 }],
    ['array', [1, 2]],
    ['bigint', 5n],
    ['symbol', Symbol('x')],
    ['function', () => 'x'],
    ['Blob', new Blob(['x'])],
    ['Promise', Promise.resolve('x')],
    ['String object', new String('x')],
  ])('A40: send throws a TypeError for a value of type %s, and sends nothing', async (_name, value) => {
    const { left, right, server } = await pair();
    const heard: unknown[] = [];
    for (const connection of [left, right]) {
      expect(() => connection.send(value as string)).toThrow(TypeError);
      expect(() => connection.send(value as string, { fragmentSize: 1 })).toThrow(TypeError);
      expect(() => connection.sendText(value as Uint8Array)).toThrow(TypeError);
      if (value !== undefined) expect(() => connection.ping(value as string)).toThrow(TypeError);
      if (value !== undefined) expect(() => connection.pong(value as string)).toThrow(TypeError);
      expect(connection.bufferedAmount).toBe(0);
    }
    expect(() => server.broadcast(value as string)).toThrow(TypeError);
    left.send('fine');
    for await (const message of right) {
      heard.push(message);
      break;
    }
    expect(heard).toEqual(['fine']);
  });

  test('F18, F23: with fragmentSize, send splits a message into fragments of that size, and throws for an invalid size', async () => {
    const { peer } = await startServer({
      open: (connection) => {
        connection.send('abcdefg', { fragmentSize: 3 });
        connection.send('', { fragmentSize: 3 });
        connection.send(Buffer.alloc(10_000, 1), { fragmentSize: 5_000 });
        for (const fragmentSize of [0, -1, 1.5, Number.NaN, '3' as unknown as number]) {
          expect(() => connection.send('x', { fragmentSize })).toThrow(RangeError);
        }
        connection.close();
      },
    });
    const raw = await peer().open();
    await raw.until(() => raw.frames.at(-1)?.opcode === Op.Close);
    expect(raw.frames.map(({ fin, opcode, payload }) => [fin, opcode, payload.length])).toEqual([
      [false, Op.Text, 3],
      [false, Op.Continuation, 3],
      [true, Op.Continuation, 1],
      [true, Op.Text, 0],
      [false, Op.Binary, 5_000],
      [true, Op.Continuation, 5_000],
      [true, Op.Close, 2],
    ]);
  });

  test("sendText sends bytes as a text message, and a connection with text: 'bytes' delivers text messages as bytes", async () => {
    const { left, right } = await pair({}, { text: 'bytes' });
    right.sendText(Buffer.from('grün'));
    right.send('text');
    const heard: unknown[] = [];
    for await (const message of left) if (heard.push(message) === 2) break;
    expect(heard).toEqual([Buffer.from('grün'), Buffer.from('text')]);
  });

  test('send returns false above the high-water mark, and `drain` is called when the waiting bytes have left', async () => {
    const drained: string[] = [];
    const handlers: ConnectionHandlers = { drain: () => void drained.push('drain') };
    const { left, right } = await pair(handlers);
    right.pause();
    expect(left.send('small')).toBe(true);
    let sent = 0;
    while (left.send(Buffer.alloc(100_000))) sent++;
    expect(left.bufferedAmount).toBeGreaterThan(65_536);
    expect(drained).toEqual([]);
    right.resume();
    let received = 0;
    for await (const message of right) {
      if (message instanceof Buffer && ++received === sent + 1) break;
    }
    await until(() => drained.length > 0);
    expect([drained, left.bufferedAmount]).toEqual([['drain'], 0]);
  });

  test('an application that waits for `drain` after send returns false sends all its messages, with any high-water mark', async () => {
    for (const highWaterMark of [1, 100, 65_536]) {
      let left = 200;
      const go = (connection: Connection): void => {
        while (left > 0) {
          left--;
          if (!connection.send('x'.repeat(1_000))) return;
        }
        connection.close();
      };
      const { right } = await pair({ open: go, drain: go }, { highWaterMark });
      let count = 0;
      for await (const _message of right) count++;
      expect(count).toBe(200);
    }
  });

  test('F5, C3: after close(), `send` returns false and sends no message', async () => {
    const { left, right } = await pair();
    const closed = left.close();
    expect([
      left.state,
      left.send('late'),
      left.ping(),
      left.pong(),
      left.sendText(Buffer.from('x')),
    ]).toEqual(['closing', false, false, false, false]);
    const messages: unknown[] = [];
    for await (const message of right) messages.push(message);
    await closed;
    expect([messages, left.state, left.send('later')]).toEqual([[], 'closed', false]);
  });

  test('F16: `ping` throws for a payload of 126 bytes, and the peer answers a ping of 125 bytes with the same payload', async () => {
    const pongs: number[] = [];
    const { left } = await pair({ pong: (_, payload) => void pongs.push(payload.length) });
    expect(() => left.ping(Buffer.alloc(126))).toThrow(RangeError);
    expect(() => left.pong('ü'.repeat(63))).toThrow(RangeError);
    expect(left.ping(Buffer.alloc(125))).toBe(true);
    expect(left.ping()).toBe(true);
    await until(() => pongs.length === 2);
    expect(pongs).toEqual([125, 0]);
  });

  test('C10, C23: close() throws for a close code or a reason that must not be sent', async () => {
    const { left } = await pair();
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, Number.NaN]) {
      expect(() => left.close(code)).toThrow(RangeError);
    }
    expect(() => left.close(1000, 'ü'.repeat(62))).toThrow(RangeError);
    expect(left.state).toBe('open');
    await left.close(4999, 'ü'.repeat(61));
  });
});

describe('state', () => {
  test('a connection has the properties that the opening handshake determines', async () => {
    const { left, right, url } = await pair({}, { subprotocols: ['chat'] }, { subprotocols: ['chat'] });
    expect([left.subprotocol, right.subprotocol]).toEqual(['chat', 'chat']);
    expect([left.extensions, right.extensions]).toEqual([[], []]);
    expect([left.url, right.url]).toEqual(['/', url.replace('localhost', '127.0.0.1')]);
    expect([left.remoteAddress, right.remoteAddress]).toEqual(['127.0.0.1', '127.0.0.1']);
    expect(String(right.remotePort)).toBe(new URL(right.url).port);
  });

  test('C12, C13: the Promise `closed` resolves on both ends, even if the application reads `closed` only after the close', async () => {
    const { left, right } = await pair();
    const early = right.closed;
    await left.close(3000, 'done');
    const said = { sentCode: 3000, sentReason: 'done', error: null };
    expect(await early).toEqual({ code: 3000, reason: 'done', wasClean: true, byPeer: true, ...said });
    expect(await right.closed).toEqual(await early);
    expect(await left.closed).toEqual({ code: 3000, reason: 'done', wasClean: true, byPeer: false, ...said });
    expect(await left.close()).toEqual(await left.closed);
  });

  test('C6: if both ends call close() at the same time, the close is clean', async () => {
    const { left, right } = await pair();
    const [one, other] = await Promise.all([left.close(3001), right.close(3002)]);
    expect([one.code, one.wasClean, other.code, other.wasClean]).toEqual([3002, true, 3001, true]);
  });

  test('after terminate, the close code is 1006 on both ends', async () => {
    const { left, right } = await pair();
    left.terminate();
    expect(await left.closed).toMatchObject({ code: 1006, wasClean: false });
    expect(await right.closed).toMatchObject({ code: 1006, wasClean: false });
  });

  test('`await using` closes the connection and waits for the end, and `using` drops the connection', async () => {
    const one = await pair();
    await one.right[Symbol.asyncDispose]();
    expect(one.right.state).toBe('closed');
    expect(await one.left.closed).toMatchObject({ code: 1000, wasClean: true });
    await one.right[Symbol.asyncDispose]();
    const two = await pair();
    two.right[Symbol.dispose]();
    expect(await two.left.closed).toMatchObject({ code: 1006 });
  });

  test('after pause, a connection delivers no messages, pings or Close frames, and resume delivers them in order', async () => {
    const heard: string[] = [];
    const { left, right } = await pair({
      message: (_, message) => void heard.push(String(message)),
      ping: () => void heard.push('ping'),
      close: () => void heard.push('close'),
    });
    left.pause();
    right.send('a');
    right.ping();
    right.send('b');
    const closed = right.close();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(heard).toEqual([]);
    left.resume();
    await closed;
    await until(() => heard.includes('close'));
    expect(heard).toEqual(['a', 'ping', 'b', 'close']);
  });
});

describe('a loop with `for await` over a connection', () => {
  test('after a clean close, the loop delivers the earlier messages and then ends', async () => {
    const { left, right } = await pair();
    left.send('a');
    left.send(Buffer.from('b'));
    void left.close();
    const messages: unknown[] = [];
    for await (const message of right) messages.push(message);
    expect(messages).toEqual(['a', Buffer.from('b')]);
    const iterator = (await pair()).right[Symbol.asyncIterator]();
    await iterator.return?.();
    // Further calls of next() also return the end.
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('if the connection is lost, the loop throws an error that contains the reason', async () => {
    const lost = await pair();
    lost.left.terminate();
    await expect(lost.right[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'WS_CONNECTION_LOST',
    });
    await expect(lost.right.closed).resolves.toMatchObject({ code: 1006 });

    const { peer, server } = await startServer();
    const raw = await peer().open();
    await until(() => server.connections.size === 1);
    const [left] = server.connections;
    raw.write(frame(Op.Text, 'fine')).write(frame(3));
    const messages: unknown[] = [];
    const loop = (async () => {
      for await (const message of left!) messages.push(message);
    })();
    // The loop ends when the connection is closed. Before that, the peer receives the Close frame and ends TCP.
    void raw.answer().then(() => raw.socket.end());
    await expect(loop).rejects.toBeInstanceOf(ProtocolError);
    expect(messages).toEqual(['fine']);
  });

  test('leaving the loop with `break` closes the connection with 1000', async () => {
    const { left, right } = await pair();
    left.send('one');
    left.send('two');
    for await (const message of right) {
      expect(message).toBe('one');
      break;
    }
    expect(await left.closed).toMatchObject({ code: 1000, wasClean: true, byPeer: true });
  });

  test('A32: if the loop does not consume its messages, the connection stops reading, and no message is lost', async () => {
    for (const size of [10, 30_000]) {
      const { left, right } = await pair();
      const iterator = right[Symbol.asyncIterator]();
      let sent = 0;
      // The test also fills the buffers of the kernel.
      while (left.bufferedAmount < 100_000) {
        for (let index = 0; index < 100; index++, sent++) left.send(Buffer.alloc(size, sent));
        await new Promise(setImmediate);
        if (sent > 2_000_000) throw new Error('it reads without an end');
      }
      // Wait until no more bytes leave. Some bytes are still unread at that time.
      for (let before = -1; before !== left.bufferedAmount; ) {
        before = left.bufferedAmount;
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      expect(left.bufferedAmount).toBeGreaterThan(0);
      void left.close();
      let received = 0;
      for (;;) {
        const { done, value } = await iterator.next();
        if (done) break;
        if ((value as Buffer)[0] !== (received & 0xff)) throw new Error(`message ${received} is another`);
        received++;
      }
      expect(received).toBe(sent);
    }
  }, 60_000);

  test('a connection keeps the messages that arrive before a loop begins, and delivers these messages to the loop', async () => {
    const { left, right } = await pair();
    left.send('early');
    await new Promise((resolve) => setTimeout(resolve, 30));
    for await (const message of right) {
      expect(message).toBe('early');
      break;
    }
  });

  test('a loop throws if the connection has a `message` handler or another loop', async () => {
    const withHandler = await pair({}, {}, { handlers: { message() {} } });
    expect(() => withHandler.right[Symbol.asyncIterator]()).toThrow(TypeError);
    const { right } = await pair();
    const iterator = right[Symbol.asyncIterator]();
    expect(() => right[Symbol.asyncIterator]()).toThrow(TypeError);
    expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
    const pending = iterator.next();
    await expect(iterator.next()).rejects.toThrow(TypeError);
    void right.close();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  test('a loop on a closed connection ends immediately after a clean close, and throws after a lost connection', async () => {
    const ended = await pair();
    await ended.left.close();
    await ended.right.closed;
    for await (const message of ended.right) expect.fail(`${message} came`);
    const lost = await pair();
    lost.left.terminate();
    await lost.right.closed;
    const iterator = lost.right[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ code: 'WS_CONNECTION_LOST' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('close() completes even if messages arrive later and the application does not consume these messages', async () => {
    const { left, right } = await pair();
    // When close() is called, the first message has not been sent completely.
    for (let index = 0; index < 50; index++) left.send('x'.repeat(200_000));
    expect(await right.close()).toMatchObject({ code: 1000, wasClean: true });
    expect(await left.closed).toMatchObject({ code: 1000, wasClean: true });
  });

  test('close() completes even if the application does not consume the messages that have arrived', async () => {
    const { left, right } = await pair();
    for (let index = 0; index < 500; index++) left.send('x'.repeat(1_000));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await right.close()).toMatchObject({ code: 1000, wasClean: true });
    await left.closed;
  });
});

describe('messages that the application does not read', () => {
  afterEach(() => {
    useRealClock();
  });

  test('A14: messages that the application does not read are dropped after 30 s, and then the server notices a lost peer', async () => {
    useFakeClock();
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    for (let round = 0; round < 2; round++) {
      // This server sends a message and reads no messages.
      const { server, peer } = await startServer({ open: (connection) => connection.send('news') });
      const raw = await peer().open();
      raw.write(Buffer.concat(Array.from({ length: 40 }, () => frame(Op.Text, 'thanks'))));
      raw.write(closeFrame(1000));
      raw.socket.end();
      // The frames have to arrive before the fake clock moves. So the test waits in real time, which the fake clock does not change.
      const begun = process.hrtime.bigint();
      while (process.hrtime.bigint() - begun < 500_000_000n) await turn();
      const [connection] = server.connections;
      expect(connection!.state).toBe('open');
      // The test advances the clock in steps, and the sockets are read between the steps. After one large step, the library would assume
      // that the process had been suspended, and would move the deadline.
      let passed = 0;
      for (; server.connections.size > 0; passed += 500) {
        vi.advanceTimersByTime(500);
        await turn();
      }
      expect(passed).toBeGreaterThanOrEqual(30_000);
      expect(await connection!.closed).toMatchObject({ code: 1000, wasClean: true });
      expect(() => connection![Symbol.asyncIterator]()).toThrow('were dropped');
    }
    await turn();
    process.off('warning', onWarning);
    expect(warnings).toMatchObject([{ code: 'WS_UNREAD_MESSAGES' }]);
  });

  test('if a loop begins within 30 s, no message is dropped, even if the loop is slow', async () => {
    useFakeClock();
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const { server, peer } = await startServer();
    const raw = await peer().open();
    for (let index = 0; index < 40; index++) raw.write(frame(Op.Text, String(index)));
    raw.write(closeFrame(1000));
    raw.socket.end();
    for (let count = 0; count < 50; count++) await turn();
    vi.advanceTimersByTime(29_000);
    const [connection] = server.connections;
    const iterator = connection![Symbol.asyncIterator]();
    vi.advanceTimersByTime(300_000);
    const messages: unknown[] = [];
    for await (const message of iterator) messages.push(message);
    expect(messages).toEqual(Array.from({ length: 40 }, (_, index) => String(index)));
  });
});

describe('A48: a handler that throws or rejects', () => {
  const names = ['open', 'message', 'fragment', 'ping', 'pong', 'drain', 'closing', 'close'] as const;
  type Name = (typeof names)[number];
  const ways: Record<string, () => unknown> = {
    throws: () => {
      throw new Error('secret');
    },
    rejects: () => Promise.reject(new Error('secret')),
    'rejects, in another realm': () => runInNewContext('Promise.reject(new Error("secret"))'),
    'throws undefined': () => {
      throw undefined;
    },
  };

  /** Makes the library call every handler of `left`. @param ponged returns true after `left` has received a pong or has failed */
  async function provoke(left: Connection, right: Connection, ponged: () => boolean): Promise<void> {
    right.send('message');
    right.send('fragments', { fragmentSize: 5 });
    right.ping();
    left.ping();
    right.pause();
    for (let index = 0; index < 200 && left.send(Buffer.alloc(100_000)); index++);
    right.resume();
    await Promise.race([until(() => left.bufferedAmount === 0 && ponged()), left.closed]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await right.close();
  }

  test.each(names.flatMap((name) => Object.keys(ways).map((way): [Name, string] => [name, way])))(
    'if the handler `%s` %s, its connection closes with 1011, the error is reported once, and other connections stay open',
    async (name, way) => {
      const errors: unknown[] = [];
      let failing: Connection | null = null;
      let calls = 0;
      let pongs = 0;
      const handlers: ConnectionHandlers = {
        message() {},
        pong: () => void pongs++,
        [name]: (connection: Connection) => {
          failing ??= connection;
          if (connection !== failing || calls++ > 0) return undefined;
          return ways[way]!();
        },
        error: (_, error) => void errors.push(error),
      };
      const closes: { code: number; reason: string }[] = [];
      const { url, server } = await startServer(handlers);
      const client = (): Promise<Connection> =>
        connect(url.replace('localhost', '127.0.0.1'), {
          handlers: { message() {}, close: (_, code, reason) => void closes.push({ code, reason }) },
        });
      const right = await client();
      const bystander = await client();
      await until(() => failing !== null || server.connections.size === 2);
      const [left] = server.connections;
      if (left !== undefined) await provoke(left, right, () => pongs > 0 || calls > 0);
      await right.closed;
      await until(() => errors.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(calls).toBeGreaterThan(0);
      expect(errors).toHaveLength(1);
      if (way === 'throws undefined') expect(errors[0]).toBeInstanceOf(Error);
      else {
        // For an Error of another realm, `instanceof Error` is false. The library reports such an Error as the `cause` of a new Error.
        const { message, cause } = errors[0] as Error;
        expect([message, (cause as Error | undefined)?.message]).toContain('secret');
      }
      // An exception of `closing` or `close` is too late to change the close code.
      expect([1000, 1005, 1006, 1011]).toContain(closes[0]!.code);
      if (name !== 'closing' && name !== 'close') expect(closes[0]!.code).toBe(1011);
      expect(closes[0]!.reason).toBe('');
      expect(bystander.state).toBe('open');
      await bystander.close();
    },
  );

  test('without an `error` handler, an exception becomes a process warning that contains the stack of the exception', async () => {
    const warnings = await warningsOf(async () => {
      const { right } = await pair({
        message: () => {
          throw new Error('in a handler');
        },
      });
      right.send('x');
      await right.closed;
    });
    expect(warnings.map(({ message }) => message)).toEqual(['in a handler']);
    expect(warnings[0]!.stack).toContain('connection.test');
  });

  /**
   * Each row has an error code, and the frame of the peer that causes the error. With null, the peer sends nothing. RSV1 is set in the
   * first frame.
   */
  const faults: [string, Buffer | null][] = [
    ['WS_RESERVED_BITS', frame(0x42)],
    ['WS_MESSAGE_TOO_BIG', frame(Op.Binary, Buffer.alloc(1_001))],
    ['WS_HEARTBEAT_TIMEOUT', null],
  ];

  test.each(faults)(
    'FAULT-8: without an `error` handler, each failure prints a line on stderr with the address of the peer: %s',
    async (code, bytes) => {
      vi.stubEnv('NODE_NO_WARNINGS', undefined);
      printed.forget();
      const print = vi.spyOn(console, 'error').mockImplementation(() => {});
      let port = 0;
      const warnings = await warningsOf(async () => {
        // Only the peer that sends nothing gets a short heartbeat. A short heartbeat could also drop the other peers on a slow machine.
        const heartbeat = bytes === null ? { interval: 10, timeout: 10 } : {};
        const { peer } = await startServer({}, { maxMessageSize: 1_000, heartbeat });
        const raw = await peer().open();
        port = raw.socket.localPort ?? 0;
        if (bytes !== null) raw.write(bytes);
        await raw.until(() => raw.ended || raw.closed);
      });
      const lines = print.mock.calls.map(([line]) => String(line));
      print.mockRestore();
      vi.unstubAllEnvs();
      expect(warnings).toEqual([]);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(code);
      expect(lines[0]).toContain(`127.0.0.1:${port}`);
    },
  );

  test('if an `error` handler throws, or if a getter that returns the handler throws, the exception becomes a process warning', async () => {
    for (const error of [
      () => {
        throw new Error('in error');
      },
      () => Promise.reject(new Error('in error')),
      null,
    ]) {
      const handlers: ConnectionHandlers = {
        message: () => {
          throw new Error('in message');
        },
      };
      Object.defineProperty(handlers, 'error', {
        get() {
          if (error === null) throw new Error('in error');
          return error;
        },
      });
      const warnings = await warningsOf(async () => {
        const { right } = await pair(handlers);
        right.send('x');
        expect(await right.closed).toMatchObject({ code: 1011 });
      });
      expect(warnings.map(({ message }) => message)).toEqual(['in error']);
    }
  });

  test('if the handlers are a Proxy that throws, the connection closes with 1011, and the exception is reported', async () => {
    const errors: string[] = [];
    let failing = false;
    const handlers: ConnectionHandlers = {
      message() {},
      error: (_, error) => void errors.push(error.message),
    };
    const { url } = await startServer(
      new Proxy(handlers, {
        has(target, name) {
          if (!failing) return name in target;
          failing = false;
          throw new Error('has');
        },
      }),
    );
    failing = true;
    const right = await connect(url.replace('localhost', '127.0.0.1'), { handlers: { message() {} } });
    expect(await right.closed).toMatchObject({ code: 1011 });
    expect(errors).toEqual(['has']);
  });

  test('if a handler is a getter that throws, the exception is reported once', async () => {
    for (const name of names) {
      const errors: string[] = [];
      let failing = true;
      let pongs = 0;
      const handlers: ConnectionHandlers = {
        message() {},
        pong: () => void pongs++,
        error: (_, error) => void errors.push(error.message),
      };
      Object.defineProperty(handlers, name, {
        get() {
          if (!failing) return undefined;
          failing = false;
          throw new Error('getter');
        },
      });
      const { url, server } = await startServer(handlers);
      const right = await connect(url.replace('localhost', '127.0.0.1'), { handlers: { message() {} } });
      await until(() => errors.length > 0 || server.connections.size > 0);
      const [left] = server.connections;
      if (left !== undefined) await provoke(left, right, () => pongs > 0 || !failing);
      await until(() => errors.length > 0);
      expect(errors).toEqual(['getter']);
    }
  });
});

describe('A49: an application may call every method inside every handler', () => {
  const names = [
    'open',
    'message',
    'fragment',
    'ping',
    'pong',
    'drain',
    'closing',
    'close',
    'error',
  ] as const;
  const calls: Record<string, (connection: Connection) => unknown> = {
    send: (connection) => connection.send('inside'),
    'send large': (connection) => connection.send(Buffer.alloc(300_000)),
    'send fragments': (connection) => connection.send('inside', { fragmentSize: 2 }),
    ping: (connection) => connection.ping('inside'),
    pong: (connection) => connection.pong('inside'),
    close: (connection) => connection.close(3000, 'inside'),
    'close twice': (connection) => [connection.close(3000), connection.close(3001)],
    terminate: (connection) => connection.terminate(),
    'send, close, terminate': (connection) => [
      connection.send('x'),
      connection.close(),
      connection.terminate(),
    ],
    'pause and resume': (connection) => [connection.pause(), connection.resume()],
    'pause, resume later': (connection) => [connection.pause(), setImmediate(() => connection.resume())],
    flush: (connection) => [connection.send('x'), connection.flush()],
    'resume, terminate, send': (connection) => [
      connection.resume(),
      connection.terminate(),
      connection.send('x'),
    ],
  };

  test.each(names.flatMap((name) => Object.keys(calls).map((call) => [name, call] as const)))(
    'the call inside the handler `%s` works: %s',
    async (name, call) => {
      const closes: unknown[] = [];
      let called = 0;
      const thrown: unknown[] = [];
      const { peer, server } = await startServer({
        message() {},
        close: () => void closes.push('close'),
        error() {},
        [name]: (connection: Connection) => {
          called++;
          if (name === 'close') closes.push('close');
          if (called > 3) return;
          try {
            calls[call]!(connection);
          } catch (error) {
            thrown.push(error);
          }
        },
      });
      const raw = await peer().open();
      raw.write(frame(Op.Text, 'message'));
      raw.write(
        Buffer.concat([
          frame(Op.Text, 'frag', { fin: false }),
          frame(Op.Ping, 'p'),
          frame(Op.Continuation, 'ment'),
        ]),
      );
      raw.write(frame(Op.Pong, 'unsolicited'));
      if (name === 'drain') {
        await until(() => server.connections.size === 1);
        raw.socket.pause();
        const [left] = server.connections;
        while (left!.send(Buffer.alloc(200_000)));
        raw.socket.resume();
        await until(() => called > 0 || closes.length > 0);
      }
      // If the test is about `error`, an invalid frame ends the connection. Otherwise a Close frame ends the connection.
      raw.write(name === 'error' ? frame(3) : closeFrame(1000));
      await raw.answer();
      raw.destroy();
      await until(() => server.connections.size === 0);
      await until(() => closes.length > 0);
      await new Promise(setImmediate);
      expect(called).toBeGreaterThan(0);
      expect(closes).toEqual(['close']);
      expect(thrown).toEqual([]);
    },
  );
});

test('C18: an idle connection stays open as long as its peer answers pings', async () => {
  const { left, right } = await pair({}, { heartbeat: { interval: 30, timeout: 5_000 } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect([left.state, right.state]).toEqual(['open', 'open']);
  await right.close();
});

test('if the application sends more bytes than the send cap of a connection allows, the connection fails with a ConnectionError', async () => {
  const errors: Error[] = [];
  const { left, right } = await pair({ error: (_, error) => void errors.push(error) }, { sendCap: 100_000 });
  right.pause();
  for (let index = 0; index < 1_000 && left.state === 'open'; index++) left.send(Buffer.alloc(100_000));
  expect(await left.closed).toMatchObject({ code: 1006 });
  expect(errors).toHaveLength(1);
  expect(errors[0]).toBeInstanceOf(ConnectionError);
  right.terminate();
});

test('util.inspect shows the state of a connection and of a server', async () => {
  const { server, left, right } = await pair({ upgrade: () => ({ data: 7 }), message() {} });
  expect(inspect(left)).toMatch(
    /^Connection \{\s+state: 'open',\s+url: '\/',\s+remoteAddress: '[\d.:f]+',\s+subprotocol: '',\s+bufferedAmount: 0,\s+data: 7\s+\}$/,
  );
  expect(inspect({ right })).toMatch(/^\{\s+right: Connection \{\s+state: 'open',/);
  expect(inspect(server, { breakLength: Number.POSITIVE_INFINITY, depth: 4 })).toMatch(
    /^WebSocketServer \{ addresses: \[ \{ address: .* \} \], connections: 1 \}$/,
  );
});
