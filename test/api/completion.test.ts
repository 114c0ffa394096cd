/** How an application learns that a message has left (RFC 6455 §6.1): the callback of `send`, and the Promises of `write` and `drained`. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { Connection, SendOptions } from '../../src/index.ts';
import { ConnectionError } from '../../src/index.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { frame } from '../transport/wire.ts';
import { pair, until } from './pair.ts';

afterEach(closeServers);

type Outcome = Error | null;

/** Opens a server with one connection. The peer does not read until the test resumes its socket. */
async function stalled(options: Parameters<typeof startServer>[1] = {}) {
  const errors: Error[] = [];
  let opened: (connection: Connection) => void = () => {};
  const open = new Promise<Connection>((resolve) => {
    opened = resolve;
  });
  const { peer } = await startServer(
    { open: (connection) => opened(connection), error: (_connection, error) => void errors.push(error) },
    options,
  );
  const raw = await peer().open();
  const connection = await open;
  raw.socket.pause();
  return { connection, raw, errors };
}

/** Sends messages until more than 4 MiB wait for the peer. */
function fill(connection: Connection): void {
  while (connection.bufferedAmount < 4_194_304) {
    connection.send(Buffer.alloc(262_144));
    connection.flush();
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

describe.each([
  ['without compression', false],
  ['with compression', true],
])('%s', (_, compression) => {
  const messages: [string, string | Uint8Array, SendOptions | undefined][] = [
    ['an empty text', '', undefined],
    ['a small text', 'hello', undefined],
    ['a large text', 'text '.repeat(100_000), undefined],
    ['bytes that are copied', Buffer.alloc(4_096, 1), undefined],
    ['bytes that are not copied', Buffer.alloc(300_000, 1), undefined],
    ['a message that is not compressed', Buffer.alloc(300_000, 1), { compress: false }],
    ['a fragmented message', Buffer.alloc(300_000, 1), { fragmentSize: 1_000 }],
    ['a fragmented text', 'text '.repeat(10_000), { fragmentSize: 1_000, lastFragmentSize: 2_000 }],
  ];

  for (const side of ['left', 'right'] as const) {
    test.each(messages)(
      `after a message has left, send calls its callback and write resolves (sending side: ${side}): %s`,
      async (_, message, options) => {
        const connections = await pair(
          { message() {} },
          { compression },
          { compression, handlers: { message() {} } },
        );
        const connection = connections[side];
        const outcomes: Outcome[] = [];
        const done = (error: Outcome): void => void outcomes.push(error);
        if (options === undefined) connection.send(message, done);
        else connection.send(message, options, done);
        connection.flush();
        expect(outcomes).toEqual([]);
        await connection.write(message, options);
        expect(outcomes).toEqual([null]);
        expect(connection.bufferedAmount).toBe(0);
      },
    );
  }

  test('send calls the callbacks in the order of the messages, and before the `close` handler runs', async () => {
    const events: string[] = [];
    const { left } = await pair(
      { message() {}, close: () => void events.push('close') },
      { compression },
      { compression, handlers: { message() {} } },
    );
    left.send(Buffer.alloc(300_000), () => void events.push('large'));
    left.send('small', () => void events.push('small'));
    left.sendText(Buffer.from('bytes'), undefined, () => void events.push('bytes'));
    await left.close();
    expect(events).toEqual(['large', 'small', 'bytes', 'close']);
  });

  test('the application may change the options after the call of send, and a waiting message still uses the old values', async () => {
    const received: (string | Buffer)[] = [];
    const { left } = await pair(
      {},
      { compression },
      { compression, handlers: { message: (_connection, message) => void received.push(message) } },
    );
    const options = { fragmentSize: 100_000 };
    const first = left.write(Buffer.alloc(300_000), options);
    const second = left.write('text '.repeat(50_000), options);
    options.fragmentSize = 0;
    await Promise.all([first, second]);
    await until(() => received.length === 2);
    expect(received.map((message) => message.length)).toEqual([300_000, 250_000]);
  });

  test('`drained` waits only for messages that were sent before the call', async () => {
    const { left } = await pair({}, { compression }, { compression, handlers: { message() {} } });
    await left.drained();
    const events: string[] = [];
    left.send(Buffer.alloc(300_000), () => void events.push('before'));
    const drained = left.drained().then(() => events.push('drained'));
    left.send(Buffer.alloc(300_000), () => void events.push('after'));
    await drained;
    expect(events[0]).toBe('before');
    expect(events.indexOf('drained')).toBeLessThanOrEqual(2);
    await left.drained();
    expect(events).toContain('after');
    expect(left.bufferedAmount).toBe(0);
  });
});

describe('a peer that does not read', () => {
  test('if the peer does not read, send does not call its callback before the peer begins to read', async () => {
    const { connection, raw } = await stalled();
    fill(connection);
    const outcomes: Outcome[] = [];
    expect(connection.send('last', (error) => void outcomes.push(error))).toBe(false);
    const drained = connection.drained().then(() => outcomes.length);
    await turns(20);
    expect(outcomes).toEqual([]);
    raw.socket.resume();
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual([null]);
    expect(await drained).toBe(1);
  });

  test.each([
    ['by terminate', (connection: Connection) => connection.terminate()],
    ['by reset', (connection: Connection) => connection.reset()],
    [
      'by a close that the peer does not answer',
      (connection: Connection) => void connection.close(1000, '', 1),
    ],
  ])('send, write and drained each report one error if the connection ends %s', async (_, end) => {
    const { connection } = await stalled();
    const outcomes: Outcome[] = [];
    fill(connection);
    connection.send('text', (error) => void outcomes.push(error));
    const write = connection.write(Buffer.alloc(100_000));
    const drained = connection.drained();
    end(connection);
    await expect(write).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    await expect(drained).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    await connection.closed;
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toBeInstanceOf(ConnectionError);
    expect(outcomes[0]?.message).toContain(`(127.0.0.1:${connection.remotePort})`);
  });

  test('if the connection fails while a message waits for compression, send and write report the error of the connection', async () => {
    const { left } = await pair(
      { error() {} },
      { compression: true },
      { compression: true, handlers: { message() {} } },
    );
    left.send('x', { compress: false }, () => {
      throw new Error('in a callback');
    });
    left.flush();
    const write = left.write(randomBytes(4_194_304));
    await expect(write).rejects.toMatchObject({ code: 'WS_NOT_SENT', cause: { message: 'in a callback' } });
    expect(await left.closed).toMatchObject({ sentCode: 1011, error: { message: 'in a callback' } });
  });
});

describe('a connection that is not open', () => {
  test('on a connection that is not open, send, write and drained report WS_NOT_SENT, but only after the call has returned', async () => {
    const { left } = await pair({}, {}, { handlers: { message() {} } });
    const closed = left.close();
    const outcomes: Outcome[] = [];
    expect(left.send('closing', (error) => void outcomes.push(error))).toBe(false);
    await closed;
    expect(left.send('closed', { compress: false }, (error) => void outcomes.push(error))).toBe(false);
    expect(left.sendText(Buffer.from('x'), {}, (error) => void outcomes.push(error))).toBe(false);
    expect(outcomes).toHaveLength(1);
    await turns(1);
    expect(outcomes).toHaveLength(3);
    for (const error of outcomes) expect(error).toMatchObject({ code: 'WS_NOT_SENT' });
    await expect(left.write('x')).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    await expect(left.drained()).rejects.toMatchObject({ code: 'WS_NOT_SENT' });
    expect(left.lastWireSize).toBe(0);
  });

  test('if the connection has failed, write rejects with an error, and the `cause` of the error is that failure', async () => {
    const { connection, raw } = await stalled({ closeTimeout: 1 });
    raw.socket.resume();
    raw.write(frame(0x42)); // RSV1 is set.
    await connection.closed;
    await expect(connection.write('x')).rejects.toMatchObject({ cause: { code: 'WS_RESERVED_BITS' } });
  });

  test('if write or drained rejects and the application does not await the Promise, the process continues', async () => {
    const { left } = await pair({}, {}, { handlers: { message() {} } });
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    left.terminate();
    void left.write('x');
    void left.drained();
    await turns(5);
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
  });
});

describe('invalid arguments of send and write', () => {
  test('send and write throw immediately for invalid arguments, and send nothing', async () => {
    const { left } = await pair({}, {}, { handlers: { message() {} } });
    const done = (): void => {};
    // biome-ignore lint/suspicious/noExplicitAny: a JavaScript caller can pass any value
    const anyLeft = left as any;
    expect(() => anyLeft.send('x', 5)).toThrow(TypeError);
    expect(() => anyLeft.send('x', {}, 'done')).toThrow('done is a string, not a function');
    expect(() => anyLeft.send('x', { compres: true }, done)).toThrow('did you mean "compress"?');
    expect(() => anyLeft.send(5, done)).toThrow(TypeError);
    expect(() => anyLeft.write({})).toThrow('JSON.stringify it');
    expect(() => anyLeft.write('x', { fragmentSize: 0 })).toThrow(RangeError);
    expect(() => left.send('x', { fragmentSize: 2, lastFragmentSize: 1 }, done)).toThrow(RangeError);
    expect(left.bufferedAmount).toBe(0);
  });
});

describe('a callback of send that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('in done');
      },
    ],
    ['rejects', () => Promise.reject(new Error('in done'))],
  ])(
    'if the callback %s, the connection closes with 1011, and the error is reported once',
    async (_, done) => {
      const errors: string[] = [];
      const { left } = await pair(
        { error: (_connection, error) => void errors.push(error.message) },
        {},
        { handlers: { message() {} } },
      );
      left.send('x', done);
      expect(await left.closed).toMatchObject({ sentCode: 1011, error: { message: 'in done' } });
      expect(errors).toEqual(['in done']);
      // The error is reported even if the connection is already closed.
      left.send('x', done);
      await turns(2);
      expect(errors).toEqual(['in done', 'in done']);
    },
  );
});

test('broadcast returns the number of open connections that it sent to', async () => {
  const { server } = await pair({}, {}, { handlers: { message() {} } });
  expect(server.broadcast('x')).toBe(1);
  for (const connection of server.connections) connection.terminate();
  expect(server.broadcast('x')).toBe(0);
});
