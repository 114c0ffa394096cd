/** Tests the end of a connection, and what the handlers of both ends receive. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type CloseInfo,
  CompressionBudget,
  type Connection,
  type ConnectionHandlers,
  connect,
  MemoryBudget,
  Reconnection,
} from '../../src/index.ts';
import { closeScripted, scripted } from '../transport/scripted.ts';
import { closeServers, kinds, startServer } from '../transport/servers.ts';
import { closeFrame, codeOf, frame, Op, type RawPeer, requestHead } from '../transport/wire.ts';
import { pair } from './pair.ts';

afterEach(async () => {
  await closeServers();
  await closeScripted();
});

/** Starts a server and opens one connection. The peer of this connection never answers. */
async function mute(
  options: Parameters<typeof startServer>[1] = {},
  kind: Parameters<typeof startServer>[2] = 'listen',
) {
  const errors: Error[] = [];
  let opened: (connection: Connection) => void = () => {};
  const open = new Promise<Connection>((resolve) => {
    opened = resolve;
  });
  const started = await startServer(
    { open: (connection) => opened(connection), error: (_connection, error) => void errors.push(error) },
    options,
    kind,
  );
  const peer: RawPeer = await started.peer().open();
  return { ...started, peer, errors, connection: await open };
}

describe('close with a timeout', () => {
  test('close with a timeout shorter than closeTimeout drops the connection after that timeout', async () => {
    const { connection, peer } = await mute({ closeTimeout: Number.POSITIVE_INFINITY });
    const closed: CloseInfo = await connection.close(3000, 'bye', 1);
    expect(closed).toMatchObject({ code: 1006, wasClean: false });
    await peer.answer();
    expect(codeOf(peer.frames[0]!)).toBe(3000);
  });

  test('a second call of close can shorten the wait for the closing handshake, but it cannot prolong the wait', async () => {
    const { connection } = await mute({ closeTimeout: Number.POSITIVE_INFINITY });
    connection.close();
    connection.close(1000, '', 1);
    expect(await connection.close(1000, '', Number.POSITIVE_INFINITY)).toMatchObject({ code: 1006 });
  });

  test('close throws for an invalid timeout or code, and sends nothing', async () => {
    const { connection } = await mute();
    expect(() => connection.close(1000, '', 0)).toThrow(RangeError);
    expect(() => connection.close(1005, '', 1)).toThrow(RangeError);
    expect(connection.state).toBe('open');
  });
});

describe('shutdown', () => {
  test('shutdown drops open connections after its grace period, not after closeTimeout, and these connections report no error', async () => {
    const { server, peer, connection, errors } = await mute({ closeTimeout: 1 });
    const over = server.shutdown({ grace: 120_000 });
    await peer.until(() => peer.frames.length === 1);
    expect(codeOf(peer.frames[0]!)).toBe(1001);
    // This later connection has the same closeTimeout of 1 ms. If closeTimeout applied to the first connection, that one would be closed.
    const other = await mute({ closeTimeout: 1 });
    await other.connection.close();
    expect(connection.state).toBe('closing');
    server.shutdown({ grace: 1 });
    await over;
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false });
    expect(errors).toEqual([]);
  });

  test('a second call of shutdown does not prolong the grace period of the first call', async () => {
    const { server } = await mute();
    const over = server.shutdown({ grace: 1 });
    expect(server.shutdown({ grace: 3_600_000 })).toBe(over);
    await over;
  });
});

describe('reset', () => {
  test('reset drops the TCP connection without a Close frame and without FIN', async () => {
    const { connection, peer } = await mute({ memoryBudget: new MemoryBudget(1_048_576) });
    connection.reset();
    expect(connection.state).toBe('closing');
    expect(connection.send('late')).toBe(false);
    await peer.gone();
    expect(peer.frames).toEqual([]);
    expect(peer.ended).toBe(false);
    expect(peer.error?.code).toBe('ECONNRESET');
    expect(await connection.closed).toMatchObject({ code: 1006, wasClean: false });
    connection.reset();
  });

  test('reset drops the connection even if bytes wait for a peer that does not read', async () => {
    const { connection, peer, errors } = await mute();
    peer.socket.pause();
    while (connection.bufferedAmount < 1_048_576) connection.send(Buffer.alloc(262_144));
    connection.reset();
    expect(await connection.closed).toMatchObject({ code: 1006 });
    expect(errors).toEqual([]);
  });

  test('reset drops a connection that uses TLS', async () => {
    const { connection, peer } = await mute({}, 'listen over TLS');
    connection.reset();
    expect(await connection.closed).toMatchObject({ code: 1006 });
    await peer.answer();
    expect(peer.frames).toEqual([]);
  });
});

