/** Tests `WebSocketServer`: its options, `upgrade`, broadcast and shutdown. */
import { createServer as createHttpServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { ConnectOptions } from '../../src/api/connect-options.ts';
import type { Connection } from '../../src/api/connection.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import type { ServerOptions } from '../../src/api/server-options.ts';
import { reject } from '../../src/api/upgrade-answer.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import type { HandshakeError } from '../../src/handshake/error.ts';
import { closeServers, plainPeer, startServer } from '../transport/servers.ts';
import { codeOf, Op, requestHead } from '../transport/wire.ts';
import { pair, until, warningsOf } from './pair.ts';

afterEach(closeServers);

describe('options', () => {
  const numbers = [
    'maxMessageSize',
    'highWaterMark',
    'sendCap',
    'sendTimeout',
    'closeTimeout',
    'messageTimeout',
    'handshakeTimeout',
    'maxConnections',
  ] as const;

  test.each(numbers)(
    'the server refuses 0, negative numbers, NaN and other types as %s, and Infinity disables the limit',
    (name) => {
      for (const value of [0, -0, -1, Number.NaN, '5000', null, true, {}, 5n]) {
        expect(() => new WebSocketServer({}, { [name]: value } as ServerOptions), String(value)).toThrow(
          RangeError,
        );
      }
      new WebSocketServer({}, { [name]: Number.POSITIVE_INFINITY });
      new WebSocketServer({}, { [name]: 1 });
    },
  );

  test('the server refuses 0, negative numbers, NaN and strings as times of the heartbeat, and Infinity disables the heartbeat', () => {
    for (const key of ['interval', 'timeout']) {
      for (const value of [0, -1, Number.NaN, '5']) {
        expect(() => new WebSocketServer({}, { heartbeat: { [key]: value } } as ServerOptions)).toThrow(
          RangeError,
        );
      }
    }
    for (const heartbeat of [false, null, 5, 'off']) {
      expect(() => new WebSocketServer({}, { heartbeat } as unknown as ServerOptions)).toThrow(TypeError);
    }
    new WebSocketServer({}, { heartbeat: { interval: Number.POSITIVE_INFINITY } });
  });

  test('FAULT-4: WebSocketServer and connect refuse a maxMessageSize above the memory budget', async () => {
    const memoryBudget = new MemoryBudget(1_048_575);
    for (const options of [{ memoryBudget }, { memoryBudget, maxMessageSize: 2 ** 21 }]) {
      expect(() => new WebSocketServer({}, options)).toThrow(RangeError);
      expect(() => new WebSocketServer({}, options)).toThrow(/maxMessageSize .* memoryBudget/);
      const refused = connect('ws://127.0.0.1:1', options);
      await expect(refused).rejects.toThrow(RangeError);
      await expect(refused).rejects.toThrow(/maxMessageSize .* memoryBudget/);
    }
    // A maxMessageSize equal to the budget is valid. Infinity is valid for maxMessageSize and for the budget.
    new WebSocketServer({}, { memoryBudget, maxMessageSize: 1_048_575 });
    new WebSocketServer({}, { memoryBudget, maxMessageSize: Number.POSITIVE_INFINITY });
    new WebSocketServer(
      {},
      { memoryBudget: new MemoryBudget(Number.POSITIVE_INFINITY), maxMessageSize: 2 ** 40 },
    );
  });

  test('the server refuses an option whose value is an invalid string, list or object', () => {
    for (const options of [
      { flush: 'now' },
      { text: 'buffer' },
      { memoryBudget: 5 },
      { subprotocols: 'chat' },
      { subprotocols: ['not a token'] },
      { subprotocols: [5] },
      { origins: 'same-site' },
      { origins: ['example.com'] },
      { origins: ['https://example.com/path'] },
    ]) {
      expect(
        () => new WebSocketServer({}, options as unknown as ServerOptions),
        JSON.stringify(options),
      ).toThrow(TypeError);
    }
  });

  test('if the options are invalid, connect rejects before any network activity', async () => {
    for (const options of [{ maxMessageSize: 0 }, { closeTimeout: Number.NaN }, { handshakeTimeout: -1 }]) {
      await expect(connect('ws://127.0.0.1:1/', options)).rejects.toThrow(RangeError);
    }
    for (const options of [{ flush: 'now' }, { heartbeat: false }]) {
      await expect(connect('ws://127.0.0.1:1/', options as unknown as ConnectOptions)).rejects.toThrow(
        TypeError,
      );
    }
  });

  test('reject accepts a status from 300 to 599, and throws for any other status', () => {
    for (const status of [0, 101, 200, 299, 600, 401.5, Number.NaN])
      expect(() => reject(status)).toThrow(RangeError);
    expect(reject(401, 'no', { 'X-A': 'b' })).toMatchObject({
      status: 401,
      body: 'no',
      headers: ['X-A', 'b'],
    });
  });

  test('F25, A22: a message of maxMessageSize bytes is accepted, and one more byte closes the connection with 1009', async () => {
    const { left, right } = await pair(
      { message: (connection, message) => connection.send(message) },
      { maxMessageSize: 1_000 },
    );
    right.send(Buffer.alloc(1_000), { fragmentSize: 300 });
    for await (const message of right) {
      expect(message.length).toBe(1_000);
      right.send(Buffer.alloc(1_001), { fragmentSize: 300 });
      break;
    }
    expect((await left.closed).code).not.toBe(1000);
    expect(await right.closed).toMatchObject({ code: 1009 });
  });

  test('maxMessageSize is 1 MiB on a server and 16 MiB on a client by default', async () => {
    const { left, right } = await pair({ message: (connection, message) => connection.send(message) });
    right.send(Buffer.alloc(1_048_576));
    const iterator = right[Symbol.asyncIterator]();
    expect(((await iterator.next()).value as Buffer).length).toBe(1_048_576);
    left.send(Buffer.alloc(16_777_216));
    expect(((await iterator.next()).value as Buffer).length).toBe(16_777_216);
    right.send(Buffer.alloc(1_048_577));
    expect(await right.closed).toMatchObject({ code: 1009 });
    const other = await pair();
    other.left.send(Buffer.alloc(16_777_217));
    expect(await other.left.closed).toMatchObject({ code: 1009 });
  });
});

describe('upgrade', () => {
  test('the property `data` of the result of `upgrade` becomes `data` of the connection', async () => {
    const { left, right } = await pair<{ user: string }>(
      {
        upgrade: async (request) => ({
          data: { user: request.header('X-User') ?? '?' },
          headers: { 'X-Welcome': 'yes' },
        }),
        open: (connection) => connection.send(`hello ${connection.data.user}`),
      },
      {},
      { headers: { 'X-User': 'ada' } },
    );
    for await (const message of right) {
      expect(message).toBe('hello ada');
      break;
    }
    expect(left.data).toEqual({ user: 'ada' });
  });

  test('A48: without a `refused` handler, an exception of `upgrade` becomes a process warning', async () => {
    const warnings = await warningsOf(async () => {
      const { url } = await startServer({
        upgrade: () => {
          throw new Error('in upgrade');
        },
      });
      await expect(connect(url.replace('localhost', '127.0.0.1'))).rejects.toMatchObject({ status: 500 });
    });
    expect(warnings.map(({ message }) => message)).toEqual(['in upgrade']);
  });

  test('FAULT-8: if `upgrade` throws for every request, the server prints one warning a minute for each different text', async () => {
    const warnings = await warningsOf(async () => {
      let requests = 0;
      const { peer } = await startServer({
        upgrade: () => {
          throw new Error(requests++ % 2 === 0 ? 'the database is gone' : `no user ${requests}`);
        },
      });
      for (let count = 0; count < 300; count++) {
        await peer().write(requestHead()).answer();
      }
    });
    const texts = warnings.map(({ message }) => message);
    expect(texts.filter((text) => text === 'the database is gone')).toHaveLength(1);
    expect(texts.slice(0, 3)).toEqual(['the database is gone', 'no user 2', 'no user 4']);
    expect(texts).toHaveLength(100);
  });

  test('A48: if `upgrade` throws any value, the answer is 500, a warning is emitted, and the process continues', async () => {
    const nothing: unknown = Object.create(null);
    const thrown: unknown[] = [nothing, 'a text', undefined, Symbol('one')];
    const warnings = await warningsOf(async () => {
      const { url } = await startServer({
        upgrade: () => {
          throw thrown.shift();
        },
      });
      const address = url.replace('localhost', '127.0.0.1');
      for (let left = thrown.length; left > 0; left--) {
        await expect(connect(address)).rejects.toMatchObject({ status: 500 });
      }
    });
    expect(warnings.map(({ message }) => message)).toEqual([
      '[Object: null prototype] {}',
      'a text',
      'undefined',
      'Symbol(one)',
    ]);
  });

  test('A48: the server reads each getter of the result of `upgrade` once, and the answer is 500 if a getter throws', async () => {
    for (const name of ['data', 'subprotocol', 'headers'] as const) {
      let reads = 0;
      const warnings = await warningsOf(async () => {
        const { url } = await startServer<unknown>({
          upgrade: () => ({
            get [name](): never {
              reads++;
              throw new Error(`in ${name}`);
            },
          }),
        });
        await expect(connect(url.replace('localhost', '127.0.0.1'))).rejects.toMatchObject({ status: 500 });
      });
      expect(warnings.map(({ message }) => message)).toEqual([`in ${name}`]);
      expect(reads).toBe(1);
    }
  });

  test('the server calls `refused` for each refusal, and an exception of `refused` becomes a process warning', async () => {
    const refused: [string, string | undefined][] = [];
    const warnings = await warningsOf(async () => {
      const { peer } = await startServer(
        {
          refused: (error: HandshakeError, request) => {
            refused.push([error.code, request?.target]);
            throw new Error('in refused');
          },
        },
        { maxConnections: 2 },
      );
      // The limit of two connections counts the first two requests until their sockets are closed. So the server refuses the third request.
      await peer()
        .write(requestHead({ Origin: 'null' }, 'GET /a HTTP/1.1'))
        .answer();
      await peer().open();
      await peer().answer();
    });
    expect(refused).toEqual([
      ['WS_HANDSHAKE_ORIGIN', '/a'],
      ['WS_HANDSHAKE_UNAVAILABLE', undefined],
    ]);
    // The second exception has the same text. The server emits one warning a minute for each text.
    expect(warnings.map(({ message }) => message)).toEqual(['in refused']);
  });

  test('A48: if an async `refused` or `origins` rejects, the process continues', async () => {
    const warnings = await warningsOf(async () => {
      const { peer } = await startServer({
        refused: async () => {
          throw new Error('in refused, later');
        },
      });
      await peer()
        .write(requestHead({ Origin: 'null' }))
        .answer();
      const other = await startServer(
        { refused: () => {} },
        { origins: (async () => Promise.reject(new Error('in origins'))) as unknown as () => boolean },
      );
      const raw = other.peer().write(requestHead({ Origin: 'http://localhost' }));
      await raw.answer();
      expect(raw.status).toBe(403);
    });
    expect(warnings.map(({ message }) => message)).toEqual(['in refused, later']);
  });

  test('A49: `upgrade` may shut down the server, and handleUpgrade ignores a request whose socket is already destroyed', async () => {
    const http = createHttpServer();
    const server = new WebSocketServer({ open: (connection) => connection.terminate() });
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/destroy') socket.destroy();
      server.handleUpgrade(request, socket, head);
    });
    const { listenHttp } = await import('../transport/servers.ts');
    const port = await listenHttp(http);
    for (const path of ['/destroy', '/terminate']) {
      await plainPeer(port)
        .write(requestHead({}, `GET ${path} HTTP/1.1`))
        .answer();
    }
    await until(() => server.connections.size === 0);
    await server.shutdown();

    let done: Promise<void> | null = null;
    const inside = await startServer({
      upgrade: () => {
        done = inside.server.shutdown();
      },
    });
    const raw = inside.peer().write(requestHead());
    await raw.answer();
    expect(raw.status).toBe(503);
    raw.destroy();
    await done;
  });
});

