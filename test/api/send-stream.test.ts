/** `sendStream` sends one message from an iterable that yields the parts of the message. RFC 6455 §5.4. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connection, type ConnectionError, MemoryBudget, type StreamSource } from '../../src/index.ts';
import { random } from '../frame/harness.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { pair, until } from './pair.ts';

afterEach(closeServers);

/** Yields its parts in order. It counts how many parts were requested, and how often sendStream ended the source early. */
class Source implements AsyncIterable<string | Uint8Array> {
  asked = 0;
  returned = 0;
  readonly #parts: readonly (string | Uint8Array | Error | Promise<string>)[];

  constructor(...parts: readonly (string | Uint8Array | Error | Promise<string>)[]) {
    this.#parts = parts;
  }

  [Symbol.asyncIterator](): AsyncIterator<string | Uint8Array> {
    return {
      next: async () => {
        const part = this.#parts[this.asked++];
        if (part instanceof Error) throw part;
        return part === undefined ? { done: true, value: undefined } : { done: false, value: await part };
      },
      return: async () => {
        this.returned++;
        return { done: true, value: undefined };
      },
    };
  }
}

const never = (): Promise<string> => new Promise(() => {});
const codeOf = (error: unknown): string | undefined => (error as ConnectionError).code;

describe.each([
  ['without compression', false],
  ['with compression', true],
  ['with compression and without contexts', { serverNoContextTakeover: true, clientNoContextTakeover: true }],
])('%s', (_, compression) => {
  const noise = randomBytes(300_000);
  const messages: [string, StreamSource, string | Buffer][] = [
    ['strings', new Source('one ', 'two ', 'three'), 'one two three'],
    ['a synchronous iterable', ['a', 'b'], 'ab'],
    [
      'a generator',
      (function* () {
        yield 'x';
        yield 'y';
      })(),
      'xy',
    ],
    ['a pair of surrogates in two parts', ['\ud83d', '\ude00 ', '\ud83d', '', '\ude00'], '😀 😀'],
    ['surrogates that stay alone', ['a\ud83d', 'b', '\ud83d'], 'a\ufffdb\ufffd'],
    [
      'a string, then UTF-8',
      ['é\ud83d', Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)],
      'é\ufffdé',
    ],
    ['bytes', [noise.subarray(0, 100_000), noise.subarray(100_000, 100_001), noise.subarray(100_001)], noise],
    ['views', [new Uint16Array([0x4241]), new Uint8Array([0x43]).buffer], Buffer.from('ABC')],
    ['a stream of Node', Readable.from([Buffer.from('ab'), Buffer.from('c')]), Buffer.from('abc')],
    [
      'large parts',
      ['text '.repeat(60_000), 'more '.repeat(60_000)],
      'text '.repeat(60_000) + 'more '.repeat(60_000),
    ],
    ['no parts at all', [], Buffer.alloc(0)],
    ['empty parts', ['', ''], ''],
  ];
  for (const side of ['left', 'right'] as const) {
    test(`each source is sent as one message (sending side: ${side})`, async () => {
      const received: (string | Buffer)[] = [];
      const message = (_connection: unknown, data: string | Buffer): void => void received.push(data);
      const ends = await pair({ message }, { compression }, { compression, handlers: { message } });
      for (const [name, source, expected] of messages) {
        // A generator can be read only once.
        if (side === 'right' && (name === 'a generator' || name === 'a stream of Node')) continue;
        if (source instanceof Source) source.asked = 0;
        await ends[side].sendStream(source);
        await ends[side].write('between');
        await until(() => received.length === 2);
        expect(typeof received[0], name).toBe(typeof expected);
        expect(
          received[0]!.length === expected.length && Buffer.from(received[0]!).equals(Buffer.from(expected)),
          name,
        ).toBe(true);
        expect(received[1]).toBe('between');
        received.length = 0;
      }
      expect(ends[side].bufferedAmount).toBe(0);
    });
  }

  test('sendStream sends its message first, then the messages that the application has sent in the meantime, and then the Close frame', async () => {
    const received: unknown[] = [];
    const { left, right } = await pair(
      {},
      { compression },
      { compression, handlers: { message: (_connection, data) => void received.push(data.toString()) } },
    );
    let go: (text: string) => void = () => {};
    const wait = new Promise<string>((resolve) => {
      go = resolve;
    });
    const first = left.sendStream(new Source('one', wait, 'three'));
    const second = left.sendStream(['second'], { binary: true });
    const third = left.write('third');
    left.close(1000, 'done');
    await new Promise(setImmediate);
    expect(received).toEqual([]);
    go('two');
    await Promise.all([first, second, third]);
    expect(await right.closed).toMatchObject({ code: 1000, wasClean: true });
    expect(received).toEqual(['onetwothree', 'second', 'third']);
  });
});

