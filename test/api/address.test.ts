/**
 * The library does not look up the address of a peer before the application has the connection. After that, the application can always
 * read the address, even when the connection is closed.
 */
import { Buffer } from 'node:buffer';
import { createServer as createHttpServer } from 'node:http';
import { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Connection } from '../../src/api/connection.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import type { ServerRequest } from '../../src/transport/server-request.ts';
import { closeServers, kinds, listenHttp, plainPeer, startServer } from '../transport/servers.ts';
import { closeFrame, frame, Op, type RawPeer, requestHead } from '../transport/wire.ts';
import { until } from './pair.ts';

afterEach(() => {
  vi.restoreAllMocks();
  return closeServers();
});

async function open(peer: RawPeer): Promise<number> {
  peer.write(requestHead());
  await peer.until(() => peer.status === 101);
  return peer.socket.localPort!;
}

/** Sends a Close frame and ends TCP, as a correct peer does. */
async function close(peer: RawPeer): Promise<void> {
  peer.write(closeFrame(1000));
  peer.socket.end();
  await until(() => peer.socket.destroyed);
}

/** Resets TCP. Node cannot reset the TCP connection of a TLS socket, so this function destroys a TLS socket. */
function reset({ socket }: RawPeer): void {
  socket.on('error', () => {});
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

const addressOf = ({ remoteAddress, remotePort }: Connection<undefined>): unknown => [
  remoteAddress,
  remotePort,
];

describe.each(kinds)('%s', (kind) => {
  test('the address of a connection is available after the close, even if the application has never read the address before', async () => {
    let seen: Connection | null = null;
    const message = (connection: Connection): void => {
      seen = connection;
    };
    const { peer } = await startServer({ message }, {}, kind);
    const raw = peer();
    const port = await open(raw);
    raw.write(frame(Op.Text, 'hello'));
    await until(() => seen !== null);
    await close(raw);
    await seen!.closed;
    expect(addressOf(seen!)).toEqual(['127.0.0.1', port]);
  });

  test('the address of a connection that comes from `server.connections` is available after the close', async () => {
    const { server, peer } = await startServer({ message() {} }, {}, kind);
    const raw = peer();
    const port = await open(raw);
    const [seen] = server.connections;
    await close(raw);
    await seen!.closed;
    expect(addressOf(seen!)).toEqual(['127.0.0.1', port]);
  });

  test('the address of a connection is available after the application has dropped the connection', async () => {
    let seen: Connection | null = null;
    const message = (connection: Connection): void => {
      seen = connection;
    };
    const { peer } = await startServer({ message }, {}, kind);
    const raw = peer();
    const port = await open(raw);
    raw.write(frame(Op.Text, 'hello'));
    await until(() => seen !== null);
    seen!.terminate();
    await seen!.closed;
    expect(addressOf(seen!)).toEqual(['127.0.0.1', port]);
  });

  test('the `close` and `error` handlers can read the address of the peer, even after the peer has reset TCP', async () => {
    const ends: unknown[] = [];
    const errors: string[] = [];
    const { peer } = await startServer<undefined>(
      {
        message() {},
        error: (_, error) => void errors.push(error.message),
        close: (connection) => void ends.push(addressOf(connection)),
      },
      {},
      kind,
    );
    const raw = peer();
    const port = await open(raw);
    reset(raw);
    await until(() => ends.length > 0);
    expect(ends).toEqual([['127.0.0.1', port]]);
    for (const text of errors) expect(text).toContain(`(127.0.0.1:${port})`);
  });

  test('the application and the `refused` handler can read the address of a request after its connection has closed', async () => {
    let seen: ServerRequest | null = null;
    const refused: unknown[] = [];
    const { server, peer } = await startServer<undefined>(
      {
        upgrade(request) {
          seen = request;
          return request.query === 'wait' ? new Promise(() => {}) : { keepRequest: true };
        },
        refused: (_, request) => void refused.push(request?.remote),
      },
      {},
      kind,
    );
    const raw = peer();
    const port = await open(raw);
    const [connection] = server.connections;
    const secure = kind === 'listen over TLS' || kind === 'attach to https';
    await close(raw);
    await connection!.closed;
    expect(seen!.remote).toEqual({ address: '127.0.0.1', port, secure });
    const leaving = peer();
    leaving.write(requestHead({}, 'GET /?wait HTTP/1.1'));
    await until(() => seen!.query === 'wait');
    const second = leaving.socket.localPort;
    reset(leaving);
    await until(() => refused.length > 0);
    expect(refused).toEqual([{ address: '127.0.0.1', port: second, secure }]);
  });
});

test('the address of a connection over a Duplex is available after the close', async () => {
  const server = new WebSocketServer({ message() {} });
  const http = createHttpServer();
  let seen: Connection | null = null;
  http.on('upgrade', (request, socket, head) => {
    void server.handleUpgrade(request, socket, head).then((connection) => {
      seen = connection;
    });
  });
  const raw = plainPeer(await listenHttp(http));
  const port = await open(raw);
  await until(() => seen !== null);
  await close(raw);
  await seen!.closed;
  expect(addressOf(seen!)).toEqual(['127.0.0.1', port]);

  const [one, other] = duplexPair();
  let address: string | undefined = '192.0.2.1';
  Object.defineProperty(one, 'remoteAddress', { get: () => address });
  const headers = Object.fromEntries(
    requestHead()
      .split('\r\n')
      .slice(1, -2)
      .map((line) => line.split(': ') as [string, string])
      .map(([name, value]) => [name.toLowerCase(), value]),
  );
  other.resume();
  const own = await server.handleUpgrade({ method: 'GET', url: '/', headers }, one, Buffer.alloc(0));
  address = undefined;
  expect(own.remoteAddress).toBe('192.0.2.1');
  own.terminate();
  await server.shutdown();
});

test('the library looks up the address of a connection only after the application has access to the connection', async () => {
  // The test counts the calls of this method, because Node's `remoteAddress` calls it. `remoteAddress` itself cannot be replaced.
  const prototype = Socket.prototype as unknown as { _getpeername(): unknown };
  const lookedUp = vi.spyOn(prototype, '_getpeername');
  const { server, port } = await startServer({ message() {} });
  const raw = plainPeer(port);
  await open(raw);
  await close(raw);
  expect(lookedUp).not.toHaveBeenCalled();
  await open(plainPeer(port));
  const [connection] = server.connections;
  expect([connection!.remoteAddress, lookedUp.mock.calls.length > 0]).toEqual(['127.0.0.1', true]);
});