describe('broadcast', () => {
  async function clients(
    count: number,
    server: { url: string; server: WebSocketServer },
  ): Promise<Connection[]> {
    const all = await Promise.all(
      Array.from({ length: count }, () => connect(server.url.replace('localhost', '127.0.0.1'))),
    );
    await until(() => server.server.connections.size === count);
    return all;
  }

  test('broadcast sends to all connections except the excluded ones, and returns the number of receivers', async () => {
    const started = await startServer();
    const all = await clients(4, started);
    const [one, two] = started.server.connections;
    expect(started.server.broadcast('all')).toBe(4);
    expect(started.server.broadcast('some', one)).toBe(3);
    expect(started.server.broadcast('fewer', new Set([one!, two!]))).toBe(2);
    await one!.close();
    expect(started.server.broadcast('rest')).toBe(3);
    const heard = await Promise.all(
      all.map(async (connection) => {
        const messages: unknown[] = [];
        setTimeout(() => void connection.close(), 50);
        for await (const message of connection) messages.push(message);
        return messages.join();
      }),
    );
    expect(heard.sort()).toEqual(['all', 'all,some,fewer,rest', 'all,some,fewer,rest', 'all,some,rest']);
  });

  test('A40: broadcast sends each type of bytes, for example Buffer and ArrayBuffer, in small and large messages', async () => {
    const started = await startServer();
    const [client] = await clients(1, started);
    const iterator = client![Symbol.asyncIterator]();
    const floats = new Float32Array([1.5, 2.5, 3.5]).subarray(1);
    for (const message of [
      floats,
      floats.buffer,
      new DataView(floats.buffer, 4, 2),
      Buffer.alloc(100_000, 3),
      new Uint8Array(0),
    ]) {
      started.server.broadcast(message);
      const expected = ArrayBuffer.isView(message)
        ? Buffer.from(message.buffer, message.byteOffset, message.byteLength)
        : Buffer.from(message);
      expect(((await iterator.next()).value as Buffer).equals(expected)).toBe(true);
    }
  });

  test('A53: if one of many peers does not read, the other peers still receive every broadcast message', async () => {
    const started = await startServer({}, { sendCap: 2_000_000 });
    const all = await clients(60, started);
    const stalled = plainPeer(started.port);
    await stalled.open();
    stalled.socket.pause();
    await until(() => started.server.connections.size === 61);
    const payload = 'x'.repeat(20_000);
    const received = all.map(async (connection) => {
      let count = 0;
      for await (const message of connection) {
        if (!String(message).startsWith(`${count} `)) throw new Error(`message ${count} is missing`);
        if (++count === 400) return count;
      }
      return count;
    });
    for (let index = 0; index < 400; index++) {
      started.server.broadcast(`${index} ${payload}`);
      await new Promise(setImmediate);
    }
    expect(await Promise.all(received)).toEqual(all.map(() => 400));
  }, 60_000);
});