test('the option `binary` of sendStream determines the type of the message, even if the parts have another type', async () => {
  const received: unknown[] = [];
  const { left } = await pair(
    {},
    {},
    {
      handlers: { message: (_connection, data, isBinary) => void received.push([data.toString(), isBinary]) },
    },
  );
  await left.sendStream(['text'], { binary: true });
  await left.sendStream([Buffer.from('bytes')], { binary: false });
  await left.sendStream([], { binary: false });
  await until(() => received.length === 3);
  expect(received).toEqual([
    ['text', true],
    ['bytes', false],
    ['', false],
  ]);
});

test('sendStream throws for invalid arguments', async () => {
  const { left } = await pair();
  const wrong: unknown[] = ['text', Buffer.from('bytes'), null, undefined, 7, {}, new ArrayBuffer(3)];
  for (const source of wrong) {
    expect(() => left.sendStream(source as StreamSource)).toThrow(
      /^the source is .*, not an iterable of strings or bytes/,
    );
  }
  expect(() => left.sendStream([], { bin: true } as object)).toThrow('sendStream has no option "bin"');
  expect(() => left.sendStream([], { binary: 1 } as object)).toThrow(TypeError);
  expect(() => left.sendStream([], { signal: {} } as object)).toThrow('not an AbortSignal');
  expect(left.state).toBe('open');
});

/** Opens a connection from a server to a peer that does not read. */
async function stalled(memoryBudget: MemoryBudget) {
  let opened: (connection: Connection) => void = () => {};
  const open = new Promise<Connection>((resolve) => {
    opened = resolve;
  });
  const errors: Error[] = [];
  const { peer } = await startServer(
    { open: (connection) => opened(connection), error: (_connection, error) => void errors.push(error) },
    { memoryBudget },
  );
  const raw = await peer().open();
  raw.socket.pause();
  return { connection: await open, raw, errors };
}

