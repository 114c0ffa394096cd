/** Tests `listen`: its address, the options that it refuses, and the release of all resources. */
import { connect as netConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { unixPath } from '../unix-path.ts';
import { ca, closeServers, startServer, tls } from './servers.ts';

afterEach(closeServers);

test('listen() on a port that is in use rejects with the system’s error', async () => {
  const { server, port } = await startServer();
  await expect(server.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(server.addresses).toHaveLength(1);
});

test('listen() with an invalid port or path rejects', async () => {
  const { server } = await startServer();
  await expect(server.listen({ port: 70_000 })).rejects.toThrow(RangeError);
  await expect(server.listen({ path: 'chat' })).rejects.toThrow(TypeError);
});

test('listen() uses the loopback address by default, and a program may call it several times for one server', async () => {
  const { server } = await startServer();
  await server.listen();
  expect(server.addresses).toHaveLength(2);
  for (const address of server.addresses) expect(address).toMatchObject({ address: '127.0.0.1' });
});

test('if the server is shut down while listen() works, listen() rejects, and no listener stays open', async () => {
  const server = new WebSocketServer();
  const listening = server.listen();
  await server.shutdown();
  await expect(listening).rejects.toThrow('shut down');
  await expect(server.listen()).rejects.toThrow('shut down');
});

test('when the AbortSignal of listen() aborts, the listener stops', async () => {
  const { server } = await startServer();
  const controller = new AbortController();
  const { port } = await server.listen({ signal: controller.signal });
  controller.abort();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(connect(`ws://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a client and a server work over a Unix domain socket, and listen() returns the path of this socket as the address', async () => {
  const { server } = await startServer({ open: (connection) => void connection.send('by path') });
  const socketPath = unixPath();
  const address = await server.listen({ socketPath });
  expect(address.address).toBe(socketPath);
  const connection = await connect('ws://localhost/', { socketPath });
  for await (const message of connection) {
    expect(message).toBe('by path');
    break;
  }
});

test('a server distinguishes TLS connections on a Unix domain socket, although they have no address', async () => {
  const { server } = await startServer({ message: (connection, message) => void connection.send(message) });
  const socketPath = unixPath();
  await server.listen({ socketPath, tls });
  const open = async (name: string): Promise<string | Buffer | undefined> => {
    const socket = tlsConnect({ path: socketPath, ca, servername: 'localhost' } as Parameters<
      typeof tlsConnect
    >[0] &
      object);
    const connection = await connect('wss://localhost/', { socket });
    connection.send(name);
    for await (const message of connection) return message;
    return undefined;
  };
  expect(await Promise.all(['a', 'b', 'c'].map(open))).toEqual(['a', 'b', 'c']);
});

test('a server with TLS answers connections beyond maxConnections with 503', async () => {
  const { peer } = await startServer({}, { maxConnections: 1 }, 'listen over TLS');
  await peer().open();
  const answers = await Promise.all([peer().answer(), peer().answer()]);
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 503 /);
});

test('A13: when many connections have ended, the server has room for maxConnections connections again', async () => {
  const { server, port, peer } = await startServer({}, { maxConnections: 8 });
  for (let round = 0; round < 5; round++) {
    const sockets = Array.from({ length: 8 }, () => netConnect(port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    for (const [index, socket] of sockets.entries()) {
      socket.on('error', () => {});
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // A closed connection still counts for maxConnections for a short time. Until then, the server answers a new peer with 503, or ends its
  // TCP connection.
  while (server.connections.size < 8)
    await peer()
      .open()
      .catch(() => {});
  await expect(peer().open()).rejects.toThrow();
  expect(server.connections.size).toBe(8);
});

describe('the signal of listen()', () => {
  const reason = new Error('not any more');

  test('FAULT-3: if the signal is already aborted, listen() rejects with the reason, and no port is opened', async () => {
    const server = new WebSocketServer();
    await expect(server.listen({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.addresses).toEqual([]);
    await server.shutdown();
  });

  test('FAULT-3: if the signal aborts while listen() works, listen() rejects, or resolves and then closes the listener', async () => {
    for (const options of [{}, { host: 'localhost' }, { host: 'localhost', family: 4 as const }, { tls }]) {
      for (let turns = 0; turns < 6; turns++) {
        const server = new WebSocketServer();
        const controller = new AbortController();
        const listening = server.listen({ ...options, signal: controller.signal });
        const outcome = listening.then(
          () => null,
          (error: unknown) => error,
        );
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        controller.abort(reason);
        expect([null, reason]).toContain(await outcome);
        expect(server.addresses).toEqual([]);
        await server.shutdown();
      }
    }
  });

  test('FAULT-3: if the signal aborts directly after the call of listen(), listen() rejects with the reason', async () => {
    const server = new WebSocketServer();
    const controller = new AbortController();
    const listening = server.listen({ signal: controller.signal });
    controller.abort(reason);
    await expect(listening).rejects.toBe(reason);
  });

  test('FAULT-3: if the signal aborts after listen() has resolved, the listener closes, and its connections stay open', async () => {
    const { server } = await startServer({ message: (connection, message) => void connection.send(message) });
    const controller = new AbortController();
    const { port } = await server.listen({ signal: controller.signal });
    const connection = await connect(`ws://127.0.0.1:${port}/`);
    controller.abort();
    expect(server.addresses).toHaveLength(1);
    connection.send('still here');
    for await (const message of connection) {
      expect(message).toBe('still here');
      break;
    }
  });
});

describe('the address of listen()', () => {
  test('FAULT-10: listen() refuses a host that is not a host name or an address, because Node might listen on every interface', async () => {
    const server = new WebSocketServer();
    for (const host of ['', ' ', 5, false, null, {}]) {
      await expect(server.listen({ host: host as string }), String(host)).rejects.toThrow(TypeError);
    }
    expect(server.addresses).toEqual([]);
    const { address } = await server.listen({ host: '0.0.0.0' });
    expect(address).toBe('0.0.0.0');
    await server.shutdown();
  });

  test('FAULT-10: listen() refuses a port that is not a valid number, and never uses a text as the path of a Unix domain socket', async () => {
    const server = new WebSocketServer();
    for (const port of ['x', '8080', '', -1, 1.5, 65_536, Number.NaN, null, false]) {
      await expect(server.listen({ port: port as number }), String(port)).rejects.toThrow(/^port is /);
    }
    expect(server.addresses).toEqual([]);
  });

  test('FAULT-10: listen() refuses options of a wrong type, and options that name two addresses', async () => {
    const server = new WebSocketServer();
    for (const options of [
      { family: 5 },
      { family: 'IPv4' },
      { unref: 'yes' },
      { backlog: 0 },
      { signal: {} },
      { socketPath: '' },
      { socketPath: 5 },
      { tls: 'cert' },
      { tls: {} },
      { socketPath: '/tmp/never.sock', port: 8080 },
      { socketPath: '/tmp/never.sock', host: '127.0.0.1' },
    ]) {
      await expect(server.listen(options as object), JSON.stringify(options)).rejects.toThrow(
        /(?:Type|Range)Error|is |has |takes /,
      );
    }
    expect(server.addresses).toEqual([]);
  });
});