describe('shutdown', () => {
  test('`shutdown` closes every connection with 1001, and then releases all resources', async () => {
    const { server, left, right } = await pair();
    await server.shutdown();
    expect(await right.closed).toMatchObject({ code: 1001, wasClean: true, byPeer: true });
    expect(left.state).toBe('closed');
    expect([server.connections.size, server.addresses]).toEqual([0, []]);
  });

  test('shutdown accepts a code and a reason, and throws for an invalid code or reason without closing anything', async () => {
    const { server, right } = await pair();
    for (const options of [
      { code: 1006 },
      { code: 999 },
      { reason: 'x'.repeat(124) },
      { grace: 0 },
      { grace: Number.NaN },
    ]) {
      expect(() => server.shutdown(options)).toThrow(RangeError);
    }
    expect(right.state).toBe('open');
    await server.shutdown({ code: 4000, reason: 'update' });
    expect(await right.closed).toMatchObject({ code: 4000, reason: 'update' });
  });

  test('if a peer does not answer, shutdown drops this peer after the grace period', async () => {
    const { server, peer } = await startServer();
    const raw = await peer().open();
    await server.shutdown({ grace: 50 });
    expect(codeOf(raw.frames.find(({ opcode }) => opcode === Op.Close)!)).toBe(1001);
    await raw.answer();
    expect(server.connections.size).toBe(0);
  });

  test('shutdown returns the same Promise for every call, works before listen, and is also Symbol.asyncDispose of the server', async () => {
    const { server } = await startServer();
    const first = server.shutdown();
    expect(server.shutdown({ code: 4000 })).toBe(first);
    await first;
    await new WebSocketServer().shutdown();
    const disposed = await pair();
    await disposed.server[Symbol.asyncDispose]();
    expect(await disposed.right.closed).toMatchObject({ code: 1001 });
  });

  test('shutdown works inside a handler, even if messages are in transit', async () => {
    let done: Promise<void> | null = null;
    const { right, server } = await pair({
      message: (connection, message) => {
        connection.send(message);
        done ??= server.shutdown();
      },
    });
    right.send('last words');
    for await (const message of right) expect(message).toBe('last words');
    await done;
    expect(await right.closed).toMatchObject({ code: 1001, wasClean: true });
  });

  test('after `shutdown` no handle keeps the process alive', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Pipe/.test(name)).length;
    const started = await startServer({}, {}, 'listen');
    const secure = await startServer({}, {}, 'listen over TLS');
    const connection = await connect(started.url.replace('localhost', '127.0.0.1'));
    const silent = started.peer();
    const half = secure.peer();
    await half.open();
    await Promise.all([started.server.shutdown({ grace: 50 }), secure.server.shutdown({ grace: 50 })]);
    await connection.closed;
    silent.destroy();
    half.destroy();
    await Promise.all([silent.gone(), half.gone()]);
    // The handle of a listener still exists for a moment after the event 'close' of the listener.
    await until(
      () => process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Pipe/.test(name)).length <= before,
    );
  });
});
