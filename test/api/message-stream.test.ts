/** The `stream` handler receives a message while parts of the message still arrive. RFC 6455 §5.4, §8.1, §10.4. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Connection,
  type ConnectionError,
  connect,
  MemoryBudget,
  type MessageStream,
  WebSocketServer,
} from '../../src/index.ts';
import { random } from '../frame/harness.ts';
import { closeServers } from '../transport/servers.ts';
import { pair, until } from './pair.ts';

afterEach(closeServers);

async function read(message: MessageStream): Promise<string | Buffer> {
  const parts: (string | Buffer)[] = [];
  for await (const part of message) parts.push(part);
  return message.isBinary ? Buffer.concat(parts as Buffer[]) : parts.join('');
}

async function* endless(): AsyncGenerator<Buffer> {
  yield Buffer.from('one');
  await new Promise(() => {});
}

const codeOf = (error: unknown): string | undefined => (error as ConnectionError).code;

describe.each([
  ['without compression', false],
  ['with compression', true],
])('%s', (_, compression) => {
  test.each(['left', 'right'] as const)(
    'every message arrives in parts and in order (receiving side: %s)',
    async (side) => {
      const received: unknown[] = [];
      const stream = async (_connection: unknown, message: MessageStream): Promise<void> => {
        const whole = await read(message);
        expect(message.wireSize).toBeGreaterThanOrEqual(0);
        received.push(whole.toString('hex' as never));
      };
      const other = side === 'left' ? 'right' : 'left';
      const server = side === 'left' ? { stream } : { message() {} };
      const handlers = side === 'left' ? { message() {} } : { stream };
      const options = { compression, maxStreamSize: Number.POSITIVE_INFINITY };
      const ends = await pair(server, options, { ...options, handlers });
      const binary = randomBytes(400_000);
      const emoji = '😀é'.repeat(30_000);
      const messages: (string | Buffer)[] = ['', 'small', binary, emoji, Buffer.alloc(0), 'last'];
      for (const message of messages) ends[other].send(message, { fragmentSize: 9_999 });
      await ends[other].sendStream(['in ', 'parts']);
      await until(() => received.length === messages.length + 1);
      const order = [...messages, 'in parts'].map((message) => message.toString('hex' as never));
      expect(new Set(received)).toEqual(new Set(order));
      expect(ends[side].bufferedAmount).toBe(0);
    },
  );
});

test("with text: 'bytes' the parts of a text message are Buffers, and together they are valid UTF-8", async () => {
  const received: string[] = [];
  const { right } = await pair(
    {
      async stream(_connection, message) {
        expect(message.isBinary).toBe(false);
        const parts: Buffer[] = [];
        for await (const part of message) parts.push(part as Buffer);
        received.push(Buffer.concat(parts).toString());
      },
    },
    { text: 'bytes' },
  );
  right.send('é'.repeat(500), { fragmentSize: 7 });
  await until(() => received.length === 1);
  expect(received).toEqual(['é'.repeat(500)]);
});

test('if the reader of a message stalls, the peer has to wait, even after the application has called `resume`', async () => {
  const memoryBudget = new MemoryBudget();
  let go: () => void = () => {};
  const wait = new Promise<void>((resolve) => {
    go = resolve;
  });
  let size = 0;
  const { left, right } = await pair(
    {
      async stream(_connection, message) {
        await wait_(message, wait, (bytes) => {
          size += bytes;
        });
      },
    },
    { maxStreamSize: Number.POSITIVE_INFINITY, memoryBudget },
  );
  const part = Buffer.alloc(65_536);
  let sent = 0;
  const done = right.sendStream(
    (function* () {
      for (; sent < 640; sent++) yield part;
    })(),
  );
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(sent).toBeLessThan(600);
  // The reader holds one part, and a limited number of other bytes waits.
  expect(memoryBudget.used).toBeGreaterThan(0);
  expect(memoryBudget.used).toBeLessThan(65_536 * 4);
  // `resume` ends the pause of the application. It does not end the pause that the slow reader causes.
  left.pause();
  left.resume();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(sent).toBe(before);
  go();
  await done;
  await until(() => size === 640 * 65_536);
  await until(() => memoryBudget.used === 0);
});

async function wait_(
  message: MessageStream,
  wait: Promise<void>,
  add: (bytes: number) => void,
): Promise<void> {
  for await (const part of message) {
    await wait;
    add(part.length);
  }
}

describe('a message that its handler does not read completely', () => {
  test('if a handler leaves the loop over a message early, the rest of this message is dropped, and the next message arrives', async () => {
    const received: string[] = [];
    const { right, left } = await pair({
      async stream(_connection, message) {
        for await (const part of message) {
          received.push(part.toString());
          if (part === 'stop') return;
        }
      },
    });
    await right.sendStream(['stop', 'x'.repeat(300_000), 'never']);
    await right.write('next');
    await until(() => received.length === 2);
    expect(received).toEqual(['stop', 'next']);
    expect(left.state).toBe('open');
  });

  test('if a handler returns before it reads a message, the message is dropped, and a later loop over the message throws', async () => {
    const kept: MessageStream[] = [];
    const { right } = await pair({ stream: (_connection, message) => void kept.push(message) });
    await right.write('x'.repeat(500_000));
    await right.write('next');
    await until(() => kept.length === 2);
    for (const message of kept) expect(() => message[Symbol.asyncIterator]()).toThrow('was dropped');
  });

  test('if a handler passes a message to another function and returns, that function can still read the whole message', async () => {
    const texts: Promise<string>[] = [];
    const { right } = await pair({
      stream: (_connection, message) => void texts.push(text(Readable.from(message))),
    });
    await right.sendStream(['a', 'b', 'c']);
    await until(() => texts.length === 1);
    expect(await texts[0]).toBe('abc');
  });

  test('a message allows only one loop at a time', async () => {
    const errors: unknown[] = [];
    const { right } = await pair({
      async stream(_connection, message) {
        const first = message[Symbol.asyncIterator]();
        try {
          message[Symbol.asyncIterator]();
        } catch (error) {
          errors.push(error);
        }
        const [one, two] = await Promise.allSettled([first.next(), first.next()]);
        errors.push(one.status, two.status);
        message.cancel();
        expect(await first.next()).toEqual({ done: true, value: undefined });
      },
    });
    right.send('one');
    await until(() => errors.length >= 3);
    expect(errors).toMatchObject([
      { message: 'this message is being read already' },
      'fulfilled',
      'rejected',
    ]);
  });
});

describe('failures of a message stream', () => {
  test('if the connection ends, the loop over a message delivers the parts that had arrived, and then throws WS_STREAM_LOST', async () => {
    const outcomes: unknown[] = [];
    const parts: string[] = [];
    const { right } = await pair({
      async stream(_connection, message) {
        try {
          for await (const part of message) parts.push(part.toString());
        } catch (error) {
          outcomes.push(codeOf(error));
        }
      },
      error() {},
    });
    const sent = right.sendStream(
      (async function* () {
        yield 'one';
        yield 'two';
        await new Promise(() => {});
      })(),
    );
    await until(() => parts.join('') === 'onetwo');
    right.terminate();
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(['WS_STREAM_LOST']);
    await expect(sent).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
  });

  test('F25, F21: if a message exceeds maxStreamSize or has invalid UTF-8, the loop throws an error with this failure as its `cause`', async () => {
    const causes: unknown[] = [];
    const handlers = {
      async stream(_connection: unknown, message: MessageStream) {
        await read(message).catch((error) => void causes.push(codeOf(error.cause)));
      },
      error() {},
    };
    const big = await pair(handlers, { maxStreamSize: 1_000 });
    const sent = big.right.sendStream([Buffer.alloc(900), Buffer.alloc(101)]);
    expect(await big.right.closed).toMatchObject({ code: 1009 });
    await sent.catch(() => {});
    const wrong = await pair(handlers);
    wrong.right.sendStream([Buffer.from('ok'), Buffer.from([0xff])], { binary: false }).catch(() => {});
    expect(await wrong.right.closed).toMatchObject({ code: 1007 });
    await until(() => causes.length === 2);
    expect(causes).toEqual(['WS_MESSAGE_TOO_BIG', 'WS_INVALID_UTF8']);
  });

  test('the default of maxStreamSize is the value of maxMessageSize', async () => {
    const { right } = await pair(
      { stream: (_connection, message) => read(message).catch(() => {}), error() {} },
      { maxMessageSize: 1_000 },
    );
    right.send(Buffer.alloc(1_001));
    expect(await right.closed).toMatchObject({ code: 1009 });
  });

  test('if a stream handler throws or rejects, its connection fails with 1011', async () => {
    for (const stream of [
      () => {
        throw new Error('fault');
      },
      async () => {
        throw new Error('fault');
      },
    ]) {
      const errors: Error[] = [];
      const { right } = await pair({ stream, error: (_connection, error) => void errors.push(error) });
      right.send('x');
      expect(await right.closed).toMatchObject({ code: 1011 });
      expect(errors.map(({ message }) => message)).toEqual(['fault']);
    }
  });

  test('if a stream handler does not catch WS_STREAM_LOST, no error is reported', async () => {
    const events: unknown[] = [];
    const { left, right } = await pair({
      async stream(_connection, message) {
        try {
          for await (const part of message) events.push(part.length);
        } finally {
          events.push('left');
        }
      },
      error: (_connection, error) => void events.push(error),
      close: (_connection, code) => void events.push(code),
    });
    const sent = right.sendStream(endless());
    await until(() => events.length > 0);
    right.terminate();
    await sent.catch(() => {});
    await left.closed;
    await until(() => events.includes('left'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual([3, 1006, 'left']);
  });

  test('a close is clean even if the reader of a message stalls', async () => {
    const outcomes: unknown[] = [];
    const { left, right } = await pair(
      {
        async stream(_connection, message) {
          const loop = message[Symbol.asyncIterator]();
          await loop.next();
          await left.closed;
          for (;;) {
            try {
              if ((await loop.next()).done === true) break;
            } catch (error) {
              outcomes.push(codeOf(error));
              break;
            }
          }
        },
      },
      { maxStreamSize: Number.POSITIVE_INFINITY },
    );
    const sent = right.sendStream(Array.from({ length: 100 }, () => Buffer.alloc(65_536)));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await left.close(1001)).toMatchObject({ wasClean: true });
    await sent.catch(() => {});
    await until(() => outcomes.length === 1);
    expect(outcomes).toEqual(['WS_STREAM_LOST']);
  });

  test('if a stream handler never settles, the end of its connection still frees the memory', async () => {
    const memoryBudget = new MemoryBudget();
    let begun = 0;
    const closes: number[] = [];
    const { server, right } = await pair(
      {
        stream: () => {
          begun++;
          return new Promise<void>(() => {});
        },
        close: (_connection, code) => void closes.push(code),
        error() {},
      },
      { maxStreamSize: Number.POSITIVE_INFINITY, memoryBudget, heartbeat: { interval: 40 } },
    );
    const send = (connection: Connection): void => {
      const parts = Array.from({ length: 100 }, () => Buffer.alloc(65_536));
      connection.sendStream(parts).catch(() => {});
    };
    send(right);
    // The test waits for longer than the timeout of the heartbeat. The connection is paused, so the heartbeat does not drop it.
    await until(() => begun === 1 && memoryBudget.used > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(closes).toEqual([]);
    expect(memoryBudget.used).toBeLessThan(65_536 * 4);
    // The connection does not read, so it notices the loss of the peer only when it sends.
    right.terminate();
    await until(() => closes.length === 1);
    expect(closes).toEqual([1006]);
    await until(() => memoryBudget.used === 0);

    const second = await connect(`ws://127.0.0.1:${(server.addresses[0] as { port: number }).port}`);
    send(second);
    await until(() => begun === 2);
    await server.shutdown({ grace: 50 });
    expect(closes).toHaveLength(2);
    await until(() => memoryBudget.used === 0);
    second.terminate();
  });

  test('a connection with a stream handler can have neither a `message` handler nor a loop over its messages', async () => {
    const both = { stream() {}, message() {} };
    expect(() => new WebSocketServer(both)).toThrow('handlers has both "stream" and "message"');
    await expect(connect('ws://127.0.0.1:1', { handlers: both })).rejects.toThrow(
      'both "stream" and "message"',
    );
    expect(() => new WebSocketServer({ stream: undefined as never, message() {} })).not.toThrow();
    const { left } = await pair({ stream() {} });
    expect(() => left[Symbol.asyncIterator]()).toThrow('go to its handler');
  });
});

test('FAULT-3: message streams leave no resource behind, whatever their readers do, and whenever the connection ends', {
  timeout: 60_000,
}, async () => {
  const pick = random(Date.now() % 1_000_000_000);
  for (let round = 0; round < 60; round++) {
    const memoryBudget = new MemoryBudget();
    let running = 0;
    const { left, right } = await pair(
      {
        async stream(_connection, message) {
          running++;
          try {
            let parts = pick(6);
            for await (const _part of message) {
              if (pick(3) === 0) await new Promise(setImmediate);
              if (parts-- === 0) break;
            }
          } catch (error) {
            expect(codeOf(error)).toBe('WS_STREAM_LOST');
          } finally {
            running--;
          }
        },
        error() {},
      },
      { memoryBudget, maxStreamSize: Number.POSITIVE_INFINITY, compression: pick(2) === 0 },
      { memoryBudget, compression: true, handlers: { error() {}, message() {} } },
    );
    const messages = Array.from({ length: 1 + pick(4) }, () =>
      Array.from({ length: pick(5) }, () => Buffer.alloc(pick(2) === 0 ? 90_000 : pick(50))),
    );
    const sent = messages.map((parts) => right.sendStream(parts));
    for (let wait = pick(10); wait > 0; wait--) await new Promise(setImmediate);
    const ends: ((connection: Connection) => unknown)[] = [
      (one) => one.close(),
      (one) => one.terminate(),
      (one) => one.reset(),
      () => Promise.allSettled(sent),
    ];
    await ends[pick(ends.length)]!(pick(2) === 0 ? (left as Connection) : right);
    void left.close();
    await Promise.all([left.closed, right.closed, Promise.allSettled(sent)]);
    await until(() => running === 0);
    // The memory that zlib's threads use is returned a moment later.
    await until(() => memoryBudget.used === 0);
  }
});