/** What the `close` handler received, and what the `error` handler received before it. */
interface Ending {
  readonly infos: CloseInfo[];
  readonly errors: Error[];
}

function recording(): Ending & ConnectionHandlers {
  const infos: CloseInfo[] = [];
  const errors: Error[] = [];
  return {
    infos,
    errors,
    message() {},
    error: (_connection, error) => void errors.push(error),
    close: (_connection, code, reason, wasClean, info) => {
      expect([info.code, info.reason, info.wasClean]).toEqual([code, reason, wasClean]);
      infos.push(info);
    },
  };
}

describe.each(kinds)('FAULT-8: a connection that failed (%s)', (kind) => {
  const sizes: [string, { compression: boolean; size: number }][] = [
    ['a small message', { compression: false, size: 1_001 }],
    ['a message that is still being sent', { compression: false, size: 8_000_000 }],
    ['a compressed message', { compression: true, size: 100_000 }],
    ['a message whose compressed bytes exceed the limit', { compression: true, size: 8_000_000 }],
  ];

  test.each(sizes)(
    'FAULT-8: if the server fails the connection with 1009, the handlers of both ends receive the reason: %s',
    async (_, { compression, size }) => {
      const here = recording();
      const there = recording();
      const { left, right } = await pair(
        here,
        { compression, maxMessageSize: 1_000 },
        { compression, handlers: there },
        kind,
      );
      const address = `127.0.0.1:${left.remotePort}`;
      right.send(Buffer.alloc(size));
      await Promise.all([left.closed, right.closed]);
      checkBoth(here, there, address, size, compression);
    },
  );

  test.each(sizes)(
    'FAULT-8: if the client fails the connection with 1009, the handlers of both ends receive the reason: %s',
    async (_, { compression, size }) => {
      const here = recording();
      const there = recording();
      const { left, right, url } = await pair(
        there,
        { compression },
        { compression, maxMessageSize: 1_000, handlers: here },
        kind,
      );
      left.send(Buffer.alloc(size));
      await Promise.all([left.closed, right.closed]);
      checkBoth(here, there, url.replace('localhost', '127.0.0.1'), size, compression);
    },
  );

  function checkBoth(here: Ending, there: Ending, peer: string, size: number, compression: boolean): void {
    const [error] = here.errors;
    expect(here.errors).toHaveLength(1);
    expect(error).toMatchObject({ code: 'WS_MESSAGE_TOO_BIG', peer });
    expect(error?.message).toContain('1000');
    if (!compression) expect(error?.message).toContain(String(size));
    expect(error?.message).toContain(peer);
    const [info] = here.infos;
    expect(here.infos).toHaveLength(1);
    expect(info).toMatchObject({ code: 1006, wasClean: false, byPeer: false, sentCode: 1009 });
    expect(info?.error).toBe(error);
    expect(info?.sentReason).toContain('1000');
    // The reason that the peer receives does not contain the peer's address.
    expect(info?.sentReason).not.toContain(peer);
    expect(there.infos).toMatchObject([{ code: 1009, reason: info?.sentReason, byPeer: true, error: null }]);
    expect(there.errors).toEqual([]);
  }
});

describe('FAULT-8: the arguments of the `close` handler', () => {
  test('FAULT-8: after an exception in a handler, the `close` handler receives the exception as `error` and 1011 as `sentCode`', async () => {
    const here = recording();
    const { left, right } = await pair({
      ...here,
      message: () => {
        throw new Error('in message');
      },
    });
    right.send('x');
    expect(await left.closed).toMatchObject({
      code: 1006,
      sentCode: 1011,
      sentReason: '',
      error: { message: 'in message' },
    });
    expect(here.infos).toEqual([await left.closed]);
  });

  test('FAULT-8: if a connection is dropped without a Close frame, `sentCode` is null', async () => {
    const { left, right } = await pair();
    left.terminate();
    const nothing = { code: 1006, sentCode: null, sentReason: '', error: null };
    expect(await left.closed).toMatchObject(nothing);
    expect(await right.closed).toMatchObject(nothing);
  });

  test('FAULT-8: wasClean is false if the peer never reads our messages and our Close frame', async () => {
    const { connection, peer } = await mute({ closeTimeout: 50 });
    peer.socket.pause();
    while (connection.bufferedAmount < 16_777_216) connection.send(Buffer.alloc(262_144));
    peer.write(closeFrame(1000));
    expect(await connection.closed).toMatchObject({ code: 1000, wasClean: false, byPeer: true });
  });

  test('FAULT-8: the `drain` handler is not called after the `close` handler', async () => {
    const events: string[] = [];
    const { server, peer } = await startServer({
      drain: () => void events.push('drain'),
      close: () => void events.push('close'),
    });
    const raw = await peer().open();
    const [connection] = server.connections;
    raw.socket.pause();
    while (connection!.send(Buffer.alloc(262_144)) || connection!.bufferedAmount < 8_388_608);
    // The peer ends TCP without a Close frame. After that, the server can still send the bytes that wait.
    raw.socket.end();
    await connection!.closed;
    raw.socket.resume();
    await raw.gone();
    expect(events).toEqual(['close']);
  });

  test('if the connection is lost, a loop over its messages throws an error that contains the address of the peer', async () => {
    const { left, right } = await pair();
    left.terminate();
    const loop = async (): Promise<void> => {
      for await (const message of right) expect(message).toBe('');
    };
    await expect(loop()).rejects.toMatchObject({ code: 'WS_CONNECTION_LOST', peer: right.url });
  });
});