test('while the peer does not read, sendStream stops reading its source; it continues when the peer reads again', async () => {
  const memoryBudget = new MemoryBudget();
  const { connection, raw } = await stalled(memoryBudget);
  const part = Buffer.alloc(65_536);
  const source = new Source(...Array.from({ length: 640 }, () => part));
  const sent = connection.sendStream(source);
  let before = -1;
  while (before !== source.asked) {
    before = source.asked;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(source.asked).toBeLessThan(600);
  // At most one part and as many bytes as the high-water mark wait in the process, together with the frame headers.
  expect(connection.bufferedAmount).toBeLessThan(65_536 * 2 + 100);
  expect(memoryBudget.used).toBeLessThan(65_536 * 2 + 100);
  raw.socket.resume();
  await sent;
  expect(source.asked).toBe(641);
  expect(source.returned).toBe(0);
  expect(memoryBudget.used).toBe(0);
});

describe('a message that sendStream cannot send completely', () => {
  test('if a source throws before its first part, sendStream rejects and the connection stays open', async () => {
    const { left } = await pair();
    const fault = new Error('fault');
    await expect(left.sendStream(new Source(fault))).rejects.toBe(fault);
    await expect(left.sendStream(new Source('', fault))).rejects.toBe(fault);
    const strange = {
      [Symbol.iterator]: () => ({
        next: () => {
          throw fault;
        },
      }),
    };
    await expect(left.sendStream(strange as Iterable<string>)).rejects.toBe(fault);
    await expect(left.sendStream([7 as unknown as string])).rejects.toThrow('a message is a string');
    await left.write('still here');
    expect(left.state).toBe('open');
  });

  test('if a source throws after its first part, the connection fails with 1011 and WS_STREAM_CUT', async () => {
    const errors: Error[] = [];
    const { left, right } = await pair({ error: (_connection, error) => void errors.push(error) });
    const fault = new Error('fault');
    const behind = left.sendStream(new Source('one', fault));
    const waiting = left.write('never');
    await expect(behind).rejects.toBe(fault);
    await expect(waiting).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    expect(await right.closed).toMatchObject({ code: 1011, reason: '' });
    expect(errors.map(codeOf)).toEqual(['WS_STREAM_CUT']);
    expect(errors[0]!.cause).toBe(fault);
  });

  test('if a source yields a value that is neither a string nor bytes, sendStream ends the source and fails the connection', async () => {
    const { left } = await pair({ error() {} });
    const source = new Source('one', 7 as unknown as string);
    await expect(left.sendStream(source)).rejects.toThrow('a message is a string');
    expect(source.returned).toBe(1);
    expect(await left.closed).toMatchObject({ sentCode: 1011 });
  });

  test('if the connection ends, sendStream ends its source, even if the next part of the source never arrives', async () => {
    const { left, right } = await pair({ error() {} });
    const source = new Source('one', never());
    const waiting = new Source('two');
    const sent = [left.sendStream(source), left.sendStream(waiting)];
    await until(() => source.asked === 2);
    right.terminate();
    for (const one of sent) await expect(one).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    expect([source.returned, waiting.returned, waiting.asked]).toEqual([1, 1, 0]);
    const late = new Source('late');
    await expect(left.sendStream(late)).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    expect(late.returned).toBe(1);
  });

  test("C4: the peer's Close frame ends the message of sendStream immediately, and the close is clean", async () => {
    const { left, right } = await pair();
    const source = new Source('one', never());
    const sent = left.sendStream(source);
    await until(() => source.asked === 2);
    const closing = right.close(3000);
    await expect(sent).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    expect(await closing).toMatchObject({ wasClean: true });
    expect(source.returned).toBe(1);
  });

  test('if the signal aborts, sendStream removes a message that waits, but fails the connection if the message has begun', async () => {
    const { left, right } = await pair({ error() {} });
    const aborter = new AbortController();
    const reason = new Error('enough');
    const first = new Source('one', never());
    const running = new AbortController();
    const sent = left.sendStream(first, { signal: running.signal });
    const second = new Source('two');
    const waiting = left.sendStream(second, { signal: aborter.signal });
    aborter.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(left.sendStream(second, { signal: aborter.signal })).rejects.toBe(reason);
    expect([second.asked, second.returned, left.state]).toEqual([0, 2, 'open']);
    await until(() => first.asked === 2);
    running.abort(reason);
    await expect(sent).rejects.toBe(reason);
    expect(first.returned).toBe(1);
    expect((await right.closed).code).toBe(1011);
  });

  test('an exception or a rejection of the `return` method of a source has no effect', async () => {
    const { left } = await pair({ error() {} });
    for (const end of [
      async () => Promise.reject(new Error('return')),
      () => {
        throw new Error('return');
      },
    ]) {
      const source = { [Symbol.asyncIterator]: () => ({ next: never, return: end }) };
      const sent = left.sendStream(source as unknown as StreamSource, { signal: AbortSignal.timeout(5) });
      await expect(sent).rejects.toMatchObject({ name: 'TimeoutError' });
    }
    await left.write('still here');
  });
});

describe.each([
  ['without compression', false],
  ['with compression', true],
])('%s', (_, compression) => {
  test('FAULT-3: if either end aborts sendStream, at any moment, all resources are released', {
    timeout: 60_000,
  }, async () => {
    const seed = Date.now() % 1_000_000_000;
    const pick = random(seed);
    for (let round = 0; round < 60; round++) {
      const memoryBudget = new MemoryBudget();
      const received: string[] = [];
      const { left, right } = await pair(
        { error() {} },
        { compression, memoryBudget },
        {
          compression,
          memoryBudget,
          handlers: { message: (_connection, data) => void received.push(data.toString()), error() {} },
        },
      );
      const sources = Array.from({ length: 1 + pick(3) }, () => {
        const parts = Array.from({ length: pick(6) }, () =>
          'part '.repeat(pick(3) === 0 ? 40_000 : pick(100)),
        );
        return new Source(
          ...parts.map((part) =>
            pick(2) === 0 ? part : new Promise<string>((resolve) => setTimeout(resolve, pick(3), part)),
          ),
        );
      });
      const aborters = sources.map(() => new AbortController());
      const sent = sources.map((source, index) =>
        left.sendStream(source, { signal: aborters[index]!.signal }),
      );
      const ends: (() => void)[] = [
        () => aborters[pick(aborters.length)]!.abort(),
        () => left.terminate(),
        () => right.terminate(),
        () => void left.close(),
        () => void right.close(),
        () => {},
      ];
      for (let wait = pick(8); wait > 0; wait--) await new Promise(setImmediate);
      ends[pick(ends.length)]!();
      const outcomes = await Promise.allSettled(sent);
      void left.close();
      await Promise.all([left.closed, right.closed]);
      for (const [index, { status }] of outcomes.entries()) {
        const { returned } = sources[index]!;
        // sendStream ends a source early only if it has not read the source to the end.
        expect([status, returned], `seed ${seed}, round ${round}`).toEqual(
          status === 'fulfilled' ? ['fulfilled', 0] : ['rejected', expect.toSatisfy((count) => count <= 1)],
        );
      }
      expect([left.bufferedAmount, right.bufferedAmount], `seed ${seed}, round ${round}`).toEqual([0, 0]);
      // The memory that zlib's threads use is returned a moment later.
      await until(() => memoryBudget.used === 0);
      // Each message that was delivered is complete.
      const whole = outcomes.filter(({ status }) => status === 'fulfilled').length;
      expect(received.length).toBeLessThanOrEqual(sources.length);
      if (left.state === 'closed' && whole === sources.length)
        expect(received.every((text) => /^(?:part )*$/.test(text))).toBe(true);
    }
  });
});
