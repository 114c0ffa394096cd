/** The listener of our own: where it listens, what it refuses, and that it lets go. */
import { connect as netConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { ca, closeServers, startServer, tls } from './servers.ts';

afterEach(closeServers);

test('a port that is in use rejects with the system’s error', async () => {
  const { server, port } = await startServer();
  await expect(server.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(server.addresses).toHaveLength(1);
});

test('a port that can’t be rejects as well', async () => {
  const { server } = await startServer();
  await expect(server.listen({ port: 70_000 })).rejects.toThrow(RangeError);
  await expect(server.listen({ path: 'chat' })).rejects.toThrow(TypeError);
});

test('it listens on loopback unless told otherwise, and may listen several times', async () => {
  const { server } = await startServer();
  await server.listen();
  expect(server.addresses).toHaveLength(2);
  for (const address of server.addresses) expect(address).toMatchObject({ address: '127.0.0.1' });
});

test('listen() that is overtaken by a shutdown leaves nothing behind', async () => {
  const server = new WebSocketServer();
  const listening = server.listen();
  await server.shutdown();
  await expect(listening).rejects.toThrow('shut down');
  await expect(server.listen()).rejects.toThrow('shut down');
});

test('an AbortSignal ends the listening', async () => {
  const { server } = await startServer();
  const controller = new AbortController();
  const { port } = await server.listen({ signal: controller.signal });
  controller.abort();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(connect(`ws://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('TLS on a Unix domain socket: connections are told apart though they have no address', async () => {
  const { server } = await startServer({ message: (connection, message) => void connection.send(message) });
  const socketPath = `/tmp/rfc6455-tls-${process.pid}.sock`;
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

test('connections that are over the limit while TLS is established hear 503, and further ones are dropped', async () => {
  const { peer } = await startServer({}, { maxConnections: 1 }, 'listen over TLS');
  await peer().open();
  const answers = await Promise.all([peer().answer(), peer().answer()]);
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 503 /);
});

test('A13: many connections that come and go leave every place free', async () => {
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
  // A place is free a moment after its connection has gone: until then the answer is 503, or TCP ends.
  while (server.connections.size < 8)
    await peer()
      .open()
      .catch(() => {});
  await expect(peer().open()).rejects.toThrow();
  expect(server.connections.size).toBe(8);
});
