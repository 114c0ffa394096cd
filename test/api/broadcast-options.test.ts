/** The options of `broadcast` that select connections, and the options of `listen` except `host` and `port`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Stream } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connection, connect, WebSocketServer } from '../../src/index.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { until } from './pair.ts';

const built = new URL('../../dist/index.js', import.meta.url).href;

afterEach(closeServers);

async function three() {
  const { server, url } = await startServer();
  const received: string[][] = [[], [], []];
  const clients: Connection[] = [];
  for (const list of received) {
    clients.push(
      await connect(url.replace('localhost', '127.0.0.1'), {
        handlers: { message: (_connection, message) => void list.push(message.toString()) },
      }),
    );
    await until(() => server.connections.size === clients.length);
  }
  return { server, received, all: [...server.connections], clients };
}

describe('broadcast', () => {
  test('broadcast accepts `to`, `except` and `filter` in any combination, and also the older form of the arguments', async () => {
    const { server, received, all } = await three();
    const [a, b, c] = all as [Connection, Connection, Connection];
    expect(server.broadcast('all')).toBe(3);
    expect(server.broadcast('to', { to: [a, b, a] })).toBe(2);
    expect(server.broadcast('set', { to: new Set([c]) })).toBe(1);
    expect(server.broadcast('except', { except: a })).toBe(2);
    expect(server.broadcast('excepts', { except: new Set([a, b]) })).toBe(1);
    expect(server.broadcast('filter', { filter: (one) => one === b })).toBe(1);
    expect(
      server.broadcast('mixed', { to: [a, b, c], except: a, filter: (one) => one !== b, compress: false }),
    ).toBe(1);
    expect(server.broadcast('old', a)).toBe(2);
    expect(server.broadcast('older', new Set([a, b]), false)).toBe(1);
    expect(server.broadcast('none', { to: [] })).toBe(0);
    expect(server.broadcast('null', null)).toBe(3);
    await until(() => received.every((list) => list.at(-1) === 'null'));
    expect(received).toEqual([
      ['all', 'to', 'null'],
      ['all', 'to', 'except', 'filter', 'old', 'null'],
      ['all', 'set', 'except', 'excepts', 'mixed', 'old', 'older', 'null'],
    ]);
  });

  test('broadcast sends nothing to a closed connection or to a connection of another server', async () => {
    const { server, all, clients } = await three();
    const other = await three();
    all[0]!.terminate();
    expect(server.broadcast('x', { to: [...all, ...other.all, ...clients] })).toBe(2);
    expect(
      server.broadcast('x', {
        filter: (one) => {
          one.terminate();
          return true;
        },
      }),
    ).toBe(0);
  });

  test('broadcast throws if an option is invalid, and broadcast rethrows an exception of the filter', async () => {
    const { server } = await three();
    for (const options of [{ except: 7 }, { to: 7 }, { filter: 7 }, { room: 'a' }]) {
      expect(() => server.broadcast('x', options as object)).toThrow(TypeError);
    }
    expect(() =>
      server.broadcast('x', {
        filter: () => {
          throw new Error('fault');
        },
      }),
    ).toThrow('fault');
    expect(server.broadcast('after')).toBe(3);
  });
});

describe('listen', () => {
  test('with the options ipv6Only and exclusive, listen opens a server on IPv6', async () => {
    const server = new WebSocketServer({});
    const { port } = await server.listen({ host: '::1', ipv6Only: true, exclusive: true });
    const connection = await connect(`ws://[::1]:${port}`);
    expect((await connection.close()).wasClean).toBe(true);
    await server.shutdown();
  });

  test.skipIf(process.platform === 'win32')(
    'with the option fd, listen uses a socket that already listens, for example a socket that systemd passes',
    async () => {
      const plain = createServer();
      plain.listen(0, '127.0.0.1');
      await once(plain, 'listening');
      const { port } = plain.address() as { port: number };
      const script = `const { WebSocketServer } = await import(${JSON.stringify(built)});
      const server = new WebSocketServer({ message: (connection, message) => void connection.send(message), close: () => void server.shutdown() });
      const { port } = await server.listen({ fd: 3 });
      console.log('port ' + port);`;
      const handle = (plain as unknown as { _handle: Stream })._handle;
      const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        stdio: ['ignore', 'pipe', 'inherit', handle],
      });
      const ended = once(child, 'close');
      const [line] = await once(child.stdout!, 'data');
      expect(String(line)).toBe(`port ${port}\n`);
      plain.close();
      const connection = await connect(`ws://127.0.0.1:${port}`);
      connection.send('echo');
      for await (const message of connection) {
        expect(message).toBe('echo');
        break;
      }
      await connection.closed;
      expect((await ended)[0]).toBe(0);
    },
  );

  test('with reusePort two servers share a port, and listen rejects on a platform that does not support reusePort', async () => {
    const first = new WebSocketServer({});
    const second = new WebSocketServer({});
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const isThere =
      process.platform === 'linux' &&
      (major > 23 || (major === 23 && minor > 0) || (major === 22 && minor > 11));
    const listening = first.listen({ reusePort: true });
    if (!isThere) {
      await expect(listening).rejects.toThrow(/reusePort|ENOTSUP/);
      return;
    }
    const { port } = await listening;
    expect((await second.listen({ port, reusePort: true })).port).toBe(port);
    await Promise.all([first.shutdown(), second.shutdown()]);
  });

  test('listen refuses options with invalid values', async () => {
    const server = new WebSocketServer({});
    await expect(server.listen({ fd: -1 })).rejects.toThrow(RangeError);
    await expect(server.listen({ exclusive: 1 as never })).rejects.toThrow(TypeError);
  });
});