describe('FAULT-2: a paused connection', () => {
  // This timeout of an hour is longer than the test may take. So a test that passes did not wait for closeTimeout.
  const patient = { closeTimeout: 3_600_000 };
  const clean = { code: 1000, wasClean: true };

  const sides = kinds.flatMap((kind) => [[kind, 'left'] as const, [kind, 'right'] as const]);

  test.each(sides)(
    'FAULT-2: close() on a paused connection is clean and does not wait for closeTimeout (%s, closing side: %s)',
    async (kind, side) => {
      const both = await pair({ message() {} }, patient, { ...patient, handlers: { message() {} } }, kind);
      const [closing, other] = side === 'left' ? [both.left, both.right] : [both.right, both.left];
      closing.pause();
      // The library reads the bytes that wait in the socket, and drops them.
      other.send('x'.repeat(1_000_000));
      expect(await closing.close()).toMatchObject({ ...clean, byPeer: false });
      expect(await other.closed).toMatchObject({ ...clean, byPeer: true });
    },
  );

  test('FAULT-2: `await using` closes a paused connection cleanly', async () => {
    const { left, right } = await pair({ message() {} }, patient, { ...patient, handlers: { message() {} } });
    left.pause();
    right.send('x'.repeat(1_000_000));
    await left[Symbol.asyncDispose]();
    expect(await left.closed).toMatchObject(clean);
  });

  test('FAULT-2: if the application leaves a loop over the messages, a paused connection closes cleanly', async () => {
    const { left, right } = await pair({}, patient, patient);
    for (let count = 0; count < 100; count++) left.send('message');
    for await (const message of right) {
      expect(message).toBe('message');
      right.pause();
      break;
    }
    expect(await right.closed).toMatchObject(clean);
    expect(await left.closed).toMatchObject(clean);
  });

  test('FAULT-2: `stop` of a Reconnection cleanly closes a paused connection', async () => {
    const { server, url } = await startServer({
      open: (connection) => void connection.send('x'.repeat(1_000_000)),
    });
    const ends: unknown[] = [];
    const client = new Reconnection(url.replace('localhost', '127.0.0.1'), {
      connect: patient,
      handlers: {
        open: (connection) => connection.pause(),
        message() {},
        close: (_connection, code, _reason, wasClean) => void ends.push([code, wasClean]),
      },
    });
    await client.start();
    await client.stop();
    expect(ends).toEqual([[1000, true]]);
    while (server.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  });

  test('FAULT-2: a shutdown of the server cleanly closes a paused connection', async () => {
    const { server, left } = await pair({ message() {} }, patient, patient);
    left.pause();
    await server.shutdown({ grace: 3_600_000 });
    expect(await left.closed).toMatchObject({ code: 1001, wasClean: true });
  });

  test('FAULT-2: after close() on a paused connection, messages that still arrive are dropped', async () => {
    const received: unknown[] = [];
    const { left, right } = await pair(
      { message: (_connection, message) => void received.push(message) },
      patient,
      patient,
    );
    left.pause();
    right.send('late');
    await right.drained();
    await left.close();
    expect(received).toEqual([]);
  });
});

/** What the `open` handler does, and the close code that the peer then receives. */
const inOpen: [string, number, (connection: Connection<unknown>) => void][] = [
  ['closes', 4001, (connection) => void connection.close(4001)],
  [
    'throws',
    1011,
    () => {
      throw new Error('in open');
    },
  ],
];

describe.each(inOpen)('FAULT-2: an `open` handler that %s', (_does, code, open) => {
  // With Infinity the heartbeat has no timer. With an hour, the heartbeat has a timer, but it does not fire during the test.
  const heartbeats = [Number.POSITIVE_INFINITY, 3_600_000];

  test.each(kinds)(
    'FAULT-2: if the handler belongs to a server, closeTimeout limits the closing handshake: %s',
    async (kind) => {
      for (const interval of heartbeats) {
        let onClosed: (info: CloseInfo) => void = () => {};
        const closed = new Promise<CloseInfo>((resolve) => {
          onClosed = resolve;
        });
        const { peer } = await startServer(
          { open, error() {}, close: (_connection, _code, _reason, _clean, info) => onClosed(info) },
          { heartbeat: { interval }, closeTimeout: 50 },
          kind,
        );
        const raw = await peer().open();
        await raw.until(() => raw.frames.length === 1);
        expect(codeOf(raw.frames[0]!)).toBe(code);
        // The peer does not answer the Close frame.
        expect(await closed).toMatchObject({ code: 1006, sentCode: code });
      }
    },
  );

  test('FAULT-2: if the handler belongs to a client, closeTimeout limits the closing handshake', async () => {
    for (const interval of heartbeats) {
      const { port } = await scripted(({ socket, accept }) => void socket.write(accept()));
      let onClosed: (info: CloseInfo) => void = () => {};
      const closed = new Promise<CloseInfo>((resolve) => {
        onClosed = resolve;
      });
      await connect(`ws://127.0.0.1:${port}/`, {
        heartbeat: { interval },
        closeTimeout: 50,
        handlers: { open, error() {}, close: (_connection, _code, _reason, _clean, info) => onClosed(info) },
      });
      expect(await closed).toMatchObject({ code: 1006, sentCode: code });
    }
  });
});

/** What the peer does, the handler that is called for it, and the close code of the connection. */
const ends = [
  ['breaks a rule', 'error', frame(Op.Text, 'fragment', { mask: false, fin: false }), 1006],
  ['sends a Close frame', 'closing', closeFrame(1000, '', { mask: false }), 1000],
] as const;

describe.each(ends)(
  'FAULT-3: the peer %s, and the `%s` handler calls reset()',
  (_cause, hook, bytes, code) => {
    /**
     * The same frame in the form that a client sends, masked with a key of zeros. The test sends it twice. Two such text frames break a
     * rule, because the second one begins a message inside the first message.
     */
    const toServer = Buffer.concat([
      bytes.subarray(0, 1),
      Buffer.from([bytes[1]! | 0x80, 0, 0, 0, 0]),
      bytes.subarray(2),
    ]);
    const handlers = (codes: number[], onClosed: () => void = () => {}): ConnectionHandlers => ({
      [hook]: (connection: Connection) => connection.reset(),
      close: (_connection, seen) => {
        codes.push(seen);
        onClosed();
      },
    });
    const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };

    test.each(kinds)(
      'FAULT-3: if a handler of the server calls reset(), the `close` handler is called once, and no resource is left: %s',
      async (kind) => {
        const codes: number[] = [];
        const budget = new CompressionBudget();
        const memoryBudget = new MemoryBudget();
        const { server, peer } = await startServer(
          handlers(codes),
          { compression: { budget }, memoryBudget, maxConnections: 1, closeTimeout: 3_600_000 },
          kind,
        );
        const raw = peer().write(requestHead(offer));
        await raw.until(() => raw.head !== '');
        expect(raw.status).toBe(101);
        raw.write(Buffer.concat([toServer, toServer]));
        await raw.until(() => raw.ended || raw.closed);
        raw.destroy();
        // The server has a limit of one connection. It accepts another connection only after the first connection has ended.
        for (let status = 0; status !== 101; ) {
          const next = peer().write(requestHead());
          await next.until(() => next.head !== '');
          ({ status } = next);
          next.destroy();
        }
        await server.shutdown({ grace: 3_600_000 });
        expect(codes[0]).toBe(code);
        // The second code belongs to the connection of the second peer.
        expect([codes.length, budget.used, memoryBudget.used]).toEqual([2, 0, 0]);
      },
    );

    test('FAULT-3: if a handler of the client calls reset(), the `close` handler is called once, and no resource is left', async () => {
      const { port, open } = await scripted(({ socket, accept }) => {
        socket.write(accept('Sec-WebSocket-Extensions: permessage-deflate\r\n'));
        socket.write(Buffer.concat([bytes, bytes]));
        socket.on('end', () => socket.end()).resume();
      });
      const codes: number[] = [];
      const budget = new CompressionBudget();
      const memoryBudget = new MemoryBudget();
      await new Promise<void>((resolve) => {
        void connect(`ws://127.0.0.1:${port}/`, {
          compression: { budget },
          memoryBudget,
          closeTimeout: 3_600_000,
          handlers: handlers(codes, resolve),
        });
      });
      while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
      expect([codes, budget.used, memoryBudget.used]).toEqual([[code], 0, 0]);
    });
  },
);
